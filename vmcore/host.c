/* host.c - a simulated computer as a whole: it is made of its parts, reshaped, measured, and taken apart. */
#include "inode.h"
#include "proc.h"
#include "paging.h"
#include "reclaim.h"

static const struct vm_tlb_shape tlb_shape_default = { .entries = 64, .ways = 4 };

/* Of a table that RAM has room for: each of its frames is counted in and out, which takes its time. */
enum { TABLE_ORDER_MAX = 20 };

static int shape_check(const struct vm_geometry *g, uint64_t ram_bytes, struct err *e)
{
	uint64_t page = (uint64_t)1 << g->page_bits;
	int r = vm_geometry_check(g, e);

	if (r < 0)
		return r;
	if (ram_bytes == 0 || ram_bytes % page != 0)
		return err_set(e, EINVAL, -1, "%" G_GUINT64_FORMAT " bytes of RAM are no whole number of pages of %"
			       G_GUINT64_FORMAT, ram_bytes, page);
	if (ram_bytes > (uint64_t)1 << g->pa_bits)
		return err_set(e, EINVAL, -1, "%" G_GUINT64_FORMAT " bytes of RAM need more than %u address bits",
			       ram_bytes, g->pa_bits);
	for (unsigned level = 1; level <= g->levels; level++)
		if (table_order(g, level) > TABLE_ORDER_MAX && ram_bytes / page >> table_order(g, level))
			return err_set(e, EINVAL, -1, "a table of level %u takes 2^%u pages; in this RAM it can have 2^%d at most",
				       level, table_order(g, level), TABLE_ORDER_MAX);
	if (ram_bytes / page >= UINT32_MAX)
		return err_set(e, EINVAL, -1, "%" G_GUINT64_FORMAT " frames are too many: fewer than 2^32",
			       ram_bytes / page);
	return 0;
}

/* RAM, frames and TLB for host->geometry; all or nothing. */
static int hardware_init(struct vm_host *h, struct err *e)
{
	int r = ram_init(h, e);

	if (r < 0)
		return r;
	r = frames_init(h, e);
	if (r < 0) {
		ram_clear(h);
		return r;
	}
	h->zero_frame = PFN_NONE;
	reclaim_init(h);
	return 0;
}

static void hardware_clear(struct vm_host *h)
{
	reclaim_clear(h);
	h->pool = (struct huge_pool) { 0 };
	frames_clear(h);
	ram_clear(h);
}

static void first_swap(struct vm_host *h)
{
	struct vm_swap_request r = { .bytes = h->options.swap_bytes, .priority = -1,
				     .model = *vm_device_preset(h->options.swap_device ? h->options.swap_device : "ssd") };
	unsigned number;

	vm_swap_on(h, &r, &number, NULL);                /* less than a page is none */
}

struct vm_host *vm_host_new(const struct vm_options *o, struct clock *clock, struct journal *journal,
			    struct err *e)
{
	struct vm_host *h;

	if (shape_check(&o->geometry, o->ram_bytes, e) < 0)
		return NULL;
	h = g_new0(struct vm_host, 1);
	h->options = *o;
	h->geometry = o->geometry;
	h->clock = clock;
	h->journal = journal;
	h->boot = clock->now;
	h->generation = 1;
	h->config = config_default;
	h->next_description = 1;
	rng_seed(&h->rng, o->seed, "host");
	if (hardware_init(h, e) < 0) {
		g_free(h);
		return NULL;
	}
	h->tlb = tlb_new(tlb_shape_default);
	h->swap = swap_new(h);
	h->paging = paging_new(h);
	if (o->swap_bytes > 0)
		first_swap(h);
	disk_init(h);
	procs_init(h, NULL);
	return h;
}

void vm_host_free(struct vm_host *h)
{
	if (!h)
		return;
	procs_clear(h);
	disk_clear(h);
	paging_free(h->paging);
	swap_free(h->swap);
	tlb_free(h->tlb);
	hardware_clear(h);
	reclaim_free(h);
	g_free(h);
}

static void restart_init(struct vm_host *h)
{
	mm_free(h->init->mm);
	h->init->mm = NULL;
}

static int reshape_check(const struct vm_host *h, struct err *e)
{
	GHashTableIter it;
	gpointer v;

	if (vm_proc_count(h) > 1)
		return err_set(e, EBUSY, -1, "the host has %" G_GUINT64_FORMAT " processes besides init",
			       vm_proc_count(h) - 1);
	if (!proc_is_bare(h->init))
		return err_set(e, EBUSY, -1, "init has areas or a page table");
	g_hash_table_iter_init(&it, h->inodes);
	while (g_hash_table_iter_next(&it, NULL, &v)) {
		const struct vm_inode *i = v;

		if (i->tmpfs && i->cached + i->swapped > 0) {
			g_autofree char *path = vm_inode_path(i);

			return err_set(e, EBUSY, -1, "%s is in RAM only: remove it first", path);
		}
	}
	return 0;
}

