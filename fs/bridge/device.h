/* device.h - devices of this machine's kernel that are a network interface on its side and a descriptor on ours (TUN and TAP). */
#ifndef FS_BRIDGE_DEVICE_H
#define FS_BRIDGE_DEVICE_H

#include "err.h"
#include "net_addr.h"

#include <glib.h>
#include <stddef.h>
#include <sys/types.h>

enum { DEVICE_NAME_MAX = 15, DEVICE_FRAME_MAX = 65549 };

/*
 * Makes the device, or takes one that was made for us, and switches it on. `tap`: it carries Ethernet frames, and gets the
 * address *mac where it may be set (else *mac becomes what it has); else packets of IP. The descriptor, which does not
 * block, or -errno: EPERM, EBUSY, ENOENT, EINVAL a name that no interface can have.
 */
int device_open(const char *name, bool tap, uint32_t mtu, struct net_mac *mac, struct err *e);
/* -EAGAIN: nothing is there, or no room; -EBADFD: it has been removed. */
ssize_t device_read(int fd, void *to, size_t len);
ssize_t device_write(int fd, const void *from, size_t len);
void device_close(int fd);
/* Appends its addresses of version 4, as struct net_prefix. */
void device_addresses(const char *name, GArray *out);

#endif
