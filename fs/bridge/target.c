/*
 * target.c - what a rule may name.
 *
 * Real addresses are literal: no names are resolved, so nothing can resolve to something else later; but a path can lead elsewhere,
 * and is followed again before each connect. Only loopback, unless the mount was told --bridge-any; never an unspecified, link-local or multicast address, nor a version 4 address dressed as version
 * 6; no port below 1024; and no connection to one of our own listeners, which would feed the bridge with itself.
 */
#include "inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum { PORT_LEAST = 1024 };

static int check_v4(const struct bridge *b, uint32_t v4, const char *text, int arg, struct err *e)
{
	if (v4 == 0 || v4 >> 24 == 0 || v4 >> 28 == 14 || v4 >> 28 == 15 || v4 >> 16 == 0xa9fe)
		return err_set(e, EACCES, arg, "%s: never bridged: unspecified, link-local, multicast or reserved", text);
	if (v4 >> 24 != 127 && !b->world->options.bridge_any)
		return err_set(e, EACCES, arg, "%s: only loopback, unless mounted with --bridge-any", text);
	return 0;
}

static int check_v6(const struct bridge *b, const struct in6_addr *v6, const char *text, int arg, struct err *e)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT, loopback = IN6ADDR_LOOPBACK_INIT;

	if (memcmp(v6, &loopback, sizeof any) == 0)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(v6) || IN6_IS_ADDR_V4COMPAT(v6) || memcmp(v6, &any, sizeof any) == 0)
		return err_set(e, EACCES, arg, "%s: never bridged: write it as an address of version 4, or not at all", text);
	if (IN6_IS_ADDR_LINKLOCAL(v6) || IN6_IS_ADDR_MULTICAST(v6) || IN6_IS_ADDR_SITELOCAL(v6))
		return err_set(e, EACCES, arg, "%s: never bridged: link-local or multicast", text);
	if (!b->world->options.bridge_any)
		return err_set(e, EACCES, arg, "%s: only loopback, unless mounted with --bridge-any", text);
	return 0;
}

static int check_unix(const struct bridge *b, const char *path, int arg, struct err *e)
{
	if (path[0] != '/')
		return err_set(e, EINVAL, arg, "'%.60s' is not a path from the root", path);
	if (real_leads_to_us(b->world, path))
		return err_set(e, EACCES, arg, "%.80s is inside this very mount", path);
	return 0;
}

static int check_port(const struct real_addr *a, const char *text, int arg, struct err *e)
{
	if (a->any.sa_family != AF_UNIX && real_port(a) < PORT_LEAST)
		return err_set(e, EACCES, arg, "%s: no real port below %d is bridged", text, PORT_LEAST);
	return 0;
}

static int check(const struct bridge *b, const struct real_addr *a, int arg, struct err *e)
{
	char text[REAL_TEXT];
	int rc;

	real_text(a, text);
	if (a->any.sa_family == AF_UNIX)
		return check_unix(b, a->un.sun_path, arg, e);
	rc = a->any.sa_family == AF_INET6 ? check_v6(b, &a->v6.sin6_addr, text, arg, e) :
	     check_v4(b, ntohl(a->v4.sin_addr.s_addr), text, arg, e);
	return rc ? rc : check_port(a, text, arg, e);
}

static int parse_unix(const char *path, struct real_addr *a, int arg, struct err *e)
{
	if (strlen(path) >= sizeof a->un.sun_path)
		return err_set(e, ENAMETOOLONG, arg, "a socket's path has at most %zu characters", sizeof a->un.sun_path - 1);
	a->un.sun_family = AF_UNIX;
	strcpy(a->un.sun_path, path);
	a->len = sizeof a->un;
	return 0;
}

/* ADDR:PORT and [ADDR]:PORT */
static int parse_inet(const char *text, struct real_addr *a, int arg, struct err *e)
{
	const char *colon = strrchr(text, ':');
	g_autofree char *host = g_strndup(text, colon ? (size_t)(colon - text) : 0);
	uint64_t port = 0;
	size_t len = strlen(host);

	if (!colon || !g_ascii_isdigit(colon[1]) || parse_number(colon + 1, &port, NULL) || port > 65535)
		return err_set(e, EINVAL, arg, "'%.60s' is not ADDRESS:PORT, as 127.0.0.1:8080, [::1]:8080 or unix:/PATH", text);
	if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)port);
		a->len = sizeof a->v4;
		return 0;
	}
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &a->v6.sin6_addr) == 1) {
			a->v6.sin6_family = AF_INET6;
			a->v6.sin6_port = htons((uint16_t)port);
			a->len = sizeof a->v6;
			return 0;
		}
	}
	return err_set(e, EINVAL, arg, "'%.60s': a real address is written in digits: no names are looked up", text);
}

