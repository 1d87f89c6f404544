/* process_ctl_map.c - commands about areas: mmap, munmap, mprotect, mremap, madvise, mlock, mincore, msync, brk. */
#include "process_ctl.h"
#include "vm_area.h"

#include <string.h>
#include <sys/mman.h>

static const struct { const char *name; unsigned flag; } map_flags[] = {
	{ "private", VM_MAP_PRIVATE }, { "shared", VM_MAP_SHARED }, { "anon", VM_MAP_ANON },
	{ "fixed", VM_MAP_FIXED }, { "fixed_noreplace", VM_MAP_FIXED_NOREPLACE }, { "populate", VM_MAP_POPULATE },
	{ "locked", VM_MAP_LOCKED }, { "noreserve", VM_MAP_NORESERVE }, { "growsdown", VM_MAP_GROWSDOWN },
	{ "hugetlb", VM_MAP_HUGETLB }, { "stack", VM_MAP_STACK },
};

static bool map_flag(const char *word, size_t len, unsigned *flags)
{
	for (size_t i = 0; i < G_N_ELEMENTS(map_flags); i++) {
		if (strlen(map_flags[i].name) == len && !memcmp(map_flags[i].name, word, len)) {
			*flags |= map_flags[i].flag;
			return true;
		}
	}
	return false;
}

/* "private,anon,fixed" */
static bool arg_map_flags(const struct call *c, unsigned i, unsigned *flags, struct err *e)
{
	const char *at = c->args[i].text;

	*flags = 0;
	for (;;) {
		size_t len = strcspn(at, ",");

		if (!map_flag(at, len, flags)) {
			err_set(e, EINVAL, (int)i, "\"%.*s\" is none of private shared anon fixed fixed_noreplace "
				"populate locked noreserve growsdown hugetlb stack", (int)MIN(len, 30), at);
			return false;
		}
		if (!at[len])
			return true;
		at += len + 1;
	}
}

/* [FILE|fd:N [OFFSET]] from the fifth argument on. */
static bool map_object(const struct call *c, struct vm_map_request *r, struct err *e)
{
	const struct word *w;
	struct err ignored;
	uint64_t fd;

	r->fd = -1;
	if (c->count < 5)
		return true;
	w = &c->args[4];
	if (!w->quoted && !strncmp(w->text, "fd:", 3)) {
		if (parse_number(w->text + 3, &fd, &ignored) || fd > INT32_MAX) {
			err_set(e, EBADF, 4, "\"%.40s\" is not fd: and a descriptor's number", w->text);
			return false;
		}
		r->fd = (int)fd;
	} else {
		r->inode = command_file(c, 4, e);
		if (!r->inode)
			return false;
	}
	return c->count < 6 || arg_number(c, 5, &r->offset, e);
}

int run_mmap(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct vm_map_request r = { 0 };
	va_t at;
	int code;

	if (!p || (!arg_is(c, 0, "-") && !arg_addr(c, 0, &r.addr, e)) || !arg_size(c, 1, &r.len, e) ||
	    !arg_prot(c, 2, &r.prot, e) || !arg_map_flags(c, 3, &r.flags, e) || !map_object(c, &r, e))
		return -e->code;
	if (r.flags & (VM_MAP_POPULATE | VM_MAP_LOCKED) && command_pages(p, 1, r.len, e))
		return -e->code;
	code = vm_mmap(p, &r, &at, e);
	if (!code)
		put_address(c->result, at);
	return code;
}

static bool arg_range(const struct call *c, va_t *at, uint64_t *len, struct err *e)
{
	return arg_addr(c, 0, at, e) && arg_size(c, 1, len, e);
}

int run_munmap(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	uint64_t len;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e))
		return -e->code;
	return vm_munmap(p, at, len, e);
}

int run_mprotect(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	uint64_t len;
	unsigned prot;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e) || !arg_prot(c, 2, &prot, e))
		return -e->code;
	return vm_mprotect(p, at, len, prot, e);
}

/* [maymove] [fixed NEW] [dontunmap], in any order. */
static bool remap_flags(const struct call *c, unsigned *flags, va_t *fixed, struct err *e)
{
	*flags = 0;
	*fixed = 0;
	for (unsigned i = 3; i < c->count; i++) {
		if (arg_is(c, i, "maymove")) {
			*flags |= VM_REMAP_MAYMOVE;
		} else if (arg_is(c, i, "dontunmap")) {
			*flags |= VM_REMAP_DONTUNMAP;
		} else if (arg_is(c, i, "fixed") && i + 1 < c->count) {
			*flags |= VM_REMAP_FIXED;
			if (!arg_addr(c, ++i, fixed, e))
				return false;
		} else {
			err_set(e, EINVAL, (int)i, "\"%.40s\" is not maymove, dontunmap or fixed NEW", c->args[i].text);
			return false;
		}
	}
	return true;
}

int run_mremap(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	uint64_t len, new_len;
	va_t at, fixed, result;
	unsigned flags;
	int code;

	if (!p || !arg_range(c, &at, &len, e) || !arg_size(c, 2, &new_len, e) ||
	    !remap_flags(c, &flags, &fixed, e))
		return -e->code;
	code = vm_mremap(p, at, len, new_len, flags, fixed, &result, e);
	if (!code)
		put_address(c->result, result);
	return code;
}

