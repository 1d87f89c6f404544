/*
 * test_memory_model.c - random accesses, maps, forks, moves and evictions by several processes, against a model that
 * knows only bytes: what each process must read at each page.
 *
 * The model has no frames, tables or copies: a private page is a value in its process, a shared one a value in its object.
 * Every call that fails must have changed nothing. The host is recounted after every step. The seed is printed;
 * MODEL_SEED=N repeats one run, MODEL_STEPS=N its length. With MODEL_DIGEST=1 a digest of all events is printed too, so that
 * two builds can be compared.
 */
#include "machine.h"

#include "rng.h"
#include "vm_frame.h"
#include "vm_policy.h"
#include "vm_walk.h"

#include <stdlib.h>

/* Three stretches of pages, each across the border of two leaf tables. */
enum { STRETCHES = 3, STRETCH = 24, PAGES = STRETCHES * STRETCH, PROCS = 6, OBJECTS = 4, OBJECT_PAGES = 16 };
enum { DONTNEED = 4, COLD = 20, PAGEOUT = 21, POPULATE_READ = 22, POPULATE_WRITE = 23,
       HUGEPAGE = 14 };

struct model_page {
	bool     mapped, shared, own;   /* own: a private value of the process */
	unsigned prot;
	int      object;                /* -1: private anonymous */
	unsigned index;                 /* page of the object */
	uint8_t  value;
};
struct model_proc { int32_t pid; struct model_page page[PAGES]; };
struct model_object { struct vm_inode *inode; uint8_t value[OBJECT_PAGES]; };

struct model {
	struct machine *m;
	struct rng rng;
	uint64_t page_size, base, leaf;
	struct model_proc proc[PROCS];
	struct model_object object[OBJECTS];
	unsigned steps, refused, huge;   /* huge: looks that found a huge page */
	uint64_t seen, digest, evictions;    /* events */
};

static va_t address(const struct model *w, unsigned page)
{
	return w->base + ((page / STRETCH + 1) * w->leaf - STRETCH / 2 + page % STRETCH) * w->page_size;
}

static unsigned pick(struct model *w, unsigned below) { return (unsigned)rng_below(&w->rng, below); }

static struct model_proc *pick_proc(struct model *w)
{
	struct model_proc *p;

	do
		p = &w->proc[pick(w, PROCS)];
	while (!p->pid);
	return p;
}

static struct vm_proc *proc_of(struct model *w, const struct model_proc *p) { return vm_proc_at(w->m->host, p->pid); }

/* Some pages of one stretch. */
static unsigned pick_range(struct model *w, unsigned *n)
{
	unsigned first = pick(w, PAGES), room = STRETCH - first % STRETCH;

	*n = 1 + pick(w, pick(w, 4) ? MIN(room, 4) : room);
	return first;
}

static uint8_t expected(const struct model *w, const struct model_page *g)
{
	if (g->object < 0 || g->own)
		return g->own ? g->value : 0;
	return w->object[g->object].value[g->index];
}

static void model_store(struct model *w, struct model_page *g, uint8_t value)
{
	if (g->shared) {
		w->object[g->object].value[g->index] = value;
	} else {
		g->own = true;
		g->value = value;
	}
}

static bool can_write_protect(const struct model *w) { return vm_host_options(w->m->host)->geometry.write >= 0; }

static void do_store(struct model *w)
{
	struct model_proc *p = pick_proc(w);
	unsigned page = pick(w, PAGES);
	struct model_page *g = &p->page[page];
	uint8_t value = (uint8_t)rng_next(&w->rng);
	struct vm_outcome out;
	struct err e = { 0 };
	int r = vm_store(proc_of(w, p), address(w, page) + 5, &value, 1, &out, &e);

	if (!g->mapped || !(g->prot & 2)) {
		if (g->mapped && (g->prot & 1) && !can_write_protect(w) && r == 0)
			model_store(w, g, value);       /* nothing could have refused it */
		else
			assert_int_equal(r, -EFAULT);
	} else if (r == 0) {
		model_store(w, g, value);
	} else {
		assert_int_equal(r, -ENOMEM);
		w->refused++;
	}
}

