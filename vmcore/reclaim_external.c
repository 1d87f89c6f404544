/* reclaim_external.c - policy external: another program chooses the victim. */
#include "reclaim_inner.h"

#include "mm.h"

#include <inttypes.h>

static const struct event_kind event_victim = { "victim", "question:d answer:s" };

/* With scope=process an answer is for the one who asked; who has no page of its own takes any. */
static bool is_for(const struct vm_host *h, const struct policy *p)
{
	const struct reclaim *r = h->reclaim;
	uint32_t own = h->asker ? h->asker->policy_set : 0;

	return p == r->asked || !own || p != set_at(r, own);
}

pfn_t ask_for_victim(struct vm_host *h, struct policy *p)
{
	struct reclaim *r = h->reclaim;
	pfn_t pfn = r->answer;
	bool answered = r->question == ANSWERED;

	if (answered)
		r->question = QUIET;
	if (answered && is_for(h, p)) {
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
		r->asked = p;
		h->generation++;
	}
	r->free_then = h->frames_free;
	r->user_then = h->user_frames;
	return PFN_NONE;
}

bool victim_may_be_spared(const struct vm_host *h)
{
	return h->frames_free > h->reclaim->free_then || h->user_frames < h->reclaim->user_then;
}

void victim_not_needed(struct vm_host *h)
{
	if (h->reclaim->question == ASKED)
		h->reclaim->question = QUIET;
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

	if (r->question == ASKED)
		r->ops->each(r->asked, tell_candidate, &c);
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
	if (pfn >= h->frame_count || !(frame_of(h, pfn)->flags & FRAME_LISTED) || set_of(h->reclaim, pfn) != h->reclaim->asked)
		return err_set(e, EINVAL, -1, "frame 0x%" PRIx64 " is no candidate", pfn);
	*hex_digits(text, pfn) = '\0';
	answered(h, pfn, text);
	return 0;
}

void vm_victim_give_up(struct vm_host *h)
{
	if (h->reclaim->question == ASKED)
		answered(h, PFN_NONE, "fifo,timeout");
}
