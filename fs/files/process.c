/* process.c - proc/PID: the names in it and below it. What each shows is in the file named after it. */
#include "process.h"

#include "load.h"
#include "proc_net.h"

#include <string.h>

struct vm_proc *process_alive(const struct node *n, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);

	if (!p)
		return NULL;
	if (vm_proc_ended(p)) {
		err_set(e, ESRCH, -1, "process %d has ended and waits for its parent", vm_proc_pid(p));
		return NULL;
	}
	return p;
}

const struct vm_geometry *process_geometry(const struct vm_proc *p)
{
	return &vm_host_options(vm_proc_host((struct vm_proc *)p))->geometry;
}

/* --- what never changes --- */

static int show_nothing(const struct node *n, GString *out, struct err *e)
{
	return 0;
}

static int show_cgroup(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "0::/\n");
	return 0;
}

static int show_cpuset(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "/\n");
	return 0;
}

static int show_no_login(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "4294967295");
	return 0;
}

static int show_personality(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "00000000\n");
	return 0;
}

static int show_label(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "unconfined\n");
	return 0;
}

/* Only / and /proc: df and lsof look at every mount point on the real machine. */
static int show_mounts(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "/dev/vda / ext4 rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\n");
	return 0;
}

static int show_mountinfo(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "21 1 8:1 / / rw,relatime - ext4 /dev/vda rw\n"
			     "22 21 0:20 / /proc rw,relatime - proc proc rw\n");
	return 0;
}

static int show_mountstats(const struct node *n, GString *out, struct err *e)
{
	g_string_append(out, "device /dev/vda mounted on / with fstype ext4\n"
			     "device proc mounted on /proc with fstype proc\n");
	return 0;
}

/* --- links --- */

/* A zombie's too, although Linux has none: tools ask for them when they list processes. */
static int show_slash(const struct node *n, GString *out, struct err *e)
{
	if (!world_proc(n, e))
		return -e->code;
	g_string_append_c(out, '/');
	return 0;
}

static int show_exe(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	const char *path;

	if (!p)
		return -e->code;
	path = vm_proc_exe(p);
	if (!path || !process_alive(n, NULL))
		return err_set(e, ENOENT, -1, "the process executes no file");
	g_string_append(out, path);
	return 0;
}

/* A link that leads nowhere is not shown, so that whoever reads all that is listed meets no error. */
static bool has_exe(const struct node *n)
{
	struct vm_proc *p = process_alive(n, NULL);

	return p && vm_proc_exe(p);
}

/* --- rows --- */

#define OWNED(NAME, MODE, SHOW, HELP) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = MODE, .flags = ROW_OWNED, .show = SHOW, .help = HELP }
#define OWNED_RAW(NAME, MODE, SHOW, HELP) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = MODE, .flags = ROW_OWNED | ROW_RAW, .show = SHOW, .help = HELP }
#define OWNED_LINK(NAME, SHOW) \
	{ .name = NAME, .kind = ROW_LINK, .mode = 0777, .flags = ROW_OWNED, .show = SHOW, .help = "process-links" }
#define OWNED_DIRECTORY(NAME, MODE, ROWS, DYNAMIC, HELP) \
	{ .name = NAME, .kind = ROW_DIRECTORY, .mode = MODE, .flags = ROW_OWNED, .rows = ROWS, .dynamic = DYNAMIC, \
	  .help = HELP }
#define OWNED_TABLE(NAME, COLUMNS, FILL, HELP) \
	{ .name = NAME, .kind = ROW_TABLE, .mode = 0444, .flags = ROW_OWNED, .columns = COLUMNS, .fill = FILL, \
	  .help = HELP }

static const struct row attr_rows[] = {
	OWNED("current", 0444, show_label, "process-other"),
	{ 0 }
};

/* What a process and each of its threads have alike. */
#define COMMON_ROWS \
	OWNED("cgroup", 0444, show_cgroup, "process-other"), \
	OWNED_RAW("cmdline", 0444, show_cmdline, "process-cmdline"), \
	OWNED("comm", 0444, show_comm, "process-comm"), \
	OWNED("cpuset", 0444, show_cpuset, "process-other"), \
	OWNED_RAW("environ", 0400, show_nothing, "process-other"), \
	OWNED("io", 0400, show_io, "process-io"), \
	OWNED("limits", 0444, show_limits, "process-limits"), \
	OWNED_RAW("loginuid", 0444, show_no_login, "process-other"), \
	OWNED("mountinfo", 0444, show_mountinfo, "process-mounts"), \
	OWNED("mounts", 0444, show_mounts, "process-mounts"), \
	OWNED("mountstats", 0444, show_mountstats, "process-mounts"), \
	OWNED("numa_maps", 0444, show_numa_maps, "process-numa_maps"), \
	OWNED("oom_adj", 0444, show_oom_adj, "process-other"), \
	OWNED("oom_score", 0444, show_oom_score, "process-other"), \
	{ .name = "oom_score_adj", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_OWNED, .show = show_oom_score_adj, \
	  .store = store_oom_score_adj, .help = "process-other" }, \
	OWNED("personality", 0400, show_personality, "process-other"), \
	OWNED("schedstat", 0444, show_schedstat, "process-other"), \
	OWNED_RAW("sessionid", 0444, show_no_login, "process-other"), \
	OWNED("smaps", 0444, show_smaps, "process-smaps"), \
	OWNED("smaps_rollup", 0444, show_smaps_rollup, "process-smaps"), \
	OWNED("stat", 0444, show_stat, "process-stat"), \
	OWNED("statm", 0444, show_statm, "process-stat"), \
	OWNED("status", 0444, show_status, "process-status"), \
	OWNED_RAW("wchan", 0444, show_wchan, "process-other"), \
	OWNED_LINK("cwd", show_slash), \
	{ .name = "exe", .kind = ROW_LINK, .mode = 0777, .flags = ROW_OWNED, .show = show_exe, .listed = has_exe, \
	  .help = "process-links" }, \
	OWNED_LINK("root", show_slash), \
	OWNED_DIRECTORY("attr", 0555, attr_rows, NULL, "process-other"), \
	OWNED_DIRECTORY("fd", 0500, NULL, &fd_ops, "process-fd"), \
	OWNED_DIRECTORY("fdinfo", 0555, NULL, &fdinfo_ops, "process-fd"), \
	OWNED_DIRECTORY("net", 0555, proc_net_rows, NULL, "process-net"), \
	OWNED_DIRECTORY("ns", 0555, ns_rows, &ns_ops, "process-ns")

