/*
 * recorder.c - executes a script of tests/cases/kernel's language on the running Linux kernel and prints it with the
 * results, in the form that README there describes. Needs root (empty address spaces, pagemap, swap).
 *
 *     recorder SCRIPT > RECORDED        result lines in SCRIPT are ignored
 *
 * Exit 77: not permitted here; 3: this one script cannot run here. Each simulated process is a real one that runs worker.c.
 */
#include "worker.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCS = 16, FILES = 8, FILE_FD = 20, PAGE = 4096 };
#define BASE_A 0x10000000000u
#define BASE_H 0x18000000000u
#define BASE_M 0x7ffff7fff000u
#define BASE_S 0x7ffffffff000u

struct proc { char name[16]; pid_t pid; int fd; bool alive; uint64_t own_tables; };
struct file { char name[16], path[256]; bool tmpfs; };
struct label { char name[32]; uint64_t at; };

static struct proc procs[PROCS];
static unsigned proc_count;
static struct file files[FILES];
static unsigned file_count;
static struct label labels[256];
static unsigned label_count;
static int channels[PROCS][2];
static char directory[2][128];
static char swap_path[160];
static FILE *out;
static unsigned line_number;

static bool thp, pool;   /* set by the script, to be put back */

static void put_back(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(value, f);
		fclose(f);
	}
}

