/* enter.h - a real program run where a simulated host's proc/ is /proc. */
#ifndef FS_ENTER_H
#define FS_ENTER_H

#include "err.h"

#include <sys/types.h>

/*
 * Runs `command` (NULL-terminated) with the proc/ of `host` (NULL: host0) of the mount at `dir` over /proc, in namespaces of its own, and waits
 * for it. Its exit status; 1 when it could not be started there (said on stderr), 126 or 127 when it cannot be executed; ends by the signal
 * that ended it.
 */
int enter(const char *dir, const char *host, char **command);

/* enter_calls.c: system calls that name a process, made inside, and answered by the simulated host where it has that process. */

/* From now on such calls of this process and its children wait for the answer. The descriptor to read them from, or -1. */
int calls_catch(void);
struct calls {
	const char *proc;     /* the host's proc/ */
	dev_t device;         /* of the mount */
	pid_t inside;         /* a process inside, as we number it */
	int caught;           /* from calls_catch(); -1: none */
};
/* Answers one. */
void calls_answer(const struct calls *c);

#endif
