/* advise.c - madvise, msync, mincore: calls that go over holes in a range, or report what is there. */
#include "hugetlb.h"
#include "inode.h"
#include "proc.h"

#include <inttypes.h>
#include <string.h>

static const struct event_kind event_madvise = { "madvise", "va:x bytes:d advice:d" };
static const struct event_kind event_msync = { "msync", "va:x bytes:d flags:x" };

/* ---- madvise: what is done to one area's part of the range ---- */

struct advice;
typedef int advise_fn(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e);

struct advice {
	int number;                  /* Linux's MADV_* */
	const char *name;
	advise_fn *act;
	uint32_t set, clear;         /* flags of the area, where that is all */
	uint32_t refused;            /* areas with one of these: EINVAL */
};

static int refuse(const struct area *a, const struct advice *how, const char *reason, struct err *e)
{
	return err_set(e, EINVAL, 2, "%s: the area at 0x%" PRIx64 " %s", how->name, a->start, reason);
}

static int check_flags(const struct area *a, const struct advice *how, struct err *e)
{
	if (!(a->flags & how->refused & ~(area_is_hugetlb(a) ? VM_F_DONTEXPAND : 0)))
		return 0;
	return refuse(a, how, a->flags & how->refused & VM_F_LOCKED ? "is locked" : "is not made for that", e);
}

static int change_flags(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	uint32_t flags = (a->flags & ~how->clear) | how->set;

	if ((how->set & VM_F_WIPEONFORK) && (a->inode || (a->flags & VM_F_SHARED)))
		return refuse(a, how, "is not private anonymous memory", e);
	if ((how->set & VM_F_MERGEABLE) && (a->flags & (VM_F_SHARED | VM_F_MAYSHARE)))
		return 0; /* only private pages are ever merged */
	if (flags != a->flags && area_is_hugetlb(a) && hugetlb_check_ends(a->mm, start, end, e))
		return -EINVAL;
	if (flags != a->flags)
		merge_modified(a, start, end, flags);
	return 0;
}

static int drop_pages(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	if (area_is_hugetlb(a)) {
		uint64_t mask = huge_page_bytes(a->mm->host) - 1;

		if (start & mask)
			return refuse(a, how, "has no huge page that begins there", e);
		end &= ~mask;
	}
	if (pages_own(a->mm, start, end, false, e))
		return -ENOMEM;
	pages_dontneed(a, start, end);
	return 0;
}

static int free_lazily(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	if (a->inode)
		return refuse(a, how, "is not private anonymous memory", e);
	if (pages_own(a->mm, start, end, true, e))
		return -ENOMEM;
	pages_free_lazily(a, start, end);
	return 0;
}

static int cool(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	pages_cold(a, start, end);
	return 0;
}

/* Whoever may not write a file may not make its cached pages leave: others would notice. */
static bool owns_file(const struct area *a)
{
	const struct vm_inode *i = a->inode;
	const struct vm_proc *p = a->mm->owner;

	return !p || i->kind == VM_INODE_SHM || p->uid == 0 || p->uid == i->uid || (i->mode & 0002) ||
	       (p->gid == i->gid && (i->mode & 0020));
}

static int page_out(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	if (a->inode && (a->flags & VM_F_MAYSHARE) && !owns_file(a))
		return 0;
	if (pages_own(a->mm, start, end, true, e))
		return -ENOMEM;
	pages_pageout(a, start, end);
	return 0;
}

static uint64_t page_in_file(const struct area *a, va_t va)
{
	return a->pgoff + ((va - a->start) >> a->mm->host->geometry.page_bits);
}

/*
 * Read-ahead: a disk file's pages come into the page cache, as many as there is room for; what is in swap begins to come into
 * the swap cache. As on Linux, private copies of a file's pages are left there.
 */
static int want_soon(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	uint64_t first, last;
	bool major;

	if (!a->inode || a->inode->tmpfs)
		pages_want_soon(a, start, end);
	if (!a->inode || a->inode->tmpfs || a->inode->kind != VM_INODE_FILE)
		return 0;
	first = page_in_file(a, start);
	last = MIN(page_in_file(a, end), inode_pages(a->inode));
	for (uint64_t i = first; i < last; i++)
		if (inode_page(a->inode, i, &major) == PFN_NONE)
			break;
	return 0;
}

