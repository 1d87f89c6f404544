/* map.c - mmap and munmap: what may be mapped, what it is charged for, what it replaces. */
#include "file.h"
#include "hugetlb.h"
#include "proc.h"
#include "swap.h"

#include <inttypes.h>

static const struct event_kind event_mapped = { "mmap", "va:x bytes:d prot:x flags:x offset:x" };
static const struct event_kind event_unmapped = { "munmap", "va:x bytes:d" };

/* ---- limits and charges ---- */

bool may_expand(struct mm *mm, uint32_t flags, uint64_t pages)
{
	unsigned bits = mm->host->geometry.page_bits;

	if (mm->total + pages > mm_limit(mm, VM_RLIMIT_AS) >> bits)
		return false;
	if ((flags & (VM_F_WRITE | VM_F_SHARED | VM_F_GROWSDOWN)) != VM_F_WRITE)
		return true;
	return mm->data + pages <= mm_limit(mm, VM_RLIMIT_DATA) >> bits;
}

bool may_lock(struct mm *mm, uint32_t flags, uint64_t pages)
{
	return !(flags & VM_F_LOCKED) ||
	       mm->locked + pages <= mm_limit(mm, VM_RLIMIT_MEMLOCK) >> mm->host->geometry.page_bits;
}

bool enough_memory(const struct vm_host *h, uint64_t pages)
{
	uint64_t swap = swap_slots(h->swap);

	switch (h->config.overcommit) {
	case 1:
		return true;
	case 2: /* half of RAM and all swap */
		return h->committed + pages <= h->frame_count / 2 + swap;
	default: /* only what could never be is refused */
		return pages <= h->frame_count + swap;
	}
}

int account_memory(struct vm_host *h, uint64_t pages, struct err *e)
{
	if (!enough_memory(h, pages))
		return err_set(e, ENOMEM, 1, "%" PRIu64 " pages are more than mem/config overcommit=%" PRIu64 " lets"
			       " the host promise", pages, h->config.overcommit);
	h->committed += pages;
	return 0;
}

void unaccount_memory(struct vm_host *h, uint64_t pages)
{
	h->committed -= MIN(pages, h->committed);
}

/* Private writable memory is charged, unless it was mapped noreserve. */
static bool accountable(uint32_t flags)
{
	return (flags & (VM_F_NORESERVE | VM_F_SHARED | VM_F_WRITE | VM_F_HUGETLB)) == VM_F_WRITE;
}

/* ---- taking areas out ---- */

/* Pages of [start, end) that are mapped, and of those the charged ones. */
static uint64_t pages_mapped(const struct mm *mm, va_t start, va_t end, uint64_t *charged)
{
	unsigned bits = mm->host->geometry.page_bits;
	uint64_t n, all = 0;

	*charged = 0;
	for (struct area *a = area_find(mm, start); a && a->start < end; a = area_next(a)) {
		n = (MIN(a->end, end) - MAX(a->start, start)) >> bits;
		all += n;
		if (a->flags & VM_F_ACCOUNT)
			*charged += n;
	}
	return all;
}

/* No area reaches over the ends of [start, end) any more; returns the lowest one in it. */
static struct area *split_ends(struct mm *mm, va_t start, va_t end)
{
	struct area *first = area_find(mm, start), *last;

	if (!first || first->start >= end)
		return NULL;
	if (first->start < start)
		first = area_split(first, start);
	last = area_at(mm, end);
	if (last && last->start < end)
		area_split(last, end);
	return first;
}

/* Takes [start, end) out with all its pages; what was charged for it stays charged. */
static void clear_range(struct mm *mm, va_t start, va_t end)
{
	struct area *a = split_ends(mm, start, end), *next, *prev;
	va_t floor, ceiling;

	if (!a)
		return;
	prev = area_prev(a);
	floor = prev ? prev->end : 0;
	for (; a && a->start < end; a = next) {
		next = area_next(a);
		if (!(a->flags & VM_F_ONLY_SHOWN))
			pages_zap(a, a->start, a->end);
		if (area_is_hugetlb(a))
			hugetlb_unmapped(a, a->start, a->end);
		area_unlink(a);
		area_free(a);
	}
	ceiling = a ? a->start : UINT64_MAX;
	pages_free_tables(mm, floor, ceiling);
}

int unmap_region(struct mm *mm, va_t start, va_t end, struct err *e)
{
	uint64_t charged;

	if (pages_mapped(mm, start, end, &charged) == 0)
		return 0;
	if (mm->huge_areas && hugetlb_check_ends(mm, start, end, e))
		return -EINVAL;
	if (pages_own(mm, start, end, false, e))
		return -ENOMEM;
	clear_range(mm, start, end);
	unaccount_memory(mm->host, charged);
	mm_changed(mm);
	return 0;
}

