/* mount_world.c - a world is made, mounted and served: in the background, with a journal, or as one tells. */
#include "mount_world.h"

#include "mount.h"
#include "node.h"
#include "ops.h"
#include "record.h"
#include "repeat.h"
#include "say.h"
#include "settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* -1: it has been said why. */
static int lock_pidfile(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0) {
		fail("%s: %s", path, g_strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		fail("%s: cannot be locked: another vitrine uses it", path);
		close(fd);
		fd = -1;
	}
	return fd;
}

static void write_pidfile(int fd)
{
	if (fd >= 0 && ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", getpid());
}

/*
 * The parent waits until the child has shaken hands with the kernel, and ends with status 0, or 1 when the child is
 * gone before. Gives the descriptor to which the child writes then.
 */
static int become_daemon(void)
{
	int ends[2];
	pid_t child;
	char byte;

	if (pipe(ends))
		return -1;
	child = fork();
	if (child < 0)
		return -1;
	if (child > 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 1 ? OK : FAILED);
	}
	close(ends[0]);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return ends[1];
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (chdir("/"))
		return;
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

/* Of the mount itself, without asking it: we are the one who would have to answer. */
static dev_t device_of(const char *dir)
{
	struct statx st;

	return statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC, STATX_TYPE, &st) ? 0 : makedev(st.stx_dev_major, st.stx_dev_minor);
}

static int mount_and_serve(struct settings *s, struct world *w, struct fs *fs, const char *dir)
{
	int pidfile = -1, ready = -1, rc;

	if (s->pidfile && (pidfile = lock_pidfile(s->pidfile)) < 0)
		return FAILED;
	if (fs_mount(fs, dir))
		return FAILED;
	if (!s->foreground) {
		ready = become_daemon();
		if (ready < 0)
			return fail("%s", g_strerror(errno));
		leave_terminal();
	}
	write_pidfile(pidfile);
	w->device = device_of(dir);
	rc = fs_serve(fs, ready);
	if (pidfile >= 0) {
		unlink(s->pidfile);
		close(pidfile);
	}
	return rc ? fail("%s", g_strerror(-rc)) : OK;
}

/* The options of ours that every mount has come last, so that nothing undoes them. */
static char *fuse_options(const struct settings *s)
{
	g_autoptr(GString) source = g_string_new(NULL);

	for (const char *c = s->source; *c; c++) {
		if (*c == ',' || *c == '\\')
			g_string_append_c(source, '\\');
		g_string_append_c(source, *c);
	}
	return g_strdup_printf("fsname=%s,subtype=vitrine%s,nosuid,nodev,noexec", source->str, s->fuse->str);
}

/* Up to 2^pa bytes, when no size was asked for. */
static void fit_ram(struct settings *s)
{
	uint64_t most = (uint64_t)1 << s->world.geometry.pa_bits;

	if (!s->ram_given)
		s->world.ram_bytes = MIN(s->world.ram_bytes, most);
}

static int set_tree_root(struct settings *s, struct world *w)
{
	struct node root = tree_root(w);
	g_autofree char *path = NULL;
	int rc = s->root ? tree_path(w, s->root, &root) : 0;

	if (rc == 0 && root.row->kind != ROW_DIRECTORY)
		rc = -ENOTDIR;
	if (rc)
		return fail("--root %s: %s", s->root, g_strerror(-rc));
	path = g_canonicalize_filename(s->root ? s->root : "", "/");
	w->knowns = knowns_new(w, &root, path + 1);
	return OK;
}

static int begin_journal(const struct settings *s, struct world *w)
{
	struct err e = { 0 };

	if (!s->journal)
		return OK;
	w->record = record_new(s->journal, &e);
	if (!w->record)
		return fail("%s", e.why);
	settings_write(s, w->record);
	return OK;
}

/* The world stands at the last record that could be carried out, so that one can look at it. */
static void repeat_journal(const struct settings *s, struct fs *fs, struct journal_file *j)
{
	struct err e = { 0 };

	if (j && journal_repeat(fs, j, 0, &e))
		fail("%s: %s; the world stands as it was before", s->replay, e.why);
}

static int open_replay(struct settings *s, struct journal_file **j)
{
	struct err e = { 0 };

	*j = NULL;
	if (!s->replay)
		return OK;
	if (s->world_given)
		return misused("--replay: the journal says ram, swap, swap-device, geometry, policy, seed, cpus and root");
	if (s->journal && !strcmp(s->journal, s->replay))
		return misused("--journal would replace what --replay reads");
	*j = journal_file_open(s->replay, &e);
	if (!*j)
		return fail("%s", e.why);
	return settings_read(s, *j);
}

/* What the world refuses is an option. */
static int refused(const struct err *e)
{
	return e->code == ENOMEM ? fail("%s", e->why) : misused("%s", e->why);
}

static int mount_new_world(struct settings *s, const char *dir, struct journal_file *j)
{
	g_autofree char *options = fuse_options(s), *at = NULL;
	struct err e = { 0 };
	struct world *w;
	struct fs *fs;
	int rc;

	at = mount_absolute(dir, &e);
	if (!at || mount_prepare(at, &e))
		return fail("%s", e.why);
	fit_ram(s);
	w = world_new(&s->world, &e);
	if (!w)
		return refused(&e);
	rc = set_tree_root(s, w);
	if (rc == OK)
		rc = begin_journal(s, w);
	if (rc == OK) {
		fs = fs_new(w, options);
		if (fs)
			repeat_journal(s, fs, j);
		w->real_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		rc = fs ? mount_and_serve(s, w, fs, at) : USAGE;
		if (fs)
			fs_free(fs);
	}
	record_free(g_steal_pointer(&w->record));
	world_free(w);
	return rc;
}

int mount_world(struct settings *s, const char *dir)
{
	struct journal_file *replay;
	int rc = open_replay(s, &replay);

	if (rc == OK)
		rc = mount_new_world(s, dir, replay);
	/* Options of a journal are not who called's. */
	if (rc == USAGE && replay)
		rc = FAILED;
	journal_file_free(replay);
	return rc;
}
