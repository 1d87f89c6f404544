/* iface.c - hosts/H/net/ifs: a host's interfaces. */
#include "net.h"

#include "job.h"
#include "net_dhcp.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

static struct net_iface *iface_of(const struct node *n, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_iface *i = h && n->arg ? net_iface_above(h, (unsigned)n->arg - 1) : NULL;
	struct net_iface_info info;

	if (i) {
		net_iface_get(i, &info);
		if (info.index == n->arg)
			return i;
	}
	if (h)
		err_set(e, ESRCH, -1, "the interface is gone");
	return NULL;
}

static bool iface_alive(const struct node *n)
{
	return iface_of(n, NULL) != NULL;
}

/* wire: its name, `-` for none */

static int show_wire(const struct node *n, GString *out, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	struct net_iface_info info;

	if (!i)
		return -e->code;
	net_iface_get(i, &info);
	put_text(out, info.wire ? net_wire_name(info.wire) : "-");
	put_char(out, '\n');
	return 0;
}

static int store_wire(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	const char *name = g_strstrip(line);
	struct net_wire *w = NULL;

	if (!i)
		return -e->code;
	if (strcmp(name, "-") && !(w = net_wire_at(n->world->net, name)))
		return err_set(e, ENOENT, 0, "there is no wire %.63s: mkdir wires/%.30s", name, name);
	return net_iface_attach(i, w, e);
}

/*
 * address: several, a line each; `auto`: those that routers advertise, too. The first line behind `>` replaces them, others and
 * those behind `>>` are added. What the host has made itself is listed, and stays as long as version 6 is spoken.
 */

static int show_address(const struct node *n, GString *out, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	char text[NET_ADDR_TEXT];
	struct net_dhcp_lease lease;
	struct net_addr6 a;
	struct net_prefix p;

	if (!i)
		return -e->code;
	for (unsigned k = 0; net_iface_address(i, k, &p); k++)
		g_string_append_printf(out, "%s/%u\n", net_addr_text(&p.addr, text), p.len);
	if (net_dhcp_client(i, &lease) && net_dhcp_result(i, NULL))
		put_text(out, "dhcp\n");                /* none yet */
	if (net_iface_auto(i))
		put_text(out, "auto\n");
	for (unsigned k = 0; net_iface_address6(i, k, &a); k++)
		if (a.made && a.scope != 0x10)
			g_string_append_printf(out, "%s/%u\n", net_addr_text(&a.prefix.addr, text), a.prefix.len);
	return 0;
}

static bool iface_has_address(const struct net_iface *i, const struct net_prefix *a)
{
	struct net_prefix p;

	for (unsigned k = 0; net_iface_address(i, k, &p); k++)
		if (net_addr_equal(&p.addr, &a->addr) && p.len == a->len)
			return true;
	return false;
}

static void keep_only(struct net_iface *i, const GArray *wanted)
{
	struct net_prefix p;

	for (unsigned k = 0; net_iface_address(i, k, &p); ) {
		bool keep = false;

		for (guint a = 0; a < wanted->len; a++) {
			const struct net_prefix *w = &g_array_index(wanted, struct net_prefix, a);

			keep |= net_addr_equal(&w->addr, &p.addr) && w->len == p.len;
		}
		if (keep)
			k++;
		else
			net_iface_del(i, &p, NULL);
	}
}

/* Is it one that the host has made itself? Written back as it was read it is no wish. */
static bool iface_made(const struct net_iface *i, const struct net_prefix *p)
{
	struct net_addr6 a;

	for (unsigned k = 0; net_iface_address6(i, k, &a); k++)
		if (a.made && a.prefix.len == p->len && net_addr_equal(&a.prefix.addr, &p->addr))
			return true;
	return false;
}

