/* device.c - TUN and TAP devices: made, read, written. */
#include "device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int failed(const char *name, int code, struct err *e)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return err_set(e, EPERM, 0, "%s: only root makes devices, or root of a network namespace of its own (unshare -rn); "
			       "one made for this user can be used", name);
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return err_set(e, ENOENT, 0, "this machine has no /dev/net/tun (modprobe tun)");
	case EBUSY:
		return err_set(e, EBUSY, 0, "%s: the device is in use", name);
	case EINVAL:
		return err_set(e, EEXIST, 0, "%s: an interface of another kind has that name", name);
	default:
		return err_set(e, code, 0, "%s: %s", name, g_strerror(code));
	}
}

static bool is_name(const char *name)
{
	return *name && strlen(name) <= DEVICE_NAME_MAX && strcmp(name, ".") && strcmp(name, "..") && !strpbrk(name, "/%: \t\n\v\f\r");
}

/* What cannot be set stays: a device that was made for us has what its maker gave it. */
static void set_up(const char *name, bool tap, uint32_t mtu, struct net_mac *mac)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_mtu = (int)mtu };

	if (s < 0)
		return;
	g_strlcpy(r.ifr_name, name, sizeof r.ifr_name);
	ioctl(s, SIOCSIFMTU, &r);
	if (tap) {
		r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(r.ifr_hwaddr.sa_data, mac->byte, 6);
		ioctl(s, SIOCSIFHWADDR, &r);
		if (ioctl(s, SIOCGIFHWADDR, &r) == 0)
			memcpy(mac->byte, r.ifr_hwaddr.sa_data, 6);
	}
	if (ioctl(s, SIOCGIFFLAGS, &r) == 0) {
		r.ifr_flags |= IFF_UP;
		ioctl(s, SIOCSIFFLAGS, &r);
	}
	close(s);
}

int device_open(const char *name, bool tap, uint32_t mtu, struct net_mac *mac, struct err *e)
{
	struct ifreq r = { .ifr_flags = (short)((tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI) };
	int fd;

	if (!is_name(name))
		return err_set(e, EINVAL, 0, "'%.40s' cannot be an interface's name: 1 to %d characters, no blank, / or :", name,
			       DEVICE_NAME_MAX);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return failed(name, errno, e);
	g_strlcpy(r.ifr_name, name, sizeof r.ifr_name);
	if (ioctl(fd, TUNSETIFF, &r)) {
		int code = errno;

		close(fd);
		return failed(name, code, e);
	}
	set_up(name, tap, mtu, mac);
	return fd;
}

ssize_t device_read(int fd, void *to, size_t len)
{
	ssize_t n = read(fd, to, len);

	return n < 0 ? -errno : n;
}

ssize_t device_write(int fd, const void *from, size_t len)
{
	ssize_t n = write(fd, from, len);

	return n < 0 ? -errno : n;
}

void device_close(int fd)
{
	close(fd);
}

void device_addresses(const char *name, GArray *out)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		struct net_prefix p;
		uint32_t mask;

		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || strcmp(a->ifa_name, name))
			continue;
		p.addr = net_v4(ntohl(((const struct sockaddr_in *)a->ifa_addr)->sin_addr.s_addr));
		mask = a->ifa_netmask ? ntohl(((const struct sockaddr_in *)a->ifa_netmask)->sin_addr.s_addr) : UINT32_MAX;
		p.len = (unsigned)__builtin_popcount(mask);
		g_array_append_val(out, p);
	}
	freeifaddrs(all);
}
