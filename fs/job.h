/*
 * job.h - commands that wait: what one keeps between its tries, and those that run without anybody waiting for them.
 *
 * A command that has to wait returns -EINPROGRESS; it is tried again, with the same line, after each change of the
 * world, until it returns something else. What it has to remember meanwhile is its job's state (call_keep() in command.h).
 */
#ifndef FS_JOB_H
#define FS_JOB_H

#include "tree.h"

struct job {
	void *state;
	void (*release)(void *state);
	bool tried;              /* it has begun: what it changed by that is known to readers */
};
/* The command has ended, or will not be tried again. */
void job_clear(struct job *j);

/* `PID COMMAND... &`. Those of one process run one after the other, those of several at once. */
struct jobs *jobs_new(void);
void jobs_free(struct jobs *jobs);
/* Begins `line` as written to `ctl` (a process's); its result and its error are found where those of that file are. */
void jobs_start(struct world *w, const struct node *ctl, const char *line);
/* Whether one that was started for that process has not ended. */
bool jobs_pending(const struct world *w, const struct node *ctl);
/* Whether any has not ended. */
bool jobs_any(const struct world *w);
/* Tries those that are first for their process. */
void jobs_try(struct world *w);

#endif
