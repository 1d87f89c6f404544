/* net_test.h - hosts on a wire without a kernel: commands by processes, time moving while they wait. */
#ifndef TEST_NET_TEST_H
#define TEST_NET_TEST_H

#include "fs_test.h"
#include "job.h"
#include "net_socket.h"
#include "node.h"
#include "open.h"
#include "vm_disk.h"

/* eth0 of that host on lan0, up. */
static inline void plug(struct world *w, const char *host, uint32_t address)
{
	struct net_prefix prefix = { net_v4(address), 24 };
	struct net_iface *i;

	assert_int_equal(net_iface_new(world_host_named(w, host)->net, "eth0", &i, NULL), 0);
	assert_int_equal(net_iface_attach(i, net_wire_at(w->net, "lan0"), NULL), 0);
	assert_int_equal(net_iface_add(i, &prefix, NULL), 0);
	assert_int_equal(net_iface_up(i, true, NULL), 0);
}

/* host0 is 10.0.0.1, b is 10.0.0.2; both on lan0, each with processes of these names, the first is 2. */
static inline struct world *two_hosts(const char *of_host0, const char *of_b)
{
	struct world *w = world_with("x86-64", 4 * MiB);
	struct node root = tree_root(w);
	g_auto(GStrv) first = g_strsplit(of_host0, " ", -1), second = g_strsplit(of_b, " ", -1);

	w->knowns = knowns_new(w, &root, "");
	assert_int_equal(world_add_host(w, "b", NULL), 0);
	assert_int_equal(world_add_wire(w, "lan0", NULL), 0);
	plug(w, "host0", 0x0a000001);
	plug(w, "b", 0x0a000002);
	for (unsigned side = 0; side < 2; side++)
		for (char **name = side ? second : first; *name; name++) {
			g_autofree char *line = g_strdup_printf("spawn %s", *name);

			run_line(w, side ? "hosts/b/ctl" : "hosts/host0/ctl", line);
		}
	return w;
}

static inline int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static inline void put_file(struct world *w, const char *host, const char *name, const char *text, size_t len)
{
	struct vm_host *h = world_host_named(w, host)->vm;
	struct vm_inode *inode;

	assert_int_equal(vm_dir_create(vm_disk_root(h), name, VM_INODE_FILE, 0644, NULL, &inode, NULL), 0);
	assert_int_equal(vm_inode_write(inode, 0, text, len, NULL), len);
}

static inline bool step(struct world *w)
{
	ns_t at;

	return clock_next_busy(&w->clock, &at) && world_step(w);
}

static inline void settle(struct world *w)
{
	for (unsigned i = 0; i < 1000000 && step(w); i++)
		;
}

static inline struct node ctl_of(struct world *w, const char *host, int pid)
{
	g_autofree char *path = g_strdup_printf("hosts/%s/proc/%d/ctl", host, pid);

	return at(w, path);
}

/* One command, time moving while it waits: 0 and its result (which may be NULL), -errno, or -EINPROGRESS for ever. */
static inline int try_command(struct world *w, const char *host, int pid, unsigned how, const char *line, char **result)
{
	struct node ctl = ctl_of(w, host, pid);
	struct job job = { 0 };
	GBytes *answer = NULL;
	struct err e;
	int rc;

	while ((rc = node_store(&ctl, &job, line, strlen(line), how, &answer, &e)) == -EINPROGRESS &&
	       !(how & STORE_NONBLOCK) && step(w))
		;
	job_clear(&job);
	if (result)
		*result = rc ? NULL : g_bytes_get_size(answer) ? g_strndup(g_bytes_get_data(answer, NULL), g_bytes_get_size(answer)) :
			  g_strdup("");
	if (answer)
		g_bytes_unref(answer);
	assert_checked(w);
	assert_true(net_check(w->net, &e));
	return rc;
}

static inline void gives(struct world *w, const char *host, int pid, const char *line, const char *expected)
{
	g_autofree char *result = NULL;
	int rc = try_command(w, host, pid, 0, line, &result);

	if (rc)
		print_error("%s: %s: %s\n", host, line, strerror(-rc));
	assert_int_equal(rc, 0);
	if (strcmp(result, expected))
		print_error("%s: %s\n", host, line);
	assert_string_equal(result, expected);
}

static inline void does(struct world *w, const char *host, int pid, const char *line)
{
	gives(w, host, pid, line, "");
}

static inline void fails(struct world *w, const char *host, int pid, const char *line, int code)
{
	int rc = try_command(w, host, pid, 0, line, NULL);

	if (rc != -code)
		print_error("%s: %s gave %d, not %d\n", host, line, rc, -code);
	assert_int_equal(rc, -code);
}

/* The same opened O_NONBLOCK. */
static inline void fails_at_once(struct world *w, const char *host, int pid, const char *line, int code)
{
	assert_int_equal(try_command(w, host, pid, STORE_NONBLOCK, line, NULL), -code);
}

#endif
