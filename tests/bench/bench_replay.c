/*
 * bench_replay.c - how fast traces are replayed, as ratios to a plain loop over the same mapped trace in the same run.
 *
 *   bench_replay LACKEY [ROW]   the trace of a real program, for (a); (b), Zipf 0.99 over 262,144 pages, is made here;
 *                               ROW: only rows that begin like that ("a lru")
 *
 * The loop is count[page]++. Each figure is the best of several rounds on one pinned core, in turns with the loop, so that
 * other work on the machine slows down both.
 */
#include "bench.h"
#include "replay.h"
#include "trace_inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { REFS = 20000000, ZIPF_PAGES = 262144, ROUNDS = 5 };

struct trace_data {
	const char *name;
	uint64_t *refs;          /* as they are: pages with kinds */
	uint64_t *pages;         /* without kinds */
	uint64_t n, frames, highest, distinct;
	uint32_t *next_use;
	double   loop;           /* references a second of the plain loop, the best of this row's rounds */
	uint32_t *count;
};

/* A trace is a mapped file here too: it lies in one without a name. */
static uint64_t *room(uint64_t n)
{
	FILE *f = tmpfile();
	uint64_t *p;

	if (!f || ftruncate(fileno(f), (off_t)(n * 8)))
		abort();
	p = mmap(NULL, n * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	if (p == MAP_FAILED)
		abort();
	return p;
}

/* As cases/policies/README.md has it. */
static void make_zipf(struct trace_data *d)
{
	double *up_to = g_new(double, ZIPF_PAGES), all = 0;
	uint64_t s = 1;

	for (int i = 0; i < ZIPF_PAGES; i++)
		up_to[i] = all += pow(i + 1, -0.99);
	*d = (struct trace_data){ .name = "b", .n = REFS, .frames = 16384, .highest = ZIPF_PAGES - 1, .pages = room(REFS), .refs = room(REFS) };
	for (uint64_t n = 0; n < REFS; n++) {
		uint64_t z = s += 0x9e3779b97f4a7c15, low = 0, high = ZIPF_PAGES - 1;
		double u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		u = (double)((z ^ z >> 31) >> 11) * 0x1p-53 * all;
		while (low < high) {
			uint64_t middle = (low + high) / 2;

			if (up_to[middle] > u)
				high = middle;
			else
				low = middle + 1;
		}
		d->pages[n] = low * 0x9e3779b1 % ZIPF_PAGES;
		d->refs[n] = vm_ref(n % 4 == 3 ? VM_REF_STORE : VM_REF_LOAD, 0, d->pages[n]);
	}
	g_free(up_to);
}

static void read_lackey(struct trace_data *d, const char *path)
{
	struct err e = { 0 };
	struct trace *t = trace_open(path, TRACE_LACKEY, NULL, &e);
	const uint64_t *refs;
	size_t n;

	*d = (struct trace_data){ .name = "a", .frames = 256, .pages = room(REFS), .refs = room(REFS) };
	do {
		if (!t || trace_next(t, &refs, &n, &e)) {
			fprintf(stderr, "%s: %s\n", path, e.why);
			exit(1);
		}
		for (size_t i = 0; i < n && d->n < REFS; i++, d->n++) {
			d->refs[d->n] = refs[i];
			d->pages[d->n] = vm_ref_page(refs[i]);
			d->highest = MAX(d->highest, d->pages[d->n]);
		}
	} while (n > 0 && d->n < REFS);
	trace_close(t);
}

static void run_loop(struct trace_data *d)
{
	double start = cpu_s();

	for (uint64_t i = 0; i < d->n; i++)
		d->count[d->pages[i]]++;
	d->loop = MAX(d->loop, (double)d->n / (cpu_s() - start));
}

static void count_pages(struct trace_data *d)
{
	d->count = g_new0(uint32_t, d->highest + 1);
	for (int round = 0; round < ROUNDS; round++)
		run_loop(d);
	for (uint64_t p = 0; p <= d->highest; p++)
		d->distinct += d->count[p] > 0;
	printf("%s: %.1f M references to %" G_GUINT64_FORMAT " pages; the plain loop does %.0f M/s\n", d->name, (double)d->n / 1e6,
	       d->distinct, d->loop / 1e6);
}

static void tell(struct trace_data *d, const char *what, double rate, double goal, uint64_t misses)
{
	double ratio = rate / d->loop;

	printf("%s %-28s %7.1f M/s  %.3f of the loop's %.0f (goal %.3f)%s  misses %" G_GUINT64_FORMAT "\n", d->name, what, rate / 1e6,
	       ratio, d->loop / 1e6, goal, ratio < goal ? " MISSED" : "", misses);
	fflush(stdout);
}

/* Is this row asked for? */
static bool begin(struct trace_data *d, const char *only, const char *what)
{
	g_autofree char *row = g_strdup_printf("%s %s", d->name, what);

	d->loop = 0;
	return !only || g_str_has_prefix(row, only);
}

static void measure(struct trace_data *d, const char *policy, enum vm_replay_path path, bool kinds, const char *what, double goal)
{
	struct vm_replay_options o = { .policy = policy, .frames = d->frames, .path = path, .level = { { 64, 4 }, { 1536, 12 } },
				       .seed = 1 };
	const uint64_t *refs = kinds ? d->refs : d->pages;
	struct vm_replay_result r = { 0 };
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct vm_replay *p;
		double start;

		run_loop(d);
		start = cpu_s();
		if (!strcmp(policy, "opt")) {
			d->next_use = d->next_use ? d->next_use : (uint32_t *)room(d->n / 2 + 1);
			if (vm_next_use(refs, d->n, d->next_use, 0, NULL, NULL))
				abort();
			o.next_use = d->next_use;
			o.next_use_count = d->n;
		}
		p = vm_replay_new(&o, NULL);
		if (!p || vm_replay_run(p, refs, d->n, NULL))
			abort();
		vm_replay_result(p, &r);
		vm_replay_free(p);
		best = MAX(best, (double)d->n / (cpu_s() - start));
	}
	tell(d, what, best, goal, r.misses);
}