static void clean_up(void)
{
	for (unsigned i = 0; i < proc_count; i++)
		if (procs[i].alive)
			kill(procs[i].pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	if (swap_path[0]) {
		swapoff(swap_path);
		unlink(swap_path);
	}
	if (pool)
		put_back("/proc/sys/vm/nr_hugepages", "0");
	if (thp) {
		put_back("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "10000");
	}
	for (unsigned i = 0; i < file_count; i++)
		unlink(files[i].path);
	for (int i = 0; i < 2; i++)
		rmdir(directory[i]);
}

static void G_GNUC_NORETURN G_GNUC_PRINTF(2, 3) fail(int status, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "recorder: line %u: ", line_number);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	clean_up();
	exit(status);
}

/* ---- talking to a worker ---- */

static void all(ssize_t (*io)(int, void *, size_t), int fd, void *at, size_t len)
{
	for (char *p = at; len > 0;) {
		ssize_t n = io(fd, p, len);

		if (n <= 0)
			fail(1, "a worker is gone");
		p += n;
		len -= (size_t)n;
	}
}

static ssize_t write_some(int fd, void *at, size_t len)
{
	return write(fd, at, len);
}

static struct answer ask(struct proc *p, struct request r, const void *in, void *out_bytes)
{
	struct answer a;

	all(write_some, p->fd, &r, sizeof r);
	if (r.in)
		all(write_some, p->fd, (void *)in, r.in);
	all(read, p->fd, &a, sizeof a);
	if (r.out)
		all(read, p->fd, out_bytes, r.out);
	return a;
}

static int64_t call(struct proc *p, struct request r)
{
	return ask(p, r, NULL, NULL).value;
}

#define CALL(P, ...) call(P, (struct request){ .op = DO_SYSCALL, .a = { __VA_ARGS__ } })

/* ---- workers ---- */

/* Runs in a fresh image without randomisation: copies the code and never returns. */
static int be_worker(unsigned index)
{
	extern uint64_t worker_entry(void);
	size_t size = (size_t)(__stop_worker - __start_worker);
	char *at = mmap((void *)REGION, REGION_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (at != (void *)REGION)
		return 1;
	memset(at, 0, REGION_SIZE);
	memcpy(at, __start_worker, size);
	__asm__ volatile("mov %0, %%rsp\n xor %%ebp, %%ebp\n call *%1\n" : : "r"((uint64_t)STACK_TOP - 64),
			 "r"((uint64_t)REGION + worker_entry()), "D"((uint64_t)index));
	return 1;
}

static uint64_t read_status(pid_t pid, const char *field)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoull(line + strlen(field), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

static struct proc *proc_named(const char *name)
{
	for (unsigned i = 0; i < proc_count; i++)
		if (strcmp(procs[i].name, name) == 0 && procs[i].alive)
			return &procs[i];
	return NULL;
}

static struct proc *add_proc(const char *name, pid_t pid, unsigned index)
{
	struct proc *p = &procs[proc_count++];

	g_strlcpy(p->name, name, sizeof p->name);
	p->pid = pid;
	p->fd = channels[index][0];
	p->alive = true;
	return p;
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

static struct proc *start(const char *name)
{
	unsigned index = proc_count;
	struct proc *p;
	struct answer hello;
	pid_t pid;

	if (index == PROCS)
		fail(1, "too many processes");
	pid = fork();
	if (pid == 0) {
		char number[16];
		struct rlimit stack = { 8 << 20, 8 << 20 }, memlock = { 8 << 20, 8 << 20 };
		char *argv[] = { (char *)"worker", (char *)"--worker", number, NULL };
		char *envp[] = { (char *)"GLIBC_TUNABLES=glibc.pthread.rseq=0", NULL };

		snprintf(number, sizeof number, "%u", index);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_STACK, &stack);
		setrlimit(RLIMIT_MEMLOCK, &memlock);
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		personality(ADDR_NO_RANDOMIZE);
		for (unsigned i = 0; i < PROCS; i++)
			dup2(channels[i][1], WORKER_FD + (int)i);
		close_range(3, WORKER_FD - 1, 0);
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	p = add_proc(name, pid, index);
	all(read, p->fd, &hello, sizeof hello);
	if (thp)
		CALL(p, SYS_prctl, PR_SET_THP_DISABLE, 0, 0, 0, 0);
	for (unsigned i = 0; i < file_count; i++)
		open_in(p, i);
	p->own_tables = read_status(pid, "VmPTE:") / 4;
	return p;
}

/* ---- operands ---- */

static int64_t number(const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 0);

	switch (*end) {
	case 'K': v <<= 10; break;
	case 'M': v <<= 20; break;
	case 'G': v <<= 30; break;
	case 'T': v <<= 40; break;
	}
	return (int64_t)v;
}

static uint64_t address(const char *text)
{
	char name[32];
	size_t n = strcspn(text, "+-");
	uint64_t base = 0;

	if (isdigit((unsigned char)text[0]))
		return (uint64_t)number(text);
	if (strcmp(text, "-") == 0)
		return 0;
	g_strlcpy(name, text, MIN(sizeof name, n + 1));
	if (strcmp(name, "A") == 0)
		base = BASE_A;
	else if (strcmp(name, "H") == 0)
		base = BASE_H;
	else if (strcmp(name, "M") == 0)
		base = BASE_M;
	else if (strcmp(name, "S") == 0)
		base = BASE_S;
	else {
		unsigned i;

		for (i = 0; i < label_count && strcmp(labels[i].name, name); i++)
			;
		if (i == label_count)
			fail(1, "no label %s", name);
		base = labels[i].at;
	}
	if (text[n] == '+')
		base += (uint64_t)number(text + n + 1);
	else if (text[n] == '-')
		base -= (uint64_t)number(text + n + 1);
	return base;
}

static void bind_label(const char *name, uint64_t at)
{
	unsigned i;

	for (i = 0; i < label_count && strcmp(labels[i].name, name); i++)
		;
	if (i == G_N_ELEMENTS(labels))
		fail(1, "too many labels");
	label_count = MAX(label_count, i + 1);
	g_strlcpy(labels[i].name, name, sizeof labels[i].name);
	labels[i].at = at;
}

static void put_address(uint64_t at)
{
	if (at >= BASE_A - 0x10000000 && at < BASE_A)
		fprintf(out, "A-0x%" PRIx64, BASE_A - at);
	else if (at >= BASE_A && at < BASE_A + 0x4000000000)
		fprintf(out, "A+0x%" PRIx64, at - BASE_A);
	else if (at >= BASE_H - 0x10000000 && at < BASE_H)
		fprintf(out, "H-0x%" PRIx64, BASE_H - at);
	else if (at >= BASE_H && at < BASE_H + 0x4000000000)
		fprintf(out, "H+0x%" PRIx64, at - BASE_H);
	else if (at > BASE_M && at <= BASE_S)
		fprintf(out, "S-0x%" PRIx64, BASE_S - at);
	else if (at <= BASE_M && at > BASE_M - 0x10000000000)
		fprintf(out, "M-0x%" PRIx64, BASE_M - at);
	else
		fprintf(out, "0x%" PRIx64, at);
}

static const char *errno_name(int64_t e)
{
	return strerrorname_np((int)-e);
}

static unsigned prot_of(const char *t)
{
	return (t[0] == 'r' ? PROT_READ : 0) | (t[1] == 'w' ? PROT_WRITE : 0) | (t[2] == 'x' ? PROT_EXEC : 0);
}

struct word_value { const char *word; uint64_t value; };

static uint64_t flags_of(const char *text, const struct word_value *known)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	uint64_t flags = 0;

	for (char **w = words; *w; w++) {
		const struct word_value *k;

		for (k = known; k->word && strcmp(k->word, *w); k++)
			;
		if (!k->word)
			fail(1, "unknown flag %s", *w);
		flags |= k->value;
	}
	return flags;
}

static const struct word_value map_flags[] = {
	{ "private", MAP_PRIVATE }, { "shared", MAP_SHARED }, { "anon", MAP_ANONYMOUS }, { "fixed", MAP_FIXED },
	{ "fixed_noreplace", MAP_FIXED_NOREPLACE }, { "populate", MAP_POPULATE }, { "noreserve", MAP_NORESERVE },
	{ "growsdown", MAP_GROWSDOWN }, { "locked", MAP_LOCKED }, { "hugetlb", MAP_HUGETLB }, { NULL, 0 }
};
static const struct word_value advices[] = {
	{ "normal", 0 }, { "random", 1 }, { "sequential", 2 }, { "willneed", 3 }, { "dontneed", 4 }, { "free", 8 },
	{ "remove", 9 }, { "dontfork", 10 }, { "dofork", 11 }, { "dontdump", 16 }, { "dodump", 17 },
	{ "hugepage", 14 }, { "nohugepage", 15 }, { "wipeonfork", 18 }, { "keeponfork", 19 }, { "cold", 20 }, { "pageout", 21 }, { "populate_read", 22 },
	{ "populate_write", 23 }, { "dontneed_locked", 24 }, { "bad", 999 }, { NULL, 0 }
};
static const struct word_value sync_flags[] = {
	{ "async", MS_ASYNC }, { "invalidate", MS_INVALIDATE }, { "sync", MS_SYNC }, { "bad", 64 }, { NULL, 0 }
};

static struct file *file_named(const char *name, size_t len)
{
	for (unsigned i = 0; i < file_count; i++)
		if (strlen(files[i].name) == len && strncmp(files[i].name, name, len) == 0)
			return &files[i];
	fail(1, "no file %s", name);
}

/* The descriptor for f0, f0:ro, f0:wo; f0:new opens one, to be closed by the caller (*fresh). */
static int descriptor(struct proc *p, const char *text, bool *fresh)
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

/* ---- results ---- */

static void put_fault(const struct answer *a, uint64_t at, char separator)
{
	const char *name = "?";

	if (a->signal == SIGBUS)
		name = "BUS ADRERR";
	else if (a->code == 1)
		name = "SEGV MAPERR";
	else if (a->code == 2)
		name = "SEGV ACCERR";
	else if (a->code == 4)
		name = "SEGV PKUERR";
	else if (a->code == 128)
		name = "SEGV KERNEL";
	for (; *name; name++)
		fputc(*name == ' ' ? separator : *name, out);
	if (separator == ' ' && a->addr != at)
		fprintf(out, " addr=0x%" PRIx64, a->addr);
}

static void put_result(int64_t value)
{
	if (value == 0)
		fprintf(out, "= ok\n");
	else
		fprintf(out, "= %s\n", errno_name(value));
}

static void put_address_result(int64_t value, const char *label)
{
	if (value < 0 && value > -4096) {
		fprintf(out, "= %s\n", errno_name(value));
		return;
	}
	fprintf(out, "= ");
	put_address((uint64_t)value);
	fprintf(out, "\n");
	if (label)
		bind_label(label, (uint64_t)value);
}

/* ---- views ---- */

struct view_row {
	uint64_t start, end, offset;
	char perms[8], label[64], flags[256];
	uint64_t rss, sc, sd, pc, pd, an, sw, pss, spss, locked, huge, own_huge, shared_huge, page;
	GArray *words;
};

static GArray *pagemap_words(pid_t pid, uint64_t start, uint64_t end)
{
	GArray *words = g_array_new(FALSE, TRUE, 8);
	char path[64];
	int fd;

	g_array_set_size(words, (guint)((end - start) / PAGE));
	snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || pread(fd, words->data, words->len * 8, (off_t)(start / PAGE * 8)) < 0)
		fail(77, "cannot read pagemap");
	close(fd);
	return words;
}

static void set_label(struct view_row *v, const char *name)
{
	char *end;
	bool deleted = g_str_has_suffix(name, " (deleted)");

	if (!name[0] || strcmp(name, "[stack]") == 0) {
		strcpy(v->label, v->start <= BASE_S - PAGE && v->end > BASE_S - PAGE ? "[stack]" : "anon");
		return;
	}
	if (strstr(name, "/dev/zero")) {
		strcpy(v->label, "shm");
	} else if (name[0] == '[') {
		g_strlcpy(v->label, name, sizeof v->label);
	} else {
		const char *slash = strrchr(name, '/');

		g_strlcpy(v->label, slash ? slash + 1 : name, sizeof v->label - 2);
		end = strstr(v->label, " (deleted)");
		if (end)
			*end = 0;
		if (deleted)
			strcat(v->label, "~");
	}
}

static GPtrArray *view(struct proc *p)
{
	GPtrArray *rows = g_ptr_array_new();
	struct view_row *v = NULL;
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps", p->pid);
	f = fopen(path, "r");
	if (!f)
		fail(77, "cannot read %s", path);
	while (fgets(line, sizeof line, f)) {
		uint64_t start, end, offset, value;
		char perms[8], field[64];
		int at = 0;

		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s%n", &start, &end, perms, &offset, &at) == 4 &&
		    at > 0) {
			v = NULL;
			if (start >= REGION && start < REGION + REGION_SIZE)
				continue;
			if (strstr(line, "[vsyscall]"))
				continue;
			v = g_new0(struct view_row, 1);
			v->start = start;
			v->end = end;
			v->offset = offset;
			g_strlcpy(v->perms, perms, sizeof v->perms);
			set_label(v, line + at + strspn(line + at, " "));
			v->words = pagemap_words(p->pid, start, end);
			g_ptr_array_add(rows, v);
		} else if (v && strncmp(line, "VmFlags:", 8) == 0) {
			g_auto(GStrv) words = g_strsplit_set(line + 8, " ", -1);

			for (char **w = words; *w; w++)
				if (**w && strstr("rd wr ex sh mr mw me ms gd lo lf ac nr dc wf rr sr dd de ht hg nh", *w)) {
					if (v->flags[0])
						strcat(v->flags, ",");
					strcat(v->flags, *w);
				}
		} else if (v && sscanf(line, "%63[^:]: %" SCNu64, field, &value) == 2) {
			struct { const char *name; uint64_t *at, unit; } known[] = {
				{ "Rss", &v->rss, 4 }, { "Shared_Clean", &v->sc, 4 }, { "Shared_Dirty", &v->sd, 4 },
				{ "Private_Clean", &v->pc, 4 }, { "Private_Dirty", &v->pd, 4 }, { "Anonymous", &v->an, 4 },
				{ "Swap", &v->sw, 4 }, { "Pss", &v->pss, 1 }, { "SwapPss", &v->spss, 1 },
				{ "Locked", &v->locked, 1 }, { "AnonHugePages", &v->huge, 4 },
				{ "Private_Hugetlb", &v->own_huge, 4 }, { "Shared_Hugetlb", &v->shared_huge, 4 },
				{ "KernelPageSize", &v->page, 4 },
			};
			for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
				if (strcmp(known[i].name, field) == 0)
					*known[i].at = value / known[i].unit;
		}
	}
	fclose(f);
	return rows;
}

