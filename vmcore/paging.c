/* paging.c - pages on their way between RAM and swap: when the device is done with them, and who waits for that. */
#include "paging.h"

#include "page.h"
#include "reclaim.h"

#include <string.h>

enum { TIMELINE = 4096, LOOK_BACK = 64, WRITES_MOST = 1024 };

static const struct event_kind event_interrupt = { "interrupt", "swap:d slot:d write:d" };

/* A transfer that a frame waits for. */
struct io {
	struct timer timer;
	struct vm_host *host;
	pfn_t    pfn;
	uint32_t slot;
	bool     write;
	ns_t     end;
	GList    link;               /* in reads or writes, in order of coming */
};

/* Two are written for most faults, so they are small; who ran meanwhile is of live hosts alone, and apart. */
struct row { va_t va, victim_va; ns_t start, end; int32_t pid, victim_pid; unsigned area; };
struct row_ran { int32_t ran[VM_RAN]; bool more; };

struct paging {
	struct vm_host *host;
	unsigned depth;              /* of paging_begin() */
	int32_t  pid, victim_pid;
	va_t     va, victim_va;
	bool     waits;
	ns_t     until;
	GQueue   reads, writes;
	uint64_t rows;               /* ever */
	struct row *row;             /* row n is at n % TIMELINE; NULL before the first */
	struct row_ran *ran;         /* likewise; NULL: nobody ever did */
	GQueue   waiting;            /* struct vm_proc, by wait.link */
	uint64_t settled;            /* pages that somebody waited for, and no longer does */
};

struct paging *paging_new(struct vm_host *h)
{
	struct paging *g = g_new0(struct paging, 1);

	g->host = h;
	return g;
}

/* What a fault or a call does. */

void paging_begin(struct vm_host *h, int32_t pid, va_t va, bool waits)
{
	struct paging *g = h->paging;

	if (g->depth++ > 0)
		return;
	g->pid = pid;
	g->va = va;
	g->waits = waits;
	g->until = 0;
	g->victim_pid = 0;
}

bool paging_may_wait(const struct vm_host *h)
{
	return h->paging->depth > 0 && h->paging->waits;
}

ns_t paging_end(struct vm_host *h)
{
	struct paging *g = h->paging;

	if (--g->depth > 0)
		return 0;
	if (g->until > h->clock->now && !g->waits)
		clock_spend(h->clock, g->until - h->clock->now);
	g->waits = false;
	return g->until;
}

int32_t paging_for(const struct vm_host *h, va_t *va)
{
	*va = h->paging->depth ? h->paging->va : VA_NONE;
	return h->paging->depth ? h->paging->pid : 0;
}

void paging_victim(struct vm_host *h, int32_t pid, va_t va)
{
	h->paging->victim_pid = pid;
	h->paging->victim_va = va;
}

/* The timeline. */

static void add_row(struct paging *g, unsigned area, va_t va, struct transfer t)
{
	uint64_t at = g->rows++ % TIMELINE;

	if (!g->row)
		g->row = g_new(struct row, TIMELINE);
	if (g->ran)
		g->ran[at] = (struct row_ran){ 0 };
	g->row[at] = (struct row){ .area = area, .pid = g->depth ? g->pid : 0, .va = g->depth ? va : VA_NONE, .start = t.start,
				   .end = t.end, .victim_pid = g->victim_pid, .victim_va = g->victim_va };
}

bool vm_timeline_next(const struct vm_host *h, uint64_t *cursor, struct vm_paging *out)
{
	const struct paging *g = h->paging;
	const struct row *r;
	uint64_t at;

	if (g->rows > TIMELINE)
		*cursor = MAX(*cursor, g->rows - TIMELINE);
	if (*cursor >= g->rows)
		return false;
	at = (*cursor)++ % TIMELINE;
	r = &g->row[at];
	*out = (struct vm_paging){ .pid = r->pid, .va = r->va, .victim_pid = r->victim_pid, .victim_va = r->victim_va,
				   .start = r->start, .end = r->end };
	if (g->ran) {
		memcpy(out->ran, g->ran[at].ran, sizeof out->ran);
		out->more = g->ran[at].more;
	}
	return true;
}

unsigned paging_queue(const struct vm_host *h, unsigned area)
{
	const struct paging *g = h->paging;
	uint64_t oldest = g->rows > TIMELINE ? g->rows - TIMELINE : 0;
	unsigned n = 0;

	for (uint64_t i = g->rows; i-- > oldest;) {
		const struct row *r = &g->row[i % TIMELINE];

		n += r->area == area && r->end > h->clock->now;
	}
	return n;
}