static void measure_curve(struct trace_data *d, double goal)
{
	uint64_t frames = 0, misses = 0;
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct vm_curve *c = vm_curve_new(0, NULL);
		double start;

		run_loop(d);
		start = cpu_s();
		if (!c || vm_curve_run(c, d->pages, d->n, NULL))
			abort();
		best = MAX(best, (double)d->n / (cpu_s() - start));
		for (frames = 0; frames < d->frames && vm_curve_next(c, &frames, &misses); )
			;
		vm_curve_free(c);
	}
	tell(d, "lru curve", best, goal, misses);
}

/* All of the file is in the page table, as the loop's trace is. */
static uint64_t touch(const struct trace *t)
{
	uint64_t sum = 0;

	for (uint64_t at = 0; at < t->in.file_bytes; at += 4096)
		sum += t->in.map[at];
	return sum;
}

static void measure_parser(struct trace_data *d, const char *path, bool mapped, const char *what)
{
	double best = 0, ratio;
	volatile uint64_t sum;

	d->loop = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct trace *t = trace_open(path, TRACE_LACKEY, NULL, NULL);
		const uint64_t *refs;
		uint64_t all = 0;
		double start;
		size_t n;

		run_loop(d);
		if (mapped)
			sum = touch(t);
		start = cpu_s();
		do {
			if (trace_next(t, &refs, &n, NULL))
				abort();
			all += n;
		} while (n > 0);
		best = MAX(best, (double)all / (cpu_s() - start));
		trace_close(t);
	}
	(void)sum;
	ratio = best / d->loop;
	printf("%s %-28s %7.1f M/s  %.3f of the loop's %.0f (goal 300 M/s or 0.4)%s\n", d->name, what, best / 1e6, ratio, d->loop / 1e6,
	       best < 300e6 && ratio < 0.4 ? " MISSED" : "");
}

/* Goals for (a) and (b). */
static const struct { const char *policy; enum vm_replay_path path; bool kinds; const char *what; double a, b; } rows[] = {
	{ "fifo", VM_REPLAY_WALK, false, "fifo, every one walks", 0.45, 0.06 },
	{ "clock", VM_REPLAY_WALK, false, "clock, every one walks", 0.45, 0.06 },
	{ "sieve", VM_REPLAY_WALK, false, "sieve, every one walks", 0.45, 0.06 },
	{ "fifo", VM_REPLAY_FILTER, false, "fifo, filter", 1.0, 0.06 },
	{ "clock", VM_REPLAY_FILTER, false, "clock, filter", 1.0, 0.06 },
	{ "lru", VM_REPLAY_FILTER, false, "lru", 0.27, 0.05 },
	{ "lfu", VM_REPLAY_FILTER, false, "lfu", 0.18, 0.03 },
	{ "opt", VM_REPLAY_FILTER, false, "opt, with its next uses", 0.18, 0.03 },
	{ "clock", VM_REPLAY_TLB, true, "clock, full model", 0.25, 0.025 },
	{ "lru", VM_REPLAY_TLB, true, "lru, full model", 0.25, 0.025 },
};

int main(int argc, char **argv)
{
	struct trace_data d[2] = { { 0 } };
	const char *only = argc > 2 ? argv[2] : NULL;

	if (argc < 2 || argc > 3)
		return 2;
	pin();
	for (unsigned i = 0; i < 2; i++) {
		if (!i)
			read_lackey(&d[i], argv[1]);
		else if (!only || *only == 'b')
			make_zipf(&d[i]);
		else
			break;
		count_pages(&d[i]);
		for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++)
			if (begin(&d[i], only, rows[k].what))
				measure(&d[i], rows[k].policy, rows[k].path, rows[k].kinds, rows[k].what, i ? rows[k].b : rows[k].a);
		if (begin(&d[i], only, "lru curve"))
			measure_curve(&d[i], i ? 0.012 : 0.15);
		if (i == 0 && begin(&d[i], only, "lackey")) {
			measure_parser(&d[i], argv[1], true, "lackey text parsed");
			measure_parser(&d[i], argv[1], false, "lackey text, page faults too");
		}
	}
	return 0;
}
