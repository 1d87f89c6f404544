/*
 * frame.c - the frame array: who uses each frame of RAM, and the free ones.
 *
 * The frames in use are a bitset, so the lowest free one is a few steps away, and a fresh host touches no memory for its
 * free frames.
 */
#include "inode.h"
#include "mm.h"
#include "paging.h"
#include "reclaim.h"
#include "sparse.h"
#include "walk.h"

#include <inttypes.h>
#include <string.h>

enum { KEEP_FROM = 1024 /* frames of RAM */, KEEP_SHARE = 512, DENSE_FROM = 8 << 20 /* bytes */, DENSE_RAM = 256 << 20 };

const char *const vm_frame_use_names[VM_FRAME_USES] = { "free", "table", "anon", "file", "zero", "kernel" };

/* Frames whose number no entry can hold are never handed out. */
static void reserve_unnameable(struct vm_host *h)
{
	for (pfn_t pfn = (pfn_t)1 << h->geometry.ppn_bits; pfn < h->frame_count; pfn++) {
		bitset_add(&h->busy, pfn);
		*frame_of(h, pfn) = (struct frame) { .flags = FRAME_USED, .use = VM_FRAME_KERNEL, .refs = 1 };
		h->frames_free--;
		h->frames_by_use[VM_FRAME_FREE]--;
		h->frames_by_use[VM_FRAME_KERNEL]++;
		h->ceiling_used = h->frame_count;
	}
}

int frames_init(struct vm_host *h, struct err *e)
{
	uint64_t n = h->options.ram_bytes >> h->geometry.page_bits;

	if (n > UINT32_MAX - 1)
		return err_set(e, EINVAL, -1, "%" G_GUINT64_FORMAT " frames are more than 2^32 - 2", n);
	h->frames = sparse_new(n * sizeof(struct frame));
	h->lines = sparse_new(n * sizeof h->lines[0]);
	if (!h->frames || !h->lines || !bitset_init(&h->busy, n)) {
		sparse_free(h->frames, n * sizeof(struct frame));
		sparse_free(h->lines, n * sizeof h->lines[0]);
		h->frames = NULL;
		h->lines = NULL;
		return err_set(e, ENOMEM, -1, "an array of %" G_GUINT64_FORMAT " frames is more than this program can "
			       "have", n);
	}
	h->frame_count = h->frames_free = n;
	h->frames_kept = n < KEEP_FROM ? 0 : n / KEEP_SHARE;
	for (h->near_leaves = 16; h->near_leaves < n / 32; h->near_leaves *= 2)
		;
	h->near_leaf = g_new0(uint32_t, h->near_leaves);
	g_queue_init(&h->next_frames);
	h->zero_frame = h->huge_zero = PFN_NONE;
	h->frames_by_use[VM_FRAME_FREE] = h->frame_count;
	reserve_unnameable(h);
	return 0;
}

void frames_clear(struct vm_host *h)
{
	sparse_free(h->frames, h->frame_count * sizeof(struct frame));
	sparse_free(h->lines, h->frame_count * sizeof h->lines[0]);
	h->frames = NULL;
	h->lines = NULL;
	h->dense = false;
	bitset_clear(&h->busy);
	g_clear_pointer(&h->near_leaf, g_free);
	g_queue_clear(&h->next_frames);
	memset(h->frames_by_use, 0, sizeof(h->frames_by_use));
	h->frame_count = h->frames_free = h->user_frames = h->ceiling_used = h->shared_tables = 0;
	h->zero_frame = h->huge_zero = PFN_NONE;
}

uint64_t frames_free(const struct vm_host *h)
{
	return h->frames_free;
}

bool frame_is_free(const struct vm_host *h, pfn_t pfn)
{
	return pfn < h->frame_count && !bitset_has(&h->busy, pfn);
}

/* The first frame asked for by mem/ctl `next` that is still free. */
static pfn_t next_asked(struct vm_host *h)
{
	while (!g_queue_is_empty(&h->next_frames)) {
		pfn_t pfn = GPOINTER_TO_UINT(g_queue_pop_head(&h->next_frames)) - 1;

		if (frame_is_free(h, pfn))
			return pfn;
	}
	return PFN_NONE;
}

int vm_frames_next(struct vm_host *h, const pfn_t *pfns, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (pfns[i] >= h->frame_count)
			return err_set(e, ERANGE, (int)i, "frame 0x%" PRIx64 " is beyond RAM of 0x%" PRIx64 " frames",
				       pfns[i], h->frame_count);
		if (!frame_is_free(h, pfns[i]))
			return err_set(e, EBUSY, (int)i, "frame 0x%" PRIx64 " is not free: %s", pfns[i],
				       vm_frame_use_names[frame_of(h, pfns[i])->use]);
	}
	for (size_t i = 0; i < n; i++)
		g_queue_push_tail(&h->next_frames, GUINT_TO_POINTER((guint)pfns[i] + 1));
	h->generation++;
	return 0;
}

/*
 * Much of RAM has been used: what there is an array of for each frame lies better in large real pages. RAM itself does if it is
 * small: tables are strewn over it, and what lies between them was perhaps never written.
 */
