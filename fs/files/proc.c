/*
 * proc.c - hosts/H/proc: the host's /proc, its processes by pid and the links that depend on who reads.
 */
#include "process.h"
#include "system.h"
#include "text.h"

#include <inttypes.h>

static const struct row process_row = {
	.name = "PID", .kind = ROW_DIRECTORY, .mode = 0555, .flags = ROW_OWNED, .rows = process_rows,
	.other_rows = task_rows, .help = "process",
};

/* proc/TID of any but a first thread, which no directory lists; `ps -L` looks there for its wchan. arg is the id. */
static const struct row thread_row = {
	.name = "TID", .kind = ROW_DIRECTORY, .mode = 0555, .flags = ROW_OWNED, .rows = task_rows, .help = "process-task",
};

/* A pid as the kernel writes it: decimal, no sign, no leading zero; 0 for anything else. */
static int32_t parse_pid(const char *name)
{
	int64_t pid = 0;

	if (*name == '0')
		return 0;
	for (const char *c = name; *c; c++) {
		if (!g_ascii_isdigit(*c))
			return 0;
		pid = pid * 10 + (*c - '0');
		if (pid > INT32_MAX)
			return 0;
	}
	return (int32_t)pid;
}

static void make_node(const struct node *dir, const struct vm_proc *p, struct node *child)
{
	*child = *dir;
	child->row = &process_row;
	child->process = vm_proc_serial(p);
	child->arg = child->arg2 = 0;
	child->format = FORMAT_TEXT;
	child->for_reader = false;
}

/* Tools look up their own pid; where no simulated process has it, they are shown init (procfs.md 1.3). */
static int find_pid(const struct node *dir, const char *name, struct node *child)
{
	struct vm_host *vm = world_vm(dir, NULL);
	int32_t pid = parse_pid(name);
	struct vm_proc *p;

	if (!vm)
		return -ESRCH;
	if (pid == 0)
		return -ENOENT;
	p = vm_proc_at(vm, pid);
	if (p) {
		make_node(dir, p, child);
		return 0;
	}
	p = vm_thread_owner(vm, pid);
	if (p) {
		make_node(dir, p, child);
		child->row = &thread_row;
		child->arg = (uint64_t)pid;
		child->arg2 = 1;                 /* another node than task/TID: a directory has one parent */
		return 0;
	}
	p = vm_proc_at(vm, 1);
	if (!p || pid != world_reader(dir->world))
		return -ENOENT;
	make_node(dir, p, child);
	child->for_reader = true;
	return 0;
}

/* The cookie is the pid last listed. */
static bool next_pid(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct vm_host *vm = world_vm(dir, NULL);
	struct vm_proc *p = vm ? vm_proc_above(vm, (int32_t)*cookie) : NULL;

	if (!p)
		return false;
	*cookie = (uint64_t)vm_proc_pid(p);
	name[write_dec(name, *cookie)] = '\0';
	make_node(dir, p, child);
	return true;
}

const struct dir_ops proc_dir = { .find = find_pid, .next = next_pid };

/* Links. A reader that the daemon cannot see is shown init. */

static int32_t reader(const struct node *n)
{
	int32_t pid = world_reader(n->world);

	return pid ? pid : 1;
}

static int show_self(const struct node *n, GString *out, struct err *e)
{
	put_dec(out, (uint64_t)reader(n));
	return 0;
}

static int show_thread_self(const struct node *n, GString *out, struct err *e)
{
	int32_t tid = world_reader_thread(n->world);

	g_string_append_printf(out, "%" PRId32 "/task/%" PRId32, reader(n), tid ? tid : reader(n));
	return 0;
}

static int show_mounts_link(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "self/mounts");
	return 0;
}

static int show_net_link(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "self/net");
	return 0;
}

const struct row proc_rows[] = {
	TEXT("buddyinfo", 0444, show_buddyinfo, NULL),
	TEXT("cmdline", 0444, show_boot_cmdline, NULL),
	TEXT("cpuinfo", 0444, show_cpuinfo, NULL),
	TEXT("devices", 0444, show_devices, NULL),
	TEXT("diskstats", 0444, show_diskstats, NULL),
	TEXT("filesystems", 0444, show_filesystems, NULL),
	TEXT("interrupts", 0444, show_interrupts, NULL),
	{ .name = "kpagecgroup", .kind = ROW_BYTES, .mode = 0400, .bytes = &kpagecgroup_bytes, .listed = kpages_listed },
	{ .name = "kpagecount", .kind = ROW_BYTES, .mode = 0400, .bytes = &kpagecount_bytes, .listed = kpages_listed },
	{ .name = "kpageflags", .kind = ROW_BYTES, .mode = 0400, .bytes = &kpageflags_bytes, .listed = kpages_listed },
	TEXT("loadavg", 0444, show_loadavg, NULL),
	TEXT("locks", 0444, show_nothing, NULL),
	TEXT("meminfo", 0444, show_meminfo, NULL),
	LINK("mounts", show_mounts_link),
	LINK("net", show_net_link),
	TEXT("partitions", 0444, show_partitions, NULL),
	DIRECTORY("pressure", pressure_rows, NULL),
	LINK("self", show_self),
	TEXT("slabinfo", 0444, show_slabinfo, NULL),
	TEXT("softirqs", 0444, show_softirqs, NULL),
	TEXT("stat", 0444, show_system_stat, NULL),
	TEXT("swaps", 0444, show_swaps, NULL),
	DIRECTORY("sys", sys_rows, NULL),
	LINK("thread-self", show_thread_self),
	DIRECTORY("tty", tty_rows, NULL),
	TEXT("uptime", 0444, show_uptime, NULL),
	TEXT("version", 0444, show_version, NULL),
	TEXT("vmstat", 0444, show_vmstat, NULL),
	TEXT("zoneinfo", 0444, show_zoneinfo, NULL),
	{ 0 }
};
