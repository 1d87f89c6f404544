/*
 * bench_maps.c - maps, smaps and pagemap over a real mount, against the kernel's own /proc of a real process with the
 * same areas and pages, in the same run, on one core.
 *
 * usage: bench_maps VITRINE; exit status 77 where nothing can be mounted.
 * Targets: maps of 1,000 and 60,000 file areas 2.5 and 4 times faster than the kernel, pagemap of 1 GiB 2 times, smaps
 * of 1,000 areas over 1 GiB touched 3 times. Each reading is of a content that has to be made anew; what it costs to
 * read it again unchanged is told too.
 */
#include "bench.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, CHUNK = 131072, TIMES = 11, AREAS = 1000 };
#define START ((uint64_t)0x100000000000)
#define TOUCHED ((uint64_t)1 << 30)

static char buffer[CHUNK];

/*
 * The daemon inherits it: client and server on one core, as the scheduler has them when the machine is idle; ahead of
 * all others where that is permitted, so that a busy machine disturbs less.
 */
static void first_on_a_processor(void)
{
	struct sched_param first = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO, &first);
	pin();
}

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void write_text(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		fail(path);
	for (size_t done = 0; done < len; ) {
		ssize_t n = write(fd, text + done, len - done);

		if (n <= 0)
			fail(path);
		done += (size_t)n;
	}
	if (close(fd))
		fail(path);
}

static void command(const char *path, const char *line)
{
	write_text(path, line, strlen(line));
}

static char *read_text(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY);
	char *all = NULL;
	ssize_t n;

	if (fd < 0)
		fail(path);
	*len = 0;
	do {
		all = realloc(all, *len + CHUNK);
		n = read(fd, all + *len, CHUNK);
		if (n < 0)
			fail(path);
		*len += (size_t)n;
	} while (n);
	close(fd);
	return all;
}