#define CTL_ROW \
	{ .name = "ctl", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_OWNED, .show = show_result, \
	  .store = store_process_ctl, .help = "process-ctl" }

const struct row task_rows[] = {
	COMMON_ROWS,
	CTL_ROW,
	OWNED_RAW("children", 0444, show_children, "process-other"),
	OWNED("maps", 0444, show_maps, "process-maps"),
	{ 0 }
};

/* task/TID: n->arg is the thread's id. */
static const struct row task_row = {
	.name = "TID", .kind = ROW_DIRECTORY, .mode = 0555, .flags = ROW_OWNED, .rows = task_rows, .help = "process-task",
};

static struct node task_node(const struct node *dir, int32_t tid)
{
	struct node child = *dir;

	child.row = &task_row;
	child.arg = (uint64_t)tid;
	return child;
}

static bool task_next(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct vm_proc *p = world_proc(dir, NULL);
	int32_t tid = p ? vm_thread_above(p, (int32_t)*cookie) : 0;

	if (!tid)
		return false;
	*cookie = (uint64_t)tid;
	g_snprintf(name, 256, "%d", tid);
	*child = task_node(dir, tid);
	return true;
}

/* ps looks up its own thread in self/task; where init stands in for the reader, its first thread does too. */
static bool is_reader(const struct node *dir, struct vm_proc *p, int64_t tid)
{
	return p == vm_proc_at(vm_proc_host(p), 1) && tid == world_reader_thread(dir->world);
}

static int task_find(const struct node *dir, const char *name, struct node *child)
{
	struct vm_proc *p = world_proc(dir, NULL);
	gint64 tid;

	if (!p)
		return -ESRCH;
	if (*name == '0' || !g_ascii_isdigit(*name) || strspn(name, "0123456789") != strlen(name))
		return -ENOENT;
	tid = g_ascii_strtoll(name, NULL, 10);
	if (tid <= INT32_MAX && vm_thread_above(p, (int32_t)tid - 1) == (int32_t)tid) {
		*child = task_node(dir, (int32_t)tid);
		return 0;
	}
	if (!is_reader(dir, p, tid))
		return -ENOENT;
	*child = task_node(dir, 1);
	child->for_reader = true;
	return 0;
}

static const struct dir_ops task_ops = { .find = task_find, .next = task_next };

const struct row process_rows[] = {
	COMMON_ROWS,
	CTL_ROW,
	{ .name = "maps", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_OWNED | ROW_COLLECT, .show = show_maps,
	  .store = store_maps, .help = "process-maps" },
	{ .name = "replay", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_OWNED, .show = show_replay,
	  .store = store_replay, .help = "process-replay" },
	OWNED_TABLE("load", load_columns, fill_load, "process-load"),
	OWNED("cpu", 0444, show_cpu, "process-cpu"),
	OWNED_TABLE("pagetable", pagetable_columns, fill_pagetable, "process-pagetable"),
	OWNED_TABLE("faults", fault_columns, fill_faults, "process-faults"),
	OWNED_DIRECTORY("pt", 0555, pt_rows, &pt_ops, "process-pt"),
	{ .name = "stream", .kind = ROW_DIRECTORY, .mode = 0555, .flags = ROW_OWNED | ROW_UNLISTED,
	  .dynamic = &streams_ops, .help = "process-stream" },
	OWNED_DIRECTORY("task", 0555, NULL, &task_ops, "process-task"),
	OWNED_DIRECTORY("walk", 0555, NULL, &walk_ops, "process-walk"),
	OWNED_DIRECTORY("page", 0555, NULL, &page_ops, "process-page"),
	{ .name = "pagemap", .kind = ROW_BYTES, .mode = 0400, .flags = ROW_OWNED | ROW_UNLISTED, .bytes = &pagemap_ops,
	  .help = "process-pagemap" },
	{ .name = "mem", .kind = ROW_BYTES, .mode = 0600, .flags = ROW_OWNED | ROW_UNLISTED, .bytes = &process_mem_ops,
	  .help = "process-mem" },
	{ 0 }
};