static int parse_addresses(const struct net_iface *i, const struct words *w, GArray *wanted, bool *dhcp, bool *automatic,
			   struct err *e)
{
	for (unsigned k = 0; k < w->count; k++) {
		struct net_prefix p;

		if (!strcmp(w->word[k].text, "-"))
			continue;
		if (!strcmp(w->word[k].text, "dhcp") || !strcmp(w->word[k].text, "auto")) {
			*(w->word[k].text[0] == 'd' ? dhcp : automatic) = true;
			continue;
		}
		if (!net_prefix_parse(w->word[k].text, &p))
			return err_set(e, EINVAL, (int)w->word[k].at, "'%.40s' is not an address with its prefix, as 10.0.0.1/24",
				       w->word[k].text);
		if (!iface_made(i, &p))
			g_array_append_val(wanted, p);
	}
	return 0;
}

/* The same address with another prefix gives way to it, if that is what was asked for. */
static int add_address(struct net_iface *i, const struct net_prefix *p, bool replace, struct err *e)
{
	int error = net_iface_add(i, p, e);

	if (error != -EEXIST || !replace)
		return error;
	*e = (struct err){ .arg = -1 };
	net_iface_del(i, p, NULL);
	return net_iface_add(i, p, e);
}

/* All or none. */
static int add_addresses(struct net_iface *i, const GArray *wanted, bool replace, struct err *e)
{
	GArray *added = g_array_new(FALSE, FALSE, sizeof(struct net_prefix));
	int error = 0;

	for (guint k = 0; k < wanted->len && !error; k++) {
		const struct net_prefix *p = &g_array_index(wanted, struct net_prefix, k);

		if (iface_has_address(i, p))
			continue;
		error = add_address(i, p, replace, e);
		if (!error)
			g_array_append_val(added, *p);
	}
	for (guint k = 0; k < added->len && error; k++)
		net_iface_del(i, &g_array_index(added, struct net_prefix, k), NULL);
	g_array_free(added, TRUE);
	return error;
}

/* `dhcp` waits for an address, as dhclient(8) does, if the interface is up; whoever waits no longer leaves the client at work. */

static void keep_nothing(void *state)
{
}

static bool is_waiting(const struct node *n)
{
	return n->world->job && n->world->job->state;
}

static int wait_for_lease(const struct node *n, struct net_iface *i, struct err *e)
{
	static int marker;
	int rc = net_dhcp_result(i, e);

	if (rc == -EINPROGRESS && (!n->world->job || n->world->nonblock))
		return 0;
	if (rc == -EINPROGRESS && !is_waiting(n)) {
		n->world->job->state = &marker;
		n->world->job->release = keep_nothing;
	}
	if (rc == -ETIMEDOUT || rc == -EINPROGRESS)
		return rc;
	*e = (struct err){ .arg = -1 };
	return 0;                                        /* bound, or it will begin with the interface */
}

static int lease_address(const struct node *n, struct net_iface *i, struct err *e)
{
	struct net_dhcp_lease l;
	int rc;

	if (!net_dhcp_client(i, &l) && net_dhcp_start(i, e))
		return -e->code;
	rc = wait_for_lease(n, i, e);
	if (rc == -ETIMEDOUT)
		net_dhcp_stop(i);
	return rc;
}

static int store_address(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE, sizeof(struct net_prefix));
	bool dhcp = false, automatic = false;
	struct words w;
	int error;

	if (i && is_waiting(n))
		return lease_address(n, i, e);
	if (!i || words_split(line, &w, e))
		return -e->code;
	error = parse_addresses(i, &w, wanted, &dhcp, &automatic, e);
	words_free(&w);
	if (!error)
		error = add_addresses(i, wanted, n->world->fresh, e);
	if (error)
		return error;
	if (n->world->fresh || (wanted->len == 0 && !dhcp && !automatic)) {
		net_dhcp_stop(i);
		keep_only(i, wanted);
	}
	if (automatic || (n->world->fresh && net_iface_auto(i)))
		error = net_iface_set_auto(i, automatic, e);
	return error ? error : dhcp ? lease_address(n, i, e) : 0;
}

/* mac, mtu, up */

static int show_mac(const struct node *n, GString *out, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	char text[NET_MAC_TEXT];
	struct net_iface_info info;

	if (!i)
		return -e->code;
	net_iface_get(i, &info);
	put_text(out, net_mac_text(&info.mac, text));
	put_char(out, '\n');
	return 0;
}