static const struct { const char *name; int advice; } advices[] = {
	{ "normal", MADV_NORMAL }, { "random", MADV_RANDOM }, { "sequential", MADV_SEQUENTIAL },
	{ "willneed", MADV_WILLNEED }, { "dontneed", MADV_DONTNEED }, { "free", 8 }, { "remove", MADV_REMOVE },
	{ "dontfork", MADV_DONTFORK }, { "dofork", MADV_DOFORK }, { "mergeable", 12 }, { "unmergeable", 13 },
	{ "hugepage", 14 }, { "nohugepage", 15 }, { "dontdump", 16 }, { "dodump", 17 }, { "wipeonfork", 18 },
	{ "keeponfork", 19 }, { "cold", 20 }, { "pageout", 21 }, { "populate_read", 22 }, { "populate_write", 23 },
	{ "dontneed_locked", 24 }, { "collapse", 25 }, { NULL, 0 }
};

static bool arg_advice(const struct call *c, unsigned i, int *advice, struct err *e)
{
	const char *names[G_N_ELEMENTS(advices)];
	unsigned which;
	uint64_t number;

	if (!c->args[i].quoted && g_ascii_isdigit(c->args[i].text[0])) {
		if (!arg_number(c, i, &number, e))
			return false;
		*advice = number > INT32_MAX ? -1 : (int)number;
		return true;
	}
	for (size_t k = 0; k < G_N_ELEMENTS(advices); k++)
		names[k] = advices[k].name;
	if (!arg_choice(c, i, names, &which, e))
		return false;
	*advice = advices[which].advice;
	return true;
}

int run_madvise(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	uint64_t len;
	struct vm_proc_info info;
	int advice;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e) || !arg_advice(c, 2, &advice, e))
		return -e->code;
	vm_proc_info(p, &info);                         /* what is not mapped is found at once */
	if ((advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) &&
	    command_pages(p, 1, MIN(len, info.vm_size), e))
		return -e->code;
	return vm_madvise(p, at, len, advice, e);
}

int run_mlock(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct vm_proc_info info;
	uint64_t len;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e))
		return -e->code;
	if (c->count > 2 && !arg_is(c, 2, "onfault"))
		return err_set(e, EINVAL, 2, "\"%.40s\" is not onfault", c->args[2].text);
	vm_proc_info(p, &info);
	if (c->count < 3 && command_pages(p, 1, MIN(len, info.vm_size), e))
		return -e->code;
	return vm_mlock(p, at, len, c->count > 2, e);
}

int run_munlock(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	uint64_t len;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e))
		return -e->code;
	return vm_munlock(p, at, len, e);
}

/* "3r1.": runs of pages that are resident or not. */
struct run_length {
	GString *out;
	uint64_t count;
	bool     resident;
};

static void run_end(struct run_length *r)
{
	if (r->count) {
		put_dec(r->out, r->count);
		put_char(r->out, r->resident ? 'r' : '.');
	}
	r->count = 0;
}

static void run_add(struct run_length *r, const uint8_t *resident, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (r->count && r->resident != (resident[i] & 1))
			run_end(r);
		r->resident = resident[i] & 1;
		r->count++;
	}
}

/* In pieces, so that a huge range costs no huge vector; it fails at its first hole, as in one piece. */
int run_mincore(struct call *c, struct err *e)
{
	enum { PIECE = 1 << 16, PAGES_MAX = 1 << 26 };
	struct vm_proc *p = command_caller(c, e);
	g_autofree uint8_t *resident = NULL;
	struct run_length r = { .out = c->result };
	uint64_t len, pages, page;
	int code = 0;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e))
		return -e->code;
	page = vm_page_size(process_geometry(p));
	pages = len / page + (len % page != 0);
	if (pages > UINT64_MAX / page || at + pages * page < at)
		return err_set(e, ENOMEM, 1, "the range ends beyond the address space");
	if (pages > PAGES_MAX)
		return err_set(e, E2BIG, 1, "%" PRIu64 " pages; one call tells of %d at most", pages, PAGES_MAX);
	resident = g_malloc(PIECE);
	do {
		uint64_t n = MIN(pages, PIECE);

		code = vm_mincore(p, at, n * page, resident, e);
		if (!code)
			run_add(&r, resident, (size_t)n);
		at += n * page;
		pages -= n;
	} while (!code && pages);
	run_end(&r);
	if (code)
		g_string_truncate(c->result, 0);
	return code;
}

int run_msync(struct call *c, struct err *e)
{
	static const char *const names[] = { "async", "invalidate", "sync", NULL };
	static const unsigned values[] = { VM_MSYNC_ASYNC, VM_MSYNC_INVALIDATE, VM_MSYNC_SYNC };
	struct vm_proc *p = command_caller(c, e);
	unsigned flags = 0, which;
	uint64_t len;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e))
		return -e->code;
	for (unsigned i = 2; i < c->count; i++) {
		if (!arg_choice(c, i, names, &which, e))
			return -e->code;
		flags |= values[which];
	}
	return vm_msync(p, at, len, c->count > 2 ? flags : VM_MSYNC_SYNC, e);
}

/* +DELTA, -DELTA or ADDR. Below 0 and above 2^64 no break can be: the call is made and refused, as Linux does. */
static bool arg_break(const struct call *c, const struct vm_proc *p, va_t *to, struct err *e)
{
	const char *text = c->args[0].text;
	va_t now = vm_break(p, NULL);
	uint64_t delta;

	if (*text != '+' && *text != '-')
		return arg_addr(c, 0, to, e);
	if (parse_number(text + 1, &delta, e)) {
		e->arg = 0;
		return false;
	}
	if (*text == '+')
		*to = now + delta < now ? UINT64_MAX : now + delta;
	else
		*to = delta < now ? now - delta : 1;
	return true;
}

int run_brk(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	va_t to, result = 0;
	int code;

	if (!p || !arg_break(c, p, &to, e))
		return -e->code;
	code = vm_brk(p, to, &result, e);
	if (!code)
		put_address(c->result, result);
	return code;
}