static int punch(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	const uint32_t both = VM_F_SHARED | VM_F_MAYWRITE;

	if (a->flags & VM_F_LOCKED)
		return refuse(a, how, "is locked", e);
	if (!a->inode)
		return refuse(a, how, "maps no file", e);
	if ((a->flags & both) != both)
		return err_set(e, EACCES, 2, "%s: the area at 0x%" PRIx64 " may not write its file", how->name, a->start);
	if (area_is_hugetlb(a))
		hugetlb_punch(a->inode, page_in_file(a, start), (end - start) >> a->mm->host->geometry.page_bits);
	else
		inode_punch(a->inode, page_in_file(a, start), (end - start) >> a->mm->host->geometry.page_bits);
	return 0;
}

static int nothing(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	return 0;
}

static int not_allowed(struct area *a, va_t start, va_t end, const struct advice *how, struct err *e)
{
	return err_set(e, EPERM, 2, "%s needs a privilege that no process has", how->name);
}

enum { POPULATE_READ = 22, POPULATE_WRITE = 23 };

static const struct advice advices[] = {
	{ 0, "normal", change_flags, 0, VM_F_RAND_READ | VM_F_SEQ_READ, 0 },
	{ 1, "random", change_flags, VM_F_RAND_READ, VM_F_SEQ_READ, 0 },
	{ 2, "sequential", change_flags, VM_F_SEQ_READ, VM_F_RAND_READ, 0 },
	{ 3, "willneed", want_soon, 0, 0, 0 },
	{ 4, "dontneed", drop_pages, 0, 0, VM_F_LOCKED },
	{ 8, "free", free_lazily, 0, 0, VM_F_LOCKED },
	{ 9, "remove", punch, 0, 0, 0 },
	{ 10, "dontfork", change_flags, VM_F_DONTCOPY, 0, 0 },
	{ 11, "dofork", change_flags, 0, VM_F_DONTCOPY, VM_F_DONTEXPAND },
	{ 12, "mergeable", change_flags, VM_F_MERGEABLE, 0, 0 },
	{ 13, "unmergeable", change_flags, 0, VM_F_MERGEABLE, 0 },
	{ 14, "hugepage", change_flags, VM_F_HUGEPAGE, VM_F_NOHUGEPAGE, 0 },
	{ 15, "nohugepage", change_flags, VM_F_NOHUGEPAGE, VM_F_HUGEPAGE, 0 },
	{ 16, "dontdump", change_flags, VM_F_DONTDUMP, 0, 0 },
	{ 17, "dodump", change_flags, 0, VM_F_DONTDUMP, VM_F_DONTEXPAND },
	{ 18, "wipeonfork", change_flags, VM_F_WIPEONFORK, 0, 0 },
	{ 19, "keeponfork", change_flags, 0, VM_F_WIPEONFORK, 0 },
	{ 20, "cold", cool, 0, 0, VM_F_LOCKED | VM_F_HUGETLB },
	{ 21, "pageout", page_out, 0, 0, VM_F_LOCKED | VM_F_HUGETLB },
	{ POPULATE_READ, "populate_read", nothing, 0, 0, 0 },
	{ POPULATE_WRITE, "populate_write", nothing, 0, 0, 0 },
	{ 24, "dontneed_locked", drop_pages, 0, 0, 0 },
	{ 100, "hwpoison", not_allowed, 0, 0, 0 },
	{ 101, "soft_offline", not_allowed, 0, 0, 0 },
};

static const struct advice *advice_at(int number)
{
	for (size_t i = 0; i < G_N_ELEMENTS(advices); i++)
		if (advices[i].number == number)
			return &advices[i];
	return NULL;
}

static int populate(struct mm *mm, va_t start, va_t end, bool write, struct err *e)
{
	uint64_t done;

	return pages_populate(mm, start, end, write, &done, e);
}

/* Goes on over holes and says so at the end; an area that refuses ends it. */
static int advise_areas(struct mm *mm, va_t start, va_t end, const struct advice *how, struct err *e)
{
	va_t hole = end, until;
	struct area *a;
	int r;

	for (va_t at = start; at < end; at = until) {
		a = area_find(mm, at);
		if (!a || a->start > at)
			hole = MIN(hole, at);
		if (!a || a->start >= end)
			break;
		at = MAX(at, a->start);
		until = MIN(a->end, end);
		r = check_flags(a, how, e);
		if (!r)
			r = how->act(a, at, until, how, e);
		if (r)
			return r;
	}
	return hole < end ? err_set(e, ENOMEM, 0, "nothing is mapped at 0x%" PRIx64, hole) : 0;
}

static int check_advice(struct mm *mm, va_t at, uint64_t len, int advice, struct err *e)
{
	uint64_t bytes = page_align(mm->host, len);

	if (!advice_at(advice))
		return err_set(e, EINVAL, 2, "advice %d is unknown", advice);
	if (!page_aligned(mm->host, at))
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is not page aligned", at);
	if ((len && !bytes) || at + bytes < at)
		return err_set(e, EINVAL, 1, "the range ends beyond the address space");
	return 0;
}