static int change_hardware(struct vm_host *h, const struct vm_geometry *g, uint64_t ram_bytes, struct err *e)
{
	struct vm_options old = h->options;
	int r;

	hardware_clear(h);
	h->geometry = h->options.geometry = *g;
	h->options.ram_bytes = ram_bytes;
	r = hardware_init(h, e);
	if (r < 0) {                                     /* what was there before fits again */
		h->options = old;
		h->geometry = old.geometry;
		if (hardware_init(h, NULL) < 0)
			g_error("no memory for the RAM that was there before");
	}
	return r;
}

int vm_host_reshape(struct vm_host *h, const struct vm_geometry *g, uint64_t ram_bytes, struct err *e)
{
	struct vm_tlb_shape tlb = vm_tlb_shape(h);
	struct vm_geometry wanted = *g;                  /* `g` may be the host's own */
	int r;

	if (ram_bytes == 0)                              /* as much as there is, if the new addresses reach it */
		ram_bytes = MIN(h->options.ram_bytes, (uint64_t)1 << MIN(g->pa_bits, 63)) & -vm_page_size(g);
	r = shape_check(&wanted, ram_bytes, e);
	if (r == 0)
		r = reshape_check(h, e);
	if (r < 0)
		return r;

	vm_writeback(h, NULL);
	for (unsigned i = 0; i < SWAP_AREAS; i++)        /* what processes that have gone were waiting for */
		if (h->swap->area[i])
			paging_finish_area(h, h->swap->area[i]);
	while (h->cache_oldest) {
		struct frame *f = frame_of(h, h->cache_oldest - 1);

		inode_drop_page(f->inode, f->index);
	}
	restart_init(h);
	tlb_free(h->tlb);
	r = change_hardware(h, &wanted, ram_bytes, e);
	h->tlb = tlb_new(tlb);
	swap_reshape(h->swap);                           /* its pages have the size of frames */
	h->init->mm = mm_new(h, h->init);
	h->generation++;
	return r;
}

void vm_host_reseed(struct vm_host *h, uint64_t seed)
{
	rng_seed(&h->rng, seed, "host");
}

void vm_host_share(struct vm_host *h, bool on)
{
	h->sharing = on;
}

const struct vm_options *vm_host_options(const struct vm_host *h)
{
	return &h->options;
}

void vm_host_set_boot_time(struct vm_host *h, ns_t boot)
{
	h->boot = boot;
	h->generation++;
}

uint64_t vm_host_generation(const struct vm_host *h)
{
	return h->generation;
}

const struct vm_stats *vm_stats(const struct vm_host *h)
{
	return &h->stats;
}

/* What the list of cached frames tells. */
static void count_cache(const struct vm_host *h, struct vm_memory *out)
{
	for (uint32_t at = h->cache_oldest; at; at = frame_of(h, at - 1)->next) {
		const struct frame *f = frame_of(h, at - 1);
		bool shmem = f->flags & FRAME_SHMEM, active = f->flags & FRAME_ACTIVE;
		uint64_t *list = shmem ? active ? &out->active_anon : &out->inactive_anon
				       : active ? &out->active_file : &out->inactive_file;

		++*list;
		out->shmem += shmem;
		out->file_mapped += f->maps > 0;
		out->writeback += (f->flags & FRAME_WRITEBACK) != 0;
	}
}

/* Frames whose bytes a slot has as well; those that no entry maps any more are anonymous but not mapped. */
static void count_swap_cache(const struct vm_host *h, struct vm_memory *out)
{
	for (unsigned i = 0; i < SWAP_AREAS; i++) {
		const struct swap_area *a = h->swap->area[i];

		for (uint32_t at = 0; a && at < a->top; at++) {
			const struct frame *f = a->slot[at].frame ? frame_of(h, a->slot[at].frame - 1) : NULL;

			out->swap_cached += f != NULL;
			out->anon_mapped -= f && f->use == VM_FRAME_ANON && f->maps == 0;
			out->writeback += f && (f->flags & FRAME_WRITEBACK);
		}
	}
}

void vm_memory(const struct vm_host *h, struct vm_memory *out)
{
	*out = (struct vm_memory){
		.total = h->frame_count,
		.free = frames_free(h),
		.tables = h->frames_by_use[VM_FRAME_TABLE],
		.kernel = h->frames_by_use[VM_FRAME_KERNEL] + h->frames_by_use[VM_FRAME_ZERO],
		.anon_mapped = h->frames_by_use[VM_FRAME_ANON],
		.cached = h->cached,
		.dirty = h->dirty,
		.mlocked = h->mlocked,
		.unevictable = h->mlocked,
		.committed = h->committed,
		.swap_total = swap_slots(h->swap),
		.swap_free = swap_slots_free(h->swap),
		.inactive_anon = h->frames_by_use[VM_FRAME_ANON], .huge_anon = h->huge_leaves,
	};
	count_cache(h, out);
	count_swap_cache(h, out);
	out->available = out->free + out->cached - out->shmem;
	out->commit_limit = out->total / 2 + out->swap_total;
}
