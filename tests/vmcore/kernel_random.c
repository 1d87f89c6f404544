/* kernel_random.c - random scripts: calls and accesses around a few places, where they often meet. */
#include "kernel_backend.h"
#include "rng.h"

#include <string.h>

enum { PROCS_MAX = 5, LABELS = 24, PLACES = 40 };

struct place { char at[32]; unsigned pages; };

struct maker {
	struct rng rng;
	GString *out;
	bool forks, files;
	unsigned file_count;
	char procs[PROCS_MAX][8];
	unsigned alive, born, labels;
	struct place places[PLACES];  /* where something was mapped */
	unsigned placed;
	bool unlinked;
};

static unsigned below(struct maker *m, unsigned n) { return rng_below(&m->rng, n); }
static bool chance(struct maker *m, unsigned percent) { return below(m, 100) < percent; }

#define PICK(m, list) ((list)[below(m, G_N_ELEMENTS(list))])

static const char *some_proc(struct maker *m)
{
	return m->procs[below(m, m->alive)];
}

static unsigned some_length(struct maker *m)
{
	static const unsigned lengths[] = { 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9 };

	return PICK(m, lengths);
}

/* A page of the arena: near its start, around 2 MiB or 1 GiB. */
static void fresh_place(struct maker *m, char *to, size_t size)
{
	static const unsigned bases[] = { 0, 0, 0, 0, 0x10, 0x1f8, 0x1f8, 0x200, 0x3fffd };

	g_snprintf(to, size, "A+0x%x000", PICK(m, bases) + below(m, 0x10));
}

/* An address: mostly inside or beside something that was mapped. */
static void some_place(struct maker *m, char *to, size_t size)
{
	struct place *p;
	unsigned in;

	if (m->placed == 0 || chance(m, 12)) {
		fresh_place(m, to, size);
		return;
	}
	if (chance(m, 6)) {
		g_snprintf(to, size, chance(m, 50) ? "H+0x%x000" : "M-0x%x000", 1 + below(m, 10));
		return;
	}
	p = &m->places[below(m, MIN(m->placed, PLACES))];
	in = chance(m, 85) ? below(m, p->pages) : p->pages + below(m, 3);
	if (in == 0)
		g_strlcpy(to, p->at, size);
	else if (strchr(p->at, '+'))
		g_snprintf(to, size, "A+0x%x000", (unsigned)(g_ascii_strtoull(strchr(p->at, '+') + 1, NULL, 16) >> 12) + in);
	else
		g_snprintf(to, size, "%s+0x%x000", p->at, in);
}

static void remember(struct maker *m, const char *at, unsigned pages)
{
	struct place *p = &m->places[m->placed++ % PLACES];

	g_strlcpy(p->at, at, sizeof(p->at));
	p->pages = pages;
}

static const char *some_prot(struct maker *m)
{
	static const char *const prots[] = { "rw-", "rw-", "rw-", "rw-", "r--", "r--", "r-x", "---", "-w-", "rwx", "--x" };

	return PICK(m, prots);
}

static void add_file(struct maker *m, unsigned pages)
{
	static const char *const modes[] = { "", "", "", "", ":ro", ":new", ":wo" };
	const char *mode = PICK(m, modes);

	if (m->unlinked && !strcmp(mode, ":new"))
		mode = "";
	g_string_append_printf(m->out, " f%u%s 0x%x000", below(m, m->file_count), mode, below(m, 8));
}

