/*
 * swap_ahead.c - swap readahead: when a page is read from swap, those of the slots around it come along.
 *
 * As Linux's swap_cluster_readahead(): an aligned window of slots that the faulting one is in. Its pages come into the swap
 * cache and are mapped by nobody; whoever faults on one finds it there (a minor fault), and those that nobody comes for
 * go like any other page. The window is as large as it has paid of late: FRAME_AHEAD is on a page that nobody has come
 * for, and each that somebody does come for is a hit. Without any, only a fault beside the last one reads ahead.
 *
 * Frames come first, the faulting page's before all others, as they may cost evictions; then everything is read in the
 * order of slots. Until its turn comes a frame is FRAME_READING without a transfer, so that nothing chooses it.
 */
#include "page.h"

#include "paging.h"
#include "policy/policy.h"
#include "reclaim.h"

static const struct event_kind event_readahead = { "readahead", "va:x area:d slot:d first:d window:d hits:d pages:d" };

/* Linux's swapin_nr_pages(): how many slots to look at, the faulting one among them. */
static uint32_t next_window(const struct vm_host *h, uint32_t slot, uint32_t *hits)
{
	struct swap *s = h->swap;
	uint32_t most = (uint32_t)h->config.swap_readahead, pages = 4;

	*hits = s->ahead.hits;
	if (*hits == 0)
		pages = slot == s->ahead.slot + 1 || slot + 1 == s->ahead.slot ? 2 : 1;
	while (*hits > 0 && pages < *hits + 2)
		pages *= 2;
	pages = MIN(MAX(MIN(pages, most), s->ahead.last / 2), most);
	if (*hits == 0)
		s->ahead.slot = slot;
	s->ahead.hits = 0;
	s->ahead.last = pages;
	return pages;
}

void swap_ahead_hit(struct vm_host *h, pfn_t pfn)
{
	frame_of(h, pfn)->flags &= ~FRAME_AHEAD;
	h->stats.swap_ra_hits++;
	h->swap->ahead.hits += h->swap->ahead.hits < SWAP_AHEAD_MOST;
}

/* Room for one more, without what is kept for emergencies; an external policy is asked for nothing that nobody needs. */
static bool has_room(struct vm_host *h)
{
	uint64_t limit = h->config.user_frames;

	while (h->frames_free <= h->frames_kept || (limit && h->user_frames >= limit))
		if (reclaim_asks(h) || !reclaim_one(h, NULL))
			return false;
	return true;
}

static pfn_t frame_for(struct vm_host *h)
{
	uint64_t coming = h->coming;
	pfn_t pfn;

	h->coming = POLICY_NO_PAGE;                      /* it says nothing about whose page it will be */
	pfn = has_room(h) ? frame_alloc(h, VM_FRAME_ANON, false, true) : PFN_NONE;
	h->coming = coming;
	return pfn;
}

static bool is_away(const struct slot *l)
{
	return l->count > 0 && !l->frame;
}

/* The page has a frame in the swap cache, to be read into. */
static bool take_frame(struct vm_host *h, uint32_t slot, uint32_t flags)
{
	pfn_t pfn = frame_for(h);
	struct event *ev;
	va_t va;

	if (pfn == PFN_NONE)
		return false;
	frame_of(h, pfn)->flags |= FRAME_SWAPCACHE | FRAME_READING | flags;
	frame_of(h, pfn)->slot = slot;
	swap_set_cached(h->swap, slot, pfn);             /* our reference is its */
	h->stats.swap_ins++;
	ev = journal_add(h->journal, &event_swapin, h->options.serial, paging_for(h, &va));
	ev->value[0] = JOURNAL_NONE;
	ev->value[1] = pfn;
	ev->value[2] = swap_event_place(h->swap, slot);
	return true;
}

static unsigned take_frames(struct vm_host *h, const struct ahead *w, uint32_t own)
{
	uint64_t away[SWAP_AHEAD_MOST / 64] = { 0 };
	unsigned n = 0;

	/* Who is away now: not those whom our own frames drive out. */
	for (uint32_t at = w->at, i = 0; at < w->end; at++, i++)
		away[i / 64] |= (uint64_t)(at != own && is_away(&w->area->slot[at])) << i % 64;
	for (uint32_t at = w->at, i = 0; at < w->end; at++, i++) {
		if (!(away[i / 64] >> i % 64 & 1))
			continue;
		if (!take_frame(h, w->area->first + at, FRAME_AHEAD))
			break;
		n++;
	}
	return n;
}

static void note(struct vm_host *h, const struct ahead *w, uint32_t at, uint32_t window, uint32_t hits, unsigned pages)
{
	va_t va;
	int32_t pid = paging_for(h, &va);
	struct event *ev = journal_add(h->journal, &event_readahead, h->options.serial, pid);

	ev->value[0] = va;
	ev->value[1] = w->area->number;
	ev->value[2] = at;
	ev->value[3] = w->at;
	ev->value[4] = window;
	ev->value[5] = hits;
	ev->value[6] = pages;
	h->stats.swap_ra += pages;
}

struct ahead swap_ahead(struct vm_host *h, uint32_t slot)
{
	struct ahead w = { swap_area_of(h->swap, slot), 0, 0 };
	uint32_t at = slot - w.area->first, window, hits;
	unsigned pages;

	if (w.area->leaving || !h->config.swap_cache)
		return w;
	window = next_window(h, slot, &hits);
	w.at = at & -window;
	w.end = MIN(w.at + window, w.area->top);
	pages = window > 1 ? take_frames(h, &w, at) : 0;
	if (pages > 0)
		note(h, &w, at, window, hits, pages);
	else
		w.end = w.at;
	return w;
}

void swap_ahead_read(struct vm_host *h, struct ahead *w, uint32_t slot)
{
	for (; w->at < w->end && w->area->first + w->at < slot; w->at++) {
		uint32_t frame = w->area->slot[w->at].frame;

		if (frame && (frame_of(h, frame - 1)->flags & FRAME_AHEAD) && frame_of(h, frame - 1)->refs == 1 &&
		    (frame_of(h, frame - 1)->flags & FRAME_READING))
			paging_read_ahead(h, w->area->first + w->at, frame - 1);
	}
}

bool swap_ahead_one(struct vm_host *h, uint32_t slot)
{
	if (!h->config.swap_cache || !is_away(swap_slot(h->swap, slot)))
		return true;
	if (!take_frame(h, slot, 0))
		return false;
	paging_read_ahead(h, slot, swap_cached(h->swap, slot));
	return true;
}
