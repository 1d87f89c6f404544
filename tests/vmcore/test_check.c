/*
 * test_check.c - tests of vmcore/check*.c: each kind of corruption, planted in the structs, is reported, and once it
 * has been taken back nothing is.
 */
#include "swap.h"
#include "whole.h"

#include "file.h"
#include "inode.h"
#include "reclaim_inner.h"

enum { PAGE = 4096, PAGEOUT = 21 };

/* A host in which there is something of everything. */
struct scene {
	struct whole *m;
	struct vm_host *h;
	struct vm_proc *p, *child, *zombie;
	struct vm_inode *file, *shm, *dir;
	va_t anon, shared, private, tmpfs, swapped, zero;
};

static pfn_t pfn_at(struct vm_proc *p, va_t at)
{
	struct vm_page page;

	vm_page_at(p, at, &page);
	assert_int_not_equal(page.pfn, PFN_NONE);
	return page.pfn;
}

static struct vm_proc *fork_it(struct scene *s, struct vm_proc *p)
{
	struct err e = { 0 };
	int32_t pid;

	if (vm_fork(p, &pid, &e) < 0)
		fail_msg("%s", e.why);
	return vm_proc_at(s->h, pid);
}

static int setup(void **state)
{
	struct scene *s = g_new0(struct scene, 1);
	struct err e = { 0 };
	struct vm_proc *p;
	int fd;
	int32_t tid;

	s->m = whole_with("x86-64", 4 * MiB, 1 * MiB);
	s->h = s->m->h;
	s->p = p = whole_spawn(s->h, "p", false);
	s->file = whole_file(s->h, NULL, "f", 8 * PAGE, 1);
	s->shm = whole_file(s->h, vm_disk_lookup(s->h, "/dev/shm", &e), "t", 4 * PAGE, 1);
	assert_int_equal(vm_dir_create(vm_disk_root(s->h), "d", VM_INODE_DIR, 0755, NULL, &s->dir, &e), 0);
	s->anon = whole_map(p, 0x10000000, 8 * PAGE, RW, PRIVATE_ANON | VM_MAP_FIXED, NULL, 0);
	s->zero = whole_map(p, 0x20000000, 4 * PAGE, RW, PRIVATE_ANON | VM_MAP_FIXED, NULL, 0);
	s->swapped = whole_map(p, 0x30000000, 4 * PAGE, RW, PRIVATE_ANON | VM_MAP_FIXED, NULL, 0);
	s->shared = whole_map(p, 0x40000000, 8 * PAGE, RW, VM_MAP_SHARED | VM_MAP_FIXED, s->file, 0);
	s->private = whole_map(p, 0x50000000, 8 * PAGE, RW, VM_MAP_PRIVATE | VM_MAP_FIXED, s->file, 0);
	s->tmpfs = whole_map(p, 0x60000000, 4 * PAGE, RW, VM_MAP_SHARED | VM_MAP_FIXED, s->shm, 0);
	for (int k = 0; k < 3; k++) {
		whole_store(p, s->anon + k * PAGE, 1);
		whole_store(p, s->swapped + k * PAGE, 1);
		whole_store(p, s->shared + k * PAGE, 1);
		whole_load(p, s->private + k * PAGE);
		whole_store(p, s->tmpfs + k * PAGE, 1);
		whole_load(p, s->zero + k * PAGE);
	}
	assert_int_equal(vm_madvise(p, s->swapped, 4 * PAGE, PAGEOUT, &e), 0);
	whole_store(p, s->private + 2 * PAGE, 1);
	assert_int_equal(vm_open(p, s->file, VM_OPEN_READ, &fd, &e), 0);
	assert_int_equal(vm_clone_thread(p, &tid, &e), 0);
	s->child = fork_it(s, p);
	s->zombie = fork_it(s, p);
	vm_exit(s->zombie, 0, &e);
	whole_load(s->child, s->anon);
	whole_store(s->child, s->private + 2 * PAGE, 2);
	whole_load(p, s->private);
	assert_checks(s->h);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	whole_free(s->m);
	g_free(s);
	return 0;
}

