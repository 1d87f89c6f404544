/* test_paging.c - a live host: who waits for a page, who goes on meanwhile, and that no byte is lost on the way. */
#include "machine.h"

#include "paging.h"
#include "vm_policy.h"

enum { A = 0x10000000, B = 0x20000000, WILLNEED = 3, PAGEOUT = 21 };

static struct machine *live(uint64_t frames, uint64_t slots, const char *device)
{
	return machine_with((struct vm_options){ .geometry = *vm_geometry_preset("x86-64"), .ram_bytes = frames * PAGE,
						 .swap_bytes = slots * PAGE, .swap_device = device, .cpus = 1, .seed = 1,
						 .serial = 1, .live = true });
}

static int setup(void **state)
{
	*state = live(256, 64, "ssd");
	return 0;
}

static int teardown(void **state)
{
	check_machine((struct machine *)*state);
	machine_free(*state);
	return 0;
}

static enum vm_state state_of(const struct vm_proc *p)
{
	struct vm_proc_info info;

	vm_proc_info(p, &info);
	return info.state;
}

static struct vm_outcome outcome;

static int try(struct vm_proc *p, va_t at, uint64_t len, enum vm_access how)
{
	struct err e = { 0 };

	return vm_touch(p, at, len, PAGE, how, &outcome, &e);
}

/* A process with `pages` pages at `at`, byte i + 1 in page i, all in swap. */
static struct vm_proc *swapped_out(struct machine *m, va_t at, unsigned pages)
{
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };

	map_anon(p, at, pages * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(put(p, at + i * PAGE, (uint8_t)(i + 1)), 1);
	assert_int_equal(vm_madvise(p, at, pages * PAGE, PAGEOUT, &e), 0);
	assert_int_equal(page_at(p, at).state, VM_PAGE_SWAPPED);
	return p;
}

static void a_process_waits_in_state_d_and_starts_again(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = swapped_out(m, A, 2);
	ns_t before = m->clock.now;
	struct vm_memory mem;

	assert_int_equal(try(p, A, 2 * PAGE, VM_READ), -EINPROGRESS);
	assert_int_equal(outcome.done, 0);
	assert_int_equal(outcome.faults, 0);
	assert_int_equal(state_of(p), VM_DISK);
	assert_int_equal(page_at(p, A).state, VM_PAGE_SWAPPED);
	vm_memory(m->host, &mem);
	assert_int_equal(mem.swap_cached, 1);
	check_machine(m);
	assert_int_equal(try(p, A, 2 * PAGE, VM_READ), -EINPROGRESS);  /* not yet */
	assert_true(clock_step(&m->clock));
	assert_true(m->clock.now - before > 100 * NS_PER_US);
	assert_int_equal(state_of(p), VM_RUNNING);
	check_machine(m);
	assert_int_equal(try(p, A, 2 * PAGE, VM_READ), -EINPROGRESS);  /* the second page */
	assert_int_equal(outcome.done, PAGE);
	assert_int_equal(outcome.faults, 1);
	assert_int_equal(outcome.accesses, 1);
	assert_true(clock_step(&m->clock));
	assert_int_equal(try(p, A + PAGE, PAGE, VM_READ), 0);
	assert_int_equal(get(p, A + PAGE), 2);
	assert_int_equal(state_of(p), VM_SLEEPING);
	assert_int_equal(vm_stats(m->host)->major_faults, 2);
	assert_int_equal(vm_stats(m->host)->swap_ins, 2);
	assert_false(clock_step(&m->clock));
}

/* The same run in a host that is not live: equal counters, so that waiting is invisible but for time. */
static void waiting_counts_what_not_waiting_counts(void **state)
{
	struct vm_stats stats[2];

	for (unsigned k = 0; k < 2; k++) {
		struct machine *m = k ? machine_new("x86-64", 256 * PAGE, 64 * PAGE) : live(256, 64, "ssd");
		struct vm_proc *p = swapped_out(m, A, 8);
		uint64_t done = 0;

		while (try(p, A + done, 8 * PAGE - done, VM_WRITE) == -EINPROGRESS) {
			done += outcome.done;
			clock_step(&m->clock);
		}
		stats[k] = *vm_stats(m->host);
		stats[k].context_switches = stats[k].interrupts = 0;
		check_machine(m);
		machine_free(m);
	}
	assert_memory_equal(&stats[0], &stats[1], sizeof(stats[0]));
}

static void set_user_frames(struct machine *m, uint64_t n)
{
	configure(m, "user_frames", n);
}

