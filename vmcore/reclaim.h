/*
 * reclaim.h - frames are taken from their pages: which policy chooses, who asked for it, what has become of it.
 *
 * FRAME_LISTED: the policy knows the frame. Anonymous frames come to it when first mapped, page-cache frames when they
 * enter the cache; they leave when they are freed or locked. FRAME_ASIDE: the policy had chosen the frame, but it
 * could not go (no slot); it comes back when slots are free.
 */
#ifndef VMCORE_RECLAIM_H
#define VMCORE_RECLAIM_H

#include "host.h"
#include "vm_policy.h"

struct mm;
struct reclaim;

void reclaim_init(struct vm_host *h);        /* the frame array exists; the policy is the one that was before, or clock */
void reclaim_clear(struct vm_host *h);       /* the frame array is about to go */
void reclaim_free(struct vm_host *h);
void reclaim_dense(struct vm_host *h);       /* sparse.h: most of RAM is in use */

/* A user frame that is not listed has got its page, by a fault of `mm` (NULL: by nobody's). */
void reclaim_add(struct vm_host *h, pfn_t pfn, struct mm *mm);
void reclaim_remove(struct vm_host *h, pfn_t pfn); /* listed or aside: freed or locked */
/* The address space ends: what other processes still use of its frames belongs to nobody. */
void reclaim_mm_gone(struct vm_host *h, struct mm *mm);

/* Who needs the next frames, and for which page: for events, scope=process and policies that remember pages. */
static inline void reclaim_asked_by(struct vm_host *h, struct mm *mm, uint64_t page)
{
	h->asker = mm;
	h->coming = page;
}
uint64_t reclaim_page_of(const struct mm *mm, vpn_t vpn);
uint64_t reclaim_page_of_file(const struct vm_inode *i, uint64_t index);

/* One page goes. False: none can. `by`: NULL: because of h->asker's fault; else who ("kswapd"). */
bool reclaim_one(struct vm_host *h, const char *by);
/* This page goes, for a reason other than a policy's choice (madvise pageout). False: it stays. */
bool reclaim_this(struct vm_host *h, pfn_t pfn, const char *by);
/* The policy would ask somebody outside, who answers later. */
bool reclaim_asks(const struct vm_host *h);
/* Policy external: since somebody asked, frames have become free, so whoever waits may do without an answer; nobody waits any more. */
bool victim_may_be_spared(const struct vm_host *h);
void victim_not_needed(struct vm_host *h);
/* Free frames have fallen below the low watermark. */
void reclaim_to_high(struct vm_host *h);

/* The access that brought the frame's page in has been repeated and is done. */
void reclaim_settle(struct vm_host *h, pfn_t pfn);
/* An access by a process (host->watch_hits), or read(2) and write(2), to a page that was there before. */
void reclaim_hit(struct vm_host *h, pfn_t pfn);
void reclaim_read(struct vm_host *h, pfn_t pfn);

/* Calls `wrong` for each contradiction between the policy's lists and the frames. */
void reclaim_check(struct vm_host *h, void (*wrong)(void *arg, const char *why), void *arg);

/* A bits of all entries that map the frame, and FRAME_REFERENCED. */
bool frame_used(struct vm_host *h, pfn_t pfn);
bool frame_dirty(struct vm_host *h, pfn_t pfn);
void reclaim_knows_nothing(struct vm_host *h); /* what was seen of entries is true no more */

#endif
