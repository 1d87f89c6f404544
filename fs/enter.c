/*
 * enter.c - `vitrine enter`: a real program sees a simulated host's proc/ at /proc.
 *
 * Three processes. We stay outside, answer the calls that name simulated processes (enter_calls.c) and pass signals on. A child is
 * process 1 of a namespace of its own: it puts proc/ over /proc, starts the command, and tells us how that ended; with it ends all
 * that is left inside. The command itself has a high number, so that what it starts does not look like simulated processes.
 * As an ordinary user all this is in a user namespace, where the command keeps its uid.
 */
#include "enter.h"

#include "mount.h"
#include "say.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CANNOT_EXECUTE = 126, NOT_FOUND = 127, BY_SIGNAL = 128 };

/* What the first process inside needs to know. */
struct place {
	char *proc;           /* the host's proc/, absolute */
	char *hostname;
	char *nstat;          /* a name for nstat's memory */
	char **command;
	int   channel[2];     /* ours, the child's */
	sigset_t mask;        /* as we were started */
	bool  user;           /* in a user namespace */
};

/* --- inside --- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Numbers of real processes begin at three quarters of what there is: simulated ones are lower as a rule. */
static void number_high(void)
{
	g_autofree char *text = NULL, *start = NULL;
	long most;

	if (!g_file_get_contents("/proc/sys/kernel/pid_max", &text, NULL, NULL))
		return;
	most = atol(text);
	start = g_strdup_printf("%ld", most / 4 * 3);
	write_file("/proc/sys/kernel/ns_last_pid", start);  /* without it only /proc/self may be mistaken */
}

static void put_proc(const struct place *at)
{
	if (sethostname(at->hostname, strlen(at->hostname)))
		fail("the host's name cannot be set: %s", g_strerror(errno));
	number_high();
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(at->proc, "/proc", NULL, MS_BIND | MS_REC, NULL)) {
		fail("%s cannot be mounted on /proc: %s", at->proc, g_strerror(errno));
		_exit(FAILED);
	}
}

/* For tools that would ask the real kernel, or add what they remember of it. */
static void set_environment(const struct place *at)
{
	setenv("PROC_ROOT", "/proc", 1);                /* ss, nstat */
	setenv("NSTAT_HISTORY", at->nstat, 0);
	setenv("ATOPACCT", "", 1);
}