/* What an access takes: its walks, what the fault costs, and the device: one after the other, whether somebody waits or not. */
static void costs_and_the_time_of_devices_add_up(void **state)
{
	ns_t took[2][3];

	for (unsigned k = 0; k < 2; k++) {
		struct machine *m = k ? machine_new("x86-64", 256 * PAGE, 64 * PAGE) : live(256, 64, "ssd");
		struct vm_proc *p = machine_spawn(m, "p");

		map_anon(p, A, 4 * PAGE, 3, VM_MAP_PRIVATE);
		assert_int_equal(try(p, A, PAGE, VM_WRITE), 0);
		set_user_frames(m, 1);
		for (unsigned i = 0; i < 3; i++) {
			va_t at = A + (i + 1) % 3 * PAGE;        /* two that are new, and the first again */
			ns_t before = m->clock.now;
			struct vm_paging row, last = { 0 };
			uint64_t cursor = 0;

			outcome.done = 0;
			while (try(p, at, outcome.done ? 0 : PAGE, i < 2 ? VM_WRITE : VM_READ) == -EINPROGRESS)
				clock_step(&m->clock);
			while (vm_timeline_next(m->host, &cursor, &row))
				last = row;
			took[k][i] = m->clock.now - before;
			if (i < 2)                               /* two walks of four steps; the write, before it the minor fault */
				assert_int_equal(took[k][i], 8 * 20 + 500 + 100 + (last.end - last.start));
		}
		check_machine(m);
		machine_free(m);
	}
	assert_memory_equal(took[0], took[1], sizeof took[0]);
}

static void others_run_meanwhile_and_the_timeline_says_so(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = swapped_out(m, A, 1), *q = machine_spawn(m, "q");
	struct vm_paging row, last = { 0 };
	struct vm_proc_info info;
	uint64_t cursor = 0;

	map_anon(q, B, PAGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(try(p, A, PAGE, VM_READ), -EINPROGRESS);
	assert_int_equal(put(q, B, 1), 1);
	assert_true(clock_step(&m->clock));
	assert_int_equal(get(p, A), 1);
	while (vm_timeline_next(m->host, &cursor, &row))
		last = row;
	vm_proc_info(p, &info);
	assert_int_equal(last.pid, info.pid);
	assert_int_equal(last.va, A);
	assert_true(last.end - last.start >= 100 * NS_PER_US);
	vm_proc_info(q, &info);
	assert_int_equal(last.ran[0], info.pid);
	assert_int_equal(last.ran[1], 0);
}

static void two_who_wait_for_one_slot_share_the_frame_and_the_transfer(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = swapped_out(m, A, 1), *c = machine_fork(p);

	assert_int_equal(try(p, A, PAGE, VM_READ), -EINPROGRESS);
	assert_int_equal(try(c, A, PAGE, VM_WRITE), -EINPROGRESS);
	assert_int_equal(state_of(c), VM_DISK);
	check_machine(m);
	assert_true(clock_step(&m->clock));
	assert_int_equal(try(c, A, PAGE, VM_WRITE), 0);
	assert_int_equal(try(p, A, PAGE, VM_READ), 0);
	assert_int_equal(vm_stats(m->host)->swap_ins, 1);
	assert_int_equal(vm_stats(m->host)->major_faults, 1);   /* the other found it in memory */
	assert_int_not_equal(page_at(p, A).pfn, page_at(c, A).pfn);
}

static void a_process_that_ends_while_it_waits_leaves_nothing(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = swapped_out(m, A, 2);
	uint64_t free_frames;
	struct err e = { 0 };

	assert_int_equal(try(p, A, PAGE, VM_READ), -EINPROGRESS);
	assert_int_equal(vm_kill(p, 9, &e), 0);
	check_machine(m);
	free_frames = frames_free(m->host);
	assert_true(clock_step(&m->clock));
	check_machine(m);
	assert_int_equal(frames_free(m->host), free_frames + 1);
	assert_int_equal(swap_slots_free(m->host->swap), 64);
}

/* All frames are on their way in for others: that is no lack of memory, one comes after the other. */
static void more_may_wait_than_there_are_frames(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p[4];
	unsigned done = 0;

	for (unsigned i = 0; i < 4; i++)
		p[i] = swapped_out(m, A, 1);
	set_user_frames(m, 2);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(try(p[i], A, PAGE, VM_READ), -EINPROGRESS);
		assert_int_equal(state_of(p[i]), VM_DISK);
	}
	check_machine(m);
	for (unsigned step = 0; done != 15 && step < 100; step++) {
		for (unsigned i = 0; i < 4; i++)
			if (!(done >> i & 1) && try(p[i], A, PAGE, VM_READ) == 0)
				done |= 1 << i;
		if (done != 15)
			assert_true(clock_step(&m->clock));
	}
	assert_int_equal(done, 15);
	assert_int_equal(vm_stats(m->host)->oom_kills, 0);
	assert_int_equal(vm_stats(m->host)->swap_ins, 4);
}

