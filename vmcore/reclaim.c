/*
 * reclaim.c - frames are taken from their pages.
 *
 * The policy names a victim, which is then out of its lists. Where the page cannot go, the frame is put aside; it comes
 * back to the policy as if just loaded: at once if the frame was only held for a moment, when slots are free again if there
 * was none. A frame that nobody but the policy knows cannot exist: whoever frees one takes it out (FRAME_LISTED, FRAME_ASIDE).
 *
 * With scope=process there is a struct policy a process (a set), all in the same arrays; set 0 has what belongs to none.
 */
#include "reclaim.h"

#include "inode.h"
#include "page.h"
#include "paging.h"
#include "policy/live.h"

#include <string.h>

enum { LOOKED_MAX = 16, HELD_MAX = 8, RETURNS = 4 };

/* What the policy looked at: a number, or the U bit, perhaps with the M bit. */
struct look { uint32_t f, value; enum { LOOK_USED, LOOK_USED_DIRTY, LOOK_NUMBER } kind; };

struct reclaim {
	const struct policy_ops *ops;
	uint64_t param[VM_POLICY_PARAMS];
	bool     by_process;
	GPtrArray *sets;             /* struct policy *; NULL: an unused number */
	uint32_t *set_of;            /* by frame; only by_process */
	uint32_t turn;               /* by_process: the set that is asked next when nobody's fault asks */
	struct policy aside;         /* a queue */
	struct look looked[LOOKED_MAX];
	unsigned looks;              /* all, also those that found no room */
	pfn_t    held[HELD_MAX];
	unsigned holds;
	uint64_t low, high;          /* watermarks */
	bool     by_hand;
	/* The only entry of the frame that the policy looked at last; good for as long as it chooses. */
	struct { pfn_t pfn; uint8_t *entry; uint32_t asid; vpn_t vpn; } seen;
	enum { QUIET, ASKED, ANSWERED } question;  /* external */
	uint64_t questions;
	pfn_t    answer;             /* ANSWERED; PFN_NONE: given up */
	bool     busy;               /* evicting: what that allocates evicts nothing */
	int32_t  asker;              /* for `by`: a pid, and its name */
	const char *asker_name;
};

static const struct event_kind event_evict = {
	"evict", "va:x pfn:x by:n policy:n scanned:s dirty:d slot:d tlb:d"
};

/* Sets. */

static struct policy *set_at(const struct reclaim *r, uint32_t k)
{
	return g_ptr_array_index(r->sets, k);
}

static struct policy *set_of(const struct reclaim *r, pfn_t pfn)
{
	return set_at(r, r->by_process ? r->set_of[pfn] : 0);
}

static void set_init(struct vm_host *h, struct policy *p, const struct policy *like)
{
	struct reclaim *r = h->reclaim;
	unsigned needs = r->ops->needs;
	uint64_t seed = (needs & POLICY_SEED) && r->param[0] ? r->param[0] : h->options.seed;

	if (like)
		policy_share(p, needs, like, seed);
	else
		policy_init(p, needs, (uint32_t)h->frame_count, seed);
	p->machine = h;
	memcpy(p->param, r->param, sizeof p->param);
}

/* The set of a process; made when first needed. */
static uint32_t set_of_mm(struct vm_host *h, struct mm *mm)
{
	struct reclaim *r = h->reclaim;
	uint32_t k = 1;

	if (!r->by_process || !mm)
		return 0;
	if (mm->policy_set)
		return mm->policy_set;
	while (k < r->sets->len && set_at(r, k))
		k++;
	if (k == r->sets->len)
		g_ptr_array_add(r->sets, NULL);
	r->sets->pdata[k] = g_new(struct policy, 1);
	set_init(h, set_at(r, k), set_at(r, 0));
	mm->policy_set = k;
	return k;
}

static void set_free(struct reclaim *r, uint32_t k)
{
	if (!set_at(r, k))
		return;
	policy_clear(set_at(r, k));
	g_free(set_at(r, k));
	r->sets->pdata[k] = NULL;
}

/* Every set and array goes; frames stay listed. */
static void sets_clear(struct vm_host *h)
{
	struct reclaim *r = h->reclaim;

	for (uint32_t k = r->sets->len; k-- > 0;)
		set_free(r, k);
	g_ptr_array_set_size(r->sets, 0);
	g_clear_pointer(&r->set_of, g_free);
	for (struct vm_proc *p = vm_proc_above(h, 0); p; p = vm_proc_above(h, p->pid))
		if (p->mm)
			p->mm->policy_set = 0;
}