/* A range that a call names: aligned, not empty, inside user space. */
static int check_range(struct mm *mm, va_t at, uint64_t *len, struct err *e)
{
	va_t top = mm_top(mm->host);

	if (!page_aligned(mm->host, at))
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is not page aligned", at);
	if (at > top)
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is beyond user space, which ends at 0x%" PRIx64, at,
			       top);
	if (*len > top - at)
		return err_set(e, EINVAL, 1, "the range ends beyond user space, at 0x%" PRIx64, top);
	if (*len == 0)
		return err_set(e, EINVAL, 1, "the length is 0");
	*len = page_align(mm->host, *len);
	return 0;
}

int vm_munmap(struct vm_proc *p, va_t at, uint64_t len, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	int r;

	if (!mm)
		return -ESRCH;
	if (check_range(mm, at, &len, e))
		return -EINVAL;
	r = unmap_region(mm, at, at + len, e);
	if (r)
		return r;
	mm_event(mm, &event_unmapped, at, len, 0);
	return 0;
}

/* ---- putting areas in ---- */

int map_region(struct mm *mm, va_t start, uint64_t len, uint32_t flags, uint64_t pgoff, struct file *file,
	       struct vm_inode *inode, struct area **out, struct err *e)
{
	uint64_t pages = len >> mm->host->geometry.page_bits, charged, charge = 0;
	uint64_t replaced = pages_mapped(mm, start, start + len, &charged);
	struct area *a;

	if (mm->huge_areas && hugetlb_check_ends(mm, start, start + len, e))
		return -EINVAL;
	if (pages_own(mm, start, start + len, false, e))
		return -ENOMEM;
	if (!may_expand(mm, flags, pages - replaced)) {
		split_ends(mm, start, start + len); /* as Linux has by then, here and below */
		return err_set(e, ENOMEM, 1, "%" PRIu64 " bytes more exceed RLIMIT_AS or RLIMIT_DATA", len);
	}
	flags &= ~VM_F_ACCOUNT;
	if (accountable(flags)) {
		flags |= VM_F_ACCOUNT;
		charge = pages > charged ? pages - charged : 0;
		if (charge && account_memory(mm->host, charge, e)) {
			split_ends(mm, start, start + len);
			return -ENOMEM;
		}
		charged = charged > pages ? charged - pages : 0;
	}

	/* Everything has been checked: from here on nothing fails. */
	clear_range(mm, start, start + len);
	unaccount_memory(mm->host, charged);
	a = merge_new(mm, area_below(mm, start), area_find(mm, start), start, start + len, flags, pgoff, file, inode, NULL,
		      NULL);
	if (!a) {
		a = area_new(mm, start, start + len, flags, pgoff, file, inode);
		area_link(a);
	}
	mm_changed(mm);
	if (out)
		*out = a;
	return 0;
}

/* What a call to mmap asks for, once its arguments are understood. */
struct mapping {
	va_t     at;
	uint64_t len, pgoff;
	uint32_t flags;
	struct file *file;           /* one reference is this struct's; NULL: anonymous */
};

/* The description that is mapped: of the descriptor, or opened for this call, for writing too if it is shared. */
static int mapping_open(struct mapping *m, struct vm_proc *p, const struct vm_map_request *r, struct err *e)
{
	struct file *f;

	if (!page_aligned(p->host, r->offset))
		return err_set(e, EINVAL, 5, "offset 0x%" PRIx64 " is not page aligned", r->offset);
	if (r->flags & VM_MAP_ANON)
		return 0;
	if (r->inode) {
		m->file = file_new(r->inode, r->flags & VM_MAP_SHARED ? VM_OPEN_READ | VM_OPEN_WRITE : VM_OPEN_READ);
		return 0;
	}
	f = fd_at(p->fds, r->fd);
	if (!f)
		return err_set(e, EBADF, 4, "descriptor %d is not open", r->fd);
	m->file = file_retain(f);
	return 0;
}

/* Both words together are Linux's MAP_SHARED_VALIDATE, which is for files, and refuses flags that MAP_SHARED ignores. */
static int check_kind(const struct mapping *m, const struct vm_map_request *r, struct err *e)
{
	bool shared = r->flags & VM_MAP_SHARED, private = r->flags & VM_MAP_PRIVATE;

	if (shared != private)
		return 0;
	if (!shared || !m->file)
		return err_set(e, EINVAL, 3, "a mapping is either shared or private");
	if (r->flags & VM_MAP_FIXED_NOREPLACE)
		return err_set(e, EOPNOTSUPP, 3, "shared and private together do not know fixed_noreplace");
	return 0;
}

