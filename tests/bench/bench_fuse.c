/*
 * bench_fuse.c - what a file of the tree costs beside FUSE itself.
 *
 * Mounts vitrine (argv[1]) and a null file system that answers every read with a constant, pins itself and both programs to
 * one processor (as real-time tasks, where that is allowed), and prints medians of rounds taken in turn, in microseconds, with their ratio. Exit 77 without FUSE.
 */
#define FUSE_USE_VERSION 314
#include "bench.h"

#include <fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 21, LOOPS = 2000 };

/* The null file system: one file, number 2. */

static const char constant[] = "now=0.000000000 mode=auto pending=0 next=-\n";

static void null_attr(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_ino = ino;
	st->st_nlink = 1;
	st->st_mode = ino == 1 ? S_IFDIR | 0555 : S_IFREG | 0444;
	st->st_size = ino == 1 ? 0 : sizeof constant - 1;
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .ino = 2, .generation = 1, .entry_timeout = 1000 };

	if (strcmp(name, "file")) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	null_attr(2, &e.attr);
	fuse_reply_entry(req, &e);
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	null_attr(ino, &st);
	fuse_reply_attr(req, &st, ino == 1 ? 1000 : 0);
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	size_t len = sizeof constant - 1, at = off < (off_t)len ? (size_t)off : len;

	fuse_reply_buf(req, constant + at, len - at < size ? len - at : size);
}

static void null_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t off,
		       struct fuse_file_info *fi)
{
	fuse_reply_write(req, len);
}

static void null_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops null_ops = {
	.lookup = null_lookup, .getattr = null_getattr, .open = null_open, .read = null_read, .write = null_write,
	.release = null_release,
};

static int serve_null(const char *dir)
{
	char *argv[] = { "null", "-o", "fsname=null", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *se = fuse_session_new(&args, &null_ops, sizeof null_ops, NULL);

	if (!se || fuse_set_signal_handlers(se) || fuse_session_mount(se, dir))
		return 1;
	fuse_session_loop(se);
	fuse_session_unmount(se);
	fuse_remove_signal_handlers(se);
	fuse_session_destroy(se);
	return 0;
}

/* Measuring */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void open_read_close(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, buf, sizeof buf) <= 0)
		die(path);
	close(fd);
}

static void cat(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		die(path);
	while (read(fd, buf, sizeof buf) > 0)
		;
	close(fd);
}

static void look(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		die(path);
}

static double once(void (*work)(const char *), const char *path)
{
	double start = wall_us();

	for (int i = 0; i < LOOPS; i++)
		work(path);
	return (wall_us() - start) / LOOPS;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *t)
{
	qsort(t, ROUNDS, sizeof *t, ascending);
	return t[ROUNDS / 2];
}

static double compare(const char *what, void (*work)(const char *), const char *ours, const char *null)
{
	double a[ROUNDS], b[ROUNDS], x, y;

	for (int i = 0; i < ROUNDS; i++) {
		a[i] = once(work, ours);
		b[i] = once(work, null);
	}
	x = median(a);
	y = median(b);
	printf("%-24s %-28s %7.2f us   null %7.2f us   ratio %.2f\n", what, strrchr(ours, '/') + 1, x, y, x / y);
	return x / y;
}

static void run(const char *const *argv)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child || status)
		die(argv[0]);
}

static void wait_for(const char *path)
{
	struct stat st;

	for (int i = 0; i < 1000 && stat(path, &st); i++)
		usleep(5000);
}

int main(int argc, char **argv)
{
	char top[] = "/tmp/bench-fuse.XXXXXX", ours[64], null[64], file[96], path[96];
	cpu_set_t one;
	double ratio;
	pid_t child;

	if (argc != 2 || access("/dev/fuse", W_OK))
		return 77;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof one, &one);
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
	if (!mkdtemp(top))
		die(top);
	snprintf(ours, sizeof ours, "%s/ours", top);
	snprintf(null, sizeof null, "%s/null", top);
	snprintf(file, sizeof file, "%s/file", null);
	mkdir(ours, 0700);
	mkdir(null, 0700);
	run((const char *const[]){ argv[1], "mount", ours, NULL });
	child = fork();
	if (child == 0)
		_exit(serve_null(null));
	wait_for(file);

	snprintf(path, sizeof path, "%s/clock", ours);
	ratio = compare("open, read, close", open_read_close, path, file);
	compare("open, read to end, close", cat, path, file);
	compare("stat", look, path, file);
	snprintf(path, sizeof path, "%s/hosts/host0/proc/1/stat", ours);
	compare("open, read, close", open_read_close, path, file);
	snprintf(path, sizeof path, "%s/hosts/host0/proc/1/status", ours);
	compare("open, read, close", open_read_close, path, file);
	snprintf(path, sizeof path, "%s/hosts/host0/proc/meminfo", ours);
	compare("open, read, close", open_read_close, path, file);
	printf("goal: at most 1.30 for a small file; %s\n", ratio <= 1.3 ? "met" : "MISSED");

	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	run((const char *const[]){ argv[1], "umount", ours, NULL });
	rmdir(ours);
	rmdir(null);
	rmdir(top);
	return 0;
}