/* Those set by hand; else, for a policy that has some, Linux's: from min_free_kbytes, 4 * sqrt(kB of RAM). */
static void watermarks_init(struct vm_host *h)
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

static void sets_init(struct vm_host *h)
{
	struct reclaim *r = h->reclaim;

	watermarks_init(h);

	g_ptr_array_add(r->sets, g_new(struct policy, 1));
	set_init(h, set_at(r, 0), NULL);
	if (r->by_process)
		r->set_of = g_new0(uint32_t, h->frame_count);
	h->watch_hits = (r->ops->needs & POLICY_HITS) ||
			((r->ops->needs & POLICY_BITS) && !h->mmu.format.accessed);
	h->watch = h->watch_hits || h->config.trace_access;
}

void reclaim_init(struct vm_host *h)
{
	if (!h->reclaim) {
		h->reclaim = g_new0(struct reclaim, 1);
		h->reclaim->ops = policy_default;
		h->reclaim->sets = g_ptr_array_new();
	}
	policy_init(&h->reclaim->aside, POLICY_LINKS, (uint32_t)h->frame_count, 0);
	h->fresh = PFN_NONE;
	h->asker = NULL;
	h->coming = POLICY_NO_PAGE;
	sets_init(h);
}

void reclaim_clear(struct vm_host *h)
{
	if (!h->reclaim || h->reclaim->sets->len == 0)
		return;
	sets_clear(h);
	policy_clear(&h->reclaim->aside);
}

void reclaim_free(struct vm_host *h)
{
	if (!h->reclaim)
		return;
	g_ptr_array_free(h->reclaim->sets, TRUE);
	g_clear_pointer(&h->reclaim, g_free);
}

/* Frames come and go. */

uint64_t reclaim_page_of(const struct mm *mm, vpn_t vpn)
{
	return mm->table.asid * 0x9e3779b97f4a7c15u ^ vpn;
}

uint64_t reclaim_page_of_file(const struct vm_inode *i, uint64_t index)
{
	return i->number * 0xd1342543de82ef95u ^ index ^ (uint64_t)1 << 63;
}

static void list(struct vm_host *h, pfn_t pfn, uint32_t k, uint64_t page)
{
	struct reclaim *r = h->reclaim;
	struct policy *p = set_at(r, k);

	r->seen.pfn = PFN_NONE;                          /* a load may clear the used bit, too */
	if (r->by_process)
		r->set_of[pfn] = k;
	frame_of(h, pfn)->flags |= FRAME_LISTED;
	p->now = h->stats.accesses;
	r->ops->load(p, (uint32_t)pfn, page);
}

static uint64_t page_of(struct vm_host *h, pfn_t pfn, const struct mm *mm)
{
	const struct frame *f = frame_of(h, pfn);

	if (f->use == VM_FRAME_FILE)
		return reclaim_page_of_file(f->inode, f->index);
	return mm ? h->coming : POLICY_NO_PAGE;
}

void reclaim_add(struct vm_host *h, pfn_t pfn, struct mm *mm)
{
	list(h, pfn, set_of_mm(h, mm), page_of(h, pfn, mm));
	h->fresh = pfn;
}

void reclaim_remove(struct vm_host *h, pfn_t pfn)
{
	struct reclaim *r = h->reclaim;
	struct frame *f = frame_of(h, pfn);

	if (f->flags & FRAME_ASIDE) {
		ring_remove(&r->aside, &r->aside.ring[0], (uint32_t)pfn);
	} else {
		struct policy *p = set_of(r, pfn);

		p->now = h->stats.accesses;
		r->ops->forget(p, (uint32_t)pfn);
	}
	f->flags &= ~(FRAME_LISTED | FRAME_ASIDE);
	if (h->fresh == pfn)
		h->fresh = PFN_NONE;
}

static void put_aside(struct vm_host *h, pfn_t pfn)
{
	struct reclaim *r = h->reclaim;
	struct frame *f = frame_of(h, pfn);

	f->flags = (f->flags & ~FRAME_LISTED) | FRAME_ASIDE;
	ring_add(&r->aside, &r->aside.ring[0], (uint32_t)pfn);
}

/* Up to `n` of those aside come back. */
static void take_back(struct vm_host *h, unsigned n)
{
	struct reclaim *r = h->reclaim;

	for (; n > 0 && r->aside.ring[0].size > 0; n--) {
		pfn_t pfn = ring_pop(&r->aside, &r->aside.ring[0]);

		frame_of(h, pfn)->flags &= ~FRAME_ASIDE;
		list(h, pfn, 0, POLICY_NO_PAGE);
	}
}