/* The page that it waited for is there when it has gone: another process's in swap, and a frame that may be taken. */
static void a_page_that_came_for_nobody_may_go(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = swapped_out(m, A, 2), *c = machine_fork(p);
	struct err e = { 0 };

	set_user_frames(m, 1);
	assert_int_equal(try(p, A, PAGE, VM_READ), -EINPROGRESS);
	assert_int_equal(vm_kill(p, 9, &e), 0);
	while (try(c, A + PAGE, PAGE, VM_READ) == -EINPROGRESS)
		assert_true(clock_step(&m->clock));
	assert_int_equal(page_at(c, A + PAGE).state, VM_PAGE_ANON);
	assert_int_equal(vm_stats(m->host)->oom_kills, 0);
	for (uint64_t seq = m->journal.next; seq-- > journal_oldest(&m->journal);) {
		const struct event *ev = journal_at(&m->journal, seq);

		if (strcmp(ev->kind->name, "evict") == 0) {
			assert_int_equal(ev->value[6], 0);       /* the slot that has its bytes */
			break;
		}
	}
}

static void what_it_waits_for_may_go_away(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = swapped_out(m, A, 2);
	struct err e = { 0 };

	assert_int_equal(try(p, A, PAGE, VM_READ), -EINPROGRESS);
	assert_int_equal(vm_munmap(p, A, PAGE, &e), 0);
	check_machine(m);
	assert_true(clock_step(&m->clock));
	check_machine(m);
	assert_int_equal(try(p, A, PAGE, VM_READ), -EFAULT);
	assert_int_equal(outcome.signal, VM_SEGV_MAPERR);
	assert_int_equal(try(p, A + PAGE, PAGE, VM_READ), -EINPROGRESS);
	assert_int_equal(vm_swap_off(m->host, 0, &e), 0);        /* the transfer ends with the area */
	check_machine(m);
	assert_int_equal(try(p, A + PAGE, PAGE, VM_READ), 0);
	assert_int_equal(get(p, A + PAGE), 2);
}

static void a_frame_is_read_into_only_after_it_has_been_written_from(void **state)
{
	struct machine *m = live(256, 64, "nvme");
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_paging row, rows[3] = { 0 };
	uint64_t cursor = 0, done = 0;

	set_user_frames(m, 2);
	map_anon(p, A, 3 * PAGE, 3, VM_MAP_PRIVATE);
	while (try(p, A + done, 3 * PAGE - done, VM_WRITE) == -EINPROGRESS) {
		done += outcome.done;
		assert_true(clock_step(&m->clock));
	}
	while (try(p, A, PAGE, VM_WRITE) == -EINPROGRESS && outcome.done == 0)
		assert_true(clock_step(&m->clock));
	for (unsigned i = 0; vm_timeline_next(m->host, &cursor, &row); i++)
		if (i < 3)
			rows[i] = row;
	assert_int_equal(rows[0].va, VA_NONE);           /* the third page: one had to go */
	assert_int_equal(rows[1].va, VA_NONE);           /* the first again: another one goes, */
	assert_int_equal(rows[2].va, A);                 /* then it is read */
	assert_true(rows[2].start >= rows[1].end);
	machine_free(m);
}

/* Processes at random, some waiting, a shadow of every byte, and books that balance after each step. */

enum { PROCS = 4, PAGES = 24 };

struct actor { int32_t pid; uint8_t shadow[PAGES]; bool waits, write; unsigned page; uint8_t byte; };

struct play { struct machine *m; struct rng r; struct actor actor[PROCS]; uint8_t shared[PAGES]; unsigned births, waited; bool readahead; };

static struct vm_proc *proc_of_actor(struct play *g, struct actor *a)
{
	struct vm_proc *p = a->pid ? vm_proc_at(g->m->host, a->pid) : NULL;

	return p && state_of(p) != VM_ZOMBIE ? p : NULL;
}