int vm_madvise(struct vm_proc *p, va_t at, uint64_t len, int advice, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	va_t end;
	int r;

	if (!mm)
		return -ESRCH;
	r = check_advice(mm, at, len, advice, e);
	end = at + page_align(mm->host, len);
	if (r || end == at)
		return r;
	if (advice == POPULATE_READ || advice == POPULATE_WRITE)
		r = populate(mm, at, end, advice == POPULATE_WRITE, e);
	else
		r = advise_areas(mm, at, end, advice_at(advice), e);
	mm_changed(mm);
	mm_event(mm, &event_madvise, at, len, advice);
	return r;
}

/* ---- msync ---- */

/* The dirty pages [first, last) of a disk file go to the disk. */
static int write_back(struct vm_inode *i, uint64_t first, uint64_t last)
{
	int r = 0;

	if (i->tmpfs)
		return 0;
	for (struct cache_run *run = inode_run_above(i, first); run && run->first < last && !r;
	     run = inode_run_above(i, run->first + CACHE_RUN))
		for (uint64_t k = MAX(first, run->first); k < MIN(last, run->first + CACHE_RUN) && !r; k++) {
			uint32_t frame = run->frame[k - run->first];

			if (frame && (frame_of(i->host, frame - 1)->flags & FRAME_DIRTY))
				r = inode_write_page(i, k);
		}
	return r;
}

static int sync_range(struct mm *mm, va_t start, va_t end, unsigned flags, struct err *e)
{
	bool hole = false;
	struct area *a;
	int r;

	for (va_t at = start; at < end; at = a->end) {
		a = area_find(mm, at);
		hole = hole || !a || a->start > at;
		if (!a || a->start >= end || (hole && flags == VM_MSYNC_ASYNC))
			break;
		at = MAX(at, a->start);
		if ((flags & VM_MSYNC_INVALIDATE) && (a->flags & VM_F_LOCKED))
			return err_set(e, EBUSY, 2, "invalidate: the area at 0x%" PRIx64 " is locked", a->start);
		if ((flags & VM_MSYNC_SYNC) && a->inode && (a->flags & VM_F_SHARED)) {
			r = write_back(a->inode, page_in_file(a, at), page_in_file(a, MIN(end, a->end)));
			if (r)
				return err_set(e, -r, 0, "a page of the file could not be written");
		}
	}
	return hole ? err_set(e, ENOMEM, 0, "part of the range is not mapped") : 0;
}

int vm_msync(struct vm_proc *p, va_t at, uint64_t len, unsigned flags, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	va_t end;
	int r;

	if (!mm)
		return -ESRCH;
	if (flags & ~(unsigned)(VM_MSYNC_ASYNC | VM_MSYNC_INVALIDATE | VM_MSYNC_SYNC))
		return err_set(e, EINVAL, 2, "flags 0x%x are unknown", flags);
	if (!page_aligned(mm->host, at))
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is not page aligned", at);
	if ((flags & VM_MSYNC_ASYNC) && (flags & VM_MSYNC_SYNC))
		return err_set(e, EINVAL, 2, "async and sync exclude each other");
	end = at + page_align(mm->host, len);
	if (end < at)
		return err_set(e, ENOMEM, 1, "the range ends beyond the address space");
	if (end == at)
		return 0;
	r = sync_range(mm, at, end, flags, e);
	mm_changed(mm);
	mm_event(mm, &event_msync, at, len, flags);
	return r;
}

/* ---- mincore ---- */

int vm_mincore(struct vm_proc *p, va_t at, uint64_t len, uint8_t *resident, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	unsigned bits;
	va_t end, until;

	if (!mm)
		return -ESRCH;
	bits = mm->host->geometry.page_bits;
	if (!page_aligned(mm->host, at))
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is not page aligned", at);
	if (at > mm_top(mm->host) || len > mm_top(mm->host) - at)
		return err_set(e, ENOMEM, 1, "the range ends beyond user space");
	end = at + page_align(mm->host, len);
	for (va_t from = at; from < end; from = until) {
		struct area *a = area_at(mm, from);

		if (!a)
			return err_set(e, ENOMEM, 0, "nothing is mapped at 0x%" PRIx64, from);
		until = MIN(a->end, end);
		if (a->inode && !owns_file(a))
			memset(resident + ((from - at) >> bits), 1, (until - from) >> bits);
		else
			pages_resident(a, from, until, resident + ((from - at) >> bits));
	}
	return 0;
}