struct to_common { struct vm_host *host; GArray *frames; };

static void collect(void *arg, const char *list, uint32_t f)
{
	g_array_append_val((GArray *)arg, f);
}

void reclaim_mm_gone(struct vm_host *h, struct mm *mm)
{
	struct reclaim *r = h->reclaim;
	g_autoptr(GArray) left = NULL;
	uint32_t k = mm->policy_set;

	if (h->asker == mm)
		h->asker = NULL;
	if (!k)
		return;
	left = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	r->ops->each(set_at(r, k), collect, left);
	for (unsigned i = 0; i < left->len; i++) {
		uint32_t f = g_array_index(left, uint32_t, i);

		r->ops->forget(set_at(r, k), f);
		list(h, f, 0, POLICY_NO_PAGE);
	}
	set_free(r, k);
	mm->policy_set = 0;
}

/* The machine's bits. */

struct bits { struct vm_host *host; pfn_t pfn; unsigned flags; bool clear, gone; };

/* Clears the A bit as hardware sets it: in RAM, without a thought for who shares the table. */
static void clear_accessed(struct vm_host *h, struct area *a, va_t va, struct span *s)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t raw = entry_raw(h, s, 0);

	if (!(raw & f->accessed))
		return;
	pte_store(f, s->entry, raw & ~f->accessed);
	tlb_flush_page(h, a->mm->table.asid, vpn_of(h, va));
}

static bool look_at_entry(void *arg, struct area *a, va_t va)
{
	struct bits *b = arg;
	struct vm_host *h = b->host;
	vpn_t vpn = vpn_of(h, va);
	struct span s;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	if (!s.entry || entry_kind(&h->geometry, entry_raw(h, &s, 0)) != ENTRY_PRESENT ||
	    entry_number(&h->geometry, span_entry(h, &s, vpn, 0)) != b->pfn)
		return true;
	b->flags |= entry_flags(&h->geometry, entry_raw(h, &s, 0));
	if (frame_of(h, b->pfn)->maps == 1 && s.sharers == 1 && !s.huge) {
		h->reclaim->seen.pfn = b->pfn;
		h->reclaim->seen.entry = s.entry;
		h->reclaim->seen.asid = a->mm->table.asid;
		h->reclaim->seen.vpn = vpn;
	}
	if (b->clear && h->mmu.format.accessed)
		clear_accessed(h, a, va, &s);
	return true;
}

/* VM_PTE_* of all entries together. */
static unsigned entries_of(struct vm_host *h, pfn_t pfn, bool clear)
{
	struct bits b = { h, pfn, 0, clear, false };

	if (frame_of(h, pfn)->maps > 0)
		rmap_walk(h, pfn, look_at_entry, &b);
	return b.flags;
}

bool frame_used(struct vm_host *h, pfn_t pfn)
{
	return (frame_of(h, pfn)->flags & FRAME_REFERENCED) || (entries_of(h, pfn, false) & VM_PTE_ACCESSED);
}

void frame_unuse(struct vm_host *h, pfn_t pfn)
{
	frame_of(h, pfn)->flags &= ~FRAME_REFERENCED;
	entries_of(h, pfn, true);
}

bool frame_dirty(struct vm_host *h, pfn_t pfn)
{
	return (frame_of(h, pfn)->flags & FRAME_DIRTY) || flags_dirty(&h->geometry, entries_of(h, pfn, false));
}

static void note_look(struct reclaim *r, uint32_t f, uint32_t value, unsigned kind)
{
	if (r->looks < LOOKED_MAX)
		r->looked[r->looks] = (struct look) { f, value, kind };
	r->looks++;
}

bool machine_used(struct policy *p, uint32_t f)
{
	struct vm_host *h = p->machine;
	bool used = frame_used(h, f);

	note_look(h->reclaim, f, used, LOOK_USED);
	return used;
}

void machine_unuse(struct policy *p, uint32_t f)
{
	struct vm_host *h = p->machine;
	const struct mmu_format *format = &h->mmu.format;
	struct reclaim *r = h->reclaim;

	if (r->seen.pfn != f || !format->accessed) {
		frame_unuse(h, f);
		return;
	}
	frame_of(h, f)->flags &= ~FRAME_REFERENCED;
	pte_store(format, r->seen.entry, pte_load(format, r->seen.entry) & ~format->accessed);
	tlb_flush_page(h, r->seen.asid, r->seen.vpn);
}