static void make_mmap(struct maker *m, const char *p)
{
	static const char *const extra[] = { "", "", "", "", "", "", "", "", ",noreserve", ",populate", ",growsdown",
					     ",populate", ",locked" };
	bool file = m->files && chance(m, 40), shared = chance(m, file ? 50 : 15), fixed = chance(m, 65);
	unsigned pages = chance(m, 3) ? 512 : some_length(m);
	const char *more = PICK(m, extra);
	char at[32], label[8];

	if (!strcmp(more, ",growsdown") && (file || chance(m, 60)))
		more = "";
	if (pages == 512)
		more = "";
	if (!strcmp(more, ",locked") && chance(m, 70))
		more = "";
	if (chance(m, 50))
		fresh_place(m, at, sizeof(at));
	else
		some_place(m, at, sizeof(at));
	g_snprintf(label, sizeof(label), "k%u", m->labels + 1);
	if (!fixed && m->labels < LABELS) {
		m->labels++;
		g_string_append_printf(m->out, "%s %s = mmap %s", p, label, chance(m, 60) ? "-" : at);
		/* A label stays unknown where the call fails: use what cannot. */
		more = !strcmp(more, ",locked") ? "" : more;
		g_string_append_printf(m->out, " 0x%x000 rw- %s,anon%s\n", pages, shared ? "shared" : "private",
				       shared && !strcmp(more, ",growsdown") ? "" : more);
		remember(m, label, pages);
		return;
	}
	g_string_append_printf(m->out, "%s mmap %s 0x%x000 %s %s%s%s%s", p, at, pages, some_prot(m),
			       shared ? "shared" : "private", file ? "" : ",anon", more,
			       chance(m, 8) ? ",fixed_noreplace" : ",fixed");
	if (file)
		add_file(m, pages);
	g_string_append_c(m->out, '\n');
	if (strchr(at, 'A'))
		remember(m, at, pages);
}

static void make_range(struct maker *m, const char *p, const char *call, const char *after)
{
	char at[32];

	some_place(m, at, sizeof(at));
	g_string_append_printf(m->out, "%s %s %s 0x%x%s%s%s\n", p, call, at, chance(m, 3) ? 0 : some_length(m),
			       chance(m, 95) ? "000" : "", *after ? " " : "", after);
}

static void make_munmap(struct maker *m, const char *p) { make_range(m, p, "munmap", ""); }
static void make_mprotect(struct maker *m, const char *p) { make_range(m, p, "mprotect", some_prot(m)); }

static void make_mremap(struct maker *m, const char *p)
{
	char at[32], to[32];
	unsigned old = some_length(m), new = chance(m, 50) ? old : some_length(m);

	some_place(m, at, sizeof(at));
	fresh_place(m, to, sizeof(to));
	if (chance(m, 4))
		old = 0;
	g_string_append_printf(m->out, "%s mremap %s 0x%x000 0x%x000", p, at, old, new);
	if (chance(m, 75))
		g_string_append(m->out, " maymove");
	if (chance(m, 45)) {
		if (chance(m, 30))
			some_place(m, to, sizeof(to));
		g_string_append_printf(m->out, " fixed %s", to);
		remember(m, strchr(to, 'A') ? to : "A+0x5000", MAX(new, 1));
	}
	if (chance(m, 15))
		g_string_append(m->out, " dontunmap");
	g_string_append_c(m->out, '\n');
}

static void make_madvise(struct maker *m, const char *p)
{
	static const char *const advices[] = { "dontneed", "dontneed", "dontneed", "populate_read", "populate_write",
		"free", "dontfork", "dofork", "wipeonfork", "keeponfork", "random", "normal", "sequential", "dontdump",
		"dodump", "cold", "willneed", "remove", "bad", "dontneed_locked" };
	const char *advice = PICK(m, advices);

	/* A page that was given back lazily may go at any time; only what is read from it at once is certain. */
	make_range(m, p, "madvise", !strcmp(advice, "free") ? "dontneed" : advice);
}

static void make_mlock(struct maker *m, const char *p) { make_range(m, p, "mlock", chance(m, 30) ? "onfault" : ""); }
static void make_munlock(struct maker *m, const char *p) { make_range(m, p, "munlock", ""); }
static void make_mincore(struct maker *m, const char *p) { make_range(m, p, "mincore", ""); }

static void make_msync(struct maker *m, const char *p)
{
	static const char *const flags[] = { "sync", "sync", "async", "invalidate", "sync invalidate", "" };

	make_range(m, p, "msync", PICK(m, flags));
}

static void make_brk(struct maker *m, const char *p)
{
	g_string_append_printf(m->out, "%s brk %c0x%x\n", p, chance(m, 65) ? '+' : '-', (1 + below(m, 6)) * 0x800);
}

static void make_access(struct maker *m, const char *p)
{
	char at[32];

	some_place(m, at, sizeof(at));
	if (chance(m, 48))
		g_string_append_printf(m->out, "%s write %s 0x%x\n", p, at, 1 + below(m, 255));
	else
		g_string_append_printf(m->out, "%s %s %s\n", p, chance(m, 88) ? "read" : "exec", at);
}

