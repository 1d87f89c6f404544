/* kernel_mount_world.c - a mount of its own for a script, with the script's files and processes. The program is in VITRINE. */
#include "kernel_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_MODES = 3 };

char *in_mount(const struct mounted *w, const char *fmt, ...)
{
	g_autofree char *rest = NULL;
	va_list ap;

	va_start(ap, fmt);
	rest = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	return g_strconcat(w->dir, "/", rest, NULL);
}

char *content(const struct mounted *w, const char *path)
{
	g_autofree char *full = in_mount(w, "%s", path);
	char *text = NULL;

	if (!g_file_get_contents(full, &text, NULL, NULL))
		g_error("%s cannot be read", full);
	return text;
}

int command(struct mounted *w, int ctl, const char *fmt, ...)
{
	g_autofree char *line = NULL;
	int error = 0;
	ssize_t n;
	va_list ap;

	va_start(ap, fmt);
	line = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	if (write(ctl, line, strlen(line)) != (ssize_t)strlen(line))
		error = errno;
	n = pread(ctl, w->result, sizeof w->result - 1, 0);
	w->result[MAX(n, 0)] = '\0';
	return error;
}

struct mount_proc *proc(struct mounted *w, const char *name)
{
	return g_hash_table_lookup(w->procs, name);
}

uint64_t result_number(const struct mounted *w)
{
	return g_ascii_strtoull(w->result, NULL, 0);
}

static int run(char *const *argv)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void free_file(void *data)
{
	struct mount_file *f = data;

	g_free(f->name);
	g_free(f->path);
	g_free(f);
}

static void free_proc(void *data)
{
	struct mount_proc *q = data;

	close(q->ctl);
	g_array_unref(q->fds);
	g_free(q);
}

void *mount_start(bool swap)
{
	struct mounted *w = g_new0(struct mounted, 1);
	char *argv[] = { getenv("VITRINE"), (char *)"mount", (char *)"--ram", (char *)"24G", (char *)"--swap",
			 (char *)(swap ? "64M" : "0"), w->dir, NULL };

	g_strlcpy(w->dir, "/tmp/vitrine-scripts.XXXXXX", sizeof w->dir);
	if (!argv[0] || !mkdtemp(w->dir) || run(argv) != 0) {
		rmdir(w->dir);
		g_free(w);
		return NULL;
	}
	w->files = g_ptr_array_new_with_free_func(free_file);
	w->procs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_proc);
	return w;
}

void mount_stop(void *data)
{
	struct mounted *w = data;
	char *argv[] = { getenv("VITRINE"), (char *)"umount", w->dir, NULL };

	g_hash_table_unref(w->procs);
	g_ptr_array_unref(w->files);
	if (run(argv) != 0)
		g_error("%s does not unmount", w->dir);
	rmdir(w->dir);
	g_free(w->smaps);
	g_free(w);
}

static void open_files(struct mounted *w, struct mount_proc *q)
{
	static const char *const modes[FD_MODES] = { "rw", "r", "w" };

	for (guint i = q->fds->len / FD_MODES; i < w->files->len; i++)
		for (int k = 0; k < FD_MODES; k++) {
			struct mount_file *f = g_ptr_array_index(w->files, i);
			int fd;

			if (command(w, q->ctl, "open /%s %s\n", f->path, modes[k]))
				g_error("%s does not open", f->path);
			fd = atoi(w->result);
			g_array_append_val(q->fds, fd);
		}
}

/* Whose files and processes they are: of nobody special, but only root gives files away. */
static unsigned owner(void)
{
	return geteuid() ? geteuid() : 1000;
}