static void take_down(struct row_ran *p, int32_t pid)
{
	for (unsigned i = 0; i < VM_RAN; i++) {
		if (p->ran[i] == pid)
			return;
		if (p->ran[i] == 0) {
			p->ran[i] = pid;
			return;
		}
	}
	p->more = true;
}

void paging_ran(struct vm_host *h, const struct vm_proc *p)
{
	struct paging *g = h->paging;
	uint64_t oldest = g->rows > LOOK_BACK ? g->rows - LOOK_BACK : 0;

	for (uint64_t i = g->rows; i-- > oldest;) {
		const struct row *r = &g->row[i % TIMELINE];

		if (r->end <= h->clock->now || r->pid == p->pid)
			continue;
		if (!g->ran)
			g->ran = g_new0(struct row_ran, TIMELINE);
		take_down(&g->ran[i % TIMELINE], p->pid);
	}
}

/* Transfers. */

static struct transfer transfer(struct vm_host *h, uint32_t slot, bool write)
{
	struct swap_area *a = swap_area_of(h->swap, slot);
	struct paging *g = h->paging;
	/* What is read may go into a frame that is still being written from. */
	ns_t at = g->depth && !write ? MAX(h->clock->now, g->until) : h->clock->now;
	struct transfer t = device_transfer(&a->device, slot - a->first, write, at);

	a->slot[slot - a->first].writes += write;
	add_row(g, a->number, write ? VA_NONE : g->va, t);
	return t;
}

/* What somebody waits for. */
static void must_pass(struct vm_host *h, ns_t end)
{
	struct paging *g = h->paging;

	if (g->depth)
		g->until = MAX(g->until, end);
	else if (end > h->clock->now)
		clock_spend(h->clock, end - h->clock->now);
}

void paging_disk(struct vm_host *h)
{
	if (h->config.disk)
		must_pass(h, MAX(h->clock->now, h->paging->until) + h->config.disk);
}

void paging_read(struct vm_host *h, uint32_t slot, pfn_t to)
{
	must_pass(h, transfer(h, slot, false).end);
	swap_read(h->swap, slot, to);
}

void paging_write(struct vm_host *h, uint32_t slot, pfn_t from)
{
	swap_write(h->swap, slot, from);
	must_pass(h, transfer(h, slot, true).end);
}

static void wake(struct vm_host *h, pfn_t pfn)
{
	for (GList *l = h->paging->waiting.head; l; l = l->next) {
		struct vm_proc *p = l->data;

		if (p->wait.pfn == pfn)
			proc_changed(p);
	}
}

/* A page that came in, and that nobody maps or waits for, only the swap cache has: the policy may have it go. */
static void leave_to_policy(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	if (f->use == VM_FRAME_ANON && f->maps == 0 && f->refs == 2 && (f->flags & FRAME_SWAPCACHE) &&
	    !(f->flags & (FRAME_READING | FRAME_LISTED | FRAME_ASIDE)))
		reclaim_add(h, pfn, NULL);
}

/* The bytes are where they should be. */
static void io_done(struct io *io)
{
	struct vm_host *h = io->host;
	struct frame *f = frame_of(h, io->pfn);
	pfn_t pfn = io->pfn;

	clock_cancel(h->clock, &io->timer);
	g_queue_unlink(io->write ? &h->paging->writes : &h->paging->reads, &io->link);
	if (io->write) {
		f->flags &= ~FRAME_WRITEBACK;
		if (f->maps == 0 && f->refs == 2 && !(f->flags & FRAME_DIRTY))
			page_uncache(h, pfn);
	} else {
		swap_read(h->swap, io->slot, pfn);
		f->flags &= ~FRAME_READING;
		wake(h, pfn);
		leave_to_policy(h, pfn);
		h->paging->settled += f->flags & FRAME_LISTED ? 1 : 0;
	}
	page_put(h, pfn);
	h->generation++;
	g_free(io);
}

static void io_fires(struct timer *t)
{
	struct io *io = (struct io *)((char *)t - offsetof(struct io, timer));
	struct vm_host *h = io->host;
	struct event *ev = journal_add(h->journal, &event_interrupt, h->options.serial, 0);
	uint64_t within;

	ev->value[0] = swap_place(h->swap, io->slot, &within);
	ev->value[1] = within;
	ev->value[2] = io->write;
	h->stats.interrupts++;
	io_done(io);
}

