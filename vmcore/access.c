/*
 * access.c - loads, stores and fetches by a process.
 *
 * An access is split where pages end, as hardware does it. Each part is translated by the MMU; a fault that is resolved
 * restarts that part, one that is not ends the access with a signal. A walk that goes on faulting although the OS part
 * has an entry there (an upper table was poked) ends with the signal of its kind.
 */
#include "page.h"

#include "inode.h"
#include "paging.h"
#include "reclaim.h"

#include <string.h>

enum { RESTARTS = 8 };

const char *const vm_signal_names[VM_SIGNAL_KINDS] = {
	"-", "SEGV MAPERR", "SEGV ACCERR", "SEGV PKUERR", "SEGV KERNEL", "BUS ADRERR",
};

static const struct event_kind event_access = { "access", "va:x pa:x access:n" };

static const char *const access_names[] = { "read", "write", "exec" };

static int refused(const struct vm_proc *p, struct err *e)
{
	return err_set(e, ESRCH, -1, "process %d has exited", p->pid);
}

/* --x memory may be fetched from, not read: the MMU has no bit for that, protection keys do it. */
static bool key_refuses(struct mm *mm, va_t va, enum vm_access how)
{
	const struct area *a;

	if (!mm->exec_only || how == VM_EXEC)
		return false;
	a = area_at(mm, va);
	return a && (a->flags & VM_F_EXEC_ONLY);
}

static void trace(struct vm_proc *p, va_t va, pa_t pa, enum vm_access how)
{
	struct event *ev = journal_add(p->host->journal, &event_access, p->host->options.serial, p->pid);

	ev->value[0] = va;
	ev->value[1] = pa;
	ev->value[2] = (uintptr_t)access_names[how];
}

/* The access is done. If it brought its page in (`fresh`), that was not one reference more. */
static void settle(struct vm_proc *p, va_t va, pa_t pa, enum vm_access how, pfn_t fresh)
{
	struct vm_host *h = p->host;
	pfn_t pfn = pa >> h->geometry.page_bits;

	if (pfn == fresh)
		reclaim_settle(h, pfn);
	else if (h->watch_hits)
		reclaim_hit(h, pfn);
	if (h->config.trace_access)
		trace(p, va, pa, how);
}

/* What the MMU charged since `before` moves the clock. */
static void spend_since(struct vm_proc *p, ns_t before)
{
	ns_t cost = p->host->stats.time - before;

	p->host->stats.time = before;
	proc_spend(p, cost, true);
}

/*
 * A live host, between two accesses: the one just made has to be paid for with time that a device takes, the process's turn
 * is over, or time has come for others, who wait for a timer.
 */
static bool must_pause(struct vm_proc *p)
{
	const struct vm_host *h = p->host;
	bool due;
	ns_t at;

	if (!h->options.live || p->wait.active)
		return p->wait.active;
	due = h->clock->busy > 0 && clock_next(h->clock, &at) && at <= h->clock->now;
	if (h->sharing && !h->clock->frozen && (due || h->clock->now >= h->turn_over))
		paging_preempt(p);
	return due || p->wait.active;
}

/* An access that is done leaves the processor to whoever has work. */
static int end(struct vm_proc *p)
{
	if (p->wait.active)
		return -EINPROGRESS;
	if (p->host->preempted > 0)
		paging_next_turn(p->host);
	return 0;
}

/* What every access begins with: -ESRCH, or -EINPROGRESS while the process waits. */
static int begin(struct vm_proc *p, struct vm_outcome *out, struct err *e)
{
	*out = (struct vm_outcome) { 0 };
	if (!p->mm)
		return refused(p, e);
	if (paging_waits(p))
		return -EINPROGRESS;
	if (p->wait.active && p->wait.pfn == PFN_NONE)
		paging_wait_end(p);
	proc_changed(p);
	return 0;
}

/* The process waited: true if for this very access, whose fault is to be handled again, as *tr says. */
static bool resumes(struct vm_proc *p, va_t va, struct translation *tr)
{
	bool same = p->wait.pfn != PFN_NONE && p->wait.va == (va & -page_size(p->host));

	*tr = p->wait.why;
	if (!same)
		paging_wait_end(p);
	return same;
}

