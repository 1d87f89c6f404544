/* cache_io.c - the bytes of a file by way of the page cache: read, written, cut off, punched out. */
#include "dir.h"
#include "hugetlb.h"
#include "inode.h"
#include "page.h"
#include "reclaim.h"
#include "swap.h"

#include <string.h>

/* Reading and writing. */

/* read(2) and write(2) use a page: one that was cached before counts as referenced. */
static pfn_t use_page(struct vm_inode *i, uint64_t index)
{
	pfn_t pfn = inode_cached(i, index);

	if (pfn == PFN_NONE)
		return inode_page(i, index, NULL);
	reclaim_read(i->host, pfn);
	return pfn;
}

/* The bytes of a part of one page, wherever they are. */
static void peek_page(const struct vm_inode *i, uint64_t index, size_t skip, void *to, size_t n)
{
	struct vm_host *h = i->host;
	pfn_t pfn = inode_cached(i, index);
	uint32_t slot = inode_slot(i, index);

	if (pfn != PFN_NONE)
		memcpy(to, frame_bytes(h, pfn) + skip, n);
	else if (slot != UINT32_MAX)
		swap_look(swap_area_of(h->swap, slot), slot, skip, to, n);
	else
		disk_read(i, (index << h->geometry.page_bits) + skip, to, n);
}

static ssize_t read_pages(struct vm_inode *i, uint64_t at, void *to, size_t len, bool fill)
{
	uint64_t page = page_size(i->host);
	uint8_t *out = to;

	if (i->kind == VM_INODE_DIR)
		return -EISDIR;
	if (at >= i->size)
		return 0;
	len = MIN(len, i->size - at);
	for (size_t done = 0; done < len;) {
		uint64_t index = (at + done) >> i->host->geometry.page_bits, skip = (at + done) & (page - 1);
		size_t n = MIN(len - done, page - skip);

		if (fill && (!i->tmpfs || inode_slot(i, index) != UINT32_MAX))
			use_page(i, index);              /* without a frame for it, the disk answers */
		peek_page(i, index, skip, out + done, n);
		done += n;
	}
	return (ssize_t)len;
}

ssize_t vm_inode_peek(const struct vm_inode *i, uint64_t at, void *to, size_t len)
{
	return read_pages((struct vm_inode *)i, at, to, len, false);
}

ssize_t vm_inode_read(struct vm_inode *i, uint64_t at, void *to, size_t len, struct err *e)
{
	ssize_t n = read_pages(i, at, to, len, true);

	if (n < 0)
		return err_set(e, (int)-n, -1, "a directory cannot be read");
	return n;
}

/*
 * What lies behind the old end in its page becomes part of the file: zeros. As ext4 does, the page is brought in and
 * dirtied, unless it is a hole; tmpfs keeps what was stored there.
 */
static void zero_behind_end(struct vm_inode *i)
{
	struct vm_host *h = i->host;
	uint64_t index = i->size >> h->geometry.page_bits;
	size_t n = inode_bytes_in_page(i, index);
	bool hole = !disk_has(i, i->size);
	pfn_t pfn;

	if (i->tmpfs || n == 0 || n == page_size(h))
		return;
	pfn = hole ? inode_cached(i, index) : inode_page(i, index, NULL);
	if (pfn == PFN_NONE)
		return;                                  /* the disk has zeros there */
	memset(frame_store(h, pfn, n, page_size(h) - n), 0, page_size(h) - n);
	if (!hole)
		inode_page_dirty(i, index);
}

/* A part of one page is written; false: no room on the disk, or (tmpfs) no frame. */
static bool write_part(struct vm_inode *i, uint64_t at, const void *from, size_t n)
{
	struct vm_host *h = i->host;
	uint64_t index = at >> h->geometry.page_bits;
	pfn_t pfn;

	if (!disk_take(i, at, n))
		return false;
	if (at > i->size)
		zero_behind_end(i);                      /* first: it may take the frame that ours would be in */
	pfn = use_page(i, index);
	if (pfn == PFN_NONE && i->tmpfs)
		return false;
	i->size = MAX(i->size, at + n);
	if (pfn == PFN_NONE) {
		disk_write(i, at, from, n);
		h->stats.disk_written += n;
		return true;
	}
	memcpy(frame_store(h, pfn, at & (page_size(h) - 1), n), from, n);
	inode_page_dirty(i, index);
	return true;
}

static int size_check(const struct vm_inode *i, uint64_t at, uint64_t len, struct err *e)
{
	uint64_t most = i->tmpfs ? INT64_MAX : ((uint64_t)1 << 44) - DISK_BLOCK;

	if (i->kind == VM_INODE_DIR)
		return err_set(e, EISDIR, -1, "a directory cannot be written");
	if (i->kind == VM_INODE_LINK)
		return err_set(e, EINVAL, -1, "a symbolic link cannot be written");
	if (at > most || len > most - at)
		return err_set(e, EFBIG, -1, "a file has at most %" G_GUINT64_FORMAT " bytes", most);
	return 0;
}

