/*
 * system_about.c - what the machine is: version, devices, disks, and the constants below /proc/sys.
 */
#include "command.h"
#include "system.h"
#include "text.h"
#include "vm_area.h"
#include "vm_disk.h"
#include "vm_file.h"

#include <inttypes.h>
#include <string.h>

static const char release[] = "6.1.0-vitrine";
enum { SECTOR = 512, DISK_TRANSFER = 4096 };

int show_nothing(const struct node *n, GString *out, struct err *e)
{
	return 0;
}

int show_version(const struct node *n, GString *out, struct err *e)
{
	g_string_append_printf(out, "Linux version %s (vitrine@vitrine) (simulated) #1 SMP PREEMPT_DYNAMIC\n", release);
	return 0;
}

int show_filesystems(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "nodev\tproc\nnodev\ttmpfs\n\text4\n");
	return 0;
}

int show_boot_cmdline(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "root=/dev/sda1 ro\n");
	return 0;
}

int show_devices(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n\nBlock devices:\n  8 sd\n");
	return 0;
}

int show_partitions(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_disk_usage usage;

	if (!vm)
		return -e->code;
	vm_disk_usage(vm, &usage);
	put_text(out, "major minor  #blocks  name\n\n");
	g_string_append_printf(out, "%4d  %7d %10" PRIu64 " %s\n", 8, 0, usage.total / KiB, "sda");
	g_string_append_printf(out, "%4d  %7d %10" PRIu64 " %s\n", 8, 1, usage.total / KiB, "sda1");
	return 0;
}

/* The disk moves a page at a time; it takes no time of its own here. */
static void put_disk(GString *out, int minor, const char *name, const struct vm_stats *s)
{
	g_string_append_printf(out, "%4d %7d %s %" PRIu64 " 0 %" PRIu64 " 0 %" PRIu64 " 0 %" PRIu64 " 0 0 0 0 0 0 0 0 0 0\n", 8,
			       minor, name, s->disk_read / DISK_TRANSFER, s->disk_read / SECTOR,
			       s->disk_written / DISK_TRANSFER, s->disk_written / SECTOR);
}

int show_diskstats(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	put_disk(out, 0, "sda", vm_stats(vm));
	put_disk(out, 1, "sda1", vm_stats(vm));
	return 0;
}