bool machine_dirty(struct policy *p, uint32_t f)
{
	struct vm_host *h = p->machine;
	struct reclaim *r = h->reclaim;
	struct look *last = r->looks > 0 && r->looks <= LOOKED_MAX ? &r->looked[r->looks - 1] : NULL;
	bool dirty = frame_dirty(h, f);

	if (last && last->f == f && last->kind == LOOK_USED)
		*last = (struct look) { f, last->value << 1 | dirty, LOOK_USED_DIRTY };
	return dirty;
}

bool machine_is_file(struct policy *p, uint32_t f)
{
	const struct frame *frame = frame_of(p->machine, f);

	return frame->use == VM_FRAME_FILE && !(frame->flags & FRAME_SHMEM);
}

void machine_looked(struct policy *p, uint32_t f, uint32_t value)
{
	struct vm_host *h = p->machine;

	note_look(h->reclaim, f, value, LOOK_NUMBER);
}

void reclaim_settle(struct vm_host *h, pfn_t pfn)
{
	if (h->reclaim->ops->needs & POLICY_FRESH_UNUSED)
		frame_unuse(h, pfn);
	h->fresh = PFN_NONE;
}

void reclaim_hit(struct vm_host *h, pfn_t pfn)
{
	struct reclaim *r = h->reclaim;
	struct frame *f = frame_of(h, pfn);

	if (!(f->flags & FRAME_LISTED))
		return;
	if (!h->mmu.format.accessed)                     /* what the format has no bit for, the OS keeps */
		f->flags |= FRAME_REFERENCED;
	if (r->ops->needs & POLICY_HITS) {
		set_of(r, pfn)->now = h->stats.accesses;
		r->ops->hit(set_of(r, pfn), (uint32_t)pfn);
	}
}

void reclaim_read(struct vm_host *h, pfn_t pfn)
{
	frame_of(h, pfn)->flags |= FRAME_REFERENCED;
	if (h->watch_hits)
		reclaim_hit(h, pfn);
}

/* Victims. */

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

/* Who has the page, for the event: the first mapper that is found. */
struct owner { struct vm_host *host; pfn_t pfn; int32_t pid; va_t va; };

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

static struct owner owner_of(struct vm_host *h, pfn_t pfn)
{
	struct owner o = { h, pfn, 0, JOURNAL_NONE };

	if (frame_of(h, pfn)->maps > 0)
		rmap_walk(h, pfn, first_owner, &o);
	return o;
}

static char *put_hex(char *at, uint64_t v)
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

