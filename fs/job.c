/* job.c - what commands that wait keep, and the commands that nobody waits for. */
#include "job.h"

#include "open.h"
#include "world.h"

#include <string.h>

struct background {
	GList link;
	struct node ctl;
	char *line;
	struct job job;
};

struct jobs { GQueue running; }; /* in order of lines */

void job_clear(struct job *j)
{
	struct job was = *j;

	*j = (struct job){ 0 };
	if (was.release)
		was.release(was.state);
}

static void background_free(struct background *b)
{
	job_clear(&b->job);
	g_free(b->line);
	g_free(b);
}

struct jobs *jobs_new(void)
{
	struct jobs *jobs = g_new0(struct jobs, 1);

	g_queue_init(&jobs->running);
	return jobs;
}

void jobs_free(struct jobs *jobs)
{
	struct background *b;

	if (!jobs)
		return;
	while (jobs->running.head) {
		b = jobs->running.head->data;
		g_queue_unlink(&jobs->running, &b->link);
		background_free(b);
	}
	g_free(jobs);
}

bool jobs_any(const struct world *w)
{
	return w->jobs->running.length > 0;
}

static bool same_process(const struct node *a, const struct node *b)
{
	return a->host == b->host && a->process == b->process;
}

bool jobs_pending(const struct world *w, const struct node *ctl)
{
	for (GList *l = w->jobs->running.head; l; l = l->next)
		if (same_process(&((struct background *)l->data)->ctl, ctl))
			return true;
	return false;
}

static bool is_first(const struct background *b)
{
	for (const GList *l = b->link.prev; l; l = l->prev)
		if (same_process(&((const struct background *)l->data)->ctl, &b->ctl))
			return false;
	return true;
}

/* False: it goes on waiting. */
static bool try_background(struct world *w, struct background *b)
{
	struct err e;

	if (!is_first(b) || node_store(&b->ctl, &b->job, b->line, strlen(b->line), 0, NULL, &e) == -EINPROGRESS)
		return false;
	g_queue_unlink(&w->jobs->running, &b->link);
	background_free(b);
	return true;
}

/* Processors are shared while there are such commands. */
static void share_processors(struct world *w)
{
	for (guint i = 0; i < w->hosts->len; i++)
		vm_host_share(((struct host *)w->hosts->pdata[i])->vm, jobs_any(w));
}

void jobs_start(struct world *w, const struct node *ctl, const char *line)
{
	struct background *b = g_new0(struct background, 1);

	b->ctl = *ctl;
	b->line = g_strdup(line);
	b->link.data = b;
	g_queue_push_tail_link(&w->jobs->running, &b->link);
	share_processors(w);
	try_background(w, b);
	share_processors(w);
}

void jobs_try(struct world *w)
{
	for (GList *l = w->jobs->running.head, *next; l; l = next) {
		next = l->next;
		if (try_background(w, l->data))
			share_processors(w);
	}
}
