/*
 * stress.c - many clients of one mount at once, each with a model of what it must see.
 *
 *     stress [--seed N] [--time SECONDS] DIR
 *
 * Readers read random files in random pieces: all reads of one description that do not start at offset 0 come from one
 * rendering. Walkers list directories through small and large buffers. A commander maps and unmaps pages, in lines cut
 * anywhere, good ones and bad ones, and compares maps with its model. Followers of events see every number once, or an
 * exact count of what they lost. Processes are born and die under all of them. Ends with 1 at the first wrong answer;
 * the seed is printed, and repeats each client's choices (not how they interleave).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 4 << 20, SLOTS = 64, SLOW_MS = 5000 };

static uint64_t random_state;
static double end_at;
static const char *who;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool time_is_left(void)
{
	return now() < end_at;
}

__attribute__((format(printf, 1, 2), noreturn)) static void wrong(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", who);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

/* What may happen to a file whose process has just died. */
static bool died(int error)
{
	return error == ENOENT || error == ESRCH || error == ESTALE;
}

static void check_time(double start, const char *path)
{
	if ((now() - start) * 1000 > SLOW_MS)
		wrong("%s took %.0f ms", path, (now() - start) * 1000);
}

/* Readers */

/* A random path below `dir`; empty when it ends in a link or nothing. */
static void random_path(char *path, size_t room)
{
	struct stat st;

	for (unsigned depth = 0; depth < 12; depth++) {
		struct dirent **names;
		size_t len = strlen(path);
		int n = scandir(path, &names, NULL, NULL), pick;

		if (n < 0) {
			if (!died(errno))
				wrong("%s: %s", path, strerror(errno));
			break;
		}
		pick = n > 2 ? 2 + (int)draw((uint64_t)n - 2) : -1;
		if (pick >= 0 && len + strlen(names[pick]->d_name) + 2 < room)
			sprintf(path + len, "/%s", names[pick]->d_name);
		for (int i = 0; i < n; i++)
			free(names[i]);
		free(names);
		if (pick < 0 || lstat(path, &st) || S_ISLNK(st.st_mode))
			break;
		if (!S_ISDIR(st.st_mode))
			return;
	}
	*path = '\0';
}

static size_t read_all(int fd, const char *path, char *all, size_t piece)
{
	size_t len = 0;
	ssize_t n;

	while (len < FILE_MAX && (n = read(fd, all + len, piece < FILE_MAX - len ? piece : FILE_MAX - len)) != 0) {
		if (n < 0 && died(errno) && len == 0)
			return 0;
		if (n < 0)
			wrong("%s: read at %zu: %s", path, len, strerror(errno));
		len += (size_t)n;
	}
	return len;
}

static void check_pieces(int fd, const char *path, const char *all, size_t len)
{
	char piece[4096];

	for (unsigned i = 0; i < 20; i++) {
		size_t at = 1 + draw(len + 10), want = 1 + draw(sizeof piece), is = at < len ? len - at : 0;
		ssize_t n = pread(fd, piece, want, (off_t)at);

		if (n != (ssize_t)(is < want ? is : want) || memcmp(piece, all + at, (size_t)n))
			wrong("%s: %zu bytes at %zu differ from what was read before (%zd)", path, want, at, n);
	}
	if (pread(fd, piece, 10, (off_t)1 << 40) != 0)
		wrong("%s: something behind its end", path);
}

/* A file of process N speaks of process N. */
static void check_pid(const char *path, const char *all, size_t len)
{
	const char *proc = strstr(path, "/proc/"), *name = strrchr(path, '/') + 1;
	int in_path, in_text;

	if (!proc || strcmp(name, "stat") || strstr(path, "/task/") || sscanf(proc, "/proc/%d/stat", &in_path) != 1)
		return;
	if (len && (sscanf(all, "%d (", &in_text) != 1 || in_text != in_path))
		wrong("%s: of process %.10s", path, all);
}

static bool reads_in_words(const char *path)
{
	return strstr(path, "/kpage") || strstr(path, "/pagemap");
}