static void free_view(GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		struct view_row *v = rows->pdata[i];

		g_array_free(v->words, TRUE);
		g_free(v);
	}
	g_ptr_array_free(rows, TRUE);
}

/*
 * The kernel maps cached file pages around one that is read (fault-around), which depends on much that is not
 * recorded. Its effect is taken out: what a read, or a call that reads pages in, mapped besides [start, end) is dropped again.
 */
static GHashTable *file_pages(struct proc *p)
{
	GHashTable *set = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/maps", p->pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		uint64_t start, end;
		GArray *words;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 || strstr(line, " 00:00 0 ") ||
		    strstr(line, "[vsyscall]"))
			continue;
		words = pagemap_words(p->pid, start, end);
		for (guint i = 0; i < words->len; i++)
			if ((g_array_index(words, uint64_t, i) >> 61 & 5) == 5) {
				uint64_t at = start + (uint64_t)i * PAGE;

				g_hash_table_add(set, g_memdup2(&at, sizeof at));
			}
		g_array_free(words, TRUE);
	}
	if (f)
		fclose(f);
	return set;
}

static uint64_t tables_before;

/* What there is before a call that may bring pages in. */
static GHashTable *look_before(struct proc *p)
{
	tables_before = read_status(p->pid, "VmPTE:");
	return file_pages(p);
}