int target_parse_real(struct bridge *b, const char *text, struct real_addr *a, int arg, struct err *e)
{
	int rc;

	memset(a, 0, sizeof *a);
	rc = g_str_has_prefix(text, "unix:") ? parse_unix(text + 5, a, arg, e) : parse_inet(text, a, arg, e);
	return rc ? rc : check(b, a, arg, e);
}

bool target_is_ours(const struct bridge *b, const struct real_addr *a, bool udp, enum rule_kind kind)
{
	struct real_file file = { 0 };

	if (a->any.sa_family == AF_UNIX && kind == RULE_LISTEN)
		real_file(b->world, a->un.sun_path, &file);
	for (guint i = 0; i < b->rules->len; i++) {
		const struct rule *r = b->rules->pdata[i];

		if (r->kind != kind || r->udp != udp)
			continue;
		if (real_equal(&r->real, a) || (file.inode && file.inode == r->file.inode && file.device == r->file.device))
			return true;
	}
	return false;
}

int target_check_real(const struct rule *r, struct err *e)
{
	struct bridge *b = r->end.bridge;

	if (check(b, &r->real, -1, e))
		return -e->code;
	if (target_is_ours(b, &r->real, r->udp, RULE_LISTEN))
		return err_set(e, EINVAL, -1, "the bridge itself listens there");
	return 0;
}

/* HOST:PORT, ADDRESS:PORT or [ADDRESS]:PORT; the name without brackets. */
static char *split_port(const char *text, uint64_t *port, bool *in_brackets)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len == 0 || !g_ascii_isdigit(colon[1]) || parse_number(colon + 1, port, NULL) || *port == 0 || *port > 65535)
		return NULL;
	*in_brackets = text[0] == '[';
	if (*in_brackets != (text[len - 1] == ']'))
		return NULL;
	return *in_brackets ? g_strndup(text + 1, len - 2) : g_strndup(text, len);
}

int target_parse_simulated(struct bridge *b, const char *text, char **host, struct net_endpoint *out, int arg, struct err *e)
{
	uint64_t port = 0;
	bool in_brackets = false;
	g_autofree char *name = split_port(text, &port, &in_brackets);
	struct net_addr a;

	*host = NULL;
	if (!name)
		return err_set(e, EINVAL, arg, "'%.60s' is not HOST:PORT, ADDRESS:PORT or [ADDRESS]:PORT", text);
	out->port = (uint16_t)port;
	if (net_addr_parse(name, &a)) {
		if (in_brackets != (a.family == NET_IPV6))
			return err_set(e, EINVAL, arg, "'%.60s': addresses of version 6, and no others, stand in brackets", text);
		if (net_addr_is_any(&a) || net_addr_is_loopback(&a) || net_addr_is_multicast(&a))
			return err_set(e, EADDRNOTAVAIL, arg, "%.50s is no host's address on a wire", name);
		if (a.family == NET_IPV6 && a.v6[0] == 0xfe && (a.v6[1] & 0xc0) == 0x80)
			return err_set(e, EADDRNOTAVAIL, arg, "%.50s is an address of one wire only: take a global one", name);
		out->addr = a;
		return 0;
	}
	if (in_brackets)
		return err_set(e, EINVAL, arg, "'%.50s' is not an address of version 6", name);
	if (!world_host_named(b->world, name))
		return err_set(e, ENOENT, arg, "there is no host %.63s", name);
	out->addr = (struct net_addr){ 0 };
	*host = g_steal_pointer(&name);
	return 0;
}

/* The first address that was given to the host's interfaces on wires; of version 4, if there is one. */
static bool first_address(struct host *h, struct net_addr *out)
{
	struct net_iface_info info = { .index = 1 };
	struct net_prefix p;
	bool found = false;

	for (struct net_iface *i; (i = net_iface_above(h->net, info.index)); ) {
		net_iface_get(i, &info);
		for (unsigned k = 0; info.wire && net_iface_address(i, k, &p); k++) {
			if (found && p.addr.family != NET_IPV4)
				continue;
			*out = p.addr;
			found = true;
			if (p.addr.family == NET_IPV4)
				return true;
		}
	}
	return found;
}

int target_find(struct bridge *b, const struct rule *r, struct net_endpoint *out, struct err *e)
{
	struct host *h;

	*out = r->simulated;
	if (!r->host)
		return 0;
	h = world_host_named(b->world, r->host);
	if (!h)
		return err_set(e, ENOENT, 3, "there is no host %.63s", r->host);
	if (!first_address(h, &out->addr))
		return err_set(e, ENETUNREACH, 3, "no interface of %.63s has an address and is on a wire", r->host);
	return 0;
}
