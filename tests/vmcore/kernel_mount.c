/*
 * kernel_mount.c - scripts executed on a real mount: commands are lines written to ctl files, and what is compared is
 * read from proc/ as any program would. The program's name is in VITRINE.
 */
#include "kernel_backend.h"
#include "vm_area.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_MODES = 3, RESULT_MAX = 1 << 16 };
struct mount_file { char *name, *path; /* in files/ */ };
struct mount_proc { int pid, ctl; GArray *fds; };
struct mounted {
	char dir[64];
	GPtrArray *files;
	GHashTable *procs;
	char *smaps, *next;           /* of the process whose areas are being listed */
	char result[RESULT_MAX];      /* of the last command */
};

static char *in_mount(const struct mounted *w, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static char *in_mount(const struct mounted *w, const char *fmt, ...)
{
	g_autofree char *rest = NULL;
	va_list ap;

	va_start(ap, fmt);
	rest = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	return g_strconcat(w->dir, "/", rest, NULL);
}

static char *content(const struct mounted *w, const char *path)
{
	g_autofree char *full = in_mount(w, "%s", path);
	char *text = NULL;

	if (!g_file_get_contents(full, &text, NULL, NULL))
		g_error("%s cannot be read", full);
	return text;
}

/* One line; its result goes to w->result. 0 or an errno. */
static int command(struct mounted *w, int ctl, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
static int command(struct mounted *w, int ctl, const char *fmt, ...)
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

static struct mount_proc *proc(struct mounted *w, const char *name)
{
	return g_hash_table_lookup(w->procs, name);
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

static void *mount_start(bool swap)
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

static void mount_stop(void *data)
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

static int mount_file(void *data, const char *name, bool tmpfs, uint64_t size, int seed)
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

static int mount_spawn(void *data, const char *p)
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

static int mount_fork(void *data, const char *p, const char *child)
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

static int mount_exit(void *data, const char *p)
{
	struct mounted *w = data;
	int error = command(w, proc(w, p)->ctl, "exit\n");

	g_hash_table_remove(w->procs, p);
	return error;
}

/* The descriptor that a script's file name stands for in a process; -1 for ":new". */
static int descriptor(struct mounted *w, const char *p, const char *file, const struct mount_file **found)
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

/* The same, but f0:new opens one: a description of its own, for this call alone, which close_fresh() ends. */
static int descriptor_for_call(struct mounted *w, const char *p, const char *file, bool *fresh)
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

static void close_fresh(struct mounted *w, const char *p, int fd, bool fresh)
{
	if (fresh)
		command(w, proc(w, p)->ctl, "close %d\n", fd);
}

static void prot_text(unsigned prot, char text[4])
{
	text[0] = prot & PROT_READ ? 'r' : '-';
	text[1] = prot & PROT_WRITE ? 'w' : '-';
	text[2] = prot & PROT_EXEC ? 'x' : '-';
	text[3] = '\0';
}

static uint64_t result_number(const struct mounted *w)
{
	return g_ascii_strtoull(w->result, NULL, 0);
}

struct word { unsigned value; const char *name; };

static void flag_words(GString *out, unsigned flags, const struct word *words, const char *separator)
{
	size_t start = out->len;

	for (; words->name; words++)
		if (flags & words->value) {
			g_string_append_printf(out, "%s%s", out->len > start ? separator : "", words->name);
			flags &= ~words->value;
		}
	if (flags)
		g_string_append_printf(out, "%sbad", out->len > start ? separator : "");
}

static int mount_mmap(void *data, const char *p, const struct map_call *c, uint64_t *result)
{
	static const struct word words[] = {
		{ VM_MAP_SHARED, "shared" }, { VM_MAP_PRIVATE, "private" }, { VM_MAP_ANON, "anon" }, { VM_MAP_FIXED, "fixed" },
		{ VM_MAP_FIXED_NOREPLACE, "fixed_noreplace" }, { VM_MAP_POPULATE, "populate" }, { VM_MAP_LOCKED, "locked" },
		{ VM_MAP_NORESERVE, "noreserve" }, { VM_MAP_GROWSDOWN, "growsdown" }, { VM_MAP_HUGETLB, "hugetlb" }, { 0, NULL }
	};
	struct mounted *w = data;
	g_autoptr(GString) flags = g_string_new(NULL);
	g_autofree char *at = c->at ? g_strdup_printf("%#" PRIx64, c->at) : g_strdup("-"), *file = g_strdup("");
	char prot[4];
	int error;

	flag_words(flags, c->flags, words, ",");
	prot_text(c->prot, prot);
	if (c->file) {
		bool fresh;
		int fd = descriptor_for_call(w, p, c->file, &fresh);

		g_free(file);
		file = g_strdup_printf(" fd:%d %#" PRIx64, fd, c->offset);
		error = command(w, proc(w, p)->ctl, "mmap %s %" PRIu64 " %s %s%s\n", at, c->len, prot, flags->str, file);
		*result = result_number(w);
		close_fresh(w, p, fd, fresh);
		return error;
	}
	error = command(w, proc(w, p)->ctl, "mmap %s %" PRIu64 " %s %s\n", at, c->len, prot, flags->str);
	*result = result_number(w);
	return error;
}

static int mount_munmap(void *w, const char *p, uint64_t at, uint64_t len)
{
	return command(w, proc(w, p)->ctl, "munmap %" PRIu64 " %" PRIu64 "\n", at, len);
}

static int mount_mprotect(void *w, const char *p, uint64_t at, uint64_t len, unsigned prot)
{
	char text[4];

	prot_text(prot, text);
	return command(w, proc(w, p)->ctl, "mprotect %" PRIu64 " %" PRIu64 " %s\n", at, len, text);
}

static int mount_mremap(void *data, const char *p, uint64_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
			uint64_t to, uint64_t *result)
{
	struct mounted *w = data;
	g_autofree char *fixed = flags & VM_REMAP_FIXED ? g_strdup_printf(" fixed %" PRIu64, to) : g_strdup("");
	int error = command(w, proc(w, p)->ctl, "mremap %" PRIu64 " %" PRIu64 " %" PRIu64 "%s%s%s\n", old, old_len, new_len,
			    flags & VM_REMAP_MAYMOVE ? " maymove" : "", fixed,
			    flags & VM_REMAP_DONTUNMAP ? " dontunmap" : "");

	*result = result_number(w);
	return error;
}

static int mount_madvise(void *w, const char *p, uint64_t at, uint64_t len, int advice)
{
	static const char *const names[] = {
		[0] = "normal", [1] = "random", [2] = "sequential", [3] = "willneed", [4] = "dontneed", [8] = "free",
		[9] = "remove", [10] = "dontfork", [11] = "dofork", [14] = "hugepage", [15] = "nohugepage", [16] = "dontdump", [17] = "dodump", [18] = "wipeonfork",
		[19] = "keeponfork", [20] = "cold", [21] = "pageout", [22] = "populate_read", [23] = "populate_write",
		[24] = "dontneed_locked",
	};
	const char *name = advice >= 0 && advice < (int)G_N_ELEMENTS(names) ? names[advice] : NULL;

	return command(w, proc(w, p)->ctl, "madvise %" PRIu64 " %" PRIu64 " %s\n", at, len, name ? name : "bad");
}

static int mount_mlock(void *w, const char *p, uint64_t at, uint64_t len, bool onfault)
{
	return command(w, proc(w, p)->ctl, "mlock %" PRIu64 " %" PRIu64 "%s\n", at, len, onfault ? " onfault" : "");
}

static int mount_munlock(void *w, const char *p, uint64_t at, uint64_t len)
{
	return command(w, proc(w, p)->ctl, "munlock %" PRIu64 " %" PRIu64 "\n", at, len);
}

static int mount_msync(void *w, const char *p, uint64_t at, uint64_t len, unsigned flags)
{
	static const struct word words[] = {
		{ VM_MSYNC_ASYNC, "async" }, { VM_MSYNC_INVALIDATE, "invalidate" }, { VM_MSYNC_SYNC, "sync" }, { 0, NULL }
	};
	g_autoptr(GString) names = g_string_new(NULL);

	flag_words(names, flags, words, " ");
	return command(w, proc(w, p)->ctl, "msync %" PRIu64 " %" PRIu64 " %s\n", at, len, names->str);
}

static int mount_mincore(void *data, const char *p, uint64_t at, uint64_t len, uint8_t *vec)
{
	struct mounted *w = data;
	int error = command(w, proc(w, p)->ctl, "mincore %" PRIu64 " %" PRIu64 "\n", at, len);

	for (char *run_at = w->result; error == 0 && g_ascii_isdigit(*run_at);) {
		uint64_t n = g_ascii_strtoull(run_at, &run_at, 10);

		memset(vec, *run_at++ == 'r', n);
		vec += n;
	}
	return error;
}

static int mount_brk(void *data, const char *p, int64_t delta, uint64_t *result)
{
	struct mounted *w = data;
	int error = command(w, proc(w, p)->ctl, "brk %+" PRId64 "\n", delta);

	*result = result_number(w);
	return error;
}

/* "41 faults=1", "faults=1", "SEGV ACCERR addr=0x1000 faults=1" */
static int access_done(const struct mounted *w, int error, struct access *out)
{
	static const char *const signals[] = { "SEGV MAPERR", "SEGV ACCERR", "SEGV PKUERR", "SEGV KERNEL", "BUS ADRERR" };
	const char *faults = strstr(w->result, "faults="), *addr = strstr(w->result, "addr=");

	*out = (struct access){ .faults = faults ? g_ascii_strtoull(faults + 7, NULL, 10) : 0 };
	for (size_t i = 0; error == EFAULT && i < G_N_ELEMENTS(signals); i++)
		if (g_str_has_prefix(w->result, signals[i]))
			out->signal = signals[i];
	if (addr)
		out->addr = g_ascii_strtoull(addr + 5, NULL, 0);
	return out->signal ? 0 : error;
}

static int mount_load(void *data, const char *p, uint64_t at, uint8_t *to, size_t len, struct access *out)
{
	struct mounted *w = data;
	int error = access_done(w, command(w, proc(w, p)->ctl, "read %#" PRIx64 " %zu\n", at, len), out);

	for (size_t i = 0; error == 0 && !out->signal && i < len; i++)
		to[i] = (uint8_t)(g_ascii_xdigit_value(w->result[2 * i]) << 4 | g_ascii_xdigit_value(w->result[2 * i + 1]));
	return error;
}

static int mount_store(void *data, const char *p, uint64_t at, uint8_t byte, struct access *out)
{
	struct mounted *w = data;

	return access_done(w, command(w, proc(w, p)->ctl, "write %#" PRIx64 " %02x\n", at, byte), out);
}

static int mount_fetch(void *data, const char *p, uint64_t at, struct access *out)
{
	struct mounted *w = data;

	return access_done(w, command(w, proc(w, p)->ctl, "exec %#" PRIx64 "\n", at), out);
}

/* A file without a name is reached through the process's descriptor. */
static int mount_truncate(void *data, const char *p, const char *file, uint64_t len)
{
	const struct mount_file *f;
	g_autofree char *path = NULL;

	descriptor(data, p, file, &f);
	path = in_mount(data, "files/%s", f->path);
	return truncate(path, len) ? errno : 0;
}

static int mount_pwrite(void *data, const char *p, const char *file, uint64_t at, uint8_t byte)
{
	struct mounted *w = data;
	bool fresh;
	int fd = descriptor_for_call(w, p, file, &fresh);
	int error = command(w, proc(w, p)->ctl, "lseek %d %" PRIu64 "\n", fd, at);

	if (!error)
		error = command(w, proc(w, p)->ctl, "send %d %02x\n", fd, byte);
	close_fresh(w, p, fd, fresh);
	return error;
}

static int mount_pread(void *data, const char *p, const char *file, uint64_t at, int *byte)
{
	struct mounted *w = data;
	bool fresh;
	int fd = descriptor_for_call(w, p, file, &fresh);
	g_autofree char *line = g_strdup_printf("recv %d 1\n", fd);
	int error = command(w, proc(w, p)->ctl, "lseek %d %" PRIu64 "\n", fd, at);
	ssize_t n = 0;

	w->result[0] = '\0';
	if (!error && write(proc(w, p)->ctl, line, strlen(line)) < 0)
		error = errno;
	if (!error)
		n = pread(proc(w, p)->ctl, w->result, sizeof w->result, 0);
	*byte = n > 0 ? (uint8_t)w->result[0] : -1;
	close_fresh(w, p, fd, fresh);
	return error;
}

static int mount_unlink(void *data, const char *p, const char *file)
{
	const struct mount_file *f;
	g_autofree char *path = NULL;

	descriptor(data, p, file, &f);
	path = in_mount(data, "files/%s", f->path);
	return unlink(path) ? errno : 0;
}

static void label_area(char *name, char *to, size_t size)
{
	static const char deleted[] = " (deleted)";
	bool gone = g_str_has_suffix(name, deleted);
	const char *slash = strrchr(name, '/');

	if (gone)
		name[strlen(name) - strlen(deleted)] = '\0';
	if (strcmp(name, "/dev/zero") == 0)
		g_strlcpy(to, "shm", size);
	else if (slash)
		g_snprintf(to, size, "%s%s", slash + 1, gone ? "~" : "");
	else
		g_strlcpy(to, name[0] ? name : "anon", size);
}

static void read_row(struct seen_area *a, const char *line)
{
	const struct { const char *name; uint64_t *to, unit; } rows[] = {
		{ "Rss:", &a->rss, 1024 }, { "Shared_Clean:", &a->shared_clean, 1024 }, { "Shared_Dirty:", &a->shared_dirty, 1024 },
		{ "Private_Clean:", &a->private_clean, 1024 }, { "Private_Dirty:", &a->private_dirty, 1024 },
		{ "Anonymous:", &a->anonymous, 1024 }, { "Swap:", &a->swap, 1024 }, { "Pss:", &a->pss, 1 },
		{ "SwapPss:", &a->swap_pss, 1 }, { "Locked:", &a->locked, 1 }, { "AnonHugePages:", &a->huge, 1024 },
		{ "Private_Hugetlb:", &a->own_huge, 1024 }, { "Shared_Hugetlb:", &a->shared_huge, 1024 },
		{ "KernelPageSize:", &a->page, 1024 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (g_str_has_prefix(line, rows[i].name))
			*rows[i].to = g_ascii_strtoull(line + strlen(rows[i].name), NULL, 10) * rows[i].unit;
	if (g_str_has_prefix(line, "VmFlags: ")) {
		g_strlcpy(a->flags, line + 9, sizeof a->flags);
		g_strchomp(a->flags);
		g_strdelimit(a->flags, " ", ',');
	}
}

/* The areas are asked for in order, from 0: then the text is read anew. */
static bool mount_area_above(void *data, const char *p, uint64_t at, struct seen_area *out)
{
	struct mounted *w = data;
	int name = 0;

	if (at == 0) {
		g_autofree char *path = g_strdup_printf("proc/%d/smaps", proc(w, p)->pid);

		g_free(w->smaps);
		w->next = w->smaps = content(w, path);
	}
	*out = (struct seen_area){ 0 };
	for (bool first = true; *w->next; first = false) {
		char *line = w->next, *end = strchr(line, '\n');

		if (!first && g_ascii_isxdigit(line[0]) && !g_ascii_isupper(line[0]))
			return true;
		*end = '\0';
		w->next = end + 1;
		if (!first)
			read_row(out, line);
		else if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &out->start, &out->end, out->perms,
				&out->offset, &name) < 4)
			g_error("a line of smaps: %s", line);
		else
			label_area(line + name, out->label, sizeof out->label);
	}
	return out->end > 0;
}

static bool is_zero_page(const struct mounted *w, uint64_t pfn)
{
	g_autofree char *path = g_strdup_printf("mem/frame/%#" PRIx64, pfn), *text = content(w, path);

	return strstr(text, "\nuse=zero\n") != NULL;
}

static void mount_pages(void *data, const char *p, uint64_t at, size_t n, struct seen_page *out)
{
	struct mounted *w = data;
	g_autofree char *path = in_mount(w, "proc/%d/pagemap", proc(w, p)->pid);
	g_autofree uint64_t *words = g_new0(uint64_t, n);
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, words, n * 8, at / PAGE * 8) != (ssize_t)(n * 8))
		g_error("%s cannot be read", path);
	close(fd);
	for (size_t i = 0; i < n; i++) {
		bool exclusive = words[i] >> 56 & 1, file = words[i] >> 61 & 1;

		out[i].frame = words[i] & ((1ull << 55) - 1);
		if (words[i] >> 62 & 1)
			out[i].code = 's';
		else if (!(words[i] >> 63))
			out[i].code = '.';
		else if (file)
			out[i].code = exclusive ? 'F' : 'f';
		else if (!exclusive && is_zero_page(w, out[i].frame))
			out[i].code = 'z';
		else
			out[i].code = exclusive ? 'A' : 'a';
	}
}

static uint64_t status_pages(const char *status, const char *name)
{
	const char *row = strstr(status, name);

	return row ? g_ascii_strtoull(row + strlen(name), NULL, 10) / 4 : 0;
}

static void mount_hugepages(void *data, uint64_t n)
{
	g_autofree char *path = in_mount(data, "proc/sys/vm/nr_hugepages");
	int fd = open(path, O_RDWR);

	if (fd < 0 || command(data, fd, "%" PRIu64 "\n", n))
		g_error("%s cannot be set", path);
	close(fd);
}

static void mount_pool(void *data, uint64_t counts[4])
{
	static const char *const names[] = { "HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:" };
	g_autofree char *meminfo = content(data, "proc/meminfo");

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		counts[i] = g_ascii_strtoull(strstr(meminfo, names[i]) + strlen(names[i]), NULL, 10);
}

static void mount_counts(void *data, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked, uint64_t *huge)
{
	struct mounted *w = data;
	g_autofree char *path = g_strdup_printf("proc/%d/status", proc(w, p)->pid), *status = content(w, path);

	command(w, proc(w, p)->ctl, "brk +0\n");
	*brk = result_number(w);
	*tables = status_pages(status, "\nVmPTE:");
	*locked = status_pages(status, "\nVmLck:");
	*huge = status_pages(status, "\nHugetlbPages:");
}

static void mount_check(void *data, GString *out)
{
	g_autofree char *text = content(data, "check");

	if (strcmp(text, "ok\n"))
		g_string_append(out, text);
}

const struct backend mount_backend = {
	"mount", mount_start, mount_stop, mount_file, mount_spawn, mount_fork, mount_exit, mount_mmap, mount_munmap,
	mount_mprotect, mount_mremap, mount_madvise, mount_mlock, mount_munlock, mount_msync, mount_mincore, mount_brk,
	mount_load, mount_store, mount_fetch, mount_truncate, mount_pwrite, mount_pread, mount_unlink, mount_area_above,
	mount_pages, mount_counts, mount_hugepages, mount_pool, mount_check,
};
