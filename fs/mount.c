/* mount.c - what is mounted where, from /proc/self/mountinfo; detaching. */
#include "mount.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PROGRAM_ENDS_MS = 10000 };

char *mount_absolute(const char *dir, struct err *e)
{
	g_autofree char *real = realpath(dir, NULL), *parent = NULL, *name = NULL, *given = NULL;

	if (real)
		return g_strdup(real);
	if (errno != ENOTCONN) {
		err_set(e, errno, -1, "%s: %s", dir, g_strerror(errno));
		return NULL;
	}
	/* A dead mount cannot be looked at, but its parent can. */
	given = g_canonicalize_filename(dir, NULL);
	parent = g_path_get_dirname(given);
	name = g_path_get_basename(given);
	real = realpath(parent, NULL);
	if (!real) {
		err_set(e, errno, -1, "%s: %s", parent, g_strerror(errno));
		return NULL;
	}
	return g_build_filename(real, name, NULL);
}

/* mountinfo writes blanks and the like as \040. */
static char *unescape(const char *text)
{
	GString *out = g_string_new(NULL);

	for (const char *c = text; *c; c++)
		if (*c == '\\' && g_ascii_isdigit(c[1]) && g_ascii_isdigit(c[2]) && g_ascii_isdigit(c[3])) {
			g_string_append_c(out, (char)((c[1] - '0') * 64 + (c[2] - '0') * 8 + (c[3] - '0')));
			c += 3;
		} else {
			g_string_append_c(out, *c);
		}
	return g_string_free(out, FALSE);
}

/* The type of what is mounted on `dir`, on top; NULL when it is no mount point. */
static char *mounted_type(const char *dir)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char *type = NULL;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (unsigned i = 0; lines[i]; i++) {
		g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
		g_autofree char *at = NULL;
		unsigned dash = 0;

		if (g_strv_length(words) < 10)
			continue;
		at = unescape(words[4]);
		if (strcmp(at, dir))
			continue;
		while (words[dash] && strcmp(words[dash], "-"))
			dash++;
		if (!words[dash] || !words[dash + 1])
			continue;
		g_free(type);
		type = g_strdup(words[dash + 1]);
	}
	return type;
}

static bool is_ours(const char *type)
{
	return type && !strcmp(type, "fuse.vitrine");
}

/* As an ordinary user, fusermount3 does it. */
static int run_fusermount(const char *dir, const char *how)
{
	char *argv[] = { "fusermount3", "-q", (char *)how, "--", (char *)dir, NULL };
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return -1;
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int take_off(const char *dir, bool lazily)
{
	if (umount2(dir, (lazily ? MNT_DETACH : 0) | UMOUNT_NOFOLLOW) == 0)
		return 0;
	return errno == EPERM ? run_fusermount(dir, lazily ? "-uz" : "-u") : -1;
}

/* Of the program behind the mount; -1: it is gone, or not to be seen from here. */
static int open_program(const char *dir)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), program = -1;
	pid_t pid = 0;

	if (at >= 0 && ioctl(at, MOUNT_PROGRAM, &pid) == 0 && pid > 0)
		program = (int)syscall(SYS_pidfd_open, pid, 0);
	if (at >= 0)
		close(at);
	return program;
}

/* A copy of the mount in another namespace would keep it alive. */
static void end_program(int program)
{
	struct pollfd p = { .fd = program, .events = POLLIN };

	if (program >= 0 && syscall(SYS_pidfd_send_signal, program, SIGTERM, NULL, 0) == 0)
		poll(&p, 1, PROGRAM_ENDS_MS);
}

int mount_end(const char *dir, struct err *e)
{
	g_autofree char *type = mounted_type(dir);
	int program, rc = 0;

	if (!is_ours(type))
		return err_set(e, EINVAL, -1, "%s is not a mount of vitrine", dir);
	program = open_program(dir);
	if (take_off(dir, false) == 0)
		end_program(program);
	else if (take_off(dir, true))
		rc = err_set(e, errno ? errno : EIO, -1, "%s cannot be unmounted: %s", dir, g_strerror(errno));
	if (program >= 0)
		close(program);
	return rc;
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	bool empty = d != NULL;

	for (struct dirent *entry; d && empty && (entry = readdir(d)); )
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	if (d)
		closedir(d);
	return empty;
}

int mount_prepare(const char *dir, struct err *e)
{
	g_autofree char *type = mounted_type(dir);
	struct statvfs alive;
	struct stat st;
	/* stat(2) of a dead mount may still be answered from what the kernel remembers; statvfs(2) asks. */
	int dead = statvfs(dir, &alive) || stat(dir, &st) ? errno : 0;

	if (type && dead == ENOTCONN && is_ours(type)) {
		if (take_off(dir, true))
			return err_set(e, EBUSY, -1, "%s: a dead mount of vitrine cannot be taken off", dir);
		return mount_prepare(dir, e);
	}
	if (type)
		return err_set(e, EBUSY, -1, "%s: a file system of type %s is mounted there", dir, type);
	if (dead)
		return err_set(e, dead, -1, "%s: %s", dir, g_strerror(dead));
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, -1, "%s: not a directory", dir);
	if (!is_empty(dir))
		return err_set(e, ENOTEMPTY, -1, "%s: not an empty directory, or not readable", dir);
	return 0;
}