static int store_mac(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	const char *text = g_strstrip(line);
	struct net_mac mac;

	if (!i)
		return -e->code;
	if (!net_mac_parse(text, &mac))
		return err_set(e, EINVAL, 0, "'%.40s' is not a MAC, as 02:00:00:00:00:01", text);
	return net_iface_set_mac(i, &mac, e);
}

static int show_mtu(const struct node *n, GString *out, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	struct net_iface_info info;

	if (!i)
		return -e->code;
	net_iface_get(i, &info);
	put_dec(out, info.mtu);
	put_char(out, '\n');
	return 0;
}

static int store_mtu(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	const char *text = g_strstrip(line);
	uint64_t mtu = 0;

	if (!i || (strcmp(text, "-") && parse_number(text, &mtu, e)))
		return -e->code;
	if (strcmp(text, "-") && (mtu == 0 || mtu > UINT32_MAX))
		return err_set(e, EINVAL, 0, "mtu %.20s is not in 68..65535; - is the wire's", text);
	return net_iface_set_mtu(i, (uint32_t)mtu, e);
}

static int show_up(const struct node *n, GString *out, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	struct net_iface_info info;

	if (!i)
		return -e->code;
	net_iface_get(i, &info);
	put_text(out, info.up ? "1\n" : "0\n");
	return 0;
}

static int store_up(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	const char *text = g_strstrip(line);
	int rc;

	if (!i)
		return -e->code;
	if (strcmp(text, "0") && strcmp(text, "1"))
		return err_set(e, EINVAL, 0, "'%.20s' is neither 0 nor 1", text);
	if (!is_waiting(n) && net_iface_up(i, *text == '1', e))
		return -e->code;
	rc = wait_for_lease(n, i, e);
	return rc == -ETIMEDOUT ? 0 : rc;                /* it is up all the same, and the client will try again */
}

static int show_stats(const struct node *n, GString *out, struct err *e)
{
	static const struct { const char *name; size_t at; } rows[] = {
#define STAT(NAME) { #NAME, offsetof(struct net_iface_info, NAME) }
		STAT(rx_bytes), STAT(rx_packets), STAT(rx_errors), STAT(rx_dropped), STAT(rx_multicast), STAT(tx_bytes),
		STAT(tx_packets), STAT(tx_errors), STAT(tx_dropped), STAT(collisions),
#undef STAT
	};
	struct net_iface *i = iface_of(n, e);
	struct net_iface_info info;

	if (!i)
		return -e->code;
	net_iface_get(i, &info);
	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++)
		g_string_append_printf(out, "%s %" PRIu64 "\n", rows[k].name,
				       *(const uint64_t *)((const char *)&info + rows[k].at));
	return 0;
}

/* ra: what a router advertises: `off`, or `on [interval=S] [lifetime=S] [valid=S] [preferred=S] [mtu=N] [hop_limit=N]` */

static int show_ra(const struct node *n, GString *out, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	struct net_ra ra;

	if (!i)
		return -e->code;
	net_iface_ra(i, &ra);
	if (!ra.on) {
		put_text(out, "off\n");
		return 0;
	}
	g_string_append_printf(out, "on interval=%u lifetime=%u valid=%u preferred=%u mtu=%u hop_limit=%u\n", ra.interval,
			       ra.lifetime, ra.valid, ra.preferred, ra.mtu, ra.hop_limit);
	return 0;
}

static int read_ra(const struct words *w, struct net_ra *ra, struct err *e)
{
	uint32_t hops = ra->hop_limit;
	const struct { const char *name; uint32_t *at, max; } options[] = {
		{ "interval=", &ra->interval, 1800 }, { "lifetime=", &ra->lifetime, 9000 }, { "valid=", &ra->valid, UINT32_MAX },
		{ "preferred=", &ra->preferred, UINT32_MAX }, { "mtu=", &ra->mtu, 65535 }, { "hop_limit=", &hops, 255 },
	};

	for (unsigned k = 1; k < w->count; k++) {
		const char *text = w->word[k].text;
		uint64_t v;
		size_t o = 0;

		while (o < G_N_ELEMENTS(options) && !g_str_has_prefix(text, options[o].name))
			o++;
		if (o == G_N_ELEMENTS(options))
			return err_set(e, EINVAL, (int)w->word[k].at, "'%.30s' is none of: interval= lifetime= valid= preferred= mtu= hop_limit=",
				       text);
		if (parse_number(text + strlen(options[o].name), &v, e))
			return -e->code;
		if (v > options[o].max)
			return err_set(e, ERANGE, (int)w->word[k].at, "%.30s is more than %u", text, options[o].max);
		*options[o].at = (uint32_t)v;
	}
	ra->hop_limit = (uint8_t)hops;
	return 0;
}