static void io_begin(struct vm_host *h, uint32_t slot, pfn_t pfn, bool write, ns_t end)
{
	struct io *io = g_new0(struct io, 1);

	io->host = h;
	io->pfn = pfn;
	io->slot = slot;
	io->write = write;
	io->end = end;
	io->link.data = io;
	io->timer.fire = io_fires;
	g_queue_push_tail_link(write ? &h->paging->writes : &h->paging->reads, &io->link);
	if (h->options.live)
		clock_set(h->clock, &io->timer, end);
}

bool paging_read_frame(struct vm_host *h, uint32_t slot, pfn_t pfn)
{
	struct transfer t = transfer(h, slot, false);

	if (t.end <= h->clock->now || !h->paging->waits) {
		must_pass(h, t.end);
		swap_read(h->swap, slot, pfn);
		return true;
	}
	frame_of(h, pfn)->flags |= FRAME_READING;
	io_begin(h, slot, pfn, false, t.end);
	return false;
}

void paging_read_ahead(struct vm_host *h, uint32_t slot, pfn_t pfn)
{
	struct transfer t = transfer(h, slot, false);

	frame_retain(h, pfn);
	if (h->options.live && t.end > h->clock->now) {
		frame_of(h, pfn)->flags |= FRAME_READING;
		io_begin(h, slot, pfn, false, t.end);
		return;
	}
	swap_read(h->swap, slot, pfn);
	frame_of(h, pfn)->flags &= ~FRAME_READING;
	leave_to_policy(h, pfn);
	page_put(h, pfn);
}

static struct io *first_write(const struct vm_host *h)
{
	return h->paging->writes.head ? h->paging->writes.head->data : NULL;
}

bool paging_write_frame(struct vm_host *h, uint32_t slot, pfn_t pfn)
{
	struct transfer t;
	struct io *io;

	while ((io = first_write(h)) && io->end <= h->clock->now && !timer_is_set(&io->timer))
		io_done(io);                             /* nobody steps the clock of a host that is not live */
	if (h->paging->writes.length >= WRITES_MOST)
		paging_finish_write(h);
	swap_write(h->swap, slot, pfn);
	t = transfer(h, slot, true);
	if (t.end <= h->clock->now)
		return false;
	frame_of(h, pfn)->flags |= FRAME_WRITEBACK;
	frame_retain(h, pfn);
	io_begin(h, slot, pfn, true, t.end);
	return true;
}

bool paging_finish_write(struct vm_host *h)
{
	struct io *io = first_write(h);

	if (!io)
		return false;
	must_pass(h, io->end);
	io_done(io);
	return true;
}

bool paging_finish_ahead(struct vm_host *h)
{
	for (GList *l = h->paging->reads.head; l; l = l->next) {
		struct io *io = l->data;

		if (frame_of(h, io->pfn)->refs > 2)      /* the swap cache's, and the transfer's */
			continue;
		must_pass(h, io->end);
		io_done(io);
		return true;
	}
	return false;
}

unsigned paging_writes(const struct vm_host *h)
{
	return h->paging->writes.length;
}

static void finish_in(struct vm_host *h, GQueue *q, pfn_t pfn)
{
	for (GList *l = q->head; l; l = l->next) {
		struct io *io = l->data;

		if (io->pfn == pfn) {
			must_pass(h, io->end);
			io_done(io);
			return;
		}
	}
}

void paging_finish(struct vm_host *h, pfn_t pfn)
{
	uint32_t flags = frame_of(h, pfn)->flags;

	if (flags & FRAME_READING)
		finish_in(h, &h->paging->reads, pfn);
	if (flags & FRAME_WRITEBACK)
		finish_in(h, &h->paging->writes, pfn);
}

static void finish_all(GQueue *q, const struct swap_area *a)
{
	for (GList *l = q->head, *next; l; l = next) {
		struct io *io = l->data;

		next = l->next;
		if (io->slot - a->first >= a->slots)
			continue;
		must_pass(io->host, io->end);
		io_done(io);
	}
}

void paging_finish_area(struct vm_host *h, const struct swap_area *a)
{
	finish_all(&h->paging->reads, a);
	finish_all(&h->paging->writes, a);
}

void paging_count(const struct vm_host *h, uint32_t *refs)
{
	for (GList *l = h->paging->reads.head; l; l = l->next)
		refs[((struct io *)l->data)->pfn]++;
	for (GList *l = h->paging->writes.head; l; l = l->next)
		refs[((struct io *)l->data)->pfn]++;
	for (GList *l = h->paging->waiting.head; l; l = l->next) {
		const struct vm_proc *p = l->data;

		if (p->wait.pfn != PFN_NONE)
			refs[p->wait.pfn]++;
	}
}

