/*
 * test_pressure.c - four processes in 160 MiB on a machine of 64 MiB RAM and 128 MiB swap: private memory that forks made
 * copy-on-write, shared memory, a file mapped shared and private. Random loads and stores with a seed; a shadow knows what was
 * stored last, and each load must give that. Once for every policy.
 *
 * All sizes are a quarter of that unless PRESSURE_ACCESSES is set. PRESSURE_ACCESSES=10000000 PRESSURE_POLICY=lru, by hand: so
 * many, and that policy alone. The benchmark of this name does it for each policy.
 */
#include "machine.h"

#include "rng.h"
#include "vm_policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { PROCS = 4, PRIVATE = 6144, COMMON = 8192, FILE_PAGES = 8192, COPIED = 1024, SMALLER = 4 }; /* pages: 96 + 32 + 32 MiB */
#define AT_PRIVATE ((va_t)0x100000000)
#define AT_COMMON  ((va_t)0x200000000)
#define AT_FILE    ((va_t)0x300000000)
#define AT_COPIED  ((va_t)0x400000000)

struct shadow {
	struct machine *m;
	struct vm_proc *proc[PROCS];
	struct rng rng;
	unsigned pages_private, pages_common, pages_file, pages_copied;
	/* What was stored last in each page: numbers of stores, which are far fewer than 2^32. */
	uint32_t private[PROCS][PRIVATE], common[COMMON], file[FILE_PAGES], copied[PROCS][COPIED], written;
	struct vm_outcome out;
	struct err e;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void set_up(struct shadow *s, const char *policy, bool by_process)
{
	struct vm_policy p = { .name = policy, .by_process = by_process };
	unsigned smaller = getenv("PRESSURE_ACCESSES") ? 1 : SMALLER;
	struct err e = { 0 };
	struct vm_inode *i;