static void drop_around(struct proc *p, GHashTable *before, uint64_t start, uint64_t end)
{
	GHashTable *after = file_pages(p);
	bool made = read_status(p->pid, "VmPTE:") != tables_before, asked = false, around = false;
	GHashTableIter i;
	gpointer key;

	g_hash_table_iter_init(&i, after);
	while (g_hash_table_iter_next(&i, &key, NULL)) {
		uint64_t at = *(uint64_t *)key;

		asked |= at >= start && at < end;
		if ((at < start || at >= end) && !g_hash_table_contains(before, key)) {
			CALL(p, SYS_madvise, at, PAGE, 24); /* MADV_DONTNEED_LOCKED */
			around = true;
		}
	}
	if (made && around && !asked)
		fail(3, "fault-around made a table for a page that does not exist");
	g_hash_table_unref(after);
	g_hash_table_unref(before);
}

/* The same for a call that gives an address; one that fails reads nothing in, and may have moved pages elsewhere. */
static void drop_around_result(struct proc *p, GHashTable *before, int64_t value, uint64_t len)
{
	if (value < 0)
		g_hash_table_unref(before);
	else
		drop_around(p, before, (uint64_t)value, (uint64_t)value + len);
}

static uint64_t zero_pfn, huge_zero_pfn;

static bool is_zero(uint64_t pfn)
{
	return pfn == zero_pfn || (huge_zero_pfn && pfn - huge_zero_pfn < 512);
}

static char page_code(uint64_t w)
{
	bool exclusive = w >> 56 & 1;

	if (w >> 62 & 1)
		return 's';
	if (!(w >> 63))
		return '.';
	if (is_zero(w & ((1ull << 55) - 1)))
		return 'z';
	if (w >> 61 & 1)
		return exclusive ? 'F' : 'f';
	return exclusive ? 'A' : 'a';
}

static void put_codes(const GArray *words)
{
	for (guint i = 0; i < words->len;) {
		char c = page_code(g_array_index(words, uint64_t, i));
		guint n = 0;

		while (i < words->len && page_code(g_array_index(words, uint64_t, i)) == c)
			i++, n++;
		fprintf(out, "%u%c", n, c);
	}
}

static uint64_t current_break(struct proc *p)
{
	return (uint64_t)CALL(p, SYS_brk, 0);
}

static void put_count(const char *name, uint64_t v, const char *unit)
{
	if (v)
		fprintf(out, " %s=%" PRIu64 "%s", name, v, unit);
}

static void check(struct proc *p)
{
	uint64_t brk = current_break(p);
	GPtrArray *rows = view(p);

	fprintf(out, "| %s brk=", p->name);
	put_address(brk);
	fprintf(out, " pt=%" PRIu64 " lck=%" PRIu64, read_status(p->pid, "VmPTE:") / 4 - p->own_tables,
		read_status(p->pid, "VmLck:") / 4);
	put_count("huge", read_status(p->pid, "HugetlbPages:") / 4, "");
	fprintf(out, "\n");
	for (guint i = 0; i < rows->len; i++) {
		const struct view_row *v = rows->pdata[i];

		fprintf(out, "| ");
		put_address(v->start);
		fprintf(out, "..");
		put_address(v->end);
		fprintf(out, " %s 0x%" PRIx64 " %s", v->perms, v->offset, v->label);
		put_count("rss", v->rss, "");
		put_count("sc", v->sc, "");
		put_count("sd", v->sd, "");
		put_count("pc", v->pc, "");
		put_count("pd", v->pd, "");
		put_count("an", v->an, "");
		put_count("sw", v->sw, "");
		put_count("pss", v->pss, "k");
		put_count("spss", v->spss, "k");
		put_count("lckd", v->locked, "k");
		put_count("ah", v->huge, "");
		put_count("ph", v->own_huge, "");
		put_count("sh", v->shared_huge, "");
		put_count("page", v->page == 1 ? 0 : v->page, "");
		fprintf(out, " fl=%s pg=", v->flags);
		put_codes(v->words);
		fprintf(out, "\n");
	}
	free_view(rows);
}

struct place { unsigned proc; uint64_t at, pfn; };

static int by_frame(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct proc *const *)a)->name, (*(struct proc *const *)b)->name);
}

static unsigned sorted_procs(struct proc **list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < proc_count; i++)
		if (procs[i].alive)
			list[n++] = &procs[i];
	qsort(list, n, sizeof *list, by_name);
	return n;
}

struct group { guint first, n, pages; };
static const GArray *group_places;