/* Translates one address, faulting as often as needed. -EINPROGRESS: it waits for a page. */
static int translate(struct vm_proc *p, va_t va, enum vm_access how, pa_t *pa, struct vm_outcome *out, struct err *e)
{
	struct vm_host *h = p->host;
	struct mm *mm = p->mm;
	struct translation tr;
	bool again = false;
	unsigned tries;

	if (p->wait.active)
		again = resumes(p, va, &tr);
	for (tries = 0;; tries++, again = false) {
		ns_t before = h->stats.time, at = h->clock->now;

		if (!again)
			mmu_translate(h, &mm->table, va, how, &tr);
		spend_since(p, before);
		if (tries > 0 && p->wait.active)
			paging_wait_longer(p, h->clock->now - at);
		if (tr.fault == VM_WALK_OK && key_refuses(mm, va, how))
			tr.fault = VM_WALK_USER;
		if (tr.fault == VM_WALK_OK) {
			*pa = tr.pa;
			break;
		}
		if (tries == RESTARTS)
			return fault_signal(p, va, how, &tr, out, e);
		switch (fault_handle(p, va, how, &tr, out, e)) {
		case FAULT_DONE:
		case FAULT_AGAIN:
			continue;
		case FAULT_SIGNAL:
			return -EFAULT;
		case FAULT_NOMEM:
			return -ENOMEM;
		case FAULT_WAIT:
			return -EINPROGRESS;
		}
	}
	if (tries > 0 || h->watch) {
		__builtin_prefetch(h->ram + *pa);        /* the bytes, while others are told */
		settle(p, va, *pa, how, tries > 0 ? h->fresh : PFN_NONE);
	}
	return 0;
}

static bool is_table(const struct vm_host *h, pa_t at)
{
	return frame_of(h, at >> h->geometry.page_bits)->use == VM_FRAME_TABLE;
}

/* Reads or writes `len` bytes of one page. A write only looks at `bytes`. */
static int access_part(struct vm_proc *p, va_t at, enum vm_access how, uint8_t *bytes, size_t len, struct vm_outcome *out,
		       struct err *e)
{
	struct vm_host *h = p->host;
	pa_t pa;
	int r = translate(p, at, how, &pa, out, e);

	if (r < 0)
		return r;
	out->accesses++;
	len = MIN(len, h->options.ram_bytes - pa);
	if (how == VM_READ)
		memcpy(bytes, h->ram + pa, len);
	else if (is_table(h, pa))
		ram_store(h, pa, bytes, len);            /* a poked entry led the store into a page table */
	else
		memcpy(frame_store(h, pa >> h->geometry.page_bits, pa & (page_size(h) - 1), len), bytes, len);
	return 0;
}

static int access_range(struct vm_proc *p, va_t at, enum vm_access how, uint8_t *bytes, size_t len, struct vm_outcome *out,
			struct err *e)
{
	uint64_t page = page_size(p->host);
	int r = begin(p, out, e);

	for (size_t done = 0, n; done < len && r == 0; done += n) {
		n = MIN(len - done, page - ((at + done) & (page - 1)));
		if (done > 0 && must_pause(p))
			return -EINPROGRESS;
		r = access_part(p, at + done, how, bytes + done, n, out, e);
		if (r == 0)
			out->done += n;
	}
	return r == 0 ? end(p) : r;
}

int vm_load(struct vm_proc *p, va_t at, void *to, size_t len, struct vm_outcome *out, struct err *e)
{
	return access_range(p, at, VM_READ, to, len, out, e);
}

int vm_store(struct vm_proc *p, va_t at, const void *from, size_t len, struct vm_outcome *out, struct err *e)
{
	return access_range(p, at, VM_WRITE, (uint8_t *)from, len, out, e);
}

int vm_fetch(struct vm_proc *p, va_t at, struct vm_outcome *out, struct err *e)
{
	pa_t pa;
	int r = begin(p, out, e);

	if (r < 0)
		return r;
	p->pc = at;
	r = translate(p, at, VM_EXEC, &pa, out, e);
	if (r < 0)
		return r;
	out->accesses = out->done = 1;
	return end(p);
}

int vm_touch(struct vm_proc *p, va_t at, uint64_t len, uint64_t stride, enum vm_access how, struct vm_outcome *out,
	     struct err *e)
{
	int r = begin(p, out, e);

	if (r < 0)
		return r;
	if (stride == 0)
		return err_set(e, EINVAL, 3, "a stride of 0 never ends");
	for (uint64_t off = 0; off < len; off += stride) {
		pa_t pa;

		if (off > 0 && must_pause(p))
			return -EINPROGRESS;
		r = translate(p, at + off, how, &pa, out, e);
		if (r < 0)
			return r;
		out->accesses++;
		out->done = MIN(off + stride, len);
		if (off + stride < off)
			break;
	}
	return end(p);
}

/* What a push moves: the width of an address. */
static unsigned word_bytes(const struct vm_host *h)
{
	unsigned bits = h->geometry.va_bits;

	return bits > 32 ? 8 : bits > 16 ? 4 : bits > 8 ? 2 : 1;
}

