/*
 * test_reclaim.c - replacement on a live machine: a process touches pages with user_frames=N; each hit, miss and victim is
 * what the policy's core says of the same string, which test_policy.c compares with the definitions.
 */
#include "machine.h"

#include "policy_drive.h"
#include "vm_policy.h"
#include "vm_replay.h"

#include <inttypes.h>

#define A ((va_t)0x100000000)

static void set(struct machine *m, const char *name, uint64_t value)
{
	for (const struct vm_config_row *row = vm_config_rows; row->name; row++)
		if (strcmp(row->name, name) == 0)
			assert_int_equal(vm_config_set(m->host, row, value, NULL), 0);
}

static void choose(struct machine *m, const char *name, bool by_process)
{
	struct vm_policy p = { .name = name, .by_process = by_process };
	struct err e = { 0 };

	if (vm_policy_set(m->host, &p, &e))
		fail_msg("%s: %s", name, e.why);
}

/* The page that the last eviction after event `since` took; NO_VICTIM: there was none. */
static int64_t evicted_since(struct machine *m, uint64_t since)
{
	for (uint64_t seq = m->journal.next; seq-- > since;) {
		const struct event *ev = journal_at(&m->journal, seq);

		if (strcmp(ev->kind->name, "evict") == 0)
			return (int64_t)((ev->value[0] - A) / PAGE);
	}
	return NO_VICTIM;
}

static struct vm_proc *process_with(struct machine *m, uint64_t pages)
{
	struct vm_proc *p = machine_spawn(m, "p");

