/*
 * oom.c - who has to go when memory and swap are full.
 *
 * Badness is what would become free: pages in RAM, in swap and of page tables, plus oom_score_adj in thousandths of
 * all memory. The largest goes; of equals, the one that came last.
 */
#include "oom.h"

#include "page.h"

enum { SIGNAL_KILL = 9, ADJ_LEAST = -1000, ADJ_MOST = 1000 };

static const struct event_kind event_oom = { "oom_kill", "asked:d badness:d rss:d swapped:d tables:d of:d adj:i name:s" };

static uint64_t total_pages(const struct vm_host *h)
{
	return h->frame_count + swap_slots(h->swap);
}

static uint64_t rss(const struct mm *mm)
{
	return mm->rss_anon + mm->rss_file + mm->rss_shmem;
}

/* Table frames beyond the root's, which Linux does not count either. */
static uint64_t points(const struct mm *mm)
{
	return rss(mm) + mm->swapped + mm->table.pages;
}

/* In whole pages a thousandth, as oom_badness() has it; but in a machine of fewer than 1000 the setting would do nothing. */
static int64_t badness(const struct vm_proc *p)
{
	int64_t total = (int64_t)total_pages(p->host), adj = p->oom_score_adj;

	return (int64_t)points(p->mm) + (total < 1000 ? adj * total / 1000 : adj * (total / 1000));
}

static bool may_be_killed(const struct vm_proc *p)
{
	return p->mm && p != p->host->init && p->oom_score_adj != ADJ_LEAST;
}

struct vm_proc *oom_victim(struct vm_host *h)
{
	struct vm_proc *chosen = NULL;

	if (!h->options.live || !h->config.oom_kill)
		return NULL;
	for (struct vm_proc *p = vm_proc_above(h, 0); p; p = vm_proc_above(h, p->pid)) {
		if (!may_be_killed(p))
			continue;
		if (!chosen || badness(p) > badness(chosen) || (badness(p) == badness(chosen) && p->serial > chosen->serial))
			chosen = p;
	}
	return chosen;
}

void oom_kill(struct vm_proc *victim, int32_t asked)
{
	struct vm_host *h = victim->host;
	struct event *ev = journal_add(h->journal, &event_oom, h->options.serial, victim->pid);

	ev->value[0] = (uint64_t)asked;
	ev->value[1] = (uint64_t)MAX(badness(victim), 0);
	ev->value[2] = rss(victim->mm);
	ev->value[3] = victim->mm->swapped;
	ev->value[4] = victim->mm->table.pages;
	ev->value[5] = total_pages(h);
	ev->value[6] = (uint64_t)(int64_t)victim->oom_score_adj;
	ev->text = g_strdup(victim->comm);
	h->stats.oom_kills++;
	proc_end(victim, SIGNAL_KILL);
}

/* proc_oom_score(). */
int vm_oom_score(const struct vm_proc *p)
{
	int64_t score;

	if (!may_be_killed(p))
		return 0;
	score = (1000 + badness(p) * 1000 / (int64_t)total_pages(p->host)) * 2 / 3;
	return (int)MAX(score, 0);
}

int vm_oom_score_adj(const struct vm_proc *p)
{
	return p->oom_score_adj;
}

int vm_set_oom_score_adj(struct vm_proc *p, int64_t adj, struct err *e)
{
	if (adj < ADJ_LEAST || adj > ADJ_MOST)
		return err_set(e, EINVAL, 0, "%" PRId64 " is not within %d to %d", adj, ADJ_LEAST, ADJ_MOST);
	p->oom_score_adj = (int16_t)adj;
	proc_changed(p);
	return 0;
}