static void assert_complains(struct scene *s, const char *about, const char *what)
{
	g_autofree char *lines = whole_complaints(s->h);

	if (!strstr(lines, about))
		fail_msg("%s: expected a line with \"%s\", not\n%s", what, about, lines);
}

/* `at` is off by `delta` for a moment. */
#define OFF_BY(s, at, delta, about) do { \
		(at) += (delta); \
		assert_complains(s, about, #at); \
		(at) -= (delta); \
		assert_checks((s)->h); \
	} while (0)
/* `at` is `value` for a moment. */
#define SET_TO(s, at, value, about) do { \
		__typeof__(at) was_ = (at); \
		(at) = (value); \
		assert_complains(s, about, #at); \
		(at) = was_; \
		assert_checks((s)->h); \
	} while (0)

static void wrong_counts_of_a_frame_are_reported(void **state)
{
	struct scene *s = *state;
	va_t each[] = { s->anon, s->shared, s->private, s->tmpfs, s->zero };

	for (unsigned k = 0; k < G_N_ELEMENTS(each); k++) {
		struct frame *f = frame_of(s->h, pfn_at(s->p, each[k]));

		OFF_BY(s, f->refs, 1, "references counted");
		OFF_BY(s, f->refs, -1, "references counted");
		OFF_BY(s, f->maps, 1, "mappings counted");
		SET_TO(s, f->use, VM_FRAME_FREE, "the free list says otherwise");
	}
	for (unsigned k = 0; k < 4; k++) {
		struct frame *f = frame_of(s->h, pfn_at(s->p, each[k]));

		OFF_BY(s, f->index, 1, "does not belong there");
	}
	SET_TO(s, frame_of(s->h, pfn_at(s->p, s->anon))->anon, NULL, "belongs to no anon");
	SET_TO(s, frame_of(s->h, pfn_at(s->p, s->shared))->inode, s->shm, "is said to be in frame");
	OFF_BY(s, frame_of(s->h, pfn_at(s->p, s->anon))->flags, FRAME_LOCKED, "locked frames");
}

static void bytes_that_nobody_stored_are_reported(void **state)
{
	struct scene *s = *state;
	pfn_t pfn = pfn_at(s->p, s->anon);

	assert_true(s->h->lines[pfn] != 0 && s->h->lines[pfn] != UINT64_MAX);
	SET_TO(s, s->h->lines[pfn], 0, "has bytes where none were stored");
	SET_TO(s, s->h->ram[s->h->zero_frame * PAGE + 99], 1, "has bytes where none were stored");
}

static void wrong_lists_of_the_policy_are_reported(void **state)
{
	struct scene *s = *state;
	struct policy *p = set_at(s->h->reclaim, 0);
	pfn_t pfn = pfn_at(s->p, s->anon), other = pfn_at(s->p, s->tmpfs);

	OFF_BY(s, frame_of(s->h, pfn)->flags, -FRAME_LISTED, "is in the policy's list \"circle\", but does not know it");
	OFF_BY(s, s->h->frames[s->h->zero_frame].flags, FRAME_LISTED, "frames say that the policy knows them");
	OFF_BY(s, s->h->frames[s->h->zero_frame].flags, FRAME_ASIDE, "frames say that they are put aside");
	OFF_BY(s, p->size, 1, "the policy's set 0");
	SET_TO(s, p->next[p->prev[pfn]], (uint32_t)other, "twice in the policy's lists");
}

