/* reclaim_policy.c - the policy in charge, seen and changed. */
#include "reclaim_inner.h"

#include "page.h"

#include <inttypes.h>
#include <string.h>

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
	struct owner o = frame_owner(h, pfn);
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
			r->ops->each(set_at(r, k), collect_frame, frames);
	sets_clear(h);
	r->question = QUIET;
	r->ops = ops;
	r->by_process = wanted->by_process;
	memcpy(r->param, param, sizeof param);
	sets_init(h);
	h->fresh = PFN_NONE;
	for (unsigned i = 0; i < frames->len; i++) {
		uint32_t f = g_array_index(frames, uint32_t, i);

		frame_list(h, f, set_of_mm(h, r->by_process ? mm_of(h, f) : NULL), POLICY_NO_PAGE);
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
	struct owner o = frame_owner(h, f);
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