	map_anon(p, A, pages * PAGE, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
	return p;
}

static void compare(const char *policy, const uint32_t *refs, size_t n, uint32_t frames, enum vm_access how)
{
	struct machine *m = machine_new("x86-64", 16 * MiB, 16 * MiB);
	int64_t *should = driver(policy)(refs, n, frames, 0);
	struct vm_outcome out;
	struct vm_proc *p;
	uint32_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = MAX(most, refs[i]);
	p = process_with(m, most + 1);
	choose(m, policy, false);
	set(m, "user_frames", frames);
	for (size_t i = 0; i < n; i++) {
		uint64_t since = m->journal.next;

		assert_int_equal(vm_touch(p, A + refs[i] * PAGE, 1, 1, how, &out, NULL), 0);
		if (out.faults != (should[i] != HIT))
			fail_msg("%s, %u frames, reference %zu (page %u): %" PRIu64 " faults", policy, frames, i, refs[i],
				 out.faults);
		if (should[i] != HIT && evicted_since(m, since) != should[i])
			fail_msg("%s, %u frames, reference %zu (page %u): page %" PRId64 " went, not %" PRId64, policy, frames,
				 i, refs[i], evicted_since(m, since), should[i]);
	}
	check_machine(m);
	g_free(should);
	machine_free(m);
}

/* Those that look at dirty bits are left out: the cores' strings write nothing. */
static const char *const exact[] = { "fifo", "lru", "mru", "clock", "clock0", "lfu", "sieve", "random", "2q", "arc", "s3fifo",
				     "aging", "linux" };

static void beladys_string(void **state)
{
	static const uint32_t refs[] = { 1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5 };

	for (size_t k = 0; k < G_N_ELEMENTS(exact); k++)
		for (uint32_t frames = 1; frames <= 5; frames++)
			compare(exact[k], refs, G_N_ELEMENTS(refs), frames, VM_WRITE);
}

static void loops_and_scans(void **state)
{
	g_autofree char *path = g_build_filename(CASES, "policies/loop.txt", NULL), *text = NULL;
	g_auto(GStrv) words = NULL;
	GArray *refs = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	words = g_strsplit(text, "\n", -1);
	for (char **w = words; *w; w++) {
		uint32_t page = (uint32_t)atoi(*w);

		if (**w)
			g_array_append_val(refs, page);
	}
	for (size_t k = 0; k < G_N_ELEMENTS(exact); k++)
		for (uint32_t frames = 8; frames <= 512; frames *= 2)
			compare(exact[k], (uint32_t *)(void *)refs->data, refs->len, frames, VM_WRITE);
	g_array_free(refs, TRUE);
}

static void random_strings(void **state)
{
	struct rng r;

	for (unsigned round = random_rounds(&r, 3, 40); round-- > 0;) {
		uint32_t refs[400], pages = 2 + (uint32_t)rng_below(&r, 60);

		for (size_t i = 0; i < G_N_ELEMENTS(refs); i++)
			refs[i] = (uint32_t)MIN(rng_below(&r, pages), rng_below(&r, pages));
		for (size_t k = 0; k < G_N_ELEMENTS(exact); k++)
			compare(exact[k], refs, G_N_ELEMENTS(refs), 1 + (uint32_t)rng_below(&r, 40), VM_WRITE);
	}
}

/*
 * Policies that look at dirty bits: a replay is the core's reference here, test_replay.c compares it with the definitions. Each page
 * is written first, so that none is of the zero page.
 */
static void compare_with_replay(const char *policy, uint64_t tau, const uint64_t *refs, size_t n, uint32_t frames)
{
	struct machine *m = machine_new("x86-64", 16 * MiB, 16 * MiB);
	struct vm_policy wanted = { .name = policy, .params = tau > 0, .param = { { "tau", tau } } };
	g_autofree char *name = tau ? g_strdup_printf("%s tau=%" PRIu64, policy, tau) : g_strdup(policy);
	struct vm_replay_options o = { .policy = name, .frames = frames, .seed = 1 };
	struct vm_replay *r = vm_replay_new(&o, NULL);
	struct vm_replay_result before, after;
	struct vm_proc *p = process_with(m, 64);
	struct vm_outcome out;
	struct err e = { 0 };

	assert_int_equal(vm_policy_set(m->host, &wanted, &e), 0);
	set(m, "user_frames", frames);
	for (size_t i = 0; i < n; i++) {
		uint64_t page = vm_ref_page(refs[i]), since = m->journal.next, dirty = vm_stats(m->host)->evictions_dirty;

		vm_replay_result(r, &before);
		assert_int_equal(vm_replay_run(r, refs + i, 1, NULL), 0);
		vm_replay_result(r, &after);
		assert_int_equal(vm_touch(p, A + page * PAGE, 1, 1, vm_ref_stores(refs[i]) ? VM_WRITE : VM_READ, &out, NULL), 0);
		if (evicted_since(m, since) != (after.evictions > before.evictions ? (int64_t)vm_replay_victim(r) : NO_VICTIM) ||
		    vm_stats(m->host)->evictions_dirty - dirty != after.writebacks - before.writebacks)
			fail_msg("%s, %u frames, reference %zu: page %" PRId64 " went, not %" PRIu64, name, frames, i,
				 evicted_since(m, since), vm_replay_victim(r));
	}
	assert_int_equal(after.evictions, vm_stats(m->host)->evictions_dirty + vm_stats(m->host)->evictions_clean);
	check_machine(m);
	vm_replay_free(r);
	machine_free(m);
}

static void reads_and_writes(void **state)
{
	static const struct { const char *policy; uint64_t tau; } rows[] = {
		{ "clock-m", 0 }, { "nru", 0 }, { "wsclock", 40 }, { "wsclock", 0 }, { "clock", 0 },
	};
	struct rng r;

	for (unsigned round = random_rounds(&r, 5, 40); round-- > 0;) {
		uint64_t refs[464], pages = 2 + rng_below(&r, 60), stores = 1 + rng_below(&r, 8);

		for (uint64_t i = 0; i < G_N_ELEMENTS(refs); i++)
			refs[i] = i < pages ? vm_ref(VM_REF_STORE, 0, i)
					    : vm_ref(rng_below(&r, stores) ? VM_REF_LOAD : VM_REF_STORE, 0,
						     MIN(rng_below(&r, pages), rng_below(&r, pages)));
		for (size_t k = 0; k < G_N_ELEMENTS(rows); k++)
			compare_with_replay(rows[k].policy, rows[k].tau, refs, G_N_ELEMENTS(refs), 1 + (uint32_t)rng_below(&r, 40));
	}
}

/* After fork parent and child walk one leaf table, each with a TLB entry of its own. */
static void each_sharer_of_a_table_uses_its_pages_anew(void **state)
{
	struct machine *m = machine_new("x86-64", 16 * MiB, 16 * MiB);
	struct vm_proc *p = process_with(m, 3), *child;
	uint64_t done;

	choose(m, "clock", false);
	for (unsigned i = 0; i < 3; i++)
		put(p, A + i * PAGE, 1);
	child = machine_fork(p);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(p, A + i * PAGE) + get(child, A + i * PAGE), 2);
	assert_int_equal(vm_reclaim(m->host, 1, &done, NULL), 0);
	assert_int_equal(done, 1);
	for (unsigned i = 1; i < 3; i++) {                   /* the hand has gone round */
		struct vm_proc *user = i == 1 ? p : child;

		assert_false(page_at(user, A + i * PAGE).flags & VM_PTE_ACCESSED);
		get(user, A + i * PAGE);
		assert_true(page_at(user, A + i * PAGE).flags & VM_PTE_ACCESSED);
	}
	check_machine(m);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beladys_string),
		cmocka_unit_test(loops_and_scans),
		cmocka_unit_test(random_strings),
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(each_sharer_of_a_table_uses_its_pages_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