/* "0x5:1,0x6:0"; with ",..." when there were more than are kept. */
static char *looks_text(const struct reclaim *r, pfn_t victim)
{
	char text[LOOKED_MAX * 24 + 8], *at = text;

	if (r->looks == 0) {
		at = put_hex(at, victim);
		*at++ = ':';
		*at++ = '-';
	}
	for (unsigned i = 0; i < MIN(r->looks, LOOKED_MAX); i++) {
		const struct look *l = &r->looked[i];

		if (i > 0)
			*at++ = ',';
		at = put_hex(at, l->f);
		*at++ = ':';
		if (l->kind == LOOK_NUMBER) {
			at += g_snprintf(at, 12, "%u", l->value);
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
	return g_strndup(text, (gsize)(at - text));
}

static const char *asker_name(struct vm_host *h)
{
	struct reclaim *r = h->reclaim;

	if (!h->asker)
		return "kernel";
	if (h->asker->owner->pid != r->asker || !r->asker_name) {
		g_autofree char *name = g_strdup_printf("%" PRId32, h->asker->owner->pid);

		r->asker = h->asker->owner->pid;
		r->asker_name = g_intern_string(name);
	}
	return r->asker_name;
}

/* `cached`: entries of the TLB when this began. */
static bool evict(struct vm_host *h, pfn_t pfn, const char *by, const char *policy, bool later, uint64_t cached)
{
	struct owner o = owner_of(h, pfn);
	uint64_t written = h->stats.evictions_dirty;
	uint32_t slot = SWAP_NONE;
	struct event *ev;
	bool gone;

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
	ev->value[4] = h->stats.evictions_dirty > written;
	ev->value[5] = slot == SWAP_NONE ? JOURNAL_NONE : slot;
	ev->value[6] = cached - tlb_valid(h);
	ev->text = looks_text(h->reclaim, pfn);
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

static const struct event_kind event_victim = { "victim", "question:d answer:s" };

/* Policy external, and somebody may wait for it: PFN_NONE: not answered yet. */
static pfn_t ask_for_victim(struct vm_host *h, struct policy *p)
{
	struct reclaim *r = h->reclaim;
	pfn_t pfn = r->answer;

	if (r->question == ANSWERED) {
		r->question = QUIET;
		if (pfn == PFN_NONE)
			return r->ops->victim(p, h->coming);
		if (frame_of(h, pfn)->flags & FRAME_LISTED) {
			r->ops->forget(set_of(r, pfn), (uint32_t)pfn);
			return pfn;
		}
	}
	if (r->question == QUIET) {
		r->question = ASKED;
		r->questions++;
		h->generation++;
	}
	return PFN_NONE;
}

static pfn_t victim_of(struct vm_host *h, struct policy *p, const char *by)
{
	const struct policy_ops *ops = h->reclaim->ops;

	if (ops->asks && !by && paging_may_wait(h))
		return ask_for_victim(h, p);
	return ops->victim(p, by ? POLICY_NO_PAGE : h->coming);
}

bool vm_victim_wanted(const struct vm_host *h)
{
	return h->reclaim->question == ASKED;
}

uint64_t vm_victim_number(const struct vm_host *h)
{
	return h->reclaim->questions;
}

struct candidates { void (*each)(void *arg, pfn_t pfn); void *arg; };

static void tell_candidate(void *arg, const char *list, uint32_t f)
{
	const struct candidates *c = arg;

	c->each(c->arg, f);
}

void vm_victim_candidates(const struct vm_host *h, void (*each)(void *arg, pfn_t pfn), void *arg)
{
	const struct reclaim *r = h->reclaim;
	struct candidates c = { each, arg };

	for (uint32_t k = 0; k < r->sets->len; k++)
		if (set_at(r, k))
			r->ops->each(set_at(r, k), tell_candidate, &c);
}

static void answered(struct vm_host *h, pfn_t pfn, const char *how)
{
	struct reclaim *r = h->reclaim;
	struct event *ev = journal_add(h->journal, &event_victim, h->options.serial, 0);

	ev->value[0] = r->questions;
	ev->text = g_strdup(how);
	r->question = ANSWERED;
	r->answer = pfn;
	h->generation++;
}

int vm_victim_answer(struct vm_host *h, pfn_t pfn, struct err *e)
{
	char text[24];

	if (h->reclaim->question != ASKED)
		return err_set(e, EINVAL, -1, "no eviction waits for an answer");
	if (pfn >= h->frame_count || !(frame_of(h, pfn)->flags & FRAME_LISTED))
		return err_set(e, EINVAL, -1, "frame 0x%" PRIx64 " is no candidate", pfn);
	*put_hex(text, pfn) = '\0';
	answered(h, pfn, text);
	return 0;
}

void vm_victim_give_up(struct vm_host *h)
{
	if (h->reclaim->question == ASKED)
		answered(h, PFN_NONE, "fifo,timeout");
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
	p->now = h->stats.accesses;
	cached = tlb_valid(h);
	pfn = victim_of(h, p, by);
	r->seen.pfn = PFN_NONE;
	if (pfn == PFN_NONE)
		return -1;
	if (is_held(h, pfn)) {
		frame_of(h, pfn)->flags &= ~FRAME_LISTED;
		r->held[r->holds++] = pfn;
		return 0;
	}
	frame_of(h, pfn)->flags &= ~FRAME_LISTED;
	if (has_room_in_swap(h, pfn) && evict(h, pfn, by, r->ops->name, later, cached))
		return 1;
	put_aside(h, pfn);
	return 0;
}

static bool reclaim(struct vm_host *h, const char *by, bool later)
{
	struct reclaim *r = h->reclaim;
	int done = 0;

	if (r->busy)
		return false;
	if (r->aside.ring[0].size > 0 && swap_slots_free(h->swap) > 0)
		take_back(h, RETURNS);
	while (done == 0)
		done = try_one(h, by, later);
	while (r->holds > 0)
		list(h, r->held[--r->holds], 0, POLICY_NO_PAGE);
	return done > 0;
}

bool reclaim_one(struct vm_host *h, const char *by)
{
	return reclaim(h, by, false);
}

bool reclaim_this(struct vm_host *h, pfn_t pfn, const char *by)
{
	h->reclaim->looks = 0;
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

void vm_watermark(const struct vm_host *h, uint64_t *low, uint64_t *high)
{
	*low = h->reclaim->low;
	*high = h->reclaim->high;
}

/* The policy, seen and changed. */

const char *vm_policy_name(unsigned n)
{
	return policies[n].name;
}

void vm_policy(const struct vm_host *h, struct vm_policy *out)
{
	const struct reclaim *r = h->reclaim;

	*out = (struct vm_policy) { .name = r->ops->name, .by_process = r->by_process };
	for (const struct policy_param *row = r->ops->params; row && row->name; row++, out->params++)
		out->param[out->params] = (struct vm_policy_param) { row->name, r->param[out->params] };
}

static int params_of(const struct policy_ops *ops, const struct vm_policy *wanted, uint64_t *param, struct err *e)
{
	const struct policy_param *rows = ops->params;
	unsigned n = 0;

	for (; rows && rows[n].name; n++)
		param[n] = rows[n].normal;
	for (unsigned i = 0; i < wanted->params; i++) {
		unsigned k = 0;

		while (k < n && strcmp(rows[k].name, wanted->param[i].name) != 0)
			k++;
		if (k == n)
			return err_set(e, EINVAL, (int)i, "policy %s has no parameter %.40s", ops->name, wanted->param[i].name);
		if (wanted->param[i].value < rows[k].least || wanted->param[i].value > rows[k].most)
			return err_set(e, ERANGE, (int)i, "%s is from %" PRIu64 " to %" PRIu64, rows[k].name, rows[k].least,
				       rows[k].most);
		param[k] = wanted->param[i].value;
	}
	return 0;
}

/* Whose frame it is, for the sets of a new scope: the first that maps it. */
static struct mm *mm_of(struct vm_host *h, pfn_t pfn)
{
	struct owner o = owner_of(h, pfn);
	struct vm_proc *p = o.pid ? vm_proc_at(h, o.pid) : NULL;

	return p ? p->mm : NULL;
}

int vm_policy_set(struct vm_host *h, const struct vm_policy *wanted, struct err *e)
{
	const struct policy_ops *ops = policy_named(wanted->name);
	g_autoptr(GArray) frames = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct reclaim *r = h->reclaim;
	uint64_t param[VM_POLICY_PARAMS] = { 0 };
	int error;

	if (!ops)
		return err_set(e, EINVAL, -1, "there is no policy %.40s", wanted->name);
	if (ops->refused)
		return err_set(e, EINVAL, -1, "%s", ops->refused);
	error = params_of(ops, wanted, param, e);
	if (error)
		return error;

	for (uint32_t k = 0; k < r->sets->len; k++)
		if (set_at(r, k))
			r->ops->each(set_at(r, k), collect, frames);
	sets_clear(h);
	r->question = QUIET;
	r->ops = ops;
	r->by_process = wanted->by_process;
	memcpy(r->param, param, sizeof param);
	sets_init(h);
	h->fresh = PFN_NONE;
	for (unsigned i = 0; i < frames->len; i++) {
		uint32_t f = g_array_index(frames, uint32_t, i);

		list(h, f, set_of_mm(h, r->by_process ? mm_of(h, f) : NULL), POLICY_NO_PAGE);
	}
	h->generation++;
	return 0;
}

struct showing {
	struct vm_host *host;
	const struct policy *p;
	void (*each)(void *arg, const struct vm_candidate *c);
	void *arg;
};

static void show(void *arg, const char *list, uint32_t f)
{
	struct showing *s = arg;
	struct vm_host *h = s->host;
	const struct policy_ops *ops = h->reclaim->ops;
	struct owner o = owner_of(h, f);
	struct vm_candidate c = { .pfn = f, .list = list, .used = frame_used(h, f), .dirty = frame_dirty(h, f),
				  .pid = o.pid, .va = o.va, .counted = ops->count };

	c.hand = (ops->needs & POLICY_HAND) && f == (s->p->hand != POLICY_NONE ? s->p->hand : s->p->ring[0].first);
	c.count = ops->count ? ops->count(s->p, f) : 0;
	s->each(s->arg, &c);
}

void vm_policy_each(const struct vm_host *h, void (*each)(void *arg, const struct vm_candidate *c), void *arg)
{
	const struct reclaim *r = h->reclaim;

	for (uint32_t k = 0; k < r->sets->len; k++) {
		struct showing s = { (struct vm_host *)h, set_at(r, k), each, arg };

		if (s.p)
			r->ops->each(s.p, show, &s);
	}
}