static int by_first(const void *a, const void *b)
{
	const struct place *x = &g_array_index(group_places, struct place, ((const struct group *)a)->first),
			   *y = &g_array_index(group_places, struct place, ((const struct group *)b)->first);

	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Does group `b` continue group `a`, page by page? */
static bool continues(const GArray *places, const struct group *a, const struct group *b)
{
	if (a->n != b->n)
		return false;
	for (guint i = 0; i < a->n; i++) {
		const struct place *x = &g_array_index(places, struct place, a->first + i),
				   *y = &g_array_index(places, struct place, b->first + i);

		if (x->proc != y->proc || x->at + (uint64_t)a->pages * PAGE != y->at)
			return false;
	}
	return true;
}

static void share(void)
{
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(struct place));
	g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(struct group));
	struct proc *list[PROCS];
	unsigned n = sorted_procs(list);

	for (unsigned i = 0; i < n; i++) {
		GPtrArray *rows = view(list[i]);

		for (guint r = 0; r < rows->len; r++) {
			const struct view_row *v = rows->pdata[r];

			for (guint w = 0; w < v->words->len; w++) {
				uint64_t word = g_array_index(v->words, uint64_t, w), pfn = word & ((1ull << 55) - 1);
				struct place place = { i, v->start + (uint64_t)w * PAGE, pfn };

				if (word >> 63 && !is_zero(pfn))
					g_array_append_val(places, place);
			}
		}
		free_view(rows);
	}
	qsort(places->data, places->len, sizeof(struct place), by_frame);
	for (guint i = 0; i < places->len;) {
		struct group g = { i, 0, 1 };

		while (i < places->len && g_array_index(places, struct place, i).pfn ==
						  g_array_index(places, struct place, g.first).pfn)
			i++, g.n++;
		if (g.n > 1)
			g_array_append_val(groups, g);
	}
	group_places = places;
	qsort(groups->data, groups->len, sizeof(struct group), by_first);
	for (guint i = 0; i < groups->len;) {
		struct group g = g_array_index(groups, struct group, i++);

		while (i < groups->len && continues(places, &g, &g_array_index(groups, struct group, i)))
			g.pages++, i++;
		fprintf(out, "|");
		for (guint k = 0; k < g.n; k++) {
			const struct place *place = &g_array_index(places, struct place, g.first + k);

			fprintf(out, " %s:", list[place->proc]->name);
			put_address(place->at);
		}
		if (g.pages > 1)
			fprintf(out, " x%u", g.pages);
		fprintf(out, "\n");
	}
}

/* ---- operations ---- */

static void do_mmap(struct proc *p, char **w, const char *label)
{
	bool fresh = false;
	int fd = -1;
	uint64_t offset = 0, len = (uint64_t)number(w[1]);
	GHashTable *before = look_before(p);
	int64_t value;

	if (w[4] && w[0]) {
		fd = descriptor(p, w[4], &fresh);
		offset = w[5] ? (uint64_t)number(w[5]) : 0;
	}
	value = CALL(p, SYS_mmap, address(w[0]), len, prot_of(w[2]), flags_of(w[3], map_flags),
		     (uint64_t)(int64_t)fd, offset);
	if (fresh)
		CALL(p, SYS_close, (uint64_t)fd);
	drop_around_result(p, before, value, len);
	put_address_result(value, label);
}

/* The pages of [from, from + len) are at `to` now. */
static void moved(GHashTable *before, uint64_t from, uint64_t len, uint64_t to)
{
	for (uint64_t done = 0; from != to && done < len; done += PAGE) {
		uint64_t old = from + done, new = to + done;

		if (g_hash_table_remove(before, &old))
			g_hash_table_add(before, g_memdup2(&new, sizeof new));
	}
}

static void do_mremap(struct proc *p, char **w, const char *label)
{
	uint64_t flags = 0, fixed = 0, from = address(w[0]), old = (uint64_t)number(w[1]), len = (uint64_t)number(w[2]);
	GHashTable *before = look_before(p);
	int64_t value;

	for (char **x = w + 3; *x; x++) {
		if (strcmp(*x, "maymove") == 0)
			flags |= MREMAP_MAYMOVE;
		else if (strcmp(*x, "dontunmap") == 0)
			flags |= MREMAP_DONTUNMAP;
		else if (strcmp(*x, "fixed") == 0) {
			flags |= MREMAP_FIXED;
			fixed = address(*++x);
		}
	}
	value = CALL(p, SYS_mremap, from, old, len, flags, fixed);
	if (value < 0) {
		g_hash_table_unref(before);
	} else {
		moved(before, from, MIN(old, len), (uint64_t)value);
		drop_around(p, before, (uint64_t)value + MIN(old, len), (uint64_t)value + len);
	}
	put_address_result(value, label);
}

static void do_mincore(struct proc *p, char **w)
{
	uint64_t len = (uint64_t)number(w[1]), pages = (len + PAGE - 1) / PAGE;
	uint8_t vec[BUFFER_SIZE];
	struct request r = { .op = DO_SYSCALL, .out = (uint32_t)pages,
			     .a = { SYS_mincore, address(w[0]), len, BUFFER_AT } };
	int64_t value;

	if (pages > BUFFER_SIZE - 256)
		fail(1, "mincore of too many pages");
	value = ask(p, r, NULL, vec).value;
	if (value < 0) {
		put_result(value);
		return;
	}
	fprintf(out, pages ? "= ok " : "= ok");
	for (uint64_t i = 0; i < pages;) {
		uint64_t n = 0;
		uint8_t c = vec[i] & 1;

		while (i < pages && (vec[i] & 1) == c)
			i++, n++;
		fprintf(out, "%" PRIu64 "%c", n, c ? 'r' : '.');
	}
	fprintf(out, "\n");
}

