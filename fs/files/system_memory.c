/*
 * system_memory.c - /proc/meminfo, vmstat, swaps, buddyinfo, zoneinfo, kpage*: memory as the whole machine counts it.
 *
 * Every number comes from vm_memory() and vm_stats() or from the frame array; what this machine does not have
 * (slab, huge pages of the pool, bounce buffers) is 0. Frames of another size than 4 KiB are printed in kB, rounded
 * up, and counted in vmstat as 4 KiB pages, because that is what readers multiply with.
 */
#include "system.h"
#include "text.h"
#include "vm_frame.h"
#include "vm_policy.h"

#include <inttypes.h>
#include <string.h>

enum { READER_PAGE_BITS = 12 };

static uint64_t kib(const struct vm_host *vm, uint64_t pages)
{
	return ((pages << vm_host_options(vm)->geometry.page_bits) + KiB - 1) / KiB;
}

static uint64_t reader_pages(const struct vm_host *vm, uint64_t pages)
{
	uint64_t bytes = pages << vm_host_options(vm)->geometry.page_bits;

	return (bytes + ((uint64_t)1 << READER_PAGE_BITS) - 1) >> READER_PAGE_BITS;
}

static void put_kib(GString *out, const char *name, uint64_t value)
{
	size_t start = out->len;

	put_text(out, name);
	put_char(out, ':');
	put_pad(out, start, 16);
	put_dec_width(out, value, 8);
	put_text(out, " kB\n");
}

static void put_count(GString *out, const char *name, uint64_t value)
{
	size_t start = out->len;

	put_text(out, name);
	put_char(out, ':');
	put_pad(out, start, 16);
	put_dec_width(out, value, 8);
	put_char(out, '\n');
}

int show_meminfo(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_huge_pages huge;
	struct vm_memory m;

	if (!vm)
		return -e->code;
	vm_memory(vm, &m);
	vm_huge_pages(vm, &huge);
	put_kib(out, "MemTotal", kib(vm, m.total));
	put_kib(out, "MemFree", kib(vm, m.free));
	put_kib(out, "MemAvailable", kib(vm, m.available));
	put_kib(out, "Buffers", kib(vm, m.buffers));
	put_kib(out, "Cached", kib(vm, m.cached));
	put_kib(out, "SwapCached", kib(vm, m.swap_cached));
	put_kib(out, "Active", kib(vm, m.active_anon) + kib(vm, m.active_file));
	put_kib(out, "Inactive", kib(vm, m.inactive_anon) + kib(vm, m.inactive_file));
	put_kib(out, "Active(anon)", kib(vm, m.active_anon));
	put_kib(out, "Inactive(anon)", kib(vm, m.inactive_anon));
	put_kib(out, "Active(file)", kib(vm, m.active_file));
	put_kib(out, "Inactive(file)", kib(vm, m.inactive_file));
	put_kib(out, "Unevictable", kib(vm, m.unevictable));
	put_kib(out, "Mlocked", kib(vm, m.mlocked));
	put_kib(out, "SwapTotal", kib(vm, m.swap_total));
	put_kib(out, "SwapFree", kib(vm, m.swap_free));
	put_kib(out, "Dirty", kib(vm, m.dirty));
	put_kib(out, "Writeback", kib(vm, m.writeback));
	put_kib(out, "AnonPages", kib(vm, m.anon_mapped));
	put_kib(out, "Mapped", kib(vm, m.file_mapped));
	put_kib(out, "Shmem", kib(vm, m.shmem));
	put_kib(out, "KReclaimable", 0);
	put_kib(out, "Slab", 0);
	put_kib(out, "SReclaimable", 0);
	put_kib(out, "SUnreclaim", 0);
	put_kib(out, "KernelStack", 0);
	put_kib(out, "PageTables", kib(vm, m.tables));
	put_kib(out, "NFS_Unstable", 0);
	put_kib(out, "Bounce", 0);
	put_kib(out, "WritebackTmp", 0);
	put_kib(out, "CommitLimit", kib(vm, m.commit_limit));
	put_kib(out, "Committed_AS", kib(vm, m.committed));
	put_kib(out, "VmallocTotal", 34359738367);
	put_kib(out, "VmallocUsed", 0);
	put_kib(out, "VmallocChunk", 0);
	put_kib(out, "Percpu", 0);
	put_kib(out, "AnonHugePages", kib(vm, m.huge_anon));
	put_count(out, "HugePages_Total", huge.total);
	put_count(out, "HugePages_Free", huge.free);
	put_count(out, "HugePages_Rsvd", huge.reserved);
	put_count(out, "HugePages_Surp", huge.surplus);
	put_kib(out, "Hugepagesize", (huge.bytes ? huge.bytes : 2 * MiB) / KiB);
	put_kib(out, "Hugetlb", huge.total * huge.bytes / KiB);
	put_kib(out, "DirectMap4k", kib(vm, m.total));
	put_kib(out, "DirectMap2M", 0);
	return 0;
}