static void wrong_totals_of_frames_are_reported(void **state)
{
	struct scene *s = *state;
	struct vm_host *h = s->h;
	pfn_t top = h->frame_count - 1;

	for (unsigned u = 0; u < VM_FRAME_USES; u++)
		OFF_BY(s, h->frames_by_use[u], 1, vm_frame_use_names[u]);
	OFF_BY(s, h->frames_free, 1, "free frames");
	OFF_BY(s, h->mlocked, 1, "locked frames");
	OFF_BY(s, h->user_frames, 1, "frames of processes");
	OFF_BY(s, h->shared_tables, 1, "shared page tables");
	OFF_BY(s, h->committed, 1, "committed pages");
	OFF_BY(s, h->busy.bits[0][top / 64], (uint64_t)1 << (top % 64), "frames in use by the free list");
	OFF_BY(s, h->busy.count, 1, "frames that the free list counts");
	assert_true(h->busy.levels > 1);
	for (unsigned k = 1; k < h->busy.levels; k++) {
		g_autofree char *text = g_strdup_printf("summary %u", k);

		OFF_BY(s, h->busy.bits[k][0], 1, text);
	}
}

static void wrong_counts_of_page_tables_are_reported(void **state)
{
	struct scene *s = *state;
	struct table *t = &s->p->mm->table;
	struct span span;
	struct frame *f;

	table_span(t, s->anon / PAGE, s->anon / PAGE + 1, &span);
	f = frame_of(s->h, span.table);
	assert_int_equal(f->use, VM_FRAME_TABLE);
	assert_int_equal(f->sharers, 2);
	OFF_BY(s, f->entries, 1, "entries counted");
	OFF_BY(s, f->refs, 1, "references counted");
	OFF_BY(s, f->sharers, 1, "used by 2 processes, not 3");
	OFF_BY(s, t->pages, 1, "page-table frames counted below the root");
	OFF_BY(s, t->base, PAGE, "the MMU walks from");
	SET_TO(s, f->level, 2, "which is none of level");
}

static void wrong_entries_are_reported(void **state)
{
	struct scene *s = *state;
	const struct mmu_format *f = &s->h->mmu.format;
	struct table *t = &s->p->mm->table;
	struct span private, none, swapped, zero;
	uint64_t raw;

	table_span(t, s->private / PAGE, s->private / PAGE + 1, &private);
	table_span(t, s->swapped / PAGE, s->swapped / PAGE + 1, &swapped);
	table_span(t, s->zero / PAGE, s->zero / PAGE + 1, &zero);
	table_span(t, s->private / PAGE + 100, s->private / PAGE + 101, &none);
	raw = pte_load(f, private.entry);
	pte_store(f, private.entry, raw | f->write);
	assert_complains(s, "can be written, but must not", "write bit");
	pte_store(f, private.entry, raw + ((uint64_t)1 << f->ppn_shift));
	assert_complains(s, "does not belong there", "frame number");
	assert_complains(s, "TLB set", "frame number");
	pte_store(f, private.entry, raw | (uint64_t)0xffffff << f->ppn_shift);
	assert_complains(s, "which is in no use", "frame number");
	pte_store(f, private.entry, 0);
	assert_complains(s, "mappings counted", "no entry");
	pte_store(f, private.entry, raw);
	assert_checks(s->h);
	raw = pte_load(f, swapped.entry);
	assert_int_equal(entry_kind(&s->h->geometry, raw), ENTRY_SWAPPED);
	pte_store(f, swapped.entry, entry_swapped(&s->h->geometry, 10000));
	assert_complains(s, "which does not exist", "slot");
	pte_store(f, swapped.entry, raw);
	assert_checks(s->h);
	raw = pte_load(f, zero.entry);
	pte_store(f, none.entry, raw);
	assert_complains(s, "is in no area", "stray entry");
	pte_store(f, none.entry, 0);
	assert_checks(s->h);
}

