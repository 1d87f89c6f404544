/*
 * reclaim.c - frames are taken from their pages.
 *
 * The policy names a victim, which is then out of its lists. Where the page cannot go, the frame is put aside; it comes
 * back to the policy as if just loaded: at once if the frame was only held for a moment, when slots are free again if there
 * was none. A frame that nobody but the policy knows cannot exist: whoever frees one takes it out (FRAME_LISTED, FRAME_ASIDE).
 */
#include "reclaim_inner.h"

#include "inode.h"
#include "page.h"
#include "paging.h"

#include <string.h>

enum { RETURNS = 4 /* frames put aside that come back at once */ };

static const struct event_kind event_evict = {
	"evict", "va:x pfn:x by:n policy:n scanned:c dirty:d slot:p tlb:d"
};

/* Something besides entries, the caches and the reclaim itself holds the frame: it is being used right now. */
static bool is_held(const struct vm_host *h, pfn_t pfn)
{
	const struct frame *f = frame_of(h, pfn);
	uint32_t caches = f->use == VM_FRAME_FILE || (f->flags & FRAME_SWAPCACHE);

	return f->refs > f->maps + caches;
}

static bool evict_file(struct vm_host *h, pfn_t pfn, uint32_t *slot)
{
	struct frame *f = frame_of(h, pfn);
	struct vm_inode *inode = f->inode;

	if (frame_evict(h, pfn, slot))
		return true;
	if (f->maps > 0 || (f->flags & FRAME_SHMEM) || !(f->flags & FRAME_DIRTY))
		return false;
	inode_write_page(inode, f->index);
	inode_drop_page(inode, f->index);
	h->stats.evictions_dirty++;
	return true;
}

static bool first_owner(void *arg, struct area *a, va_t va)
{
	struct owner *o = arg;
	vpn_t vpn = vpn_of(o->host, va);
	struct span s;
	uint64_t raw;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	raw = s.entry ? span_entry(o->host, &s, vpn, 0) : 0;
	if (raw == 0 || entry_kind(&o->host->geometry, raw) == ENTRY_SWAPPED ||
	    entry_number(&o->host->geometry, raw) != o->pfn)
		return true;
	o->pid = a->mm->owner->pid;
	o->va = va;
	return false;
}

struct owner frame_owner(struct vm_host *h, pfn_t pfn)
{
	struct owner o = { h, pfn, 0, JOURNAL_NONE };
	struct sole s;

	if (frame_sole(h, pfn, &s))
		return (struct owner){ h, pfn, s.mm->owner->pid, s.vpn << h->geometry.page_bits };
	if (frame_of(h, pfn)->maps > 0)
		rmap_walk(h, pfn, first_owner, &o);
	return o;
}

char *hex_digits(char *at, uint64_t v)
{
	unsigned digits = 1;

	while (digits < 16 && v >> 4 * digits)
		digits++;
	*at++ = '0';
	*at++ = 'x';
	while (digits-- > 0)
		*at++ = "0123456789abcdef"[v >> 4 * digits & 15];
	return at;
}