static int store_ra(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_iface *i = iface_of(n, e);
	struct net_ra ra = net_ra_initial;
	struct words w;
	int error = 0;

	if (!i || words_split(line, &w, e))
		return -e->code;
	if (w.count > 0 && (!strcmp(w.word[0].text, "on") || !strcmp(w.word[0].text, "1")))
		ra.on = true;
	else if (w.count != 1 || (strcmp(w.word[0].text, "off") && strcmp(w.word[0].text, "0")))
		error = err_set(e, EINVAL, 0, "neither on nor off");
	if (!error)
		error = read_ra(&w, &ra, e);
	words_free(&w);
	return error ? error : net_iface_set_ra(i, &ra, e);
}

/* ifs/NAME */

#define IFACE(NAME, SHOW, STORE) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = 0644, .show = SHOW, .store = STORE, .alive = iface_alive, .help = "net-ifs" }

static const struct row iface_rows[] = {
	IFACE("wire", show_wire, store_wire),
	IFACE("address", show_address, store_address),
	IFACE("mac", show_mac, store_mac),
	IFACE("mtu", show_mtu, store_mtu),
	IFACE("up", show_up, store_up),
	IFACE("ra", show_ra, store_ra),
	{ .name = "stats", .kind = ROW_TEXT, .mode = 0444, .show = show_stats, .alive = iface_alive, .help = "net-ifs" },
	{ 0 }
};

static const struct row iface_row = {
	.name = "INTERFACE", .kind = ROW_DIRECTORY, .mode = 0555, .rows = iface_rows, .alive = iface_alive, .help = "net-ifs",
};

static struct node iface_node(const struct node *dir, const struct net_iface *i)
{
	struct node child = *dir;
	struct net_iface_info info;

	net_iface_get(i, &info);
	child.row = &iface_row;
	child.arg = info.index;
	return child;
}

static int find_iface(const struct node *dir, const char *name, struct node *child)
{
	struct net_host *h = world_net(dir, NULL);
	struct net_iface *i = h ? net_iface_at(h, name) : NULL;

	if (!i)
		return h ? -ENOENT : -ESRCH;
	*child = iface_node(dir, i);
	return 0;
}

static bool next_iface(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct net_host *h = world_net(dir, NULL);
	struct net_iface *i = h ? net_iface_above(h, (unsigned)*cookie) : NULL;
	struct net_iface_info info;

	if (!i)
		return false;
	net_iface_get(i, &info);
	*cookie = info.index;
	g_strlcpy(name, info.name, 256);
	*child = iface_node(dir, i);
	return true;
}

static int make_iface(const struct node *dir, const char *name, mode_t mode, struct err *e)
{
	struct net_host *h = world_net(dir, e);
	struct net_iface *i;

	if (!h)
		return -e->code;
	if (*name == '.' || *name == '-' || strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") != strlen(name))
		return err_set(e, EINVAL, 0, "an interface's name has letters, digits, '.', '_' and '-' only");
	return net_iface_new(h, name, &i, e);
}

static int remove_iface(const struct node *dir, const char *name, struct err *e)
{
	struct net_host *h = world_net(dir, e);
	struct net_iface *i = h ? net_iface_at(h, name) : NULL;

	if (!i)
		return h ? err_set(e, ENOENT, 0, "there is no interface %.40s", name) : -e->code;
	return net_iface_free(i, e);
}

const struct dir_ops ifaces_dir = {
	.find = find_iface, .next = next_iface, .mkdir = make_iface, .rmdir = remove_iface,
};
