/* kernel_mount.c - scripts executed on a real mount: commands are lines written to ctl files. */
#include "kernel_mount.h"
#include "vm_area.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void prot_text(unsigned prot, char text[4])
{
	text[0] = prot & PROT_READ ? 'r' : '-';
	text[1] = prot & PROT_WRITE ? 'w' : '-';
	text[2] = prot & PROT_EXEC ? 'x' : '-';
	text[3] = '\0';
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

static void mount_hugepages(void *data, uint64_t n)
{
	g_autofree char *path = in_mount(data, "proc/sys/vm/nr_hugepages");
	int fd = open(path, O_RDWR);

	if (fd < 0 || command(data, fd, "%" PRIu64 "\n", n))
		g_error("%s cannot be set", path);
	close(fd);
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
	mount_pages, mount_counts, mount_hugepages, mount_pool, mount_check, NULL,
};