/* open, read from `at` to `end` (0: all there is), close. */
static double read_us(const char *path, off_t at, off_t end)
{
	double start = wall_us();
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		fail(path);
	do {
		size_t want = end && end - at < CHUNK ? (size_t)(end - at) : CHUNK;

		n = pread(fd, buffer, want, at);
		if (n < 0)
			fail(path);
		at += n;
	} while (n && (!end || at < end));
	close(fd);
	return wall_us() - start;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

struct times { double kernel, ours, again; };

/*
 * Medians of readings that take turns, so that a busy moment hits all of them. Before each of ours `ctl` is given a
 * command, so that its content has to be made anew; then it is read again unchanged.
 */
static struct times measure(const char *kernel, const char *ours, off_t at, off_t end, const char *ctl)
{
	double t[3][TIMES];

	for (int i = 0; i < TIMES; i++) {
		t[0][i] = read_us(kernel, at, end);
		command(ctl, "set sp 0x1000\n");
		t[1][i] = read_us(ours, at, end);
		t[2][i] = read_us(ours, at, end);
	}
	for (int k = 0; k < 3; k++)
		qsort(t[k], TIMES, sizeof(double), compare);
	return (struct times){ t[0][TIMES / 2], t[1][TIMES / 2], t[2][TIMES / 2] };
}

/* --- the real process: it makes its areas, says so, and sleeps --- */

static void make_file_areas(unsigned n)
{
	char name[] = "/tmp/bench-maps-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || ftruncate(fd, PAGE))
		fail(name);
	for (unsigned i = 0; i < n; i++)  /* the same page again and again: never merged */
		if (mmap((void *)(START + (uint64_t)i * PAGE), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
			fail("mmap");
	unlink(name);
}

static void make_touched_areas(unsigned n)
{
	uint64_t len = TOUCHED / n / PAGE * PAGE;

	for (unsigned i = 0; i < n; i++) {
		char *at = mmap((void *)(START + i * (len + PAGE)), len, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (at == MAP_FAILED)
			fail("mmap");
		madvise(at, len, MADV_NOHUGEPAGE);
		for (uint64_t k = 0; k < len; k += PAGE)
			at[k] = 1;
	}
}

static pid_t real_process(void (*make)(unsigned n), unsigned n)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		fail("pipe");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		make(n);
		if (write(ready[1], "", 1) != 1)
			_exit(2);
		pause();
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		fail("the real process");
	close(ready[0]);
	return pid;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* --- both beside each other --- */

static void tell(const char *what, struct times t, double target)
{
	double ratio = t.kernel / t.ours;

	printf("%-34s kernel %9.1f us, here %9.1f us, %5.1f times", what, t.kernel, t.ours, ratio);
	if (target > 0)
		printf(" (target %.1f)", target);
	printf("; unchanged again %.1f us\n", t.again);
	fflush(stdout);
}

static char *spawn_like(const char *dir, pid_t real, char *ctl, char *proc)
{
	char path[300], *maps, *result;
	size_t len;

	snprintf(path, sizeof(path), "%s/hosts/host0/ctl", dir);
	command(path, "spawn p bare\n");
	result = read_text(path, &len);
	snprintf(proc, 300, "%s/proc/%d", dir, atoi(result));
	free(result);
	snprintf(ctl, 300, "%s/ctl", proc);
	snprintf(path, sizeof(path), "/proc/%d/maps", real);
	maps = read_text(path, &len);
	snprintf(path, sizeof(path), "%s/maps", proc);
	write_text(path, maps, len);
	return maps;
}

static void bench_maps(const char *dir, unsigned n, double target)
{
	pid_t real = real_process(make_file_areas, n);
	char ctl[300], proc[300], path[320], real_path[64], what[64];

	free(spawn_like(dir, real, ctl, proc));
	snprintf(real_path, sizeof(real_path), "/proc/%d/maps", real);
	snprintf(path, sizeof(path), "%s/maps", proc);
	snprintf(what, sizeof(what), "maps of %u file areas", n);
	tell(what, measure(real_path, path, 0, 0, ctl), target);
	end_process(real);
	command(ctl, "exit\n");
}

static void touch_all(const char *ctl)
{
	uint64_t len = TOUCHED / AREAS / PAGE * PAGE;
	char line[100];

	for (unsigned i = 0; i < AREAS; i++) {
		snprintf(line, sizeof(line), "touch %#" PRIx64 " %" PRIu64 " w\n", START + i * (len + PAGE), len);
		command(ctl, line);
	}
}

static void bench_pages(const char *dir)
{
	static const struct { const char *name; double target; } files[] = {
		{ "smaps", 3 }, { "smaps_rollup", 1 }, { "numa_maps", 1 }, { "status", 0 }, { "stat", 0 }, { "statm", 0 },
	};
	off_t first = (off_t)(START / PAGE * 8), end = first + (off_t)(TOUCHED / PAGE * 8);
	pid_t real = real_process(make_touched_areas, AREAS);
	char ctl[300], proc[300], path[320], real_path[64], what[64];

	free(spawn_like(dir, real, ctl, proc));
	touch_all(ctl);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(real_path, sizeof(real_path), "/proc/%d/%s", real, files[i].name);
		snprintf(path, sizeof(path), "%s/%s", proc, files[i].name);
		snprintf(what, sizeof(what), "%s, 1,000 areas, 1 GiB", files[i].name);
		tell(what, measure(real_path, path, 0, 0, ctl), files[i].target);
	}
	snprintf(real_path, sizeof(real_path), "/proc/%d/pagemap", real);
	snprintf(path, sizeof(path), "%s/pagemap", proc);
	tell("pagemap of 1 GiB", measure(real_path, path, first, end, ctl), 2);
	end_process(real);
	command(ctl, "exit\n");
}

static int run(char *const *argv)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(126);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/bench-maps-XXXXXX";

	if (argc != 2) {
		fprintf(stderr, "usage: bench_maps VITRINE\n");
		return 2;
	}
	if (access("/dev/fuse", R_OK | W_OK) || !mkdtemp(dir))
		return 77;
	first_on_a_processor();
	if (run((char *[]){ argv[1], "mount", "--ram", "2G", dir, NULL })) {
		rmdir(dir);
		return 77;
	}
	bench_maps(dir, 1000, 2.5);
	bench_maps(dir, 60000, 4);
	bench_pages(dir);
	run((char *[]){ argv[1], "umount", dir, NULL });
	rmdir(dir);
	return 0;
}
