/*
 * ram.c - the bytes of RAM, and pokes.
 *
 * A poke is a write into a frame of a page table that the OS part did not make. RAM takes the new bytes, so the next
 * walk sees them; host->poked keeps, by the entry's address, the value that the OS part had there, so that its
 * accounts stay right. A write that puts the OS part's value back ends the poke. What is kept are units of one
 * entry's size, aligned, which in hashed tables cover the tags too.
 */
#include "mm.h"
#include "reclaim.h"
#include "sparse.h"
#include "walk.h"

#include <string.h>

/* In front of RAM, zero for ever: see replay_follow(). As much as a large real page, so that those begin where frames do. */
enum { FRONT_BYTES = 1 << 21 };

const struct event_kind event_poke_dropped = { "poke_dropped", "at:x now:x was:x" };

int ram_init(struct vm_host *h, struct err *e)
{
	uint64_t bytes = h->options.ram_bytes;
	const struct vm_geometry *g = &h->geometry;
	uint64_t mapped;
	void *ram;

	if (bytes == 0 || bytes % page_size(h) != 0)
		return err_set(e, EINVAL, -1, "%" G_GUINT64_FORMAT " bytes of RAM are not whole frames of %"
			       G_GUINT64_FORMAT, bytes, page_size(h));
	if (bytes > (uint64_t)1 << g->pa_bits)
		return err_set(e, EINVAL, -1, "%" G_GUINT64_FORMAT " bytes of RAM exceed physical addresses of %u bits",
			       bytes, g->pa_bits);
	mapped = (uint64_t)1 << (bytes == 1 ? 0 : 64 - __builtin_clzll(bytes - 1));  /* see walk.c; unused, it costs nothing */
	ram = sparse_new(FRONT_BYTES + mapped);
	if (!ram)
		return err_set(e, ENOMEM, -1, "%" G_GUINT64_FORMAT " bytes of RAM are more than this program can have",
			       bytes);
	h->ram = (uint8_t *)ram + FRONT_BYTES;
	h->mmu = (struct mmu) { .ram_bytes = bytes, .mapped_bytes = mapped, .no_pte = bytes < g->pte_bytes };
	h->mmu.last_pte = h->mmu.no_pte ? 0 : bytes - g->pte_bytes;
	mmu_format_of(g, &h->mmu.format);
	for (unsigned flags = 0; flags < G_N_ELEMENTS(h->mmu.leaf); flags++)
		h->mmu.leaf[flags] = entry_present(g, 0, flags);
	mmu_choose_walk(h);
	h->poked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return 0;
}

void ram_clear(struct vm_host *h)
{
	if (h->ram)
		sparse_free(h->ram - FRONT_BYTES, FRONT_BYTES + h->mmu.mapped_bytes);
	h->ram = NULL;
	g_clear_pointer(&h->poked, g_hash_table_unref);
	table_global_free(h);
}

uint64_t vm_ram_size(const struct vm_host *h)
{
	return h->options.ram_bytes;
}

/* Pokes. Key and value lie in one allocation: { address, the OS part's value }. */

uint64_t *poke_at(const struct vm_host *h, pa_t at)
{
	return g_hash_table_lookup(h->poked, &at);
}

static void poke_add(struct vm_host *h, pa_t at, uint64_t os_value)
{
	uint64_t *pair = g_new(uint64_t, 2);

	reclaim_knows_nothing(h);
	pair[0] = at;
	pair[1] = os_value;
	g_hash_table_insert(h->poked, pair, pair + 1);
	h->poke_count++;
}

void poke_drop(struct vm_host *h, pa_t at)
{
	const uint64_t *was = poke_at(h, at);
	struct event *ev;

	if (!was)
		return;
	if (h->journal) {
		ev = journal_add(h->journal, &event_poke_dropped, h->options.serial, 0);
		ev->value[0] = at;
		ev->value[1] = pte_load(&h->mmu.format, h->ram + at);
		ev->value[2] = *was;
	}
	g_hash_table_remove(h->poked, &at);
}

