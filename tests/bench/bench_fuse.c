/*
 * bench_fuse.c - what a file of the tree costs beside FUSE itself.
 *
 * Mounts vitrine (argv[1]) and a null file system (argv[2], null_fs.c), pins itself and both programs to
 * one processor (as real-time tasks, where that is allowed), and prints medians of rounds taken in turn, in microseconds, with their ratio. Exit 77 without FUSE.
 */
#include "bench.h"

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

	if (argc != 3 || access("/dev/fuse", W_OK))
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
	if (child == 0) {
		execl(argv[2], argv[2], null, NULL);
		_exit(127);
	}
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