static char *decimal_digits(char *at, uint32_t v)
{
	char digits[10];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

/* What was looked at, if that is so little that the event needs no text for it. */
static bool candidate_of(const struct reclaim *r, pfn_t victim, uint64_t *out)
{
	const struct look *l = &r->looked[0];

	if (r->looks > 1 || (r->looks == 1 && l->value >> 30))
		return false;
	if (r->looks == 0)
		*out = event_candidate((uint32_t)victim, EVENT_NOTHING, 0);
	else
		*out = event_candidate(l->f, l->kind == LOOK_USED_DIRTY ? EVENT_BITS : EVENT_NUMBER, l->value);
	return true;
}

/* "0x5:1,0x6:0"; with ",..." when there were more than are kept. */
static char *looks_text(const struct reclaim *r)
{
	char text[LOOKED_MAX * 32 + 8], *at = text;

	for (unsigned i = 0; i < MIN(r->looks, LOOKED_MAX); i++) {
		const struct look *l = &r->looked[i];

		if (i > 0)
			*at++ = ',';
		at = hex_digits(at, l->f);
		*at++ = ':';
		if (l->kind == LOOK_NUMBER) {
			at = decimal_digits(at, l->value);
			continue;
		}
		if (l->kind == LOOK_USED_DIRTY)
			*at++ = l->value & 2 ? '1' : '0';
		*at++ = l->value & 1 ? '1' : '0';
	}
	if (r->looks > LOOKED_MAX) {
		memcpy(at, ",...", 4);
		at += 4;
	}
	*at = '\0';
	return g_memdup2(text, (gsize)(at - text) + 1);
}

static const char *asker_name(struct vm_host *h)
{
	int32_t pid = h->asker ? h->asker->owner->pid : 0;
	unsigned at = (unsigned)pid % ASKERS;

	if (pid == 0)
		return "kernel";
	if (h->reclaim->asker[at].pid != pid) {
		g_autofree char *name = g_strdup_printf("%" PRId32, pid);

		h->reclaim->asker[at].pid = pid;
		h->reclaim->asker[at].name = g_intern_string(name);
	}
	return h->reclaim->asker[at].name;
}

/* `cached`: entries of the TLB when this began. */
static bool evict(struct vm_host *h, pfn_t pfn, const char *by, const char *policy, bool later, uint64_t cached)
{
	struct reclaim *r = h->reclaim;
	struct owner o = r->seen.pfn == pfn ? (struct owner){ h, pfn, r->seen.pid, r->seen.va } : frame_owner(h, pfn);
	uint64_t written = h->stats.evictions_dirty;
	uint32_t slot = SWAP_NONE;
	struct event *ev;
	bool gone;

	r->seen.pfn = PFN_NONE;
	h->reclaim->busy = true;
	if (frame_of(h, pfn)->use == VM_FRAME_FILE)
		gone = evict_file(h, pfn, &slot);
	else
		gone = later ? frame_evict_later(h, pfn, &slot) : frame_evict(h, pfn, &slot);
	h->reclaim->busy = false;
	if (!gone)
		return false;
	ev = journal_add(h->journal, &event_evict, h->options.serial, o.pid);
	ev->value[0] = o.va;
	ev->value[1] = pfn;
	ev->value[2] = (uintptr_t)(by ? by : asker_name(h));
	ev->value[3] = (uintptr_t)policy;
	ev->value[5] = h->stats.evictions_dirty > written;
	ev->value[6] = slot == SWAP_NONE ? JOURNAL_NONE : swap_event_place(h->swap, slot);
	ev->value[7] = cached - tlb_valid(h);
	if (!candidate_of(r, pfn, &ev->value[4]))
		ev->text = looks_text(r);
	h->generation++;
	return true;
}

/* The set that gives up a page; NULL: none has any. */
static struct policy *set_to_ask(struct vm_host *h, bool fault)
{
	struct reclaim *r = h->reclaim;

	if (!r->by_process)
		return set_at(r, 0)->size > 0 ? set_at(r, 0) : NULL;
	if (fault && h->asker && h->asker->policy_set && set_at(r, h->asker->policy_set)->size > 0)
		return set_at(r, h->asker->policy_set);
	for (uint32_t n = r->sets->len; n > 0; n--) {
		struct policy *p = set_at(r, r->turn++ % r->sets->len);

		if (p && p->size > 0)
			return p;
	}
	return NULL;
}

bool reclaim_asks(const struct vm_host *h)
{
	return h->reclaim->ops->asks && paging_may_wait(h);
}

static pfn_t victim_of(struct vm_host *h, struct policy *p, const char *by)
{
	const struct policy_ops *ops = h->reclaim->ops;

	if (!by && reclaim_asks(h))
		return ask_for_victim(h, p);
	return ops->victim(p, by ? POLICY_NO_PAGE : h->coming);
}

static bool has_room_in_swap(struct vm_host *h, pfn_t pfn)
{
	const struct frame *f = frame_of(h, pfn);
	bool anon = f->use == VM_FRAME_ANON || ((f->flags & FRAME_SHMEM) && frame_dirty(h, pfn));

	return !anon || (f->flags & (FRAME_SWAPCACHE | FRAME_LAZYFREE)) || swap_slots_free(h->swap) > 0;
}

/* One try: 1 a page has gone, 0 the one chosen could not, -1 there is none. */
static int try_one(struct vm_host *h, const char *by, bool later)
{
	struct reclaim *r = h->reclaim;
	struct policy *p = set_to_ask(h, !by);
	uint64_t cached;
	pfn_t pfn;

	if (!p || r->holds == HELD_MAX)
		return -1;
	r->looks = 0;
	r->seen.pfn = PFN_NONE;
	p->now = references(h);
	cached = tlb_valid(h);
	pfn = victim_of(h, p, by);
	if (pfn == PFN_NONE)
		return -1;
	frame_soon(h, pfn);                              /* its bytes are written out or zeroed as soon as its entry is gone */
	if (is_held(h, pfn)) {
		frame_of(h, pfn)->flags &= ~FRAME_LISTED;
		r->held[r->holds++] = pfn;
		return 0;
	}
	frame_of(h, pfn)->flags &= ~FRAME_LISTED;
	if (has_room_in_swap(h, pfn) && evict(h, pfn, by, r->ops->name, later, cached))
		return 1;
	frame_put_aside(h, pfn);
	return 0;
}

static bool reclaim(struct vm_host *h, const char *by, bool later)
{
	struct reclaim *r = h->reclaim;
	int done = 0;

	if (r->busy)
		return false;
	if (r->aside.ring[0].size > 0 && swap_slots_free(h->swap) > 0)
		frames_take_back(h, RETURNS);
	while (done == 0)
		done = try_one(h, by, later);
	while (r->holds > 0)
		frame_list(h, r->held[--r->holds], 0, POLICY_NO_PAGE);
	return done > 0;
}

bool reclaim_one(struct vm_host *h, const char *by)
{
	return reclaim(h, by, false);
}

bool reclaim_this(struct vm_host *h, pfn_t pfn, const char *by)
{
	h->reclaim->looks = 0;
	h->reclaim->seen.pfn = PFN_NONE;
	return evict(h, pfn, by, "-", false, tlb_valid(h));
}

void reclaim_to_high(struct vm_host *h)
{
	const struct reclaim *r = h->reclaim;

	while (h->frames_free + paging_writes(h) < r->high && reclaim(h, "kswapd", true))
		;
}

int vm_reclaim(struct vm_host *h, uint64_t n, uint64_t *done, struct err *e)
{
	for (*done = 0; *done < n && reclaim_one(h, "ctl"); ++*done)
		;
	h->generation++;
	return 0;
}

/* Watermarks. */

/* Those set by hand; else, for a policy that has some, Linux's: from min_free_kbytes, 4 * sqrt(kB of RAM). */
void watermarks_init(struct vm_host *h)
{
	struct reclaim *r = h->reclaim;
	uint64_t kib = h->options.ram_bytes / KiB, least = 0;

	if (r->by_hand)
		return;
	while ((least + 1) * (least + 1) <= kib * 16)
		least++;
	least = (least * KiB) >> h->geometry.page_bits;
	r->low = r->ops->watermarks && h->frames_kept ? least * 5 / 4 : 0;
	r->high = r->low ? least * 3 / 2 : 0;
	h->watermark_low = r->low;
}

int vm_watermark_set(struct vm_host *h, uint64_t low, uint64_t high, struct err *e)
{
	struct reclaim *r = h->reclaim;

	if (high < low)
		return err_set(e, EINVAL, 1, "the high watermark %" PRIu64 " is below the low one %" PRIu64, high, low);
	if (high >= h->frame_count)
		return err_set(e, ERANGE, 1, "%" PRIu64 " frames cannot be free: RAM has %" PRIu64, high, h->frame_count);
	r->by_hand = high > 0;
	r->low = low;
	r->high = high;
	h->watermark_low = low;
	watermarks_init(h);
	low = r->low;
	h->generation++;
	if (h->frames_free < low)
		reclaim_to_high(h);
	return 0;
}

uint64_t vm_frames_kept(const struct vm_host *h)
{
	return h->frames_kept;
}

void vm_watermark(const struct vm_host *h, uint64_t *low, uint64_t *high)
{
	*low = h->reclaim->low;
	*high = h->reclaim->high;
}