/* Sends the descriptor, and with it, as credentials, which process we are. */
static void send_caught(int channel, int fd)
{
	char byte = 'c', room[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = room;
		m.msg_controllen = sizeof room;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	if (sendmsg(channel, &m, MSG_NOSIGNAL) != 1)
		_exit(FAILED);
}

static void execute(const struct place *at)
{
	int caught = calls_catch();

	if (caught < 0)
		fail("signals to simulated processes will not reach them: %s", g_strerror(errno));
	send_caught(at->channel[1], caught);
	if (caught >= 0)
		close(caught);
	close(at->channel[1]);
	sigprocmask(SIG_SETMASK, &at->mask, NULL);
	execvp(at->command[0], at->command);
	fail("%s: %s", at->command[0], g_strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_EXECUTE);
}

/* Process 1: collects everything that ends until the command does, and tells how. */
static void wait_for(const struct place *at, pid_t command)
{
	int status = 0;
	pid_t pid;

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	do
		pid = waitpid(-1, &status, 0);
	while (pid != command && (pid > 0 || errno == EINTR));
	send(at->channel[1], &status, sizeof status, MSG_NOSIGNAL);
	_exit(0);
}

static void live_inside(const struct place *at)
{
	char go;
	pid_t command;

	close(at->channel[0]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (recv(at->channel[1], &go, 1, 0) != 1)        /* whoever started us is gone */
		_exit(FAILED);
	put_proc(at);
	set_environment(at);
	command = fork();
	if (command < 0)
		_exit(fail("%s", g_strerror(errno)));
	if (command == 0)
		execute(at);
	wait_for(at, command);
}

/* --- outside: who the command is --- */

/* The first range of ids that `file` (as /etc/subuid) gives to the user; false: none. */
static bool granted(const char *file, unsigned long *first, unsigned long *count)
{
	const struct passwd *me = getpwuid(getuid());
	g_autofree char *text = NULL, *number = g_strdup_printf("%u:", getuid()),
			*name = me ? g_strdup_printf("%s:", me->pw_name) : g_strdup(number);
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(file, &text, NULL, NULL))
		return false;
	lines = g_strsplit(text, "\n", -1);
	for (unsigned i = 0; lines[i]; i++) {
		const char *rest = g_str_has_prefix(lines[i], name) ? lines[i] + strlen(name) :
				   g_str_has_prefix(lines[i], number) ? lines[i] + strlen(number) : NULL;

		if (rest && sscanf(rest, "%lu:%lu", first, count) == 2 && *count)
			return true;
	}
	return false;
}

/* Our own id and the granted ones stand for themselves; others show as nobody. */
static bool map_by_helper(const char *helper, const char *file, pid_t child, unsigned own)
{
	unsigned long first, count;
	char words[6][24];
	char *argv[] = { (char *)helper, words[0], words[1], words[1], (char *)"1", words[2], words[2], words[3], NULL };
	pid_t pid;
	int status;

	if (!granted(file, &first, &count))
		return false;
	snprintf(words[0], sizeof words[0], "%d", child);
	snprintf(words[1], sizeof words[1], "%u", own);
	snprintf(words[2], sizeof words[2], "%lu", first);
	snprintf(words[3], sizeof words[3], "%lu", count);
	if (posix_spawnp(&pid, helper, NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool map_own(const char *file, pid_t child, unsigned own)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", child, file), *text = g_strdup_printf("%u %u 1\n", own, own);

	return write_file(path, text);
}

static int map_ids(pid_t child)
{
	g_autofree char *groups = g_strdup_printf("/proc/%d/setgroups", child);

	if (!map_by_helper("newuidmap", "/etc/subuid", child, geteuid()) && !map_own("uid_map", child, geteuid()))
		return fail("the user's id cannot be mapped: %s", g_strerror(errno));
	if (map_by_helper("newgidmap", "/etc/subgid", child, getegid()))
		return 0;
	write_file(groups, "deny");
	return map_own("gid_map", child, getegid()) ? 0 : fail("the group's id cannot be mapped: %s", g_strerror(errno));
}

static pid_t start(struct place *at)
{
	const unsigned long spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | SIGCHLD;
	pid_t child = -1;

	at->user = geteuid() != 0;
	if (!at->user)
		child = (pid_t)syscall(SYS_clone, spaces, NULL, NULL, NULL, NULL);
	if (child < 0 && (at->user || errno == EPERM)) {
		at->user = true;
		child = (pid_t)syscall(SYS_clone, spaces | CLONE_NEWUSER, NULL, NULL, NULL, NULL);
	}
	if (child == 0)
		live_inside(at);
	return child;
}

/* --- outside: waiting --- */

enum heard { HEARD_NOTHING, HEARD_CAUGHT, HEARD_STATUS, HEARD_END };

static enum heard hear(int channel, struct calls *c, int *status)
{
	char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))] __attribute__((aligned(8)));
	struct iovec data = { status, sizeof *status };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
	ssize_t n = recvmsg(channel, &m, MSG_CMSG_CLOEXEC);
	struct ucred who;

	if (n < 0 && errno == EINTR)
		return HEARD_NOTHING;
	if (n <= 0)
		return HEARD_END;
	if (n == sizeof *status)
		return HEARD_STATUS;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			memcpy(&c->caught, CMSG_DATA(h), sizeof c->caught);
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&who, CMSG_DATA(h), sizeof who);
			c->inside = who.pid;
		}
	}
	return HEARD_CAUGHT;
}

