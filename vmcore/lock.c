/* lock.c - mlock and munlock: pages that stay in RAM, within RLIMIT_MEMLOCK. */
#include "proc.h"

#include <inttypes.h>

static const struct event_kind event_mlock = { "mlock", "va:x bytes:d onfault:d" };
static const struct event_kind event_munlock = { "munlock", "va:x bytes:d" };

/* [start, end) of the area becomes locked or not. */
static void lock_part(struct area *a, va_t start, va_t end, uint32_t flags)
{
	bool was = a->flags & VM_F_LOCKED, is = flags & VM_F_LOCKED;

	if (flags == a->flags || (a->flags & (VM_F_DONTEXPAND | VM_F_HUGETLB)))
		return;
	a = merge_modified(a, start, end, flags);
	if (was != is)
		pages_set_locked(a, start, end, is);
}

/* Whole pages that the bytes touch; false when that is none. */
static bool round_out(const struct vm_host *h, va_t at, uint64_t len, va_t *start, uint64_t *bytes)
{
	uint64_t inside = at & (page_size(h) - 1);

	*start = at - inside;
	*bytes = page_align(h, len + inside);
	return *bytes != 0;
}

static int lock_range(struct mm *mm, va_t start, uint64_t bytes, uint32_t lock, struct err *e)
{
	va_t end = start + bytes, at = start, until;
	struct area *a;

	if (end < start)
		return err_set(e, EINVAL, 1, "the range ends beyond the address space");
	for (a = area_find(mm, at); at < end; at = until, a = area_find(mm, at)) {
		if (!a || a->start > at)
			return err_set(e, ENOMEM, 0, "nothing is mapped at 0x%" PRIx64, at);
		until = MIN(a->end, end);
		lock_part(a, at, until, (a->flags & ~(VM_F_LOCKED | VM_F_LOCKONFAULT)) | lock);
	}
	return 0;
}

static uint64_t pages_locked(const struct mm *mm, va_t start, uint64_t bytes)
{
	va_t end = start + bytes < start ? UINT64_MAX : start + bytes;
	uint64_t n = 0;

	for (struct area *a = area_find(mm, start); a && a->start < end; a = area_next(a))
		if (a->flags & VM_F_LOCKED)
			n += MIN(a->end, end) - MAX(a->start, start);
	return n >> mm->host->geometry.page_bits;
}

static int check_limit(struct mm *mm, va_t start, uint64_t bytes, struct err *e)
{
	unsigned bits = mm->host->geometry.page_bits;
	uint64_t limit = mm_limit(mm, VM_RLIMIT_MEMLOCK), locked = mm->locked + (bytes >> bits);

	if (limit == 0)
		return err_set(e, EPERM, -1, "RLIMIT_MEMLOCK is 0");
	if (locked > limit >> bits && locked - pages_locked(mm, start, bytes) > limit >> bits)
		return err_set(e, ENOMEM, 1, "with these there would be %" PRIu64 " pages locked, RLIMIT_MEMLOCK is %"
			       PRIu64 " bytes", locked, limit);
	return 0;
}

int vm_mlock(struct vm_proc *p, va_t at, uint64_t len, bool onfault, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	uint32_t lock = VM_F_LOCKED | (onfault ? VM_F_LOCKONFAULT : 0);
	va_t start;
	uint64_t bytes;
	int r;

	if (!mm)
		return -ESRCH;
	round_out(mm->host, at, len, &start, &bytes);
	r = check_limit(mm, start, bytes, e);
	if (r || bytes == 0)
		return r;
	r = lock_range(mm, start, bytes, lock, e);
	mm_changed(mm);
	if (r)
		return r;
	mm_event(mm, &event_mlock, start, bytes, onfault);
	return mm_populate(mm, start, bytes, true, e);
}

int vm_munlock(struct vm_proc *p, va_t at, uint64_t len, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	va_t start;
	uint64_t bytes;
	int r;

	if (!mm)
		return -ESRCH;
	if (!round_out(mm->host, at, len, &start, &bytes))
		return 0;
	r = lock_range(mm, start, bytes, 0, e);
	mm_changed(mm);
	if (r)
		return r;
	mm_event(mm, &event_munlock, start, bytes, 0);
	return 0;
}