static void be_reader(const char *dir)
{
	static const size_t pieces[] = { 64, 511, 512, 4095, 4096, 4097, 65536, 131072, 1 << 20 };
	char *all = malloc(FILE_MAX), path[4096];

	while (time_is_left()) {
		double start = now();
		struct stat st;
		size_t len, piece;
		int fd;

		snprintf(path, sizeof path, "%s", dir);
		random_path(path, sizeof path);
		if (!*path || reads_in_words(path) || stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
			continue;
		fd = open(path, O_RDONLY | O_NONBLOCK);
		if (fd < 0) {
			if (!died(errno))
				wrong("%s: open: %s", path, strerror(errno));
			continue;
		}
		piece = pieces[draw(sizeof pieces / sizeof *pieces)];
		len = read_all(fd, path, all, piece > (size_t)st.st_size / 1000 ? piece : 65536);
		/* Bytes of memory, and of files on the disk, change as they are read. */
		if (len > 1 && len < FILE_MAX && !strstr(path, "/pt/") && !strstr(path, "/files/") && !strstr(path, "/ram"))
			check_pieces(fd, path, all, len);
		check_pid(path, all, len);
		close(fd);
		check_time(start, path);
	}
	free(all);
}

/* Walkers */

static void be_walker(const char *dir)
{
	static const char *const always[] = { "README", "help", "version", "clock", "events", "error_log", "ctl", "check",
					      "hosts", "proc", "mem", "files" };

	while (time_is_left()) {
		unsigned seen[sizeof always / sizeof *always] = { 0 };
		char path[4096];
		DIR *d = opendir(dir);
		struct dirent *entry;
		struct stat st;

		while ((entry = readdir(d))) {
			if (entry->d_type == DT_UNKNOWN)
				wrong("%s: no type", entry->d_name);
			for (unsigned i = 0; i < sizeof always / sizeof *always; i++)
				seen[i] += !strcmp(entry->d_name, always[i]);
			if (draw(20) == 0)  /* from the start again, in the middle */
				rewinddir(d), memset(seen, 0, sizeof seen);
		}
		closedir(d);
		for (unsigned i = 0; i < sizeof always / sizeof *always; i++)
			if (seen[i] != 1)
				wrong("%s was listed %u times", always[i], seen[i]);
		snprintf(path, sizeof path, "%s/hosts/host0/proc", dir);
		d = opendir(path);
		for (int last = 0, pid; (entry = readdir(d)); last = pid) {
			pid = atoi(entry->d_name) ? atoi(entry->d_name) : last;
			if (pid < last)
				wrong("pid %d was listed behind %d", pid, last);
			snprintf(path, sizeof path, "%s/hosts/host0/proc/%s", dir, entry->d_name);
			if (lstat(path, &st) && !died(errno))
				wrong("%s: %s", path, strerror(errno));
		}
		closedir(d);
		memset(path, 'x', 300);
		snprintf(path + 300, sizeof path - 300, "%s", "");
		memcpy(path, dir, strlen(dir));
		path[strlen(dir)] = '/';
		if (stat(path, &st) == 0 || errno != ENAMETOOLONG)
			wrong("a name of 300 bytes: %s", strerror(errno));
	}
}

/* Commander */

static void command(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		wrong("%s: %s: %s", path, line, strerror(errno));
	close(fd);
}

static int spawn(const char *dir, const char *name)
{
	char path[4096], line[64], text[32] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "%s/hosts/host0/ctl", dir);
	snprintf(line, sizeof line, "spawn %s bare\n", name);
	fd = open(path, O_RDWR);
	n = fd < 0 ? -1 : write(fd, line, strlen(line));
	if (n > 0)
		n = pread(fd, text, sizeof text - 1, 0);
	if (n <= 0 || atoi(text) <= 1)
		wrong("spawn: '%s' %s", text, strerror(errno));
	close(fd);
	return atoi(text);
}

/* Writes it in one or two pieces, going on after short counts; how many of the bad lines got their errno. */
static unsigned write_script(int fd, const char *text, size_t len)
{
	size_t at = 0, cut = draw(2) && text[len - 1] == '\n' ? draw(len) : 0;
	unsigned errors = 0;

	while (at < len) {
		size_t piece = at < cut ? cut - at : len - at;
		const char *newline = memchr(text + at, '\n', piece);
		ssize_t n;

		/* A piece without a newline would be a whole command if nothing was kept before. */
		if (at < cut && !newline)
			piece = len - at;
		n = write(fd, text + at, piece);
		if (n == 0)
			wrong("a write of %zu bytes gave 0", piece);
		if (n > 0) {
			at += (size_t)n;
			continue;
		}
		if (errno != EINVAL)
			wrong("a script: %s", strerror(errno));
		errors++;
		newline = memchr(text + at, '\n', len - at);  /* the line at fault is skipped */
		if (!newline)
			break;
		at = (size_t)(newline + 1 - text);
	}
	return errors;
}

static void check_maps(const char *dir, int pid, const bool *mapped)
{
	char path[4096], line[512];
	uint64_t start, end, next = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/hosts/host0/proc/%d/maps", dir, pid);
	f = fopen(path, "r");
	if (!f)
		wrong("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2)
			wrong("%s: '%s'", path, line);
		for (; next < SLOTS && 0x10000 + next * 0x2000 < start; next++)
			if (mapped[next])
				wrong("%s: slot %d is missing", path, (int)next);
		if (next >= SLOTS || start != 0x10000 + next * 0x2000 || end != start + 0x1000 || !mapped[next])
			wrong("%s: '%s' is not in the model", path, line);
		next++;
	}
	for (; next < SLOTS; next++)
		if (mapped[next])
			wrong("%s: slot %d is missing", path, (int)next);
	fclose(f);
}

