/*
 * paging.h - pages on their way between RAM and swap: when the device is done with them, and who waits for that.
 *
 * A page that comes in is in the swap cache from the start, FRAME_READING until its bytes are there; one that goes out in
 * the background is FRAME_WRITEBACK until they are written, then it leaves the swap cache. Both hold a reference of the
 * frame. What else goes out (a victim whose frame is needed now) leaves its frame at once, and whoever needed it waits
 * until the device is done: paging_begin() and paging_end() stand around all that one fault or call does.
 *
 * A host is live if its processes may wait: then an access returns -EINPROGRESS, timers end the transfers, and the access is
 * made again. In any other host the clock just moves on by the time that the transfers take.
 */
#ifndef VMCORE_PAGING_H
#define VMCORE_PAGING_H

#include "proc.h"
#include "swap.h"

struct paging *paging_new(struct vm_host *h);
void paging_free(struct paging *g);   /* ends all transfers; before the frames go */
/* For `pid` (0: the system itself), which needs the page at `va` (VA_NONE). `waits`: the caller sees to it that time passes. */
void paging_begin(struct vm_host *h, int32_t pid, va_t va, bool waits);
bool paging_may_wait(const struct vm_host *h);
/* When all transfers since then are done (0: there were none). Moves the clock there unless the caller waits. */
ns_t paging_end(struct vm_host *h);
/* An entry has let go of a page that makes room: for swap/timeline. */
void paging_victim(struct vm_host *h, int32_t pid, va_t va);

/* A page of a file is read: config disk. */
void paging_disk(struct vm_host *h);
/* The slot's bytes into the frame; done by paging_end(). */
void paging_read(struct vm_host *h, uint32_t slot, pfn_t to);
/*
 * The same for a frame that has just come into the swap cache, and a caller that waits: false: it is FRAME_READING for now. One
 * reference becomes the transfer's.
 */
bool paging_read_frame(struct vm_host *h, uint32_t slot, pfn_t pfn);
/*
 * The same for a page that nobody waits for. In a host that is not live its bytes are there at once, and only the device is
 * busy for that time.
 */
void paging_read_ahead(struct vm_host *h, uint32_t slot, pfn_t pfn);
/* For whom paging_begin() was. */
int32_t paging_for(const struct vm_host *h, va_t *va);
/* The frame's bytes into the slot; done by paging_end(). */
void paging_write(struct vm_host *h, uint32_t slot, pfn_t from);
/* In the background: true: the frame is FRAME_WRITEBACK for now, and has one reference more. */
bool paging_write_frame(struct vm_host *h, uint32_t slot, pfn_t pfn);
/* A frame is needed now: the oldest write in the background is waited for until paging_end(). False: there is none. */
bool paging_finish_write(struct vm_host *h);
/* Likewise for a page on its way in that nobody waits for: then it may go again. */
bool paging_finish_ahead(struct vm_host *h);
/* How many writes go on in the background: so many frames will be free. */
unsigned paging_writes(const struct vm_host *h);
/* The transfer of this frame is waited for. */
void paging_finish(struct vm_host *h, pfn_t pfn);
/* All transfers of an area are waited for. */
void paging_finish_area(struct vm_host *h, const struct swap_area *a);
/* How many references of frames transfers hold: for check. */
void paging_count(const struct vm_host *h, uint32_t *refs);
/* Transfers of an area that are not done yet. */
unsigned paging_queue(const struct vm_host *h, unsigned area);
/* p has a processor now: transfers under way take it down. */
void paging_ran(struct vm_host *h, const struct vm_proc *p);

/* A process that waits. */

/* For the transfer of a frame (retained by this), after which the fault is to be handled again; or for a time. */
void paging_wait_frame(struct vm_proc *p, pfn_t pfn, va_t va, bool major);
void paging_wait_until(struct vm_proc *p, ns_t until);
/* What p has done since took so long: the time that it waits for does not run meanwhile. */
void paging_wait_longer(struct vm_proc *p, ns_t by);
/* For a frame, since all are on their way in for others: until one of those has its page. False: nobody waits for any. */
bool paging_wait_others(struct vm_proc *p);
/* For an answer to policy external's question, after which the access is made again. */
void paging_wait_victim(struct vm_proc *p);
/* It could go on, but others have their turn; until that is over, or until paging_next_turn(). */
void paging_preempt(struct vm_proc *p);
/* The processor is free: those who have work may go on at once. */
void paging_next_turn(struct vm_host *h);
void paging_wait_end(struct vm_proc *p);
/* Whether what it waits for has not come yet. */
bool paging_waits(const struct vm_proc *p);

#endif