static void check_load(struct model *w, struct model_proc *p, unsigned page)
{
	struct model_page *g = &p->page[page];
	struct vm_outcome out;
	struct err e = { 0 };
	uint8_t value = 0;
	int r = vm_load(proc_of(w, p), address(w, page) + 5, &value, 1, &out, &e);

	if (!g->mapped || g->prot == 0)
		assert_int_equal(r, -EFAULT);
	else if (r == 0)
		assert_int_equal(value, expected(w, g));
	else
		assert_int_equal(r, -ENOMEM);
}

static void do_load(struct model *w)
{
	check_load(w, pick_proc(w), pick(w, PAGES));
}

static void do_peek(struct model *w)
{
	struct model_proc *p = pick_proc(w);

	for (unsigned page = 0; page < PAGES; page++) {
		struct model_page *g = &p->page[page];
		uint8_t value;
		ssize_t n = vm_peek(proc_of(w, p), address(w, page) + 5, &value, 1);

		assert_int_equal(n, g->mapped ? 1 : -EIO);
		if (g->mapped)
			assert_int_equal(value, expected(w, g));
	}
}

static void do_map(struct model *w)
{
	static const unsigned prots[] = { 3, 3, 3, 1, 0 };
	struct model_proc *p = pick_proc(w);
	unsigned n, first = pick_range(w, &n), prot = prots[pick(w, 5)];
	int object = pick(w, 3) ? -1 : (int)pick(w, OBJECTS);
	unsigned index = pick(w, OBJECT_PAGES);
	bool shared = object >= 0 && pick(w, 2);
	struct vm_map_request r = { .addr = address(w, first), .prot = prot, .fd = -1,
				    .flags = VM_MAP_FIXED | (shared ? VM_MAP_SHARED : VM_MAP_PRIVATE) };
	struct err e = { 0 };
	va_t at;

	if (object >= 0) {
		n = MIN(n, OBJECT_PAGES - index);
		r.inode = w->object[object].inode;
		r.offset = index * w->page_size;
	} else {
		r.flags |= VM_MAP_ANON | (pick(w, 2) ? VM_MAP_NORESERVE : 0);
	}
	r.len = n * w->page_size;
	if (vm_mmap(proc_of(w, p), &r, &at, &e) < 0) {
		assert_int_equal(e.code, ENOMEM);
		w->refused++;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		p->page[first + i] = (struct model_page) { .mapped = true, .shared = shared, .prot = prot, .object = object,
							   .index = index + i };
}

static void do_unmap(struct model *w)
{
	struct model_proc *p = pick_proc(w);
	unsigned n, first = pick_range(w, &n);
	struct err e = { 0 };

	if (vm_munmap(proc_of(w, p), address(w, first), n * w->page_size, &e) < 0) {
		assert_int_equal(e.code, ENOMEM);
		w->refused++;
		return;
	}
	memset(&p->page[first], 0, n * sizeof p->page[0]);
}

static void do_protect(struct model *w)
{
	static const unsigned prots[] = { 3, 3, 1, 0, 5 };
	struct model_proc *p = pick_proc(w);
	unsigned n, first = pick_range(w, &n), prot = prots[pick(w, 5)], upto = 0;
	struct err e = { 0 };
	int r = vm_mprotect(proc_of(w, p), address(w, first), n * w->page_size, prot, &e);

	while (upto < n && p->page[first + upto].mapped)
		upto++;
	if (r == 0)
		assert_int_equal(upto, n);
	else
		assert_int_equal(e.code, ENOMEM);
	if (r < 0 && (upto == n || strstr(e.why, "frame"))) { /* out of frames: areas before that one have changed */
		w->refused++;
		for (unsigned i = 0; i < n; i++) {
			struct vm_area a;

			if (p->page[first + i].mapped && vm_area_above(proc_of(w, p), address(w, first + i), &a))
				p->page[first + i].prot = a.flags & 7;
		}
		return;
	}
	for (unsigned i = 0; i < upto; i++)
		p->page[first + i].prot = prot;
}

static void do_advise(struct model *w)
{
	static const int advices[] = { DONTNEED, COLD, PAGEOUT, PAGEOUT, POPULATE_READ, POPULATE_WRITE, HUGEPAGE,
					HUGEPAGE };
	struct model_proc *p = pick_proc(w);
	unsigned n, first = pick_range(w, &n);
	int advice = advices[pick(w, G_N_ELEMENTS(advices))];
	struct err e = { 0 };
	int r = vm_madvise(proc_of(w, p), address(w, first), n * w->page_size, advice, &e);

	if (r < 0 && strstr(e.why, "frame"))
		w->refused++;
	else if (advice == DONTNEED)
		for (unsigned i = 0; i < n; i++) {       /* a locked area ends it: what lies before it is gone */
			struct vm_page page;

			vm_page_at(proc_of(w, p), address(w, first + i), &page);
			if (r != -EINVAL || page.state == VM_PAGE_NONE)
				p->page[first + i].own = false;
		}
	if (advice == POPULATE_WRITE)                    /* an own copy of what the file has at that moment */
		for (unsigned i = 0; i < n; i++) {
			struct model_page *g = &p->page[first + i];
			struct vm_page page;

			vm_page_at(proc_of(w, p), address(w, first + i), &page);
			if (g->mapped && !g->shared && g->object >= 0 && !g->own && page.state == VM_PAGE_ANON) {
				g->value = expected(w, g);
				g->own = true;
			}
		}
}

static void do_lock(struct model *w)
{
	struct model_proc *p = pick_proc(w);
	unsigned n, first = pick_range(w, &n);
	struct err e = { 0 };

	if (pick(w, 3))
		vm_munlock(proc_of(w, p), address(w, first), n * w->page_size, &e);
	else
		vm_mlock(proc_of(w, p), address(w, first), n * w->page_size, pick(w, 2), &e);
	for (unsigned i = 0; i < PAGES; i++) {           /* locking a private page of a file copies it */
		struct model_page *g = &p->page[i];
		struct vm_page page;

		vm_page_at(proc_of(w, p), address(w, i), &page);
		if (g->mapped && !g->shared && g->object >= 0 && !g->own && page.state == VM_PAGE_ANON) {
			g->value = expected(w, g);
			g->own = true;
		}
	}
}

/* Moves some pages of one stretch to a place where nothing of the same pages is. */
static void do_move(struct model *w)
{
	struct model_proc *p = pick_proc(w);
	unsigned n, first = pick_range(w, &n), to = pick_range(w, &(unsigned) { 0 });
	struct model_page kept[STRETCH];
	struct vm_area a;
	struct err e = { 0 };
	va_t at;
	int r;

	n = MIN(n, STRETCH - to % STRETCH);
	if (to + n > first && first + n > to)
		return;
	for (unsigned i = 0; i < n; i++)
		if (!p->page[first + i].mapped)
			return;
	if (!vm_area_above(proc_of(w, p), address(w, first), &a) || a.end < address(w, first) + n * w->page_size)
		return;                                  /* several areas: without frames, some have moved and some not */
	r = vm_mremap(proc_of(w, p), address(w, first), n * w->page_size, n * w->page_size, VM_REMAP_MAYMOVE | VM_REMAP_FIXED,
		      address(w, to), &at, &e);
	if (r < 0) {
		assert_int_equal(e.code, ENOMEM);
		w->refused++;
		/* Linux unmaps the target before it finds out; what was there may be gone. The source must be whole. */
		for (unsigned i = 0; i < n; i++) {
			uint8_t byte;

			if (vm_peek(proc_of(w, p), address(w, to + i), &byte, 1) < 0)
				p->page[to + i].mapped = false;
		}
		return;
	}
	memcpy(kept, &p->page[first], n * sizeof kept[0]);
	memset(&p->page[first], 0, n * sizeof kept[0]);
	memcpy(&p->page[to], kept, n * sizeof kept[0]);
}

static void do_fork(struct model *w)
{
	struct model_proc *p = pick_proc(w), *child = &w->proc[pick(w, PROCS)];
	struct err e = { 0 };
	int32_t pid;

	if (child->pid)
		return;
	if (vm_fork(proc_of(w, p), &pid, &e) < 0) {
		assert_int_equal(e.code, ENOMEM);
		w->refused++;
		return;
	}
	*child = *p;
	child->pid = pid;
}

static void do_exit(struct model *w)
{
	struct model_proc *p = pick_proc(w);
	unsigned live = 0;

	for (unsigned i = 0; i < PROCS; i++)
		live += w->proc[i].pid != 0;
	if (live < 2)
		return;
	machine_end(proc_of(w, p));
	memset(p, 0, sizeof *p);
}

static void do_write_file(struct model *w)
{
	struct model_object *o = &w->object[pick(w, OBJECTS)];
	unsigned index = pick(w, OBJECT_PAGES);
	uint8_t value = (uint8_t)rng_next(&w->rng);
	struct err e = { 0 };

	if (vm_inode_write(o->inode, index * w->page_size + 5, &value, 1, &e) == 1)
		o->value[index] = value;
}

static void do_writeback(struct model *w)
{
	struct err e = { 0 };

	vm_writeback(w->m->host, &e);
	vm_drop_caches(w->m->host, &e);
}

/* Pages go as some policy chooses. */
static void do_reclaim(struct model *w)
{
	struct err e = { 0 };
	uint64_t done;

	vm_reclaim(w->m->host, 1 + pick(w, 4), &done, &e);
}

static void do_policy(struct model *w)
{
	struct vm_policy policy = { .by_process = pick(w, 4) == 0 };
	struct err e = { 0 };
	unsigned n = 0;

	while (vm_policy_name(n))
		n++;
	policy.name = vm_policy_name(pick(w, n));
	vm_policy_set(w->m->host, &policy, &e);
}

/* Somebody writes to RAM: the A bit of an entry changes, or comes back. */
static void do_poke(struct model *w)
{
	struct vm_proc *p = proc_of(w, pick_proc(w));
	const struct vm_geometry *g = &vm_host_options(w->m->host)->geometry;
	struct vm_walk look;
	uint8_t byte;
	pa_t at;

	vm_walk_look(p, address(w, pick(w, PAGES)), &look);
	if (look.fault != VM_WALK_OK || g->accessed < 0)
		return;
	at = look.leaf_addr + (g->big_endian ? g->pte_bytes - 1 - (unsigned)g->accessed / 8 : (unsigned)g->accessed / 8);
	vm_ram_read(w->m->host, at, &byte, 1);
	byte ^= (uint8_t)(1 << g->accessed % 8);
	vm_ram_write(w->m->host, at, &byte, 1);
}

/* Fresh memory over a whole leaf table, asked to be huge; where huge pages are small enough. */
static void do_huge(struct model *w)
{
	struct model_proc *p = pick_proc(w);
	unsigned first = pick(w, STRETCHES) * STRETCH + 4;
	struct vm_map_request r = { .addr = address(w, first), .len = 8 * w->page_size, .prot = 3, .fd = -1,
				    .flags = VM_MAP_FIXED | VM_MAP_PRIVATE | VM_MAP_ANON };
	uint8_t value = (uint8_t)rng_next(&w->rng);
	struct vm_outcome out;
	struct err e = { 0 };
	va_t at;

	if (strcmp(vm_host_options(w->m->host)->geometry.name, "x86-64") != 0 ||
	    vm_host_options(w->m->host)->geometry.levels != 3 || vm_mmap(proc_of(w, p), &r, &at, &e) < 0)
		return;
	for (unsigned i = 0; i < 8; i++)
		p->page[first + i] = (struct model_page) { .mapped = true, .prot = 3, .object = -1 };
	if (vm_madvise(proc_of(w, p), r.addr, r.len, HUGEPAGE, &e) == 0 &&
	    vm_store(proc_of(w, p), r.addr + 5, &value, 1, &out, &e) == 0)
		model_store(w, &p->page[first], value);
}

/* pagemap, page/VA, smaps and the list of entries are views of the same pages. */
static void do_views(struct model *w)
{
	struct vm_proc *p = proc_of(w, pick_proc(w));
	uint64_t present = 0, exclusive = 0, swapped = 0, zeros = 0, entries = 0, in_areas = 0;
	struct vm_usage sum = { 0 };
	struct vm_proc_info info;
	struct vm_area a;
	vpn_t vpn = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		va_t at = address(w, i);
		struct vm_page page;
		uint64_t word;

		vm_page_at(p, at, &page);
		vm_pagemap(p, at / w->page_size, 1, &word);
		assert_int_equal(word >> 63, page.pfn != PFN_NONE);
		assert_int_equal(word >> 62 & 1, page.state == VM_PAGE_SWAPPED);
		if (page.pfn != PFN_NONE)
			assert_int_equal(word << 9 >> 9, page.pfn);
		assert_int_equal(word >> 61 & 1, page.state == VM_PAGE_FILE);
		assert_int_equal(word >> 56 & 1, page.pfn != PFN_NONE && page.state != VM_PAGE_ZERO && page.maps == 1);
		present += page.state == VM_PAGE_ANON || page.state == VM_PAGE_FILE;
		zeros += page.state == VM_PAGE_ZERO;
		exclusive += word >> 56 & 1;
		swapped += page.state == VM_PAGE_SWAPPED;
	}
	for (va_t at = 0; vm_area_above(p, at, &a); at = a.end) {
		struct vm_numa numa;

		vm_usage_area(p, a.start, &sum);
		vm_numa_area(p, a.start, &numa);
		in_areas += numa.pages;
	}
	for (; vm_page_above(p, vpn, &vpn); vpn++)
		entries++;
	w->huge += sum.anon_huge > 0;
	vm_proc_info(p, &info);
	assert_int_equal(entries, present + zeros + swapped);
	assert_int_equal(in_areas, present);
	assert_int_equal(sum.rss, present * w->page_size);
	assert_int_equal(sum.rss, info.rss_anon + info.rss_file + info.rss_shmem);
	assert_int_equal(sum.private_clean + sum.private_dirty, exclusive * w->page_size);
	assert_int_equal(sum.rss, sum.private_clean + sum.private_dirty + sum.shared_clean + sum.shared_dirty);
	assert_int_equal(sum.anonymous, info.rss_anon);
	assert_int_equal(info.vm_swap, swapped * w->page_size);
	assert_true(sum.pss >> 12 <= sum.rss && sum.pss == sum.pss_anon + sum.pss_file + sum.pss_shmem);
}