int mount_file(void *data, const char *name, bool tmpfs, uint64_t size, int seed)
{
	struct mounted *w = data;
	struct mount_file *f = g_new0(struct mount_file, 1);
	g_autofree char *dev = in_mount(w, "files/dev"), *shm = in_mount(w, "files/dev/shm"), *path = NULL, *ctl = NULL;
	g_autofree uint8_t *bytes = g_malloc0(size);
	GHashTableIter it;
	void *q;
	int fd;

	mkdir(dev, 0755);
	mkdir(shm, 0777);
	f->name = g_strdup(name);
	f->path = g_strconcat(tmpfs ? "dev/shm/" : "", name, NULL);
	g_ptr_array_add(w->files, f);
	path = in_mount(w, "files/%s", f->path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = seed + i / PAGE;
	if (fd < 0 || fchown(fd, owner(), owner()) || ftruncate(fd, size) ||
	    (seed >= 0 && write(fd, bytes, size) != (ssize_t)size))
		g_error("%s cannot be made", path);
	close(fd);
	ctl = in_mount(w, "hosts/host0/mem/ctl");
	fd = open(ctl, O_RDWR);
	if (!tmpfs && command(w, fd, "writeback\n"))
		g_error("%s cannot be written back", path);
	close(fd);
	g_hash_table_iter_init(&it, w->procs);
	while (g_hash_table_iter_next(&it, NULL, &q))
		open_files(w, q);
	return 0;
}

static struct mount_proc *add_proc(struct mounted *w, const char *name, int pid)
{
	struct mount_proc *q = g_new0(struct mount_proc, 1);
	g_autofree char *ctl = in_mount(w, "proc/%d/ctl", pid);

	q->pid = pid;
	q->ctl = open(ctl, O_RDWR);
	q->fds = g_array_new(FALSE, FALSE, sizeof(int));
	if (q->ctl < 0)
		g_error("%s does not open", ctl);
	g_hash_table_insert(w->procs, g_strdup(name), q);
	return q;
}

int mount_spawn(void *data, const char *p)
{
	struct mounted *w = data;
	g_autofree char *path = in_mount(w, "hosts/host0/ctl");
	int ctl = open(path, O_RDWR);
	int error = command(w, ctl, "spawn %s bare brk=%#" PRIx64 " uid=%u gid=%u\n", p, (uint64_t)BASE_H,
			    owner(), owner());

	close(ctl);
	if (error == 0)
		open_files(w, add_proc(w, p, atoi(w->result)));
	return error;
}

int mount_fork(void *data, const char *p, const char *child)
{
	struct mounted *w = data;
	struct mount_proc *q = proc(w, p), *c;
	int error = command(w, q->ctl, "fork\n");

	if (error)
		return error;
	c = add_proc(w, child, atoi(w->result));
	g_array_append_vals(c->fds, q->fds->data, q->fds->len);
	return 0;
}

int mount_exit(void *data, const char *p)
{
	struct mounted *w = data;
	int error = command(w, proc(w, p)->ctl, "exit\n");

	g_hash_table_remove(w->procs, p);
	return error;
}

int descriptor(struct mounted *w, const char *p, const char *file, const struct mount_file **found)
{
	size_t n = strcspn(file, ":");
	int mode = !strcmp(file + n, ":ro") ? 1 : !strcmp(file + n, ":wo") ? 2 : 0;

	for (guint i = 0; i < w->files->len; i++) {
		const struct mount_file *f = g_ptr_array_index(w->files, i);

		if (strlen(f->name) != n || strncmp(f->name, file, n))
			continue;
		*found = f;
		return strcmp(file + n, ":new") ? g_array_index(proc(w, p)->fds, int, i * FD_MODES + mode) : -1;
	}
	g_error("no file %s", file);
}

int descriptor_for_call(struct mounted *w, const char *p, const char *file, bool *fresh)
{
	const struct mount_file *f;
	int fd = descriptor(w, p, file, &f);

	*fresh = fd < 0;
	if (fd >= 0)
		return fd;
	if (command(w, proc(w, p)->ctl, "open /%s rw\n", f->path))
		g_error("%s does not open", f->path);
	return atoi(w->result);
}

void close_fresh(struct mounted *w, const char *p, int fd, bool fresh)
{
	if (fresh)
		command(w, proc(w, p)->ctl, "close %d\n", fd);
}