static void rise(struct vm_host *h, pfn_t ceiling)
{
	h->ceiling_used = ceiling;
	if (h->dense || ceiling << h->geometry.page_bits < DENSE_FROM)
		return;
	h->dense = true;
	sparse_dense(h->frames, h->frame_count * sizeof(struct frame));
	sparse_dense(h->lines, h->frame_count * sizeof h->lines[0]);
	if (h->options.ram_bytes <= DENSE_RAM)
		sparse_dense(h->ram, h->mmu.mapped_bytes);
	reclaim_dense(h);
}

/* 2^order frames, from the first on, come into use. */
static void take(struct vm_host *h, pfn_t first, enum vm_frame_use use, unsigned order, bool zero)
{
	uint64_t n = (uint64_t)1 << order, now = h->clock ? h->clock->now : 0;

	for (pfn_t pfn = first; pfn < first + n; pfn++) {
		struct frame *f = frame_of(h, pfn);

		bitset_add(&h->busy, pfn);
		if (zero)
			frame_zero(h, pfn);
		if (use == VM_FRAME_TABLE)
			h->lines[pfn] = lines_all(h->geometry.page_bits);
		frame_unknown(h, pfn);                   /* huge pages come without entry_set() */
		*f = (struct frame) { .flags = FRAME_USED, .use = use, .order = (uint16_t)order, .since = now };
	}
	frame_of(h, first)->refs = 1;
	h->frames_free -= n;
	h->frames_by_use[VM_FRAME_FREE] -= n;
	h->frames_by_use[use] += n;
	h->stats.pages_allocated += n;
	if (first + n > h->ceiling_used)
		rise(h, first + n);
}

/* True when another frame of processes may be had; tries to make room while that helps. */
static bool user_frame_allowed(struct vm_host *h)
{
	uint64_t limit = h->config.user_frames;

	while (limit && h->user_frames >= limit)
		if (!paging_finish_write(h) && !reclaim_one(h, NULL) && !paging_finish_ahead(h))
			return false;
	return true;
}

pfn_t frame_alloc(struct vm_host *h, enum vm_frame_use use, bool zero, bool user)
{
	pfn_t pfn;

	if (user && !user_frame_allowed(h))
		return PFN_NONE;
	while (h->frames_free <= h->frames_kept &&
	       (paging_finish_write(h) || reclaim_one(h, NULL) || paging_finish_ahead(h)))
		;
	if (h->frames_free == 0)
		return PFN_NONE;
	pfn = next_asked(h);
	if (pfn == PFN_NONE)
		pfn = bitset_lowest_absent(&h->busy);
	take(h, pfn, use, 0, zero);
	if (user) {
		frame_of(h, pfn)->flags |= FRAME_USER;
		h->user_frames++;
	}
	if (h->frames_free < h->watermark_low)
		reclaim_to_high(h);
	return pfn;
}

/* True if [first, first + 2^order) is free; else *again is where to look next. */
static bool run_is_free(const struct vm_host *h, pfn_t first, unsigned order, pfn_t *again)
{
	uint64_t n = (uint64_t)1 << order, inside;

	if (order < 6) {
		inside = (((uint64_t)1 << n) - 1) << (first % 64);
		*again = first + n;
		return !(h->busy.bits[0][first / 64] & inside);
	}
	for (uint64_t w = (first + n) / 64; w-- > first / 64; )
		if (h->busy.bits[0][w]) {
			*again = ((w + 1) * 64 + n - 1) & -n;
			return false;
		}
	return true;
}

static pfn_t lowest_free_run(const struct vm_host *h, unsigned order)
{
	uint64_t n = (uint64_t)1 << order;
	pfn_t again;

	for (pfn_t at = 0; at + n <= h->frame_count; at = again)
		if (run_is_free(h, at, order, &again))
			return at;
	return PFN_NONE;
}

pfn_t frame_alloc_order(struct vm_host *h, enum vm_frame_use use, unsigned order, bool zero)
{
	pfn_t pfn;

	if (order == 0)
		return frame_alloc(h, use, zero, false);
	if (order > 31)
		return PFN_NONE;
	for (uint64_t tries = (uint64_t)4 << order; (pfn = lowest_free_run(h, order)) == PFN_NONE; tries--)
		if (tries == 0 || !reclaim_one(h, NULL))
			return PFN_NONE;
	take(h, pfn, use, order, zero);
	return pfn;
}

void frame_free(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);
	uint64_t n = (uint64_t)1 << f->order;
	uint8_t use = f->use;

	assert(f->refs == 0 && use != VM_FRAME_FREE && !frame_is_free(h, pfn));
	if (f->flags & (FRAME_LISTED | FRAME_ASIDE))
		reclaim_remove(h, pfn);
	if (f->flags & FRAME_USER)
		h->user_frames--;
	for (pfn_t i = pfn; i < pfn + n; i++) {
		if (frame_of(h, i)->flags & TABLE_POKED)
			poke_drop_frame(h, i);
		*frame_of(h, i) = (struct frame) { .flags = FRAME_USED };
		bitset_remove(&h->busy, i);
	}
	h->frames_free += n;
	h->frames_by_use[VM_FRAME_FREE] += n;
	h->frames_by_use[use] -= n;
	h->stats.pages_freed += n;
}

void frame_to_file(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	assert(f->use == VM_FRAME_ANON && !f->anon && f->refs == 1 && f->maps == 0);
	f->use = VM_FRAME_FILE;
	f->since = h->clock->now;
	h->frames_by_use[VM_FRAME_ANON]--;
	h->frames_by_use[VM_FRAME_FILE]++;
}