static void do_access(struct proc *p, enum worker_op op, char **w)
{
	uint64_t at = address(w[0]);
	GHashTable *before = look_before(p);
	struct answer a = ask(p, (struct request){ .op = op, .a = { at, w[1] ? (uint64_t)number(w[1]) : 0 } }, NULL, NULL);

	drop_around(p, before, at & ~(uint64_t)(PAGE - 1), (at & ~(uint64_t)(PAGE - 1)) + PAGE);
	fprintf(out, "= ");
	if (a.signal)
		put_fault(&a, at, ' ');
	else if (op == DO_LOAD)
		fprintf(out, "0x%02" PRIx64, (uint64_t)a.value);
	else
		fprintf(out, "ok");
	if (a.faults)
		fprintf(out, " flt=%" PRIu64, a.faults);
	fprintf(out, "\n");
}

static void do_sum(struct proc *p, char **w)
{
	uint64_t at = address(w[0]), len = (uint64_t)number(w[1]);
	GHashTable *before = look_before(p);
	g_autofree char *last = NULL;
	unsigned n = 0;
	bool first = true;

	for (uint64_t done = 0; done <= len; done += PAGE) {
		g_autofree char *text = NULL;

		if (done < len) {
			struct answer a = ask(p, (struct request){ .op = DO_SUM, .a = { at + done } }, NULL, NULL);
			size_t size = 0;
			FILE *saved = out;

			out = open_memstream(&text, &size);
			if (a.signal)
				put_fault(&a, at + done, '/');
			else
				fprintf(out, "0x%" PRIx64, (uint64_t)a.value);
			fclose(out);
			out = saved;
		}
		if (last && text && strcmp(last, text) == 0) {
			n++;
			continue;
		}
		if (last) {
			fprintf(out, first ? "= %s" : " %s", last);
			if (n > 1)
				fprintf(out, "*%u", n);
			first = false;
		}
		g_free(last);
		last = g_steal_pointer(&text);
		n = 1;
	}
	fprintf(out, first ? "=\n" : "\n");
	drop_around(p, before, at & ~(uint64_t)(PAGE - 1), at + len);
}

/*
 * Huge pages, which recorded scripts go without: `thp` lets advice bring them at once, `hugepages N` sets N aside. While
 * such a script runs nothing collapses pages in the background.
 */
static void write_setting(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(value, f) < 0 || fclose(f) != 0)
		fail(77, "cannot set %s", path);
}

/* A read of advised memory; the mapping stays, so that the page does. */
static void find_huge_zero_page(void)
{
	enum { HUGE = 2 << 20 };
	char *at = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t first = ((uint64_t)(uintptr_t)at + HUGE - 1) & -(uint64_t)HUGE;
	GArray *words;

	madvise((void *)(uintptr_t)first, HUGE, MADV_HUGEPAGE);
	(void)*(volatile char *)(uintptr_t)first;
	words = pagemap_words(getpid(), first, first + PAGE);
	huge_zero_pfn = g_array_index(words, uint64_t, 0) & ((1ull << 55) - 1);
	g_array_free(words, TRUE);
	if (huge_zero_pfn == zero_pfn || huge_zero_pfn % 512)
		fail(77, "no huge page of zeros can be had here");
}

static void allow_thp(void)
{
	thp = true;
	write_setting("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "4000000000");
	find_huge_zero_page();
	for (unsigned i = 0; i < proc_count; i++)
		if (procs[i].alive)
			CALL(&procs[i], SYS_prctl, PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

static unsigned pool_count(const char *field)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[256];
	unsigned n = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, field, strlen(field)) == 0)
			n = (unsigned)atoi(line + strlen(field) + 1);
	if (f)
		fclose(f);
	return n;
}

/* Linux loses reservations now and then (a part of a private mapping that moves): until it is booted anew nothing fits. */
static void set_pool(const char *n)
{
	if (!pool && (pool_count("HugePages_Total") || pool_count("HugePages_Rsvd")))
		fail(3, "huge pages are set aside already");
	pool = true;
	write_setting("/proc/sys/vm/nr_hugepages", n);
}

static void show_pool(void)
{
	static const char *const fields[] = { "HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp" };

	fprintf(out, "= ok\n|");
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		fprintf(out, " %s=%d", fields[i] + strlen("HugePages_"), (int)pool_count(fields[i]));
	fprintf(out, "\n");
}

static void declare_file(char **w)
{
	struct file *f = &files[file_count];
	bool tmpfs = strcmp(w[1], "tmpfs") == 0;
	uint64_t size = (uint64_t)number(w[2]);
	int fd;

	if (file_count == FILES)
		fail(1, "too many files");
	g_strlcpy(f->name, w[0], sizeof f->name);
	snprintf(f->path, sizeof f->path, "%s/%s", directory[tmpfs ? 0 : 1], w[0]);
	fd = open(f->path, O_RDWR | O_CREAT | O_EXCL, 0666);
	if (fd < 0 || fchmod(fd, 0666) || ftruncate(fd, (off_t)size))
		fail(1, "cannot make %s", f->path);
	if (strcmp(w[3], "sparse") != 0) {
		uint8_t page[PAGE];

		for (uint64_t at = 0; at < size; at += PAGE) {
			size_t n = (size_t)MIN(PAGE, size - at);

			memset(page, (int)(((uint64_t)number(w[3]) + at / PAGE) & 255), sizeof page);
			if (pwrite(fd, page, n, (off_t)at) != (ssize_t)n)
				fail(1, "cannot fill %s", f->path);
		}
	}
	if (!tmpfs)
		fsync(fd);
	close(fd);
	file_count++;
	for (unsigned i = 0; i < proc_count; i++)
		if (procs[i].alive)
			open_in(&procs[i], file_count - 1);
}