ssize_t vm_inode_write(struct vm_inode *i, uint64_t at, const void *from, size_t len, struct err *e)
{
	uint64_t page = page_size(i->host);
	size_t done = 0;
	int r = size_check(i, at, len, e);

	if (r < 0)
		return r;
	while (done < len) {
		size_t n = MIN(len - done, page - ((at + done) & (page - 1)));

		if (!write_part(i, at + done, (const uint8_t *)from + done, n))
			break;
		done += n;
	}
	if (done > 0) {
		i->mtime = i->host->clock->now;
		inode_changed(i);
	}
	if (done == 0 && len > 0)
		return err_set(e, ENOSPC, -1, i->tmpfs ? "no frame is free for the page"
						       : "the disk is full: %" G_GUINT64_FORMAT " bytes", DISK_BYTES);
	return (ssize_t)done;
}

/* Truncating and punching. */

/* No entry names pages [first, last] any more; with `copies`, private copies of them go too. */
static void unmap_pages(struct vm_inode *i, uint64_t first, uint64_t last)
{
	unsigned bits = i->host->geometry.page_bits;
	struct area *a = NULL;

	while ((a = inode_mapping_next(i, first, last, a))) {
		uint64_t low = MAX(first, a->pgoff), high = MIN(last, area_last_page(a));

		pages_zap_cow(a, a->start + ((low - a->pgoff) << bits), a->start + ((high - a->pgoff + 1) << bits));
	}
}

static void drop_slots(struct vm_inode *i, uint64_t first, uint64_t last)
{
	struct cache_run *r;

	for (uint64_t at = first; i->swapped > 0 && at <= last && (r = inode_run_above(i, at));) {
		uint64_t start = r->first;
		uint32_t slots[CACHE_RUN];

		memcpy(slots, r->slot, sizeof slots);
		for (unsigned k = 0; k < CACHE_RUN; k++) {
			if (!slots[k] || start + k < first || start + k > last)
				continue;
			inode_set_slot(i, start + k, UINT32_MAX);
			page_slot_put(i->host, slots[k] - 1);
		}
		if (start + CACHE_RUN < start)
			break;
		at = start + CACHE_RUN;
	}
}

void inode_free_pages(struct vm_inode *i)
{
	hugetlb_object_free(i);
	inode_each_cached(i, 0, UINT64_MAX, inode_drop_page);
	drop_slots(i, 0, UINT64_MAX);
}

static void zero_part(struct vm_inode *i, uint64_t at, uint64_t end)
{
	struct vm_host *h = i->host;
	uint64_t index = at >> h->geometry.page_bits;
	pfn_t pfn = inode_cached(i, index);

	if (at >= end)
		return;
	if (pfn == PFN_NONE && inode_slot(i, index) != UINT32_MAX)
		pfn = inode_page(i, index, NULL);        /* shmem_get_partial_folio */
	if (pfn == PFN_NONE && inode_slot(i, index) != UINT32_MAX) /* no frame for it */
		swap_zero(h->swap, inode_slot(i, index), at & (page_size(h) - 1), end - at);
	if (pfn != PFN_NONE) {
		memset(frame_store(h, pfn, at & (page_size(h) - 1), end - at), 0, end - at);
		if (i->tmpfs || disk_has(i, at))                /* a hole stays one, and its page clean */
			inode_page_dirty(i, index);
	}
}

static void shrink(struct vm_inode *i, uint64_t size)
{
	unsigned bits = i->host->geometry.page_bits;
	uint64_t first, page_end;

	i->size = size;
	first = inode_pages(i);
	page_end = first << bits;
	unmap_pages(i, first, UINT64_MAX);
	inode_each_cached(i, first, UINT64_MAX, inode_drop_page);
	drop_slots(i, first, UINT64_MAX);
	zero_part(i, size, page_end);
	disk_drop(i, size, UINT64_MAX);
}

int vm_inode_truncate(struct vm_inode *i, uint64_t size, struct err *e)
{
	int r = size_check(i, size, 0, e);

	if (r < 0)
		return r;
	if (size < i->size || (size == i->size && i->tmpfs)) { /* tmpfs zeroes behind the end even where nothing changes */
		shrink(i, size);
	} else {
		zero_behind_end(i);
		i->size = size;
	}
	if (size == 0 && !i->tmpfs)
		i->flush_at_close = true;
	i->mtime = i->host->clock->now;
	inode_changed(i);
	return 0;
}

static void punch_one(struct vm_inode *i, uint64_t index)
{
	rmap_unmap(i->host, inode_cached(i, index), UINT32_MAX);
	inode_drop_page(i, index);
}

void inode_punch(struct vm_inode *i, uint64_t first, uint64_t n)
{
	unsigned bits = i->host->geometry.page_bits;
	uint64_t last = MIN(first + n, inode_pages(i));

	if (n == 0 || first >= last)
		return;
	inode_each_cached(i, first, last - 1, punch_one);
	drop_slots(i, first, last - 1);
	if (!i->tmpfs)
		disk_drop(i, first << bits, last << bits);
	i->mtime = i->host->clock->now;
	inode_changed(i);
}
