/* protect.c - mprotect: area by area, as far as it goes; what has been changed stays changed. */
#include "hugetlb.h"
#include "proc.h"

#include <inttypes.h>

static const struct event_kind event_mprotect = { "mprotect", "va:x bytes:d prot:x" };

enum { PROTS = VM_F_READ | VM_F_WRITE | VM_F_EXEC };

static bool may_have(uint32_t flags)
{
	uint32_t may = 0;

	if (flags & VM_F_MAYREAD)
		may |= VM_F_READ;
	if (flags & VM_F_MAYWRITE)
		may |= VM_F_WRITE;
	if (flags & VM_F_MAYEXEC)
		may |= VM_F_EXEC;
	return !(flags & PROTS & ~may);
}

/*
 * Whether the new permissions change what the area is charged for: private memory is charged when it first becomes
 * writable, and, while it is anonymous and nothing has been written, no longer when it becomes read-only.
 */
static int charge(struct area *a, uint64_t pages, uint32_t *flags, struct err *e)
{
	struct mm *mm = a->mm;
	const uint32_t never = VM_F_ACCOUNT | VM_F_WRITE | VM_F_HUGETLB | VM_F_SHARED | VM_F_NORESERVE;

	if (*flags & VM_F_WRITE) {
		if (!may_expand(mm, *flags, pages) && may_expand(mm, a->flags, pages))
			return err_set(e, ENOMEM, 1, "%" PRIu64 " pages of data more exceed RLIMIT_DATA", pages);
		if (a->flags & never)
			return 0;
		if (account_memory(mm->host, pages, e))
			return -ENOMEM;
		*flags |= VM_F_ACCOUNT;
	} else if ((a->flags & VM_F_ACCOUNT) && !a->inode && !a->anon) {
		*flags &= ~VM_F_ACCOUNT;
	}
	return 0;
}

/* [start, end) of the area gets the new permissions. */
static int protect_part(struct area *a, va_t start, va_t end, uint32_t flags, struct err *e)
{
	struct mm *mm = a->mm;
	uint32_t old = a->flags;
	uint64_t pages = (end - start) >> mm->host->geometry.page_bits;

	if (flags == old)
		return 0;
	if (area_is_hugetlb(a) && hugetlb_check_ends(mm, start, end, e))
		return -EINVAL;
	if (pages_own(mm, start, end, true, e) || charge(a, pages, &flags, e))
		return -ENOMEM;

	/* Everything has been checked: from here on nothing fails. */
	a = merge_modified(a, start, end, flags);
	pages_protect(a, start, end);
	if ((old & VM_F_ACCOUNT) && !(flags & VM_F_ACCOUNT))
		unaccount_memory(mm->host, pages);
	if ((old & (VM_F_WRITE | VM_F_SHARED | VM_F_LOCKED)) == VM_F_LOCKED && (flags & VM_F_WRITE))
		mm_populate(mm, start, end - start, false, NULL);
	return 0;
}

static int protect_range(struct mm *mm, va_t start, va_t end, unsigned prot, struct err *e)
{
	struct area *a = area_find(mm, start);
	va_t at = start;
	int r;

	while (at < end) {
		va_t until;
		uint32_t flags;

		if (!a || a->start > at)
			return err_set(e, ENOMEM, 0, "nothing is mapped at 0x%" PRIx64, at);
		flags = (a->flags & ~(PROTS | VM_F_EXEC_ONLY)) | host_prot_flags(mm->host, prot);
		if (!may_have(flags))
			return err_set(e, EACCES, 2, "the area at 0x%" PRIx64 " was mapped from a descriptor that"
				       " may not be written", a->start);
		until = MIN(a->end, end);
		r = protect_part(a, at, until, flags, e);
		if (r)
			return r;
		at = until;
		a = area_find(mm, at);
	}
	return 0;
}

int vm_mprotect(struct vm_proc *p, va_t at, uint64_t len, unsigned prot, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	va_t end;
	int r;

	if (!mm)
		return -ESRCH;
	if (!page_aligned(mm->host, at))
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is not page aligned", at);
	if (len == 0)
		return 0;
	end = at + page_align(mm->host, len);
	if (end <= at)
		return err_set(e, ENOMEM, 1, "the range ends beyond the address space");
	if (prot & ~(unsigned)(VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXEC))
		return err_set(e, EINVAL, 2, "protection 0x%x is unknown", prot);
	r = protect_range(mm, at, end, prot, e);
	mm_changed(mm);
	mm_event(mm, &event_mprotect, at, len, prot);
	return r;
}