static void make_swap(void)
{
	g_autofree char *command = NULL;

	snprintf(swap_path, sizeof swap_path, "%s/swap", directory[1]);
	command = g_strdup_printf("dd if=/dev/zero of=%s bs=1M count=64 status=none && chmod 600 %s && mkswap %s >/dev/null",
				  swap_path, swap_path, swap_path);
	if (system(command) != 0 || swapon(swap_path, 0) != 0)
		fail(77, "no swap area can be had here");
}

/* Swap writes go on after madvise returns: a page counts as swapped when its write is complete. */
static void settle(void)
{
	usleep(20000);
}

static void do_file_call(struct proc *p, const char *op, char **w)
{
	struct file *f = file_named(w[0], strcspn(w[0], ":"));
	bool fresh;
	int fd = descriptor(p, w[0], &fresh);

	if (strcmp(op, "truncate") == 0) {
		put_result(CALL(p, SYS_ftruncate, (uint64_t)fd, (uint64_t)number(w[1])));
	} else if (strcmp(op, "fwrite") == 0) {
		char byte = (char)number(w[2]);
		struct request r = { .op = DO_SYSCALL, .in = 1,
				     .a = { SYS_pwrite64, (uint64_t)fd, BUFFER_AT, 1, (uint64_t)number(w[1]) } };
		int64_t value = ask(p, r, &byte, NULL).value;

		put_result(value == 1 ? 0 : value);
	} else if (strcmp(op, "fread") == 0) {
		uint8_t byte = 0;
		struct request r = { .op = DO_SYSCALL, .out = 1,
				     .a = { SYS_pread64, (uint64_t)fd, BUFFER_AT, 1, (uint64_t)number(w[1]) } };
		int64_t value = ask(p, r, NULL, &byte).value;

		if (value == 0)
			fprintf(out, "= EOF\n");
		else if (value < 0)
			put_result(value);
		else
			fprintf(out, "= 0x%02x\n", byte);
	} else {
		put_result(unlink(f->path) ? -errno : 0);
	}
	if (fresh)
		CALL(p, SYS_close, (uint64_t)fd);
}

static void do_fork(struct proc *p, const char *name)
{
	unsigned index = proc_count;
	struct answer a, hello;
	struct proc *child;

	if (index == PROCS)
		fail(1, "too many processes");
	a = ask(p, (struct request){ .op = DO_FORK, .a = { index } }, NULL, NULL);
	if (a.value < 0) {
		put_result(a.value);
		return;
	}
	child = add_proc(name, (pid_t)a.value, index);
	child->own_tables = p->own_tables;
	all(read, child->fd, &hello, sizeof hello);
	fprintf(out, "= ok\n");
}

static void do_exit(struct proc *p)
{
	struct request r = { .op = DO_SYSCALL, .a = { SYS_exit_group, 0 } };
	char path[64];

	all(write_some, p->fd, &r, sizeof r);
	p->alive = false;
	/* A child of ours or of another worker: gone when its memory is. */
	snprintf(path, sizeof path, "/proc/%d/maps", p->pid);
	for (int i = 0; i < 1000; i++) {
		char byte;
		int fd = open(path, O_RDONLY);
		bool gone = fd < 0 || read(fd, &byte, 1) <= 0;

		if (fd >= 0)
			close(fd);
		if (gone)
			break;
		usleep(500);
	}
	usleep(1000);
	fprintf(out, "= ok\n");
}