static void be_commander(const char *dir)
{
	bool mapped[SLOTS] = { false };
	int pid = spawn(dir, "model"), fd;
	char path[4096], text[8192];

	snprintf(path, sizeof path, "%s/hosts/host0/proc/%d/ctl", dir, pid);
	while (time_is_left()) {
		unsigned lines = 1 + (unsigned)draw(40), bad = 0, errors;
		size_t len = 0;

		fd = open(path, O_RDWR | (draw(2) ? O_TRUNC : 0) | (draw(2) ? O_APPEND : 0));
		for (unsigned i = 0; i < lines; i++) {
			unsigned slot = (unsigned)draw(SLOTS);
			const char *format = mapped[slot] ? "munmap 0x%x 4096\n" : "mmap 0x%x 4K rw- private,anon,fixed\n";

			if (draw(10) == 0) {
				static const char *const wrongs[] = { "nonsense\n", "munmap 0x10001 4096\n", "mmap\n",
								      "mmap - 4K rwz private\n", "munmap \"0x10000\n" };

				len += (size_t)sprintf(text + len, "%s", wrongs[draw(5)]);
				bad++;
				continue;
			}
			len += (size_t)sprintf(text + len, format, 0x10000 + slot * 0x2000);
			mapped[slot] = !mapped[slot];
		}
		errors = write_script(fd, text, len);
		close(fd);
		if (errors != bad)
			wrong("%u lines were refused instead of %u:\n%.*s", errors, bad, (int)len, text);
		check_maps(dir, pid, mapped);
	}
}

/* Followers */

static void be_follower(const char *dir, bool lazy)
{
	static char text[1 << 20];
	char path[4096];
	uint64_t last = 0, lost = 0, seen = 0;
	size_t kept = 0;
	int fd;

	snprintf(path, sizeof path, "%s/events.follow", dir);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		wrong("%s: %s", path, strerror(errno));
	while (time_is_left()) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char *line = text, *newline;
		ssize_t n;

		if (poll(&p, 1, 200) == 0)
			continue;
		n = read(fd, text + kept, 1 + draw(sizeof text - kept - 1));
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			wrong("%s: %s", path, n ? strerror(errno) : "the end");
		kept += (size_t)n;
		for (; (newline = memchr(line, '\n', kept - (size_t)(line - text))); line = newline + 1) {
			uint64_t sequence;

			if (sscanf(line, "lost %" SCNu64, &sequence) == 1) {
				lost = sequence;
				continue;
			}
			sequence = strtoull(line, NULL, 10);
			if (last && sequence != last + lost + 1)
				wrong("event %d behind %d, with %d lost", (int)sequence, (int)last, (int)lost);
			last = sequence;
			lost = 0;
			seen++;
		}
		kept -= (size_t)(line - text);
		memmove(text, line, kept);
		if (lazy)
			usleep((useconds_t)draw(500000));
	}
	if (!seen)
		wrong("no event in all the time");
}

/* Births and deaths */

static void be_parent(const char *dir)
{
	char path[4096];

	while (time_is_left()) {
		int pids[20], n = 1 + (int)draw(20);

		for (int i = 0; i < n; i++)
			pids[i] = spawn(dir, "crowd");
		for (int i = 0; i < n; i++) {
			snprintf(path, sizeof path, "%s/hosts/host0/proc/%d/ctl", dir, pids[i]);
			command(path, draw(2) ? "exit 1\n" : "mmap - 64K rw- private,anon,populate\nexit\n");
		}
	}
}

/* All together */

static pid_t begin(const char *name, unsigned number, uint64_t seed, const char *dir, void (*act)(const char *))
{
	pid_t child = fork();

	if (child)
		return child;
	who = name;
	random_state = (seed + number) * 0x9e3779b97f4a7c15u | 1;
	for (unsigned i = 0; i < 10; i++)
		draw(1);
	alarm((unsigned)(end_at - now()) + 30);
	act(dir);
	_exit(0);
}

static void be_lazy_follower(const char *dir)
{
	be_follower(dir, true);
}

static void be_eager_follower(const char *dir)
{
	be_follower(dir, false);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*act)(const char *); } actors[] = {
		{ "reader 1", be_reader }, { "reader 2", be_reader }, { "walker", be_walker }, { "commander 1", be_commander },
		{ "commander 2", be_commander }, { "follower", be_eager_follower }, { "lazy follower", be_lazy_follower },
		{ "parent", be_parent },
	};
	enum { ACTORS = sizeof actors / sizeof *actors };
	uint64_t seed = (uint64_t)time(NULL);
	double seconds = 30;
	int failed = 0, status, i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--time"))
			seconds = atof(argv[i + 1]);
		else
			break;
	}
	if (i + 1 != argc) {
		fputs("usage: stress [--seed N] [--time SECONDS] DIR\n", stderr);
		return 2;
	}
	printf("seed %llu, %g s\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	end_at = now() + seconds;
	for (unsigned k = 0; k < ACTORS; k++)
		begin(actors[k].name, k, seed, argv[i], actors[k].act);
	while (wait(&status) > 0)
		if (status) {
			if (WIFSIGNALED(status))
				fprintf(stderr, "a client was ended by signal %d\n", WTERMSIG(status));
			failed++;
		}
	if (failed)
		printf("%d of %d clients failed; seed %llu\n", failed, ACTORS, (unsigned long long)seed);
	return failed != 0;
}