int vm_push(struct vm_proc *p, uint64_t value, struct vm_outcome *out, struct err *e)
{
	unsigned n = word_bytes(p->host);
	uint8_t bytes[8];
	int r;

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> 8 * (p->host->geometry.big_endian ? n - 1 - i : i));
	r = vm_store(p, p->sp - n, bytes, n, out, e);
	if (r == 0 || (r == -EINPROGRESS && out->done == n))
		p->sp -= n;
	else
		out->done = 0;                           /* what was stored in part is stored again as a whole */
	return r;
}

/* A debugger's look. */

static void peek_slot(struct vm_host *h, uint32_t slot, uint64_t skip, uint8_t *to, size_t n)
{
	pfn_t pfn = swap_cached(h->swap, slot);
	bool frame = pfn != PFN_NONE && !(frame_of(h, pfn)->flags & FRAME_READING);

	if (frame)
		memcpy(to, frame_bytes(h, pfn) + skip, n);
	else
		swap_look(swap_area_of(h->swap, slot), slot, skip, to, n);
}

static void peek_page(struct vm_host *h, const struct area *a, va_t at, uint8_t *to, size_t n)
{
	uint64_t skip = at & (page_size(h) - 1), got = 0;
	vpn_t vpn = vpn_of(h, at);
	enum entry_kind kind = ENTRY_NONE;
	struct span s;
	uint64_t raw = 0;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	if (s.entry) {
		raw = entry_os(h, &s, 0);
		kind = raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE;
	}
	if (kind == ENTRY_PRESENT || kind == ENTRY_PROTNONE) {
		pfn_t pfn = entry_number(&h->geometry, raw);

		if (s.huge)
			pfn += vpn & (((vpn_t)1 << s.huge_bits) - 1);
		memcpy(to, frame_bytes(h, pfn) + skip, n);
	} else if (kind == ENTRY_SWAPPED) {
		peek_slot(h, (uint32_t)entry_number(&h->geometry, raw), skip, to, n);
	} else {
		ssize_t r = a->inode ? vm_inode_peek(a->inode, (page_index(a, at) << h->geometry.page_bits) + skip, to, n) : 0;

		got = r > 0 ? (uint64_t)r : 0;
		memset(to + got, 0, n - got);
	}
}

/* Through a table that was set by hand, all there is is what the MMU finds. */
static bool peek_by_hand(const struct vm_proc *p, va_t at, uint8_t *to, size_t n)
{
	struct vm_walk w;

	vm_walk_look(p, at, &w);
	return w.fault == VM_WALK_OK && vm_ram_read(p->host, w.pa, to, n) == n;
}

ssize_t vm_peek(const struct vm_proc *p, va_t at, void *to, size_t len)
{
	uint64_t page = page_size(p->host);
	size_t done = 0;

	if (!p->mm)
		return -EIO;
	while (done < len && at + done >= at) {
		size_t n = MIN(len - done, page - ((at + done) & (page - 1)));
		const struct area *a = area_at(p->mm, at + done);

		if (p->mm->table.by_hand) {
			if (!peek_by_hand(p, at + done, (uint8_t *)to + done, n))
				break;
		} else {
			if (!a || (a->flags & VM_F_ONLY_SHOWN))
				break;
			peek_page(p->host, a, at + done, (uint8_t *)to + done, n);
		}
		done += n;
	}
	return done > 0 || len == 0 ? (ssize_t)done : -EIO;
}

/* proc/PID/faults and cpu. */

bool vm_fault_next(const struct vm_proc *p, uint64_t *cursor, struct vm_fault_record *out)
{
	const struct fault_ring *r = p->faults;

	if (!r)
		return false;
	if (r->count > r->room && *cursor < r->count - r->room)
		*cursor = r->count - r->room;
	if (*cursor >= r->count)
		return false;
	*out = r->ring[(*cursor)++ % r->room];
	return true;
}

void vm_cpu(const struct vm_proc *p, struct vm_cpu *out)
{
	const struct table *t = p->mm ? &p->mm->table : NULL;

	*out = (struct vm_cpu) { .ptbr = t ? t->base : PA_NONE, .fault_addr = p->fault_addr, .pc = p->pc, .sp = p->sp,
				 .by_hand = t && t->by_hand, .asid = t ? t->asid : 0, .user_mode = true };
}

void vm_set_sp(struct vm_proc *p, va_t sp)
{
	p->sp = sp;
	proc_changed(p);
}

int vm_set_ptbr(struct vm_proc *p, pa_t base, struct err *e)
{
	if (!p->mm)
		return refused(p, e);
	if (base >= p->host->options.ram_bytes)
		return err_set(e, ERANGE, 0, "0x%" PRIx64 " is beyond RAM of 0x%" PRIx64 " bytes", base,
			       p->host->options.ram_bytes);
	p->mm->table.base = base;
	p->mm->table.by_hand = true;
	tlb_flush_asid(p->host, p->mm->table.asid);
	proc_changed(p);
	return 0;
}