static void run(char *text)
{
	char *comment = strchr(text, '#');
	g_auto(GStrv) w = NULL;
	struct proc *p;
	char *label = NULL;
	char **a;

	if (comment)
		*comment = 0;
	g_strstrip(text);
	w = g_strsplit_set(text, " ", -1);
	for (char **from = w, **to = w;; from++) { /* several blanks: no empty words */
		if (*from && !**from) {
			g_free(*from);
			continue;
		}
		*to++ = *from;
		if (!*from)
			break;
	}
	if (strcmp(w[0], "file") == 0) {
		declare_file(w + 1);
		return;
	}
	if (strcmp(w[0], "spawn") == 0) {
		start(w[1]);
		return;
	}
	if (strcmp(w[0], "swap") == 0) {
		make_swap();
		return;
	}
	if (strcmp(w[0], "thp") == 0) {
		allow_thp();
		return;
	}
	if (strcmp(w[0], "hugepages") == 0) {
		set_pool(w[1]);
		return;
	}
	if (strcmp(w[0], "pool") == 0) {
		show_pool();
		return;
	}
	if (strcmp(w[0], "checkall") == 0) {
		struct proc *list[PROCS];
		unsigned n = sorted_procs(list);

		fprintf(out, "= ok\n");
		for (unsigned i = 0; i < n; i++)
			check(list[i]);
		return;
	}
	if (strcmp(w[0], "share") == 0) {
		fprintf(out, "= ok\n");
		share();
		return;
	}
	p = proc_named(w[0]);
	if (!p || !w[1])
		fail(1, "no process %s", w[0]);
	a = w + 1;
	if (a[1] && strcmp(a[1], "=") == 0) {
		label = a[0];
		a += 2;
	}
	if (strcmp(a[0], "mmap") == 0)
		do_mmap(p, a + 1, label);
	else if (strcmp(a[0], "munmap") == 0)
		put_result(CALL(p, SYS_munmap, address(a[1]), (uint64_t)number(a[2])));
	else if (strcmp(a[0], "mprotect") == 0)
		put_result(CALL(p, SYS_mprotect, address(a[1]), (uint64_t)number(a[2]), prot_of(a[3])));
	else if (strcmp(a[0], "msync") == 0) {
		uint64_t flags = 0;

		for (char **x = a + 3; *x; x++)
			flags |= flags_of(*x, sync_flags);
		put_result(CALL(p, SYS_msync, address(a[1]), (uint64_t)number(a[2]), flags));
	} else if (strcmp(a[0], "mremap") == 0) {
		do_mremap(p, a + 1, label);
	} else if (strcmp(a[0], "madvise") == 0) {
		uint64_t at = address(a[1]), len = (uint64_t)number(a[2]);
		GHashTable *before = look_before(p);

		put_result(CALL(p, SYS_madvise, at, len, flags_of(a[3], advices)));
		if (strcmp(a[3], "populate_read") == 0)
			drop_around(p, before, at, at + len);
		else
			g_hash_table_unref(before);
		if (strcmp(a[3], "pageout") == 0)
			settle();
	} else if (strcmp(a[0], "mlock") == 0) {
		uint64_t at = address(a[1]), len = (uint64_t)number(a[2]);
		GHashTable *before = look_before(p);

		put_result(a[3] ? CALL(p, SYS_mlock2, at, len, 1) : CALL(p, SYS_mlock, at, len));
		drop_around(p, before, at & ~(uint64_t)(PAGE - 1), at + len);
	} else if (strcmp(a[0], "munlock") == 0)
		put_result(CALL(p, SYS_munlock, address(a[1]), (uint64_t)number(a[2])));
	else if (strcmp(a[0], "brk") == 0) {
		uint64_t now = current_break(p), want = now;
		int64_t got;

		want = a[1][0] == '-' ? now - (uint64_t)number(a[1] + 1) : now + (uint64_t)number(a[1] + 1);
		got = CALL(p, SYS_brk, want);
		if ((uint64_t)got == want)
			put_address_result(got, NULL);
		else
			fprintf(out, "= ENOMEM\n");
	} else if (strcmp(a[0], "mincore") == 0)
		do_mincore(p, a + 1);
	else if (strcmp(a[0], "read") == 0)
		do_access(p, DO_LOAD, a + 1);
	else if (strcmp(a[0], "write") == 0)
		do_access(p, DO_STORE, a + 1);
	else if (strcmp(a[0], "exec") == 0)
		do_access(p, DO_EXEC, a + 1);
	else if (strcmp(a[0], "sum") == 0)
		do_sum(p, a + 1);
	else if (strcmp(a[0], "fork") == 0)
		do_fork(p, label);
	else if (strcmp(a[0], "exit") == 0)
		do_exit(p);
	else if (strcmp(a[0], "check") == 0) {
		fprintf(out, "= ok\n");
		check(p);
	} else
		do_file_call(p, a[0], a + 1);
}

/* A generated script may use a label whose call failed: such a line is left out of what is recorded. */
static bool uses_unbound_label(const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \n", -1);
	bool binding = false;

	for (guint i = 0; words[i]; i++) {
		unsigned k = 0;
		size_t n = strcspn(words[i], "+-");

		binding = words[i + 1] && strcmp(words[i + 1], "=") == 0;
		if (binding || words[i][0] != 'k' || !isdigit((unsigned char)words[i][1]))
			continue;
		while (k < label_count && (strlen(labels[k].name) != n || strncmp(labels[k].name, words[i], n)))
			k++;
		if (k == label_count)
			return true;
	}
	return false;
}

static void find_zero_page(void)
{
	volatile char *at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	GArray *words;

	(void)*at;
	words = pagemap_words(getpid(), (uint64_t)(uintptr_t)at, (uint64_t)(uintptr_t)at + PAGE);
	zero_pfn = g_array_index(words, uint64_t, 0) & ((1ull << 55) - 1);
	if (zero_pfn == 0)
		fail(77, "frame numbers are hidden here");
	g_array_free(words, TRUE);
}

/* All on one CPU: pages on their way to another CPU's lists would be neither paged out nor freed when asked for. */
static void use_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	FILE *script;

	if (argc == 3 && strcmp(argv[1], "--worker") == 0)
		return be_worker((unsigned)atoi(argv[2]));
	if (argc != 2 || !(script = fopen(argv[1], "r"))) {
		fprintf(stderr, "usage: recorder SCRIPT\n");
		return 2;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "recorder: needs root\n");
		return 77;
	}
	out = stdout;
	use_one_cpu();
	umask(0);
	for (int i = 0; i < 2; i++) {
		snprintf(directory[i], sizeof directory[i], "%s/vitrine-recorder.XXXXXX", i == 0 ? "/dev/shm" : "/var/tmp");
		if (!mkdtemp(directory[i]))
			return 77;
		chmod(directory[i], 0755);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	find_zero_page();
	for (unsigned i = 0; i < PROCS; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, channels[i]))
			fail(77, "no socket pair");
	for (unsigned i = 0; i < PROCS; i++) { /* out of the way of the files' descriptors */
		channels[i][0] = fcntl(channels[i][0], F_DUPFD_CLOEXEC, 300);
		channels[i][1] = fcntl(channels[i][1], F_DUPFD_CLOEXEC, 300);
	}
	start("p0");
	while (getline(&line, &size, script) > 0) {
		line_number++;
		if (line[0] == '=' || line[0] == '|' || uses_unbound_label(line))
			continue;
		fputs(line, out);
		if (line[0] != '#' && line[strspn(line, " \n")])
			run(line);
	}
	free(line);
	fclose(script);
	fflush(out);
	clean_up();
	return 0;
}