static void put_event(const struct node *n, GString *out, const char *name, uint64_t value)
{
	g_autofree char *setting = g_strconcat("vmstat ", name, NULL);

	system_override(n, setting, &value);
	put_text(out, name);
	put_char(out, ' ');
	put_dec(out, value);
	put_char(out, '\n');
}

int show_vmstat(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_memory m;

	if (!vm)
		return -e->code;
	vm_memory(vm, &m);
	const struct vm_stats *s = vm_stats(vm);
	const struct { const char *name; uint64_t value; } rows[] = {
		{ "nr_free_pages", reader_pages(vm, m.free) },
		{ "nr_zone_inactive_anon", reader_pages(vm, m.inactive_anon) },
		{ "nr_zone_active_anon", reader_pages(vm, m.active_anon) },
		{ "nr_zone_inactive_file", reader_pages(vm, m.inactive_file) },
		{ "nr_zone_active_file", reader_pages(vm, m.active_file) },
		{ "nr_zone_unevictable", reader_pages(vm, m.unevictable) },
		{ "nr_mlock", reader_pages(vm, m.mlocked) },
		{ "nr_inactive_anon", reader_pages(vm, m.inactive_anon) },
		{ "nr_active_anon", reader_pages(vm, m.active_anon) },
		{ "nr_inactive_file", reader_pages(vm, m.inactive_file) },
		{ "nr_active_file", reader_pages(vm, m.active_file) },
		{ "nr_unevictable", reader_pages(vm, m.unevictable) },
		{ "nr_slab_reclaimable", 0 },
		{ "nr_slab_unreclaimable", 0 },
		{ "nr_anon_pages", reader_pages(vm, m.anon_mapped) },
		{ "nr_mapped", reader_pages(vm, m.file_mapped) },
		{ "nr_file_pages", reader_pages(vm, m.cached + m.buffers + m.swap_cached) },
		{ "nr_dirty", reader_pages(vm, m.dirty) },
		{ "nr_writeback", reader_pages(vm, m.writeback) },
		{ "nr_shmem", reader_pages(vm, m.shmem) },
		{ "nr_kernel_stack", 0 },
		{ "nr_page_table_pages", reader_pages(vm, m.tables) },
		{ "nr_swapcached", reader_pages(vm, m.swap_cached) },
		{ "pgpgin", s->disk_read / KiB },
		{ "pgpgout", s->disk_written / KiB },
		{ "pswpin", reader_pages(vm, s->swap_ins) },
		{ "pswpout", reader_pages(vm, s->swap_outs) },
		{ "pgalloc_dma", 0 },
		{ "pgalloc_dma32", 0 },
		{ "pgalloc_normal", s->pages_allocated },
		{ "pgfree", s->pages_freed },
		{ "pgactivate", 0 },
		{ "pgdeactivate", 0 },
		{ "pgfault", s->minor_faults + s->major_faults },
		{ "pgmajfault", s->major_faults },
		{ "pgrefill", 0 },
		{ "pgsteal_kswapd", 0 },
		{ "pgsteal_direct", s->evictions_clean + s->evictions_dirty },
		{ "pgscan_kswapd", 0 },
		{ "pgscan_direct", s->evictions_clean + s->evictions_dirty },
		{ "allocstall_normal", 0 },
		{ "pginodesteal", 0 },
		{ "slabs_scanned", 0 },
		{ "kswapd_inodesteal", 0 },
		{ "pageoutrun", 0 },
		{ "pgrotated", 0 },
		{ "oom_kill", s->oom_kills },
		{ "numa_hit", s->pages_allocated },
		{ "numa_miss", 0 },
		{ "numa_local", s->pages_allocated },
		{ "swap_ra", reader_pages(vm, s->swap_ra) },
		{ "swap_ra_hit", reader_pages(vm, s->swap_ra_hits) },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		put_event(n, out, rows[i].name, rows[i].value);
	return 0;
}

int show_swaps(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_swap_area a = { 0 };

	if (!vm)
		return -e->code;
	put_text(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (unsigned at = 0; vm_swap_above(vm, at, &a); at = a.number + 1) {
		uint64_t size = kib(vm, a.slots - a.bad), used = kib(vm, a.used);
		size_t start = out->len;

		if (a.number == 0)
			put_text(out, "/dev/sda2");
		else
			g_string_append_printf(out, "/dev/swap%u", a.number);
		put_pad(out, start, 40);
		g_string_append_printf(out, "partition\t%" PRIu64 "\t%s%" PRIu64 "\t%s%d\n", size, size < 10000000 ? "\t" : "",
				       used, used < 10000000 ? "\t" : "", a.priority);
	}
	return 0;
}

/* Free frames in the largest aligned blocks that hold them, as a buddy allocator would keep them. */
int show_buddyinfo(const struct node *n, GString *out, struct err *e)
{
	enum { ORDERS = 11, BATCH = 1024 };
	static const uint64_t buddy = (uint64_t)1 << 10;
	struct vm_host *vm = world_vm(n, e);
	uint64_t blocks[ORDERS] = { 0 }, flags[BATCH];

	if (!vm)
		return -e->code;
	for (pfn_t first = 0; first < vm_frame_count(vm); first += BATCH) {
		size_t count = (size_t)MIN(BATCH, vm_frame_count(vm) - first);

		vm_kpageflags(vm, first, count, flags);
		for (size_t i = 0; i < count; ) {
			unsigned order = 0;
			size_t run = i;

			if (!(flags[i] & buddy)) {
				i++;
				continue;
			}
			while (run < count && (flags[run] & buddy))
				run++;
			while (order + 1 < ORDERS && i % ((size_t)2 << order) == 0 && i + ((size_t)2 << order) <= run)
				order++;
			blocks[order]++;
			i += (size_t)1 << order;
		}
	}
	put_text(out, "Node 0, zone   Normal ");
	for (unsigned order = 0; order < ORDERS; order++) {
		put_dec_width(out, blocks[order], 6);
		put_char(out, ' ');
	}
	put_char(out, '\n');
	return 0;
}

/* One zone: what is free, and the watermarks between which kswapd works. */
int show_zoneinfo(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_memory m;
	uint64_t low, high;

	if (!vm)
		return -e->code;
	vm_memory(vm, &m);
	vm_watermark(vm, &low, &high);
	g_string_append_printf(out, "Node 0, zone   Normal\n  pages free     %" PRIu64 "\n        boost    0\n        min      %" PRIu64
			       "\n        low      %" PRIu64 "\n        high     %" PRIu64 "\n", m.free, vm_frames_kept(vm), low, high);
	for (unsigned i = 0; i < 3; i++)
		g_string_append_printf(out, "        %s  %" PRIu64 "\n", ((const char *[]){ "spanned", "present", "managed" })[i],
				       vm_frame_count(vm));
	g_string_append_printf(out, "        cma      0\n        protection: (0)\n      nr_free_pages %" PRIu64 "\n", m.free);
	return 0;
}

/* One word a frame. */

typedef void words_fn(const struct vm_host *vm, pfn_t first, size_t n, uint64_t *out);

static uint64_t kpages_size(const struct node *n)
{
	struct vm_host *vm = world_vm(n, NULL);

	return vm ? vm_frame_count(vm) * sizeof(uint64_t) : 0;
}

bool kpages_listed(const struct node *n)
{
	return kpages_size(n) / sizeof(uint64_t) <= (uint64_t)1 << 20;
}

static ssize_t read_words(const struct node *n, uint64_t at, void *to, size_t len, words_fn *fill, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	uint64_t size = kpages_size(n);

	if (!vm)
		return -e->code;
	/* Who knows the size asks for a byte more, to be sure of the end: Linux, whose size is 0, never sees that. */
	if (at >= size)
		return 0;
	len = (size_t)MIN(len, size - at);
	if (at % sizeof(uint64_t) || len % sizeof(uint64_t))
		return err_set(e, EINVAL, -1, "offset %" PRIu64 " and length %zu are not multiples of 8", at, len);
	fill(vm, at / sizeof(uint64_t), len / sizeof(uint64_t), to);
	return (ssize_t)len;
}

static void fill_zeros(const struct vm_host *vm, pfn_t first, size_t n, uint64_t *out)
{
	memset(out, 0, n * sizeof(*out));
}

static ssize_t read_counts(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	return read_words(n, at, to, len, vm_kpagecount, e);
}

static ssize_t read_flags(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	return read_words(n, at, to, len, vm_kpageflags, e);
}

static ssize_t read_groups(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	return read_words(n, at, to, len, fill_zeros, e);
}

const struct bytes_ops kpagecount_bytes = { .size = kpages_size, .read = read_counts };
const struct bytes_ops kpageflags_bytes = { .size = kpages_size, .read = read_flags };
const struct bytes_ops kpagecgroup_bytes = { .size = kpages_size, .read = read_groups };