/* What the terminal sends, the command gets itself: it is in the same group. */
static void pass_on(int signals, pid_t command)
{
	struct signalfd_siginfo s;

	if (read(signals, &s, sizeof s) == sizeof s && command > 0 && s.ssi_code <= 0)
		kill(command, (int)s.ssi_signo);
}

/* How the command ended, as wait(2) has it; false: it never began. */
static bool serve(const struct place *at, int signals, struct calls *c, int *status)
{
	for (;;) {
		struct pollfd p[] = { { at->channel[0], POLLIN, 0 }, { signals, POLLIN, 0 }, { c->caught, POLLIN, 0 } };
		enum heard heard = HEARD_NOTHING;

		if (poll(p, G_N_ELEMENTS(p), -1) < 0)
			continue;
		if (p[1].revents)
			pass_on(signals, c->inside);
		if (p[2].revents & POLLIN)
			calls_answer(c);
		if (p[0].revents)
			heard = hear(at->channel[0], c, status);
		if (heard == HEARD_STATUS)
			return true;
		if (heard == HEARD_END)
			return false;
		if (p[2].revents & POLLHUP && !(p[2].revents & POLLIN)) {  /* nobody is left who could call */
			close(c->caught);
			c->caught = -1;
		}
	}
}

static int end_as(int status)
{
	const struct rlimit none = { 0, 0 };
	sigset_t only;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, WTERMSIG(status));
	raise(WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	return BY_SIGNAL + WTERMSIG(status);
}

static int open_signals(sigset_t *before)
{
	static const int passed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < G_N_ELEMENTS(passed); i++)
		sigaddset(&set, passed[i]);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(struct place *at)
{
	struct calls c = { .proc = at->proc, .caught = -1 };
	int signals = open_signals(&at->mask), status = 0, yes = 1;
	struct stat st;
	bool ended;
	pid_t child;

	if (stat(at->proc, &st) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, at->channel))
		return fail("%s", g_strerror(errno));
	c.device = st.st_dev;
	setsockopt(at->channel[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
	fflush(NULL);
	child = start(at);
	if (child < 0)
		return fail("no namespaces of one's own here: %s", g_strerror(errno));
	close(at->channel[1]);
	if ((at->user && map_ids(child)) || send(at->channel[0], "g", 1, MSG_NOSIGNAL) != 1) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return FAILED;
	}
	ended = serve(at, signals, &c, &status);
	waitpid(child, NULL, 0);
	unlink(at->nstat);
	return ended ? end_as(status) : FAILED;
}

/* --- where --- */

static bool is_proc(const char *dir)
{
	g_autofree char *init = g_build_filename(dir, "1/ctl", NULL);

	return access(init, F_OK) == 0;
}

static char *find_proc(const char *dir, const char *host, struct err *e)
{
	g_autofree char *at = mount_absolute(dir, e);
	g_autofree char *hosts = at ? g_build_filename(at, "hosts", host ? host : "host0", "proc", NULL) : NULL;

	if (!at)
		return NULL;
	if (is_proc(hosts))
		return g_steal_pointer(&hosts);
	if (!host && is_proc(at))                        /* mounted with --root */
		return g_steal_pointer(&at);
	err_set(e, ENOENT, -1, "%s: no host %s of a mounted world is there", dir, host ? host : "host0");
	return NULL;
}

int enter(const char *dir, const char *host, char **command)
{
	struct place at = { .command = command };
	g_autofree char *name_file = NULL;
	struct err e = { 0 };
	int rc;

	at.proc = find_proc(dir, host, &e);
	if (!at.proc)
		return fail("%s", e.why);
	name_file = g_build_filename(at.proc, "sys/kernel/hostname", NULL);
	if (g_file_get_contents(name_file, &at.hostname, NULL, NULL))
		g_strchomp(at.hostname);
	else
		at.hostname = g_strdup("vitrine");
	at.nstat = g_strdup_printf("%s/vitrine-nstat.%d", g_get_tmp_dir(), getpid());
	rc = run(&at);
	g_free(at.proc);
	g_free(at.hostname);
	g_free(at.nstat);
	return rc;
}