static void wrong_counters_of_a_process_are_reported(void **state)
{
	struct scene *s = *state;
	struct mm *mm = s->p->mm;

	OFF_BY(s, mm->rss_anon, 1, "anonymous pages counted");
	OFF_BY(s, mm->rss_file, 1, "file pages counted");
	OFF_BY(s, mm->rss_shmem, 1, "shared memory pages counted");
	OFF_BY(s, mm->swapped, 1, "swapped pages counted");
	OFF_BY(s, mm->total, 1, "in all");
	OFF_BY(s, mm->exec, 1, "of code");
	OFF_BY(s, mm->stack, 1, "of stack");
	OFF_BY(s, mm->data, 1, "of data");
	OFF_BY(s, mm->locked, 1, "locked");
	SET_TO(s, s->p->mm->owner, s->child, "belongs to another process");
	SET_TO(s, s->p->mm->table.asid, s->child->mm->table.asid, "is another process's too");
}

static void wrong_areas_are_reported(void **state)
{
	struct scene *s = *state;
	struct area *a = area_at(s->p->mm, s->anon), *f = area_at(s->p->mm, s->shared);

	OFF_BY(s, a->end, 0x20000000, "overlaps");
	OFF_BY(s, a->start, 1, "is no range of pages");
	OFF_BY(s, a->gap, PAGE, "the gap below area");
	OFF_BY(s, a->max_gap, PAGE, "the largest gap");
	OFF_BY(s, a->page_prot, VM_PTE_EXEC, "page permissions");
	OFF_BY(s, f->shared_last, 1, "among the mappings of file");
	OFF_BY(s, a->links->last, 1, "among the areas of an anon");
	SET_TO(s, a->mm, s->child->mm, "names another address space");
	SET_TO(s, f->inode, s->shm, "name different files");
	SET_TO(s, a->anon, area_at(s->p->mm, s->swapped)->anon, "does not hang on its own anon");
	OFF_BY(s, s->p->mm->areas.count, 1, "areas counted");
	OFF_BY(s, a->flags, VM_F_LOCKED, "locked");
}

static void wrong_anons_are_reported(void **state)
{
	struct scene *s = *state;
	struct anon *n = area_at(s->p->mm, s->anon)->anon, *c = area_at(s->child->mm, s->anon)->anon;

	assert_ptr_not_equal(n, c);
	OFF_BY(s, n->refs, 1, "an anon:");
	OFF_BY(s, n->active, 1, "an anon:");
	OFF_BY(s, n->children, 1, "an anon:");
	OFF_BY(s, c->refs, 1, "an anon:");
}

static void wrong_files_are_reported(void **state)
{
	struct scene *s = *state;
	struct vm_host *h = s->h;
	struct cache_run *r = inode_run(s->file, 0);
	struct vm_inode *i = s->file, *root = vm_disk_root(h);

	OFF_BY(s, i->cached, 1, "cached pages counted");
	OFF_BY(s, i->dirty, 1, "dirty pages counted");
	OFF_BY(s, i->taken, 1, "blocks counted");
	OFF_BY(s, i->swapped, 1, "swapped pages counted");
	OFF_BY(s, i->links, 1, "links counted");
	OFF_BY(s, i->refs, -1, "references counted");
	OFF_BY(s, i->size, -5 * PAGE, "beyond its end");
	OFF_BY(s, i->mappings.count, 1, "mappings counted");
	OFF_BY(s, h->cached, 1, "cached");
	OFF_BY(s, h->dirty, 1, "dirty");
	OFF_BY(s, h->disk_used, 1, "bytes of disk counted");
	OFF_BY(s, r->used, 1, "pages of a run counted");
	OFF_BY(s, r->first, 1, "out of order");
	SET_TO(s, r->frame[4], r->frame[3], "is said to be in frame");
	SET_TO(s, r->slot[4], 100000, "swap slot that does not exist");
	OFF_BY(s, root->gone, 1, "entries gone counted");
	OFF_BY(s, s->dir->links, 1, "links counted");
	SET_TO(s, s->dir->names->cookie, 0, "is out of order");
	SET_TO(s, i->names->inode, s->shm, "its directory does not know");
	SET_TO(s, h->cache_newest, h->cache_oldest, "list of cached frames");
	SET_TO(s, frame_of(h, h->cache_oldest - 1)->next, 0, "list of cached frames");
	OFF_BY(s, frame_of(h, pfn_at(s->p, s->tmpfs))->flags, -FRAME_SHMEM, "is said to be in frame");
}