	s->pages_private = PRIVATE / smaller;
	s->pages_common = COMMON / smaller;
	s->pages_file = FILE_PAGES / smaller;
	s->pages_copied = COPIED / smaller;
	s->m = machine_new("x86-64", 64 * MiB / smaller, 128 * MiB / smaller);
	rng_seed(&s->rng, 1, "pressure");
	if (vm_policy_set(s->m->host, &p, &e))
		fail_msg("%s: %s", policy, e.why);
	i = make_file(s->m, "/", "data", 0, 0);
	assert_int_equal(vm_inode_truncate(i, s->pages_file * PAGE, &e), 0);
	s->proc[0] = machine_spawn(s->m, "p");
	map_anon(s->proc[0], AT_PRIVATE, s->pages_private * PAGE, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
	map_anon(s->proc[0], AT_COMMON, s->pages_common * PAGE, 3, VM_MAP_SHARED | VM_MAP_NORESERVE);
	map_file(s->proc[0], AT_FILE, s->pages_file * PAGE, 3, VM_MAP_SHARED, i, 0);
	map_file(s->proc[0], AT_COPIED, s->pages_copied * PAGE, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE, i, 0);
}

/* Where in a page its eight bytes are. */
static va_t spot(unsigned page)
{
	return (uint64_t)page * PAGE + (page * 40503u % 511) * 8;
}

static void access_one(struct shadow *s, unsigned who, va_t at, uint32_t *known, bool write)
{
	uint64_t value;

	if (write) {
		*known = ++s->written;
		value = *known;
		if (vm_store(s->proc[who], at, &value, 8, &s->out, &s->e))
			fail_msg("a store at 0x%" PRIx64 ": %s", at, s->e.why);
		return;
	}
	__builtin_prefetch(known);
	if (vm_load(s->proc[who], at, &value, 8, &s->out, &s->e))
		fail_msg("a load at 0x%" PRIx64 ": %s", at, s->e.why);
	if (value != *known)
		fail_msg("0x%" PRIx64 " of process %u: %" PRIu32 " was stored last, %" PRIu64 " was read", at, who, *known, value);
}

/* The lower ones more often: something has to be worth keeping. */
static unsigned pick(struct shadow *s, unsigned pages)
{
	uint64_t r = rng_next(&s->rng), a = r & 0xffff, b = r >> 16 & 0xffff, c = r >> 32 & 0xffff;

	return (unsigned)((a * b >> 16) * c * pages >> 32);
}

static void access_random(struct shadow *s, unsigned procs)
{
	uint64_t r = rng_next(&s->rng);
	unsigned who = r % procs, page;
	bool write = (r >> 8) % 3 == 0;

	switch ((r >> 16) % 8) {
	case 0:
		page = pick(s, s->pages_common);
		access_one(s, who, AT_COMMON + spot(page), &s->common[page], write);
		break;
	case 1:
		page = pick(s, s->pages_file);
		access_one(s, who, AT_FILE + spot(page), &s->file[page], write);
		break;
	case 2:
		page = pick(s, s->pages_copied);
		if (write || s->copied[who][page])
			access_one(s, who, AT_COPIED + spot(page), &s->copied[who][page], write);
		else                                     /* not its own yet: it follows the file */
			access_one(s, who, AT_COPIED + spot(page), &s->file[page], false);
		break;
	default:
		page = pick(s, s->pages_private);
		access_one(s, who, AT_PRIVATE + spot(page), &s->private[who][page], write);
		break;
	}
}

static void fork_one(struct shadow *s, unsigned child)
{
	s->proc[child] = machine_fork(s->proc[0]);
	memcpy(s->private[child], s->private[0], sizeof s->private[0]);
	memcpy(s->copied[child], s->copied[0], sizeof s->copied[0]);
}

/* All pages of all, once: nothing was lost. */
static void read_all(struct shadow *s)
{
	for (unsigned who = 0; who < PROCS; who++)
		for (unsigned page = 0; page < s->pages_private; page++)
			access_one(s, who, AT_PRIVATE + spot(page), &s->private[who][page], false);
	for (unsigned page = 0; page < s->pages_common; page++)
		access_one(s, page % PROCS, AT_COMMON + spot(page), &s->common[page], false);
	for (unsigned page = 0; page < s->pages_file; page++)
		access_one(s, page % PROCS, AT_FILE + spot(page), &s->file[page], false);
}

static void write_all(struct shadow *s)
{
	for (unsigned who = 0; who < PROCS; who++)
		for (unsigned page = 0; page < s->pages_private; page++)
			access_one(s, who, AT_PRIVATE + spot(page), &s->private[who][page], true);
	for (unsigned page = 0; page < s->pages_common; page++)
		access_one(s, page % PROCS, AT_COMMON + spot(page), &s->common[page], page % 2);
	for (unsigned page = 0; page < s->pages_file; page++)
		access_one(s, page % PROCS, AT_FILE + spot(page), &s->file[page], page % 3 == 0);
}

static void run(const char *policy, bool by_process, uint64_t accesses)
{
	struct shadow *s = g_new0(struct shadow, 1);
	const struct vm_stats *stats;
	int64_t begin, checked = 0;

	set_up(s, policy, by_process);
	begin = now();
	for (uint64_t i = 0; i < accesses; i++) {
		if (i % (accesses / 20) == accesses / 40 && !s->proc[PROCS - 1]) /* a child each of the first times */
			fork_one(s, s->proc[1] ? s->proc[2] ? 3 : 2 : 1);
		if (i % (accesses / 10) == 0) {
			int64_t before = now();

			check_machine(s->m);
			checked += now() - before;
		}
		access_random(s, s->proc[1] ? s->proc[2] ? s->proc[3] ? 4 : 3 : 2 : 1);
	}
	stats = vm_stats(s->m->host);
	if (getenv("PRESSURE_ACCESSES"))
		print_message("%-8s%s %.2f s (and %.2f s of checks), %" PRIu64 " evictions clean, %" PRIu64 " dirty, %" PRIu64 " major\n",
			      policy, by_process ? " process" : "", (double)(now() - begin - checked) * 1e-9, (double)checked * 1e-9,
			      stats->evictions_clean, stats->evictions_dirty, stats->major_faults);
	write_all(s);
	check_machine(s->m);
	read_all(s);
	check_machine(s->m);
	assert_true(stats->evictions_dirty > 10000 / SMALLER && stats->swap_ins > 1000 / SMALLER && stats->cow_copies > 1000 / SMALLER);
	for (unsigned who = PROCS; who-- > 0;)
		machine_end(s->proc[who]);
	check_machine(s->m);
	machine_free(s->m);
	g_free(s);
}

static void every_policy_keeps_every_byte(void **state)
{
	const char *wanted = getenv("PRESSURE_POLICY"), *number = getenv("PRESSURE_ACCESSES"), *name;
	uint64_t accesses = number ? strtoull(number, NULL, 10) : 20000;

	for (unsigned n = 0; (name = vm_policy_name(n)); n++)
		if (strcmp(name, "opt") != 0 && (!wanted || strcmp(name, wanted) == 0))
			run(name, false, accesses);
}

static void so_does_every_policy_within_processes(void **state)
{
	const char *name;

	for (unsigned n = 0; !getenv("PRESSURE_POLICY") && (name = vm_policy_name(n)); n++)
		if (strcmp(name, "opt") != 0 && n % 4 == 0)
			run(name, true, 20000);
}

static void policies_may_change_at_any_time(void **state)
{
	struct shadow *s = g_new0(struct shadow, 1);
	unsigned policies = 0;
	struct err e = { 0 };

	while (vm_policy_name(policies))
		policies++;
	set_up(s, "clock", false);
	for (unsigned who = 1; who < PROCS; who++)
		fork_one(s, who);
	write_all(s);
	for (unsigned i = 0; i < (getenv("PRESSURE_POLICY") ? 0 : 3000); i++) {
		struct vm_policy p = { .name = vm_policy_name((unsigned)rng_below(&s->rng, policies)), .by_process = i % 3 == 0 };

		if (strcmp(p.name, "opt") == 0)
			assert_int_equal(vm_policy_set(s->m->host, &p, &e), -EINVAL);
		else
			assert_int_equal(vm_policy_set(s->m->host, &p, &e), 0);
		for (unsigned k = 0; k < 30; k++)
			access_random(s, PROCS);
		if (i % 500 == 0)
			check_machine(s->m);
	}
	read_all(s);
	check_machine(s->m);
	machine_free(s->m);
	g_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_keeps_every_byte),
		cmocka_unit_test(so_does_every_policy_within_processes),
		cmocka_unit_test(policies_may_change_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