static const struct { unsigned weight; void (*run)(struct model *w); } actions[] = {
	{ 30, do_store }, { 20, do_load }, { 2, do_peek }, { 4, do_views }, { 4, do_huge }, { 8, do_map }, { 4, do_unmap }, { 6, do_protect }, { 8, do_advise },
	{ 2, do_lock }, { 4, do_move }, { 5, do_fork }, { 3, do_exit }, { 3, do_write_file }, { 1, do_writeback },
	{ 8, do_reclaim }, { 1, do_policy }, { 1, do_poke },
};

static void step(struct model *w)
{
	unsigned total = 0, at;

	for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++)
		total += actions[i].weight;
	at = pick(w, total);
	for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++) {
		if (at < actions[i].weight) {
			actions[i].run(w);
			return;
		}
		at -= actions[i].weight;
	}
}

static void mix(struct model *w, uint64_t v)
{
	w->digest = (w->digest ^ v) * 0x9e3779b97f4a7c15u;
	w->digest ^= w->digest >> 29;
}

static void mix_event(struct model *w, const struct event *ev)
{
	const uint64_t *value = ev->value;

	mix(w, ev->seq);
	mix(w, (uint64_t)ev->time);
	mix(w, (uint64_t)ev->pid);
	mix(w, g_str_hash(ev->kind->name));
	mix(w, ev->text ? g_str_hash(ev->text) : 0);
	for (const char *at = strchr(ev->kind->keys, ':'); at; at = strchr(at + 1, ':')) {
		if (at[1] != 's')
			mix(w, at[1] == 'n' ? g_str_hash((const char *)(uintptr_t)*value) : *value);
		value += at[1] == 's' ? 0 : 1;
	}
	w->evictions += strcmp(ev->kind->name, "evict") == 0;
}