static void wrong_descriptions_and_slots_are_reported(void **state)
{
	struct scene *s = *state;
	struct file *f = fd_at(s->p->fds, 0);
	struct span span;
	uint32_t slot;

	OFF_BY(s, f->refs, 1, "open file description");
	table_span(&s->p->mm->table, s->swapped / PAGE, s->swapped / PAGE + 1, &span);
	slot = (uint32_t)entry_number(&s->h->geometry, entry_os(s->h, &span, 0));
	swap_retain(s->h->swap, slot);
	assert_complains(s, "swap slot", "retained");
	swap_release(s->h->swap, slot);
	slot = swap_alloc(s->h->swap);
	assert_complains(s, "1 references counted, 0 found", "taken");
	swap_set_cached(s->h->swap, slot, 3);
	assert_complains(s, "caches it, which does not", "cached");
	swap_set_cached(s->h->swap, slot, PFN_NONE);
	swap_release(s->h->swap, slot);
	assert_checks(s->h);
}

static void wrong_processes_are_reported(void **state)
{
	struct scene *s = *state;

	SET_TO(s, s->child->parent, s->h->init, "names another parent");
	SET_TO(s, s->child->pid, 1000, "out of order");
	SET_TO(s, s->child->state, VM_ZOMBIE, "state Z with memory");
	SET_TO(s, s->zombie->state, VM_SLEEPING, "state S without memory");
	SET_TO(s, s->child->serial, 4711, "cannot be found by its serial number");
	OFF_BY(s, s->p->thread_count, 1, "threads counted");
	SET_TO(s, s->p->threads->tid, 4711, "cannot be found by its number");
	SET_TO(s, s->p->threads->tid, s->child->pid, "is both a thread and a process");
	OFF_BY(s, s->p->children.count, 1, "children counted");
	OFF_BY(s, s->h->by_pid.count, 1, "processes:");
}

struct poked { GString *lines; };
static void report_poked(void *arg, bool poked, const char *line)
{
	if (poked)
		g_string_append_printf(((struct poked *)arg)->lines, "%s\n", line);
}

static void pokes_are_told_but_are_no_contradictions(void **state)
{
	struct scene *s = *state;
	struct poked told = { g_string_new(NULL) };
	struct vm_walk w;
	struct err e = { 0 };
	uint64_t raw, bad;
	pa_t at;

	vm_walk_look(s->p, s->private, &w);
	at = w.step[w.steps - 1].pte_addr;
	vm_ram_read(s->h, at, &raw, 8);
	bad = raw ^ 0x12345000;
	vm_ram_write(s->h, at, &bad, 8);
	assert_int_equal(vm_host_check(s->h, report_poked, &told), 0);
	assert_non_null(strstr(told.lines->str, "the entry at 0x"));
	vm_ram_write(s->h, at, &raw, 8);
	g_string_truncate(told.lines, 0);
	assert_int_equal(vm_host_check(s->h, report_poked, &told), 0);
	assert_null(strstr(told.lines->str, "the entry at 0x"));
	assert_int_equal(vm_set_ptbr(s->child, 0x1000, &e), 0);
	assert_int_equal(vm_host_check(s->h, report_poked, &told), 0);
	assert_non_null(strstr(told.lines->str, "set by hand to 0x1000"));
	g_string_free(told.lines, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wrong_counts_of_a_frame_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_that_nobody_stored_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_lists_of_the_policy_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_totals_of_frames_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_counts_of_page_tables_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_entries_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_counters_of_a_process_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_areas_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_anons_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_files_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_descriptions_and_slots_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_processes_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(pokes_are_told_but_are_no_contradictions, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
