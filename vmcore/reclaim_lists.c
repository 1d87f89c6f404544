/*
 * reclaim_lists.c - which frames the policy knows.
 *
 * With scope=process there is a struct policy a process (a set), all in the same arrays; set 0 has what belongs to none.
 */
#include "reclaim_inner.h"

#include "inode.h"
#include "page.h"

#include <inttypes.h>
#include <string.h>

/* Sets. */

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
uint32_t set_of_mm(struct vm_host *h, struct mm *mm)
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
void sets_clear(struct vm_host *h)
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

void sets_init(struct vm_host *h)
{
	struct reclaim *r = h->reclaim;

	watermarks_init(h);
	memset(r->soon, 0, sizeof r->soon);              /* RAM may be smaller now */
	g_ptr_array_add(r->sets, g_new(struct policy, 1));
	set_init(h, set_at(r, 0), NULL);
	if (h->dense)
		policy_dense(set_at(r, 0));
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
	reclaim_knows_nothing(h);
}

void reclaim_free(struct vm_host *h)
{
	if (!h->reclaim)
		return;
	g_ptr_array_free(h->reclaim->sets, TRUE);
	g_clear_pointer(&h->reclaim, g_free);
}

void reclaim_dense(struct vm_host *h)
{
	if (h->reclaim && h->reclaim->sets->len > 0)
		policy_dense(set_at(h->reclaim, 0));
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

void frame_list(struct vm_host *h, pfn_t pfn, uint32_t k, uint64_t page)
{
	struct reclaim *r = h->reclaim;
	struct policy *p = set_at(r, k);

	r->seen.pfn = PFN_NONE;                          /* a load may clear the used bit, too */
	if (r->by_process)
		r->set_of[pfn] = k;
	frame_of(h, pfn)->flags |= FRAME_LISTED;
	p->now = references(h);
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
	frame_list(h, pfn, set_of_mm(h, mm), page_of(h, pfn, mm));
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

		p->now = references(h);
		r->ops->forget(p, (uint32_t)pfn);
	}
	f->flags &= ~(FRAME_LISTED | FRAME_ASIDE);
	if (h->fresh == pfn)
		h->fresh = PFN_NONE;
}

void frame_put_aside(struct vm_host *h, pfn_t pfn)
{
	struct reclaim *r = h->reclaim;
	struct frame *f = frame_of(h, pfn);

	f->flags = (f->flags & ~FRAME_LISTED) | FRAME_ASIDE;
	ring_add(&r->aside, &r->aside.ring[0], (uint32_t)pfn);
}

/* Up to `n` of those aside come back. */
void frames_take_back(struct vm_host *h, unsigned n)
{
	struct reclaim *r = h->reclaim;

	for (; n > 0 && r->aside.ring[0].size > 0; n--) {
		pfn_t pfn = ring_pop(&r->aside, &r->aside.ring[0]);

		frame_of(h, pfn)->flags &= ~FRAME_ASIDE;
		frame_list(h, pfn, 0, POLICY_NO_PAGE);
	}
}

void collect_frame(void *to, const char *list, uint32_t f)
{
	g_array_append_val((GArray *)to, f);
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
	r->ops->each(set_at(r, k), collect_frame, left);
	for (unsigned i = 0; i < left->len; i++) {
		uint32_t f = g_array_index(left, uint32_t, i);

		r->ops->forget(set_at(r, k), f);
		frame_list(h, f, 0, POLICY_NO_PAGE);
	}
	if (r->asked == set_at(r, k))
		victim_not_needed(h);
	set_free(r, k);
	mm->policy_set = 0;
}

/* The recount. */

struct recount { struct vm_host *host; uint32_t set, found; uint8_t *seen; void (*wrong)(void *arg, const char *why); void *arg; };

G_GNUC_PRINTF(2, 3) static void say_wrong(const struct recount *c, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	g_vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	c->wrong(c->arg, why);
}

static void recount_frame(void *arg, const char *list, uint32_t f)
{
	struct recount *c = arg;
	const struct reclaim *r = c->host->reclaim;

	c->found++;
	if (!(frame_of(c->host, f)->flags & FRAME_LISTED))
		say_wrong(c, "frame 0x%x is in the policy's list \"%s\", but does not know it", f, list);
	else if (r->by_process && r->set_of[f] != c->set)
		say_wrong(c, "frame 0x%x is in the lists of set %u, but says %u", f, c->set, r->set_of[f]);
	if (f >= c->host->ceiling_used)
		say_wrong(c, "frame 0x%x is in the policy's list \"%s\", but was never used", f, list);
	else if (c->seen[f]++)
		say_wrong(c, "frame 0x%x is twice in the policy's lists", f);
}

void reclaim_check(struct vm_host *h, void (*wrong)(void *arg, const char *why), void *arg)
{
	const struct reclaim *r = h->reclaim;
	g_autofree uint8_t *seen = g_new0(uint8_t, h->ceiling_used);
	struct recount c = { .host = h, .seen = seen, .wrong = wrong, .arg = arg };
	uint64_t listed = 0, aside = 0, all = 0;

	for (c.set = 0; c.set < r->sets->len; c.set++) {
		const struct policy *p = set_at(r, c.set);

		if (!p)
			continue;
		c.found = 0;
		r->ops->each(p, recount_frame, &c);
		if (c.found != p->size)
			say_wrong(&c, "the policy's set %u: %u frames counted, %u found", c.set, p->size, c.found);
		all += c.found;
	}
	for (pfn_t pfn = 0; pfn < h->ceiling_used; pfn++) {
		listed += (frame_of(h, pfn)->flags & FRAME_LISTED) != 0;
		aside += (frame_of(h, pfn)->flags & FRAME_ASIDE) != 0;
		if (frame_known_wrongly(h, pfn))
			say_wrong(&c, "frame 0x%" PRIx64 ": the policy knows other bits than its entries have", pfn);
	}
	if (listed != all)
		say_wrong(&c, "%" PRIu64 " frames say that the policy knows them, it knows %" PRIu64, listed, all);
	if (aside != r->aside.ring[0].size)
		say_wrong(&c, "%" PRIu64 " frames say that they are put aside, %u are", aside, r->aside.ring[0].size);
}