static void look_at_events(struct model *w)
{
	const struct event *ev;

	for (w->seen = MAX(w->seen, journal_oldest(&w->m->journal)); (ev = journal_at(&w->m->journal, w->seen)); w->seen++)
		mix_event(w, ev);
}

static void make_objects(struct model *w)
{
	struct err e = { 0 };

	for (unsigned k = 0; k < OBJECTS; k++) {
		char name[] = { 'f', (char)('0' + k), 0 };

		w->object[k].inode = make_file(w->m, k % 2 ? "/dev/shm" : "/", name, 0, 0);
		assert_int_equal(vm_inode_truncate(w->object[k].inode, OBJECT_PAGES * w->page_size, &e), 0);
	}
}

struct variant { const char *geometry; uint64_t frames, swap_pages; const char *set; uint64_t value; };

/* x86-64's entries in tables of 8: a huge page is 8 pages, so that some come and go. */
static void make_small(struct machine *m, struct vm_geometry *g)
{
	struct err e = { 0 };

	g->va_bits = g->page_bits + 9;
	g->levels = 3;
	g->index_bits[0] = g->index_bits[1] = g->index_bits[2] = 3;
	g->sign_extended = false;
	if (vm_host_reshape(m->host, g, 0, &e) < 0)
		fail_msg("%s", e.why);
}