static int check_file(const struct mapping *m, const struct vm_map_request *r, struct err *e)
{
	const struct file *f = m->file;

	if (m->len > INT64_MAX || r->offset > INT64_MAX - m->len)
		return err_set(e, EOVERFLOW, 5, "the mapping ends beyond all that a file may have, 2^63 - 1 bytes");
	if (check_kind(m, r, e))
		return -e->code;
	if ((r->flags & VM_MAP_SHARED) && (r->prot & VM_PROT_WRITE) && !(f->mode & VM_OPEN_WRITE))
		return err_set(e, EACCES, 2, "a shared mapping to write needs a descriptor open for writing");
	if (!(f->mode & VM_OPEN_READ))
		return err_set(e, EACCES, 4, "the descriptor is not open for reading");
	if (!f->inode || (f->inode->kind != VM_INODE_FILE && f->inode->kind != VM_INODE_SHM))
		return err_set(e, ENODEV, 4, "only files can be mapped");
	if (r->flags & VM_MAP_GROWSDOWN)
		return err_set(e, EINVAL, 3, "only private anonymous memory grows down");
	return 0;
}

static uint32_t map_flags_of(const struct vm_host *h, const struct vm_map_request *r)
{
	uint32_t flags = host_prot_flags(h, r->prot) | VM_F_MAYREAD | VM_F_MAYWRITE | VM_F_MAYEXEC;

	if (r->flags & VM_MAP_GROWSDOWN)
		flags |= VM_F_GROWSDOWN;
	if (r->flags & VM_MAP_LOCKED)
		flags |= VM_F_LOCKED;
	return flags;
}

/* The kind of mapping: shared or private, of a file or not; and whether it is promised (MAP_NORESERVE). */
static int set_kind(struct mapping *m, struct mm *mm, const struct vm_map_request *r, struct err *e)
{
	if (m->file) {
		if (check_file(m, r, e))
			return -e->code;
		m->pgoff = r->offset >> mm->host->geometry.page_bits;
	} else if (check_kind(m, r, e)) {
		return -e->code;
	} else if (r->flags & VM_MAP_SHARED) {
		if (r->flags & VM_MAP_GROWSDOWN)
			return err_set(e, EINVAL, 3, "only private anonymous memory grows down");
		m->pgoff = 0;
	} else {
		m->pgoff = m->at >> mm->host->geometry.page_bits;
	}
	if (r->flags & VM_MAP_HUGETLB) {
		if (r->flags & VM_MAP_GROWSDOWN)
			return err_set(e, EINVAL, 3, "only private anonymous memory grows down");
		m->pgoff = 0;
		m->flags = (m->flags & ~(VM_F_LOCKED | VM_F_LOCKONFAULT)) | VM_F_HUGETLB | VM_F_DONTEXPAND;
	}
	if (r->flags & VM_MAP_SHARED) {
		m->flags |= VM_F_SHARED | VM_F_MAYSHARE;
		if (m->file && !(m->file->mode & VM_OPEN_WRITE))
			m->flags &= ~(VM_F_SHARED | VM_F_MAYWRITE);
	}
	if ((r->flags & VM_MAP_NORESERVE) && (mm->host->config.overcommit != 2 || (r->flags & VM_MAP_HUGETLB)))
		m->flags |= VM_F_NORESERVE;
	return 0;
}

static int check_length(struct mm *mm, const struct vm_map_request *r, uint64_t *len, struct err *e)
{
	if (r->len == 0)
		return err_set(e, EINVAL, 1, "the length is 0");
	*len = page_align(mm->host, r->len);
	if (*len == 0)
		return err_set(e, ENOMEM, 1, "%" PRIu64 " bytes are more than the address space has", r->len);
	if (!(r->flags & VM_MAP_HUGETLB))
		return 0;
	if (!(r->flags & VM_MAP_ANON))
		return err_set(e, EINVAL, 3, "the file is not of huge pages");
	if (!huge_page_bytes(mm->host))
		return err_set(e, ENOSYS, 3, "this geometry has no huge pages");
	if ((*len + huge_page_bytes(mm->host) - 1) < *len)
		return err_set(e, ENOMEM, 1, "%" PRIu64 " bytes are more than the address space has", r->len);
	*len = (*len + huge_page_bytes(mm->host) - 1) & -huge_page_bytes(mm->host);
	return 0;
}