static void be_born(struct play *g, struct actor *a)
{
	struct actor *from = &g->actor[rng_below(&g->r, PROCS)];
	struct vm_proc *p = from->waits ? NULL : proc_of_actor(g, from);
	struct vm_proc_info info;
	struct err e = { 0 };

	memset(a, 0, sizeof(*a));
	if (p && from != a) {
		if (vm_fork(p, &a->pid, &e) < 0)
			return;
		memcpy(a->shadow, from->shadow, sizeof(a->shadow));
	} else if (g->births == 0) {
		p = machine_spawn(g->m, "p");
		map_anon(p, A, PAGES * PAGE, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
		map_anon(p, B, PAGES * PAGE, 3, VM_MAP_SHARED | VM_MAP_NORESERVE);
		vm_proc_info(p, &info);
		a->pid = info.pid;
	} else {
		return;
	}
	g->births++;
}

/* One access, or a further try of the one that waits. */
static void access_once(struct play *g, struct actor *a)
{
	struct vm_proc *p = proc_of_actor(g, a);
	bool shared = a->page >= PAGES;
	va_t at = (shared ? B : A) + (a->page % PAGES) * PAGE + 7;
	uint8_t *shadow = shared ? &g->shared[a->page % PAGES] : &a->shadow[a->page], byte = a->byte;
	struct err e = { 0 };
	int r;

	r = a->write ? vm_store(p, at, &byte, 1, &outcome, &e) : vm_load(p, at, &byte, 1, &outcome, &e);
	if (outcome.done == 1) {
		if (a->write)
			*shadow = byte;
		else
			assert_int_equal(byte, *shadow);
		r = 0;                                   /* what is left is waiting */
	}
	a->waits = r == -EINPROGRESS;
	g->waited += a->waits;
	assert_true(r == 0 || r == -EINPROGRESS || r == -ENOMEM);
}

static void begin_access(struct play *g, struct actor *a)
{
	/* Side by side, where reading ahead is to pay. */
	a->page = g->readahead && rng_below(&g->r, 4) ? (a->page + 1) % (2 * PAGES) : (unsigned)rng_below(&g->r, 2 * PAGES);
	a->write = rng_below(&g->r, 2);
	a->byte = (uint8_t)rng_next(&g->r);
	access_once(g, a);
}

static void change_swap(struct play *g)
{
	static const char *const kinds[] = { "hdd", "ssd", "nvme" };
	struct vm_swap_request q = { .bytes = (8 + rng_below(&g->r, 60)) * PAGE, .priority = (int)rng_below(&g->r, 4) - 1 };
	struct vm_swap_area a;
	struct err e = { 0 };
	unsigned number;

	if (rng_below(&g->r, 2) && vm_swap_above(g->m->host, (unsigned)rng_below(&g->r, 6), &a)) {
		int r = vm_swap_off(g->m->host, a.number, &e);

		assert_true(r == 0 || r == -ENOMEM);
		return;
	}
	q.model = *vm_device_preset(kinds[rng_below(&g->r, 3)]);
	if (rng_below(&g->r, 4) == 0)
		q.model = (struct vm_device_model){ .kind = VM_DEVICE_CUSTOM, .channels = 1,
						    .read_latency = rng_below(&g->r, 2) ? 0 : 3600 * NS_PER_S };
	vm_swap_on(g->m->host, &q, &number, &e);
}

static void act(struct play *g, struct actor *a)
{
	struct vm_proc *p = proc_of_actor(g, a);
	struct err e = { 0 };
	va_t at = (rng_below(&g->r, 2) ? A : B) + rng_below(&g->r, PAGES) * PAGE;

	if (!p) {
		be_born(g, a);
	} else if (rng_below(&g->r, 60) == 0) {
		vm_kill(p, 9, &e);
	} else if (a->waits) {
		access_once(g, a);
	} else if (rng_below(&g->r, 20) == 0) {
		vm_madvise(p, at, (1 + rng_below(&g->r, g->readahead ? PAGES : 4)) * PAGE, PAGEOUT, &e);
	} else if (g->readahead && rng_below(&g->r, 20) == 0) {
		vm_madvise(p, at, (1 + rng_below(&g->r, PAGES)) * PAGE, WILLNEED, &e);
	} else {
		begin_access(g, a);
	}
}

/* What is written to mem/config or answered from outside at any moment. */
static void interfere(struct play *g)
{
	static const uint64_t windows[] = { 0, 2, 8, 64 };

	if (vm_victim_wanted(g->m->host) && rng_below(&g->r, 3) == 0)
		vm_victim_give_up(g->m->host);
	if (!g->readahead || rng_below(&g->r, 40) > 0)
		return;
	if (rng_below(&g->r, 4) == 0)
		configure(g->m, "swap_cache", rng_below(&g->r, 4) > 0);
	else
		configure(g->m, "swap_readahead", windows[rng_below(&g->r, G_N_ELEMENTS(windows))]);
}

static uint64_t play(uint64_t seed, uint64_t frames, const char *policy, unsigned steps, bool readahead)
{
	struct play g = { .m = live(frames, 40, "nvme"), .readahead = readahead };
	struct vm_policy wanted = { 0 };
	uint64_t result;

	rng_seed(&g.r, seed, "paging");
	wanted.name = policy;
	configure(g.m, "swap_readahead", readahead ? 8 : 0);
	assert_int_equal(vm_policy_set(g.m->host, &wanted, NULL), 0);
	for (unsigned step = 0; step < steps; step++) {
		struct actor *a = &g.actor[rng_below(&g.r, PROCS)];
		bool anybody = false;

		for (unsigned i = 0; i < PROCS; i++)
			anybody |= proc_of_actor(&g, &g.actor[i]) != NULL;
		if (!anybody) {
			memset(g.shared, 0, sizeof(g.shared));
			g.births = 0;
		}
		if (rng_below(&g.r, 4) == 0)
			clock_step(&g.m->clock);
		else if (rng_below(&g.r, 50) == 0)
			change_swap(&g);
		else
			act(&g, a);
		interfere(&g);
		check_machine(g.m);
	}
	result = g.m->clock.now ^ g.m->journal.next << 32 ^ vm_stats(g.m->host)->swap_ins;
	print_message("%s%s, %" G_GUINT64_FORMAT " frames, seed %" G_GUINT64_FORMAT ": %" G_GUINT64_FORMAT " pages in, %"
		      G_GUINT64_FORMAT " out, waited %u times, %" G_GUINT64_FORMAT " killed, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " read ahead of use\n",
		      policy, readahead ? " with readahead" : "", frames, seed,
		      vm_stats(g.m->host)->swap_ins, vm_stats(g.m->host)->swap_outs, g.waited, vm_stats(g.m->host)->oom_kills,
		      vm_stats(g.m->host)->swap_ra_hits, vm_stats(g.m->host)->swap_ra);
	machine_free(g.m);
	return result;
}

static void random_processes_lose_no_byte_and_repeat(void **state)
{
	static const char *const policies[] = { "clock", "lru", "linux", "random" };
	uint64_t seed = g_getenv("SEED") ? g_ascii_strtoull(g_getenv("SEED"), NULL, 0) : 1;

	for (unsigned k = 0; k < G_N_ELEMENTS(policies); k++) {
		uint64_t once = play(seed + k, 60, policies[k], 2000, false);

		assert_int_equal(play(seed + k, 60, policies[k], 2000, false), once);
		play(seed + k + 100, 34, policies[k], 2000, false); /* tight: out of memory too */
	}
}

static void readahead_loses_no_byte_under_any_policy(void **state)
{
	uint64_t seed = g_getenv("SEED") ? g_ascii_strtoull(g_getenv("SEED"), NULL, 0) : 1;

	for (unsigned k = 0; vm_policy_name(k); k++) {
		if (strcmp(vm_policy_name(k), "opt") == 0)
			continue;
		play(seed + k, 60, vm_policy_name(k), 250, true);
		play(seed + k + 100, 34, vm_policy_name(k), 250, true);
		play(seed + k + 200, 40, vm_policy_name(k), 100, false);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_process_waits_in_state_d_and_starts_again), cmocka_unit_test(waiting_counts_what_not_waiting_counts),
		cmocka_unit_test(costs_and_the_time_of_devices_add_up),
		TEST(others_run_meanwhile_and_the_timeline_says_so),
		TEST(two_who_wait_for_one_slot_share_the_frame_and_the_transfer),
		TEST(a_process_that_ends_while_it_waits_leaves_nothing), TEST(what_it_waits_for_may_go_away),
		TEST(more_may_wait_than_there_are_frames), TEST(a_page_that_came_for_nobody_may_go),
		cmocka_unit_test(a_frame_is_read_into_only_after_it_has_been_written_from),
		cmocka_unit_test(random_processes_lose_no_byte_and_repeat),
		cmocka_unit_test(readahead_loses_no_byte_under_any_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