static void run(const struct variant *v, uint64_t seed, unsigned steps)
{
	bool small = strcmp(v->geometry, "small") == 0;
	struct vm_geometry preset = *vm_geometry_preset(small ? "x86-64" : v->geometry), *g = &preset;
	uint64_t page = vm_page_size(g);
	struct model *w = g_new0(struct model, 1);

	w->m = machine_new(g->name, v->frames * page, v->swap_pages * page);
	if (small)
		make_small(w->m, g);
	if (v->set)
		configure(w->m, v->set, v->value);
	configure(w->m, "overcommit", 1);
	rng_seed(&w->rng, seed, "memory model");
	w->page_size = page;
	w->leaf = MAX((uint64_t)1 << g->index_bits[g->levels - 1], 32); /* not closer than a stretch is long */
	w->base = 0x10000000 % ((uint64_t)1 << (g->va_bits - 1)) & -(w->leaf * page);
	make_objects(w);
	w->proc[0].pid = 0;
	{
		struct vm_proc *p = machine_spawn(w->m, "first");
		struct vm_proc_info info;

		vm_proc_info(p, &info);
		w->proc[0].pid = info.pid;
	}
	for (w->steps = 0; w->steps < steps; w->steps++) {
		step(w);
		look_at_events(w);
		if (vm_host_check(w->m->host, machine_complain, NULL) != 0)
			fail_msg("%s seed %" G_GUINT64_FORMAT " step %u: the host contradicts itself", v->geometry, seed, w->steps);
	}
	for (unsigned i = 0; i < PROCS; i++)
		for (unsigned page_no = 0; w->proc[i].pid && page_no < PAGES; page_no++)
			check_load(w, &w->proc[i], page_no);
	printf("%s frames=%" G_GUINT64_FORMAT " swap=%" G_GUINT64_FORMAT " %s seed=%" G_GUINT64_FORMAT
	       ": %u steps, %u refused, %u huge, %" G_GUINT64_FORMAT " evictions\n", v->geometry, v->frames, v->swap_pages,
	       v->set ? v->set : "-", seed, w->steps, w->refused, w->huge, w->evictions);
	if (getenv("MODEL_DIGEST"))
		printf("digest %016" G_GINT64_MODIFIER "x\n", w->digest);
	if (v->swap_pages >= 512 && steps >= 1500)
		assert_true(w->evictions > 100);
	if (small && !v->set && v->frames > 1000 && steps >= 1500)
		assert_true(w->huge > 0);               /* else this variant tests nothing */
	machine_free(w->m);
	g_free(w);
}