static int choose_place(struct mapping *m, struct mm *mm, const struct vm_map_request *r, struct err *e)
{
	struct hole_request q = {
		.hint = r->addr, .len = m->len, .offset = m->file ? r->offset : 0,
		.fixed = r->flags & (VM_MAP_FIXED | VM_MAP_FIXED_NOREPLACE),
		.anon = !m->file, .hugetlb = r->flags & VM_MAP_HUGETLB,
		.huge = m->file ? m->file->inode && !m->file->inode->tmpfs : !(r->flags & VM_MAP_SHARED),
	};
	struct area *a;

	if (!q.fixed) {
		q.hint &= ~(page_size(mm->host) - 1);
		if (q.hint)
			q.hint = MAX(q.hint, mm_hint_bottom(mm->host));
	}
	if (hole_find(mm, &q, &m->at, e))
		return -e->code;
	if (!(r->flags & VM_MAP_FIXED_NOREPLACE))
		return 0;
	a = area_find(mm, m->at);
	if (a && a->start < m->at + m->len)
		return err_set(e, EEXIST, 0, "0x%" PRIx64 "-0x%" PRIx64 " is mapped already", a->start, a->end);
	return 0;
}

static int check_lock(struct mapping *m, struct mm *mm, struct err *e)
{
	if (!(m->flags & VM_F_LOCKED))
		return 0;
	if (mm_limit(mm, VM_RLIMIT_MEMLOCK) == 0)
		return err_set(e, EPERM, 3, "RLIMIT_MEMLOCK is 0");
	if (!may_lock(mm, m->flags, m->len >> mm->host->geometry.page_bits))
		return err_set(e, EAGAIN, 1, "locking %" PRIu64 " bytes more exceeds RLIMIT_MEMLOCK", m->len);
	return 0;
}

/* Maps what is understood by now; shared anonymous memory gets its object. */
static int map_it(struct mapping *m, struct mm *mm, struct err *e)
{
	struct vm_host *h = mm->host;
	struct vm_inode *object = NULL;
	int r;

	if (m->flags & VM_F_HUGETLB) {
		uint64_t charged, replaced = pages_mapped(mm, m->at, m->at + m->len, &charged);

		/* What was there goes first, for its reservations may be needed: if they do not suffice, a hole is left. */
		if (!may_expand(mm, m->flags, (m->len >> h->geometry.page_bits) - replaced))
			return err_set(e, ENOMEM, 1, "%" PRIu64 " bytes more exceed RLIMIT_AS or RLIMIT_DATA", m->len);
		if (unmap_region(mm, m->at, m->at + m->len, e))
			return -e->code;
		mm->huge_areas = true;
		if (hugetlb_object(h, m->len, m->flags & VM_F_SHARED, mm, !(m->flags & VM_F_NORESERVE), &object, e))
			return -ENOMEM;
	} else if (!m->file && (m->flags & VM_F_SHARED)) {
		if (!(m->flags & VM_F_NORESERVE) && !enough_memory(h, m->len >> h->geometry.page_bits))
			return unmap_region(mm, m->at, m->at + m->len, e) ? -e->code : /* gone by the time that Linux sees it */
			       err_set(e, ENOMEM, 1, "%" PRIu64 " bytes are more than the host can promise", m->len);
		object = inode_new_shm(h, m->len);
	}
	r = map_region(mm, m->at, m->len, m->flags, m->pgoff, m->file, m->file ? m->file->inode : object, NULL, e);
	if (object)
		vm_inode_release(object);
	return r;
}

static int do_mmap(struct mapping *m, struct mm *mm, const struct vm_map_request *r, struct err *e)
{
	if (mapping_open(m, mm->owner, r, e) || check_length(mm, r, &m->len, e) || choose_place(m, mm, r, e))
		return -e->code;
	m->flags = map_flags_of(mm->host, r);
	if (check_lock(m, mm, e) || set_kind(m, mm, r, e))
		return -e->code;
	return map_it(m, mm, e);
}

int vm_mmap(struct vm_proc *p, const struct vm_map_request *r, va_t *result, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	struct mapping m = { 0 };
	struct err own = { 0 };
	struct event *ev;
	int failed;

	if (!mm)
		return -ESRCH;
	failed = do_mmap(&m, mm, r, e ? e : &own);
	if (m.file)
		file_release(m.file);
	if (failed)
		return failed;
	if (r->flags & (VM_MAP_LOCKED | VM_MAP_POPULATE))
		mm_populate(mm, m.at, m.len, false, NULL);
	ev = mm_event(mm, &event_mapped, m.at, m.len, r->prot);
	ev->value[3] = r->flags;
	ev->value[4] = r->offset;
	*result = m.at;
	return 0;
}