void paging_free(struct paging *g)
{
	while (g->reads.head)
		io_done(g->reads.head->data);
	while (g->writes.head)
		io_done(g->writes.head->data);
	g_free(g->row);
	g_free(g->ran);
	g_free(g);
}

/* A process that waits. */

static void wait_fires(struct timer *t)
{
	proc_changed((struct vm_proc *)((char *)t - offsetof(struct vm_proc, wait.timer)));
}

static void wait_begin(struct vm_proc *p)
{
	struct vm_host *h = p->host;

	paging_wait_end(p);
	p->wait.active = true;
	p->wait.since = h->clock->now;
	p->wait.link.data = p;
	g_queue_push_tail_link(&h->paging->waiting, &p->wait.link);
	p->nvcsw++;
	h->stats.context_switches++;
	h->running = NULL;
	if (h->preempted > 0)
		paging_next_turn(h);
	proc_changed(p);
}

void paging_wait_frame(struct vm_proc *p, pfn_t pfn, va_t va, bool major)
{
	wait_begin(p);
	frame_retain(p->host, pfn);
	p->wait.pfn = pfn;
	p->wait.va = va;
	p->wait.major = major;
}

void paging_wait_until(struct vm_proc *p, ns_t until)
{
	wait_begin(p);
	p->wait.pfn = PFN_NONE;
	p->wait.until = until;
	p->wait.timer.fire = wait_fires;
	clock_set(p->host->clock, &p->wait.timer, until);
}

void paging_wait_longer(struct vm_proc *p, ns_t by)
{
	p->wait.until += by;
	clock_set(p->host->clock, &p->wait.timer, p->wait.until);
}

/* Pages are on their way in, or have just come for a process that has not gone on yet. */
static bool pages_come(const struct vm_host *h)
{
	if (h->paging->reads.head)
		return true;
	for (const GList *l = h->paging->waiting.head; l; l = l->next) {
		const struct vm_proc *p = l->data;

		if (!p->wait.scarce && !p->wait.question && p->wait.pfn != PFN_NONE)
			return true;
	}
	return false;
}

bool paging_wait_others(struct vm_proc *p)
{
	if (!pages_come(p->host))
		return false;
	wait_begin(p);
	p->wait.pfn = PFN_NONE;
	p->wait.scarce = true;
	p->wait.settled = p->host->paging->settled;
	return true;
}

void paging_wait_victim(struct vm_proc *p)
{
	wait_begin(p);
	p->wait.pfn = PFN_NONE;
	p->wait.question = vm_victim_number(p->host);
}

void paging_preempt(struct vm_proc *p)
{
	struct vm_host *h = p->host;

	paging_wait_until(p, h->clock->now + host_turn(h));
	p->nvcsw--;
	p->nivcsw++;
	p->wait.preempted = true;
	h->preempted++;
}

void paging_next_turn(struct vm_host *h)
{
	for (GList *l = h->paging->waiting.head; l; l = l->next) {
		struct vm_proc *p = l->data;

		if (!p->wait.preempted || p->wait.until <= h->clock->now)
			continue;
		p->wait.until = h->clock->now;
		clock_set(h->clock, &p->wait.timer, h->clock->now);
	}
}

/* One who waited for that answer does so no more. */
static void question_ends(struct vm_host *h, uint64_t question)
{
	for (GList *l = h->paging->waiting.head; l; l = l->next)
		if (((struct vm_proc *)l->data)->wait.question == question)
			return;
	if (question == vm_victim_number(h))
		victim_not_needed(h);
}

void paging_wait_end(struct vm_proc *p)
{
	struct vm_host *h = p->host;
	pfn_t pfn = p->wait.pfn;
	uint64_t question = p->wait.question;

	if (!p->wait.active)
		return;
	clock_cancel(h->clock, &p->wait.timer);
	g_queue_unlink(&h->paging->waiting, &p->wait.link);
	h->preempted -= p->wait.preempted;
	p->wait = (struct proc_wait){ 0 };
	if (question)
		question_ends(h, question);
	if (pfn != PFN_NONE) {
		h->paging->settled++;
		leave_to_policy(h, pfn);
		page_put(h, pfn);
	}
}

bool paging_waits(const struct vm_proc *p)
{
	if (!p->wait.active)
		return false;
	if (p->wait.pfn != PFN_NONE)
		return frame_of(p->host, p->wait.pfn)->flags & FRAME_READING;
	if (p->wait.scarce)
		return p->host->paging->settled == p->wait.settled && pages_come(p->host);
	if (p->wait.question)
		return vm_victim_wanted(p->host) && vm_victim_number(p->host) == p->wait.question && !victim_may_be_spared(p->host);
	return p->host->clock->now < p->wait.until;
}