static void processes_read_what_they_must(void **state)
{
	static const struct variant variants[] = {
		{ "x86-64", 4096, 512, NULL, 0 },        { "x86-64", 4096, 0, NULL, 0 },
		{ "x86-64", 4096, 512, "share_tables", 0 }, { "x86-64", 4096, 512, "eager_fork", 1 },
		{ "x86-64", 4096, 512, "swap_cache", 0 },   { "x86-64", 4096, 512, "fault_around", 65536 },
		{ "x86-64", 48, 20, NULL, 0 },           { "x86-64", 44, 0, NULL, 0 },
		{ "x86-64", 4096, 10, NULL, 0 },         { "x86-32", 4096, 512, NULL, 0 },
		{ "x86-pae", 4096, 512, NULL, 0 },       { "sv39", 4096, 512, NULL, 0 },
		{ "arm64-4k", 4096, 512, NULL, 0 },      { "sv32", 40, 60, NULL, 0 },
		{ "vpn16", 4096, 512, NULL, 0 },         { "small", 4096, 512, NULL, 0 },
		{ "small", 100, 20, NULL, 0 },           { "small", 4096, 512, "share_tables", 0 },
		{ "x86-64", 4096, 512, "user_frames", 60 }, { "sv39", 4096, 512, "user_frames", 40 },
	};
	const char *seed = getenv("MODEL_SEED"), *steps = getenv("MODEL_STEPS");

	for (unsigned i = 0; i < G_N_ELEMENTS(variants); i++)
		run(&variants[i], seed ? g_ascii_strtoull(seed, NULL, 0) : 1 + i,
		    steps ? (unsigned)g_ascii_strtoull(steps, NULL, 0) : 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(processes_read_what_they_must) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