void poke_drop_frame(struct vm_host *h, pfn_t pfn)
{
	pa_t at = pfn << h->geometry.page_bits;

	for (pa_t end = at + page_size(h); at < end; at += h->geometry.pte_bytes)
		poke_drop(h, at & -(uint64_t)h->geometry.pte_bytes);
}

void poke_drop_frames(struct vm_host *h, pfn_t head)
{
	for (pfn_t i = head; i < head + ((pfn_t)1 << frame_of(h, head)->order); i++) {
		if (frame_of(h, i)->flags & TABLE_POKED)
			poke_drop_frame(h, i);
		frame_of(h, i)->flags &= ~(uint32_t)TABLE_POKED;
	}
}

/* The unit at `at` is about to become `raw`. */
static void poke_unit(struct vm_host *h, pa_t at, uint64_t raw)
{
	const uint64_t *os_value = poke_at(h, at);
	uint64_t now = pte_load(&h->mmu.format, h->ram + at);

	if (os_value && *os_value == raw) {
		g_hash_table_remove(h->poked, &at);
	} else if (!os_value && now != raw) {
		struct frame *f = frame_of(h, at >> h->geometry.page_bits);

		poke_add(h, at, now);
		f->flags |= TABLE_POKED;
		table_head(h, at >> h->geometry.page_bits)->flags |= TABLE_POKED;
	}
}

void ram_poke(struct vm_host *h, pa_t at, const void *from, size_t len)
{
	unsigned width = h->geometry.pte_bytes;
	pa_t end = at + len;

	for (pa_t unit = at & -(uint64_t)width; unit < end; unit += width) {
		uint8_t bytes[8];
		pa_t first = MAX(unit, at), last = MIN(unit + width, end);

		if (unit + width > h->mmu.ram_bytes || frame_of(h, unit >> h->geometry.page_bits)->use != VM_FRAME_TABLE)
			continue;
		memcpy(bytes, h->ram + unit, width);
		memcpy(bytes + (first - unit), (const uint8_t *)from + (first - at), last - first);
		poke_unit(h, unit, pte_load(&h->mmu.format, bytes));
	}
}

size_t vm_ram_read(const struct vm_host *h, pa_t at, void *to, size_t len)
{
	if (at >= h->mmu.ram_bytes)
		return 0;
	len = MIN(len, h->mmu.ram_bytes - at);
	memcpy(to, h->ram + at, len);
	return len;
}

/* Where the run of frames from pfn on ends that are alike in being tables or not; they are marked as used. */
static pfn_t run_end(struct vm_host *h, pfn_t pfn, pfn_t end, bool *tables)
{
	*tables = frame_of(h, pfn)->use == VM_FRAME_TABLE;
	while (pfn < end && (frame_of(h, pfn)->use == VM_FRAME_TABLE) == *tables)
		frame_of(h, pfn++)->flags |= FRAME_USED;
	h->ceiling_used = MAX(h->ceiling_used, pfn);
	return pfn;
}

static void ram_write(struct vm_host *h, pa_t at, const uint8_t *from, size_t len)
{
	unsigned bits = h->geometry.page_bits;

	while (len > 0) {
		pfn_t last = (at + len - 1) >> bits;
		bool tables;
		pa_t end = MIN(run_end(h, at >> bits, last + 1, &tables) << bits, at + len);

		if (tables)
			ram_poke(h, at, from, end - at);
		for (pfn_t pfn = at >> bits; pfn <= (end - 1) >> bits; pfn++)
			h->lines[pfn] = lines_all(bits);
		memcpy(h->ram + at, from, end - at);
		from += end - at;
		len -= end - at;
		at = end;
	}
}

size_t vm_ram_write(struct vm_host *h, pa_t at, const void *from, size_t len)
{
	if (at >= h->mmu.ram_bytes)
		return 0;
	len = MIN(len, h->mmu.ram_bytes - at);
	ram_write(h, at, from, len);
	h->generation += len > 0;
	return len;
}

void ram_store(struct vm_host *h, pa_t at, const void *from, size_t len)
{
	assert(at <= h->mmu.ram_bytes && len <= h->mmu.ram_bytes - at);
	ram_write(h, at, from, len);
}