static void put_slab(GString *out, const char *name, uint64_t objects)
{
	g_string_append_printf(out, "%-17s %6" PRIu64 " %6" PRIu64 " %6u %4u %4d : tunables %4u %4u %4u : slabdata %6u %6u %6u\n", name,
			       objects, objects, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* The simulated kernel's objects are counted, but take no simulated RAM. */
int show_slabinfo(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	uint64_t areas = 0;
	struct vm_proc_info info;

	if (!vm)
		return -e->code;
	for (struct vm_proc *p = vm_proc_above(vm, 0); p; p = vm_proc_above(vm, info.pid)) {
		vm_proc_info(p, &info);
		areas += vm_area_count(p);
	}
	put_text(out, "slabinfo - version: 2.1\n"
		 "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> "
		 "<sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	put_slab(out, "vm_area_struct", areas);
	put_slab(out, "task_struct", vm_proc_count(vm));
	return 0;
}

static int show_tty_drivers(const struct node *n, GString *out, struct err *e)
{
	g_string_append_printf(out, "%-20s %-15s %3d %7s %s\n", "/dev/tty", "/dev/tty", 5, "0", "system:/dev/tty");
	g_string_append_printf(out, "%-20s %-15s %3d %7s %s\n", "unknown", "/dev/tty", 4, "1-63", "console");
	return 0;
}

const struct row tty_rows[] = {
	TEXT("drivers", 0444, show_tty_drivers, NULL),
	{ 0 }
};

/* Nobody ever stalls: a process that waits makes its writer wait. */
static int show_pressure(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	return 0;
}

const struct row pressure_rows[] = {
	TEXT("cpu", 0444, show_pressure, NULL),
	TEXT("io", 0444, show_pressure, NULL),
	TEXT("memory", 0444, show_pressure, NULL),
	{ 0 }
};

/* /proc/sys */

static int show_osrelease(const struct node *n, GString *out, struct err *e)
{
	g_string_append_printf(out, "%s\n", release);
	return 0;
}

static int show_hostname(const struct node *n, GString *out, struct err *e)
{
	struct host *h = world_host(n, e);

	if (!h)
		return -e->code;
	g_string_append_printf(out, "%s\n", system_text(n, "hostname", h->name));
	return 0;
}

/* Made from the seed and the host's number: the same in every run. */
static int show_boot_id(const struct node *n, GString *out, struct err *e)
{
	struct host *h = world_host(n, e);
	struct rng rng;
	uint64_t a, b;

	if (!h)
		return -e->code;
	rng_seed(&rng, vm_host_options(h->vm)->seed + h->number, "boot_id");
	a = rng_next(&rng);
	b = rng_next(&rng);
	g_string_append_printf(out, "%08x-%04x-4%03x-%04x-%012" PRIx64 "\n", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
			       (unsigned)a & 0xfff, 0x8000 | ((unsigned)(b >> 48) & 0x3fff), b & 0xffffffffffff);
	return 0;
}

/* Open file descriptions: descriptors that share one (dup, fork) count once. */
static int show_file_nr(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	struct vm_proc_info info;

	if (!vm)
		return -e->code;
	for (struct vm_proc *p = vm_proc_above(vm, 0); p; p = vm_proc_above(vm, info.pid)) {
		struct vm_fd fd;

		vm_proc_info(p, &info);
		for (int at = 0; vm_fd_above(p, at, &fd); at = fd.fd + 1)
			g_hash_table_add(seen, g_memdup2(&fd.description, sizeof(fd.description)));
	}
	g_string_append_printf(out, "%u\t0\t9223372036854775807\n", g_hash_table_size(seen));
	return 0;
}

static int show_overcommit(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	g_string_append_printf(out, "%" PRIu64 "\n", vm_config(vm)->overcommit);
	return 0;
}

static int show_nr_hugepages(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_huge_pages p;

	if (!vm)
		return -e->code;
	vm_huge_pages(vm, &p);
	g_string_append_printf(out, "%" PRIu64 "\n", p.total - p.surplus);
	return 0;
}

/* As many as there are frames side by side for: less than was asked for is no error, as on Linux. */
static int store_nr_hugepages(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	uint64_t count;

	if (!vm || parse_number(g_strstrip(line), &count, e))
		return -e->code;
	vm_huge_pages_set(vm, count);
	return 0;
}

static const struct vm_config_row *readahead_row(void)
{
	const struct vm_config_row *row = vm_config_rows;

	while (strcmp(row->name, "swap_readahead") != 0)
		row++;
	return row;
}

/* mem/config swap_readahead as Linux has it: log2 of the pages; 0 is one page, no readahead. */
static int show_page_cluster(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	unsigned cluster = 0;

	if (!vm)
		return -e->code;
	while (vm_config(vm)->swap_readahead >> cluster > 1)
		cluster++;
	g_string_append_printf(out, "%u\n", cluster);
	return 0;
}

static int store_page_cluster(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	unsigned most = 0;
	uint64_t cluster;

	if (!vm || parse_number(g_strstrip(line), &cluster, e))
		return -e->code;
	while (readahead_row()->most >> most > 1)
		most++;
	if (cluster > most)
		return err_set(e, EINVAL, 0, "2^%" PRIu64 " pages are more than 2^%u", cluster, most);
	return vm_config_set(vm, readahead_row(), cluster ? (uint64_t)1 << cluster : 0, e);
}

#define CONSTANT(FUNCTION, TEXT_OF_IT) \
	static int FUNCTION(const struct node *n, GString *out, struct err *e) { put_text(out, TEXT_OF_IT "\n"); return 0; }

CONSTANT(show_ostype, "Linux")
CONSTANT(show_pid_max, "4194304")
CONSTANT(show_threads_max, "4194304")
CONSTANT(show_ngroups_max, "65536")
CONSTANT(show_cap_last_cap, "40")
CONSTANT(show_pty_nr, "0")
CONSTANT(show_entropy, "256")
CONSTANT(show_reseed, "60")
CONSTANT(show_file_max, "9223372036854775807")
CONSTANT(show_dentry_state, "0\t0\t45\t0\t0\t0")
CONSTANT(show_inode_state, "0\t0\t0\t0\t0\t0\t0")
CONSTANT(show_swappiness, "60")
CONSTANT(show_max_map_count, "65530")
CONSTANT(show_somaxconn, "4096")

static const struct row random_rows[] = {
	TEXT("boot_id", 0444, show_boot_id, NULL),
	TEXT("entropy_avail", 0444, show_entropy, NULL),
	TEXT("poolsize", 0444, show_entropy, NULL),
	TEXT("urandom_min_reseed_secs", 0444, show_reseed, NULL),
	TEXT("write_wakeup_threshold", 0444, show_entropy, NULL),
	{ 0 }
};
static const struct row pty_rows[] = {
	TEXT("nr", 0444, show_pty_nr, NULL),
	{ 0 }
};
static const struct row kernel_rows[] = {
	TEXT("cap_last_cap", 0444, show_cap_last_cap, NULL),
	TEXT("hostname", 0444, show_hostname, NULL),
	TEXT("ngroups_max", 0444, show_ngroups_max, NULL),
	TEXT("osrelease", 0444, show_osrelease, NULL),
	TEXT("ostype", 0444, show_ostype, NULL),
	TEXT("pid_max", 0444, show_pid_max, NULL),
	DIRECTORY("pty", pty_rows, NULL),
	DIRECTORY("random", random_rows, NULL),
	TEXT("threads-max", 0444, show_threads_max, NULL),
	{ 0 }
};
static const struct row fs_rows[] = {
	TEXT("dentry-state", 0444, show_dentry_state, NULL),
	TEXT("file-max", 0444, show_file_max, NULL),
	TEXT("file-nr", 0444, show_file_nr, NULL),
	TEXT("inode-state", 0444, show_inode_state, NULL),
	{ 0 }
};
static const struct row vm_rows[] = {
	TEXT("max_map_count", 0444, show_max_map_count, NULL),
	TEXT("nr_hugepages", 0644, show_nr_hugepages, store_nr_hugepages),
	TEXT("overcommit_memory", 0444, show_overcommit, NULL),
	TEXT("page-cluster", 0644, show_page_cluster, store_page_cluster),
	TEXT("swappiness", 0444, show_swappiness, NULL),
	{ 0 }
};
static const struct row core_rows[] = {
	TEXT("somaxconn", 0444, show_somaxconn, NULL),
	{ 0 }
};
static const struct row net_rows[] = {
	DIRECTORY("core", core_rows, NULL),
	{ 0 }
};
const struct row sys_rows[] = {
	DIRECTORY("fs", fs_rows, NULL),
	DIRECTORY("kernel", kernel_rows, NULL),
	DIRECTORY("net", net_rows, NULL),
	DIRECTORY("vm", vm_rows, NULL),
	{ 0 }
};
