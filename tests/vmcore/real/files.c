/* files.c - the files of a script: on tmpfs or on a disk, each open three ways in every process. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILES = 8, FILE_FD = 20 };
struct file { char name[16], path[256]; };

static struct file files[FILES];
static unsigned file_count;
static char directory[2][128];    /* on tmpfs, on a disk */

void make_directories(void)
{
	for (int i = 0; i < 2; i++) {
		snprintf(directory[i], sizeof directory[i], "%s/vitrine-recorder.XXXXXX", i == 0 ? "/dev/shm" : "/var/tmp");
		if (!mkdtemp(directory[i]))
			fail(77, "no directory can be made");
		chmod(directory[i], 0755);
	}
}

void remove_files(void)
{
	for (unsigned i = 0; i < file_count; i++)
		unlink(files[i].path);
	for (int i = 0; i < 2; i++)
		rmdir(directory[i]);
}

const char *disk_directory(void)
{
	return directory[1];
}

static void open_in(struct proc *p, unsigned i)
{
	static const int modes[3] = { O_RDWR, O_RDONLY, O_WRONLY };

	for (int m = 0; m < 3; m++) {
		struct request r = { .op = DO_SYSCALL, .in = (uint32_t)strlen(files[i].path) + 1,
				     .a = { SYS_open, BUFFER_AT, (uint64_t)modes[m], 0 } };
		int64_t fd = ask(p, r, files[i].path, NULL).value;
		int want = FILE_FD + 3 * (int)i + m;

		if (fd < 0)
			fail(1, "cannot open %s in a worker: %s", files[i].path, strerror((int)-fd));
		if (fd != want) {
			CALL(p, SYS_dup2, (uint64_t)fd, (uint64_t)want);
			CALL(p, SYS_close, (uint64_t)fd);
		}
	}
}

void open_files(struct proc *p, unsigned first)
{
	for (unsigned i = first; i < file_count; i++)
		open_in(p, i);
}

static struct file *file_named(const char *name, size_t len)
{
	for (unsigned i = 0; i < file_count; i++)
		if (strlen(files[i].name) == len && strncmp(files[i].name, name, len) == 0)
			return &files[i];
	fail(1, "no file %s", name);
}

int descriptor(struct proc *p, const char *text, bool *fresh)
{
	size_t n = strcspn(text, ":");
	struct file *f = file_named(text, n);
	int fd = FILE_FD + 3 * (int)(f - files);

	*fresh = false;
	if (strcmp(text + n, ":ro") == 0)
		return fd + 1;
	if (strcmp(text + n, ":wo") == 0)
		return fd + 2;
	if (strcmp(text + n, ":new") == 0) {
		struct request r = { .op = DO_SYSCALL, .in = (uint32_t)strlen(f->path) + 1,
				     .a = { SYS_open, BUFFER_AT, O_RDWR, 0 } };
		*fresh = true;
		return (int)ask(p, r, f->path, NULL).value;
	}
	return fd;
}

static void fill(int fd, uint64_t size, unsigned seed)
{
	uint8_t page[PAGE];

	for (uint64_t at = 0; at < size; at += PAGE) {
		size_t n = (size_t)MIN(PAGE, size - at);

		memset(page, (int)((seed + at / PAGE) & 255), sizeof page);
		if (pwrite(fd, page, n, (off_t)at) != (ssize_t)n)
			fail(1, "cannot fill a file");
	}
}

void make_file(const char *name, bool tmpfs, uint64_t size, int seed)
{
	struct file *f = &files[file_count];
	int fd;

	if (file_count == FILES)
		fail(1, "too many files");
	g_strlcpy(f->name, name, sizeof f->name);
	snprintf(f->path, sizeof f->path, "%s/%s", directory[tmpfs ? 0 : 1], name);
	fd = open(f->path, O_RDWR | O_CREAT | O_EXCL, 0666);
	if (fd < 0 || fchmod(fd, 0666) || ftruncate(fd, (off_t)size))
		fail(1, "cannot make %s", f->path);
	if (seed >= 0)
		fill(fd, size, (unsigned)seed);
	if (!tmpfs)
		fsync(fd);
	close(fd);
	file_count++;
	for (struct proc *p = NULL; (p = next_proc(p));)
		open_files(p, file_count - 1);
}

void close_fresh(struct proc *p, int fd, bool fresh)
{
	if (fresh)
		CALL(p, SYS_close, (uint64_t)fd);
}

int unlink_file(const char *name)
{
	return unlink(file_named(name, strcspn(name, ":"))->path) ? errno : 0;
}
