/* replay_signals.c - how `vitrine replay` and `vitrine convert` are interrupted. */
#include "replay.h"
#include "say.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { SIGNALLED = 128 /* and the signal's number: the exit status, as a shell has it */, PATIENCE = 2 };

static volatile sig_atomic_t stop;
static char unfinished[PATH_MAX];   /* changed while no signal comes */

static void leave(int status)
{
	if (*unfinished)
		unlink(unfinished);
	_exit(status);
}

/* timeout(1) sends its signal twice; who asks a third time does not want to wait for the table. */
static void on_signal(int sig)
{
	static volatile sig_atomic_t asked;

	stop = sig;
	if (++asked > PATIENCE)
		leave(SIGNALLED + sig);
}

/* A mapped trace that gets shorter is no longer there to be read. */
static void on_bus(int sig)
{
	static const char text[] = "vitrine: a trace got shorter while it was read\n";
	ssize_t n = write(2, text, sizeof(text) - 1);

	leave(n < 0 ? FAILED : FAILED);
}

const volatile sig_atomic_t *replay_catch_signals(bool whole)
{
	struct sigaction on_stop = { .sa_handler = on_signal, .sa_flags = whole ? SA_RESTART : 0 }, on_lost = { .sa_handler = on_bus };

	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGBUS, &on_lost, NULL);
	return &stop;
}

int replay_signalled(void)
{
	return SIGNALLED + stop;
}

void replay_unfinished(const char *path)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	g_strlcpy(unfinished, path ? path : "", sizeof(unfinished));
	sigprocmask(SIG_SETMASK, &before, NULL);
}
