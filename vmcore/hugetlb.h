/*
 * hugetlb.h - huge pages that are set aside: the pool, what mappings have reserved of it, and their faults.
 *
 * A page of the pool is 2^table_huge_order() frames of use VM_FRAME_KERNEL with FRAME_HUGETLB, the first of which counts for
 * all: `maps` the huge leaves that name it, `anon` whose it is (FRAME_POOL_ANON), or `inode` whose; neither: it is idle.
 */
#ifndef VMCORE_HUGETLB_H
#define VMCORE_HUGETLB_H

#include "mm.h"

/* What an object of huge pages has, a byte or a number a page. Offsets of areas count small pages, as everywhere. */
struct huge_object {
	struct mm *owner;        /* of a private mapping's reservations; NULL: shared, or nothing was reserved */
	bool     shared;
	uint64_t pages;
	uint8_t  *reserved;      /* a page of the pool is kept for the first fault there */
	uint32_t *frame;         /* shared: PFN + 1 of the page, 0: none */
};

/* What vm_frame_use the frame has for those who look: of the pool's it is that of their owner. `f` is the first of a page. */
static inline enum vm_frame_use frame_kind(const struct frame *f)
{
	if (!(f->flags & FRAME_HUGETLB))
		return f->use;
	return f->flags & FRAME_POOL_ANON ? VM_FRAME_ANON : f->inode ? VM_FRAME_FILE : VM_FRAME_KERNEL;
}
static inline bool area_is_hugetlb(const struct area *a) { return a->flags & VM_F_HUGETLB; }
uint64_t huge_page_bytes(const struct vm_host *h); /* 0: the geometry has no huge leaves */

/*
 * An object for a mapping of `bytes`, whole huge pages, with one reference for the caller; reserved for `owner`, or, NULL, for
 * all. ENOMEM when the pool cannot promise so much.
 */
int  hugetlb_object(struct vm_host *h, uint64_t bytes, bool shared, struct mm *owner, bool reserve, struct vm_inode **out,
		    struct err *e);
void hugetlb_object_free(struct vm_inode *i);
/* fault_in() of such an area: -EFAULT (SIGBUS) when the pool is empty, -ENOMEM out of table frames. */
int  hugetlb_fault(struct area *a, va_t va, bool write, enum resolution *resolution, struct err *e);
/* The huge leaf of vpn goes. */
void hugetlb_zap(struct area *a, vpn_t vpn, uint64_t raw);
/* fork: the child's leaf, at the same place. ENOMEM. */
int  hugetlb_copy(struct area *dst, struct area *src, vpn_t vpn, uint64_t raw, struct err *e);
/* The leaf as the area's flags want it. */
uint64_t hugetlb_protected(struct area *a, uint64_t raw);
/* munmap of [start, end): reservations of a private mapping end. */
void hugetlb_unmapped(struct area *a, va_t start, va_t end);
void hugetlb_punch(struct vm_inode *i, uint64_t first, uint64_t n); /* madvise remove; small pages */
/* Areas of huge pages end and begin where such pages do: EINVAL for others, after a split at `start` if only `end` is wrong. */
int  hugetlb_check_ends(struct mm *mm, va_t start, va_t end, struct err *e);
void hugetlb_check(const struct vm_host *h, void (*wrong)(void *arg, const char *why), void *arg);

#endif