static void make_sum(struct maker *m, const char *p) { make_range(m, p, "sum", ""); }

static void make_file_call(struct maker *m, const char *p)
{
	unsigned f, n;

	if (!m->files)
		return;
	f = below(m, m->file_count);
	n = below(m, 20);
	if (n < 7)
		g_string_append_printf(m->out, "%s fwrite f%u 0x%x 0x%x\n", p, f, below(m, 9) * 0x1000 + below(m, 3),
				       below(m, 256));
	else if (n < 14)
		g_string_append_printf(m->out, "%s fread f%u 0x%x000\n", p, f, below(m, 9));
	else if (n < 19)
		g_string_append_printf(m->out, "%s truncate f%u 0x%x\n", p, f, below(m, 18) * 0x800);
	else if (!m->unlinked && m->file_count == 1) {
		g_string_append_printf(m->out, "%s unlink f%u\n", p, f);
		m->unlinked = true;
	}
}

static void make_fork(struct maker *m, const char *p)
{
	if (!m->forks || m->alive == PROCS_MAX)
		return;
	g_string_append_printf(m->out, "%s p%u = fork\n", p, m->born);
	g_snprintf(m->procs[m->alive++], sizeof(m->procs[0]), "p%u", m->born++);
}

static void make_exit(struct maker *m, const char *p)
{
	unsigned i;

	if (m->alive < 2 || chance(m, 50))
		return;
	i = below(m, m->alive);
	g_string_append_printf(m->out, "%s exit\n", m->procs[i]);
	m->alive--;
	memmove(m->procs[i], m->procs[m->alive], sizeof(m->procs[0]));
}

static void make_view(struct maker *m, const char *p)
{
	if (chance(m, 60))
		g_string_append_printf(m->out, "%s check\n", p);
	else
		g_string_append(m->out, chance(m, 50) ? "checkall\n" : "share\n");
}

static const struct { unsigned weight; void (*make)(struct maker *m, const char *p); } makers[] = {
	{ 18, make_mmap }, { 7, make_munmap }, { 10, make_mprotect }, { 9, make_mremap }, { 10, make_madvise },
	{ 3, make_mlock }, { 2, make_munlock }, { 2, make_mincore }, { 2, make_msync }, { 4, make_brk },
	{ 34, make_access }, { 8, make_sum }, { 8, make_file_call }, { 4, make_fork }, { 2, make_exit }, { 18, make_view },
};

static void make_line(struct maker *m)
{
	unsigned total = 0, n;

	for (size_t i = 0; i < G_N_ELEMENTS(makers); i++)
		total += makers[i].weight;
	n = below(m, total);
	for (size_t i = 0; i < G_N_ELEMENTS(makers); i++) {
		if (n < makers[i].weight) {
			makers[i].make(m, some_proc(m));
			return;
		}
		n -= makers[i].weight;
	}
}

char *random_script(const char *kind, uint64_t seed)
{
	struct maker m = { .alive = 1, .born = 1 };
	unsigned lines;

	rng_seed(&m.rng, seed, kind);
	m.out = g_string_new(NULL);
	strcpy(m.procs[0], "p0");
	m.files = !strcmp(kind, "mix") || !strcmp(kind, "ext4");
	m.forks = strcmp(kind, "vma") != 0;
	g_string_append_printf(m.out, "# random script: kind %s, seed %" PRIu64 "\n", kind, seed);
	m.file_count = m.files ? 1 + below(&m, 2) : 0;
	for (unsigned i = 0; i < m.file_count; i++)
		g_string_append_printf(m.out, "file f%u %s 0x%x %s\n", i, !strcmp(kind, "ext4") ? "ext4" : "tmpfs",
				       (2 + below(&m, 16)) * 0x800, chance(&m, 70) ? "0x20" : "sparse");
	lines = 60 + below(&m, 140);
	for (unsigned i = 0; i < lines; i++)
		make_line(&m);
	g_string_append(m.out, "checkall\nshare\n");
	return g_string_free(m.out, FALSE);
}
