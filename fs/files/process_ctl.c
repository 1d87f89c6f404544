/*
 * process_ctl.c - proc/PID/ctl: system calls and memory accesses by that process.
 *
 * Each command checks its words, calls the engine and prints what the call returned. Errors that the engine
 * finds name the argument of the call, which is the command's own in nearly all of them.
 */
#include "command.h"
#include "process.h"
#include "text.h"
#include "vm_access.h"
#include "vm_disk.h"
#include "vm_file.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

enum {
	TRANSFER_MAX = 1 << 20,          /* bytes that one read, write or recv moves */
	TOUCH_MAX = 1 << 28,             /* accesses of one touch */
};

static struct vm_proc *caller(const struct call *c, struct err *e)
{
	return process_alive(c->n, e);
}

static void put_address(GString *out, va_t va)
{
	put_text(out, "0x");
	put_hex(out, va);
}

/* --- files --- */

/* A path from the root of the simulated disk; processes' working directory is that root too. */
static struct vm_inode *file_named(const struct call *c, unsigned i, struct err *e)
{
	struct vm_host *h = world_vm(c->n, e);
	struct vm_inode *inode;

	if (!h)
		return NULL;
	if (c->args[i].len != strlen(c->args[i].text)) {
		err_set(e, EINVAL, (int)i, "a path has no NUL byte");
		return NULL;
	}
	if (!c->args[i].len) {
		err_set(e, ENOENT, (int)i, "the path is empty");
		return NULL;
	}
	inode = vm_disk_lookup(h, c->args[i].text, e);
	if (!inode)
		e->arg = (int)i;
	return inode;
}

static bool arg_fd(const struct call *c, unsigned i, int *fd, struct err *e)
{
	uint64_t v;

	if (!arg_number(c, i, &v, e))
		return false;
	if (v > INT32_MAX) {
		err_set(e, EBADF, (int)i, "%" PRIu64 " is no descriptor", v);
		return false;
	}
	*fd = (int)v;
	return true;
}

static bool arg_length(const struct call *c, unsigned i, uint64_t *len, struct err *e)
{
	if (!arg_size(c, i, len, e))
		return false;
	if (!*len || *len > TRANSFER_MAX) {
		err_set(e, EINVAL, (int)i, "%" PRIu64 " bytes; one access moves 1 to %d", *len, TRANSFER_MAX);
		return false;
	}
	return true;
}

/* --- mmap and its kin --- */

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
		r->inode = file_named(c, 4, e);
		if (!r->inode)
			return false;
	}
	return c->count < 6 || arg_number(c, 5, &r->offset, e);
}

static int run_mmap(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	struct vm_map_request r = { 0 };
	va_t at;
	int code;

	if (!p || (!arg_is(c, 0, "-") && !arg_addr(c, 0, &r.addr, e)) || !arg_size(c, 1, &r.len, e) ||
	    !arg_prot(c, 2, &r.prot, e) || !arg_map_flags(c, 3, &r.flags, e) || !map_object(c, &r, e))
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

static int run_munmap(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	uint64_t len;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e))
		return -e->code;
	return vm_munmap(p, at, len, e);
}

static int run_mprotect(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
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

static int run_mremap(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
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

static int run_madvise(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	uint64_t len;
	int advice;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e) || !arg_advice(c, 2, &advice, e))
		return -e->code;
	return vm_madvise(p, at, len, advice, e);
}

static int run_mlock(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	uint64_t len;
	va_t at;

	if (!p || !arg_range(c, &at, &len, e))
		return -e->code;
	if (c->count > 2 && !arg_is(c, 2, "onfault"))
		return err_set(e, EINVAL, 2, "\"%.40s\" is not onfault", c->args[2].text);
	return vm_mlock(p, at, len, c->count > 2, e);
}

static int run_munlock(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
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
static int run_mincore(struct call *c, struct err *e)
{
	enum { PIECE = 1 << 16, PAGES_MAX = 1 << 28 };
	struct vm_proc *p = caller(c, e);
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

static int run_msync(struct call *c, struct err *e)
{
	static const char *const names[] = { "async", "invalidate", "sync", NULL };
	static const unsigned values[] = { VM_MSYNC_ASYNC, VM_MSYNC_INVALIDATE, VM_MSYNC_SYNC };
	struct vm_proc *p = caller(c, e);
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

static int run_brk(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	va_t to, result = 0;
	int code;

	if (!p || !arg_break(c, p, &to, e))
		return -e->code;
	code = vm_brk(p, to, &result, e);
	if (!code)
		put_address(c->result, result);
	return code;
}

/* --- accesses --- */

static void put_faults(GString *out, const struct vm_outcome *o)
{
	if (!o->faults)
		return;
	if (out->len)
		put_char(out, ' ');
	put_text(out, "faults=");
	put_dec(out, o->faults);
}

/* What an access leaves: the signal that would have ended the program, or the faults on the way. */
static int finish_access(struct call *c, const struct vm_outcome *o, int code)
{
	if (o->signal != VM_SIG_NONE) {
		g_string_truncate(c->result, 0);
		put_text(c->result, vm_signal_names[o->signal]);
		put_text(c->result, " addr=");
		put_address(c->result, o->addr);
	}
	if (!code || o->signal != VM_SIG_NONE)
		put_faults(c->result, o);
	return code;
}

static bool check_end(va_t at, uint64_t len, struct err *e)
{
	if (at + (len - 1) >= at)
		return true;
	err_set(e, EINVAL, 1, "0x%" PRIx64 " and %" PRIu64 " bytes end beyond 2^64", at, len);
	return false;
}

static int run_read(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	g_autofree uint8_t *bytes = NULL;
	struct vm_outcome o = { 0 };
	uint64_t len = 1;
	int code;
	va_t at;

	if (!p || !arg_addr(c, 0, &at, e) || (c->count > 1 && !arg_length(c, 1, &len, e)) || !check_end(at, len, e))
		return -e->code;
	bytes = g_malloc(len);
	code = vm_load(p, at, bytes, len, &o, e);
	for (uint64_t i = 0; !code && i < len; i++)
		put_hex_width(c->result, bytes[i], 2);
	return finish_access(c, &o, code);
}

static int run_write(struct call *c, struct err *e)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	struct vm_proc *p = caller(c, e);
	struct vm_outcome o = { 0 };
	int code;
	va_t at;

	if (!p || !arg_addr(c, 0, &at, e) || !arg_bytes(c, 1, bytes, e))
		return -e->code;
	if (!bytes->len)
		return err_set(e, EINVAL, 1, "no bytes to store");
	if (!check_end(at, bytes->len, e))
		return -e->code;
	code = vm_store(p, at, bytes->str, bytes->len, &o, e);
	return finish_access(c, &o, code);
}

static int run_exec(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	struct vm_outcome o = { 0 };
	int code;
	va_t at;

	if (!p || !arg_addr(c, 0, &at, e))
		return -e->code;
	code = vm_fetch(p, at, &o, e);
	return finish_access(c, &o, code);
}

/* ADDR [LEN] [r|w|x] [STRIDE]; LEN may be left out before r, w or x. */
static bool touch_arguments(const struct call *c, va_t *at, uint64_t *len, uint64_t *stride, enum vm_access *how,
			    struct err *e)
{
	static const char *const names[] = { "r", "w", "x", NULL };
	static const enum vm_access values[] = { VM_READ, VM_WRITE, VM_EXEC };
	unsigned i = 1, which;

	if (!arg_addr(c, 0, at, e))
		return false;
	if (i < c->count && g_ascii_isdigit(c->args[i].text[0]) && !arg_size(c, i++, len, e))
		return false;
	if (i < c->count && !g_ascii_isdigit(c->args[i].text[0])) {
		if (!arg_choice(c, i++, names, &which, e))
			return false;
		*how = values[which];
	}
	if (i < c->count && !arg_size(c, i++, stride, e))
		return false;
	if (i < c->count) {
		err_set(e, EINVAL, (int)i, "\"%.40s\" is one word too many", c->args[i].text);
		return false;
	}
	return true;
}

static int run_touch(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	enum vm_access how = VM_READ;
	struct vm_outcome o = { 0 };
	uint64_t len = 1, stride;
	int code;
	va_t at;

	if (!p)
		return -e->code;
	stride = vm_page_size(process_geometry(p));
	if (!touch_arguments(c, &at, &len, &stride, &how, e))
		return -e->code;
	if (!len || !stride)
		return err_set(e, EINVAL, 1, "a length or stride of 0 touches nothing");
	if (len / stride > TOUCH_MAX)
		return err_set(e, E2BIG, 1, "%" PRIu64 " accesses; one command makes %d at most", len / stride, TOUCH_MAX);
	if (!check_end(at, len, e))
		return -e->code;
	code = vm_touch(p, at, len, stride, how, &o, e);
	if (!code) {
		put_text(c->result, "accesses=");
		put_dec(c->result, o.accesses);
		put_text(c->result, " faults=");
		put_dec(c->result, o.faults);
		return 0;
	}
	return finish_access(c, &o, code);
}

static int run_push(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	struct vm_outcome o = { 0 };
	uint64_t value;
	int code;

	if (!p || !arg_number(c, 0, &value, e))
		return -e->code;
	code = vm_push(p, value, &o, e);
	return finish_access(c, &o, code);
}

/* --- life --- */

static int run_fork(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	int32_t pid;
	int code;

	if (!p)
		return -e->code;
	code = vm_fork(p, &pid, e);
	if (!code)
		put_dec(c->result, (uint64_t)pid);
	return code;
}

static int run_clone(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	int32_t tid;
	int code;

	if (!p)
		return -e->code;
	code = vm_clone_thread(p, &tid, e);
	if (!code)
		put_dec(c->result, (uint64_t)tid);
	return code;
}

static int run_execve(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	g_autofree const char **argv = NULL;
	struct vm_inode *file;

	if (!p)
		return -e->code;
	file = file_named(c, 0, e);
	if (!file)
		return -e->code;
	argv = g_new0(const char *, c->count + 1);
	for (unsigned i = 0; i < c->count; i++)
		argv[i] = c->args[i].text;
	return vm_execve(p, file, c->args[0].text, argv, e);
}

static int run_exit(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	int64_t code = 0;

	if (!p || (c->count && !arg_signed(c, 0, &code, e)))
		return -e->code;
	return vm_exit(p, (int)(code & 0xff), e); /* as exit(2) */
}

static const struct { const char *name; int number; } signals[] = {
	{ "HUP", 1 }, { "INT", 2 }, { "QUIT", 3 }, { "ILL", 4 }, { "TRAP", 5 }, { "ABRT", 6 }, { "IOT", 6 },
	{ "BUS", 7 }, { "FPE", 8 }, { "KILL", 9 }, { "USR1", 10 }, { "SEGV", 11 }, { "USR2", 12 }, { "PIPE", 13 },
	{ "ALRM", 14 }, { "TERM", 15 }, { "STKFLT", 16 }, { "CHLD", 17 }, { "CONT", 18 }, { "STOP", 19 },
	{ "TSTP", 20 }, { "TTIN", 21 }, { "TTOU", 22 }, { "URG", 23 }, { "XCPU", 24 }, { "XFSZ", 25 },
	{ "VTALRM", 26 }, { "PROF", 27 }, { "WINCH", 28 }, { "IO", 29 }, { "POLL", 29 }, { "PWR", 30 }, { "SYS", 31 },
};

/* A number from 0 to 64, or a name with or without SIG. */
static bool arg_signal(const struct call *c, unsigned i, int *signal, struct err *e)
{
	const char *text = c->args[i].text;
	uint64_t number;

	if (g_ascii_isdigit(*text)) {
		if (!arg_number(c, i, &number, e))
			return false;
		*signal = (int)MIN(number, 65);
		if (number <= 64)
			return true;
	} else {
		text += g_ascii_strncasecmp(text, "SIG", 3) ? 0 : 3;
		for (size_t k = 0; k < G_N_ELEMENTS(signals); k++) {
			if (!g_ascii_strcasecmp(signals[k].name, text)) {
				*signal = signals[k].number;
				return true;
			}
		}
	}
	err_set(e, EINVAL, (int)i, "\"%.40s\" is no signal", c->args[i].text);
	return false;
}

static int run_kill(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	int signal;

	if (!p || !arg_signal(c, 0, &signal, e))
		return -e->code;
	return vm_kill(p, signal, e);
}

static void put_signal(GString *out, int number)
{
	for (size_t k = 0; k < G_N_ELEMENTS(signals); k++) {
		if (signals[k].number == number) {
			put_text(out, signals[k].name);
			return;
		}
	}
	put_dec(out, (uint64_t)number);
}

static int run_wait(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	struct vm_ended ended;
	int64_t pid = 0;
	int code;

	if (!p || (c->count && !arg_signed(c, 0, &pid, e)))
		return -e->code;
	if (pid > INT32_MAX || pid < -1)
		return err_set(e, ECHILD, 0, "%" PRId64 " is no child", pid);
	code = vm_wait(p, pid < 0 ? 0 : (int32_t)pid, &ended, e);
	if (code == -EAGAIN && !c->nonblock)
		return -EINPROGRESS;
	if (code)
		return code;
	put_dec(c->result, (uint64_t)ended.pid);
	put_char(c->result, ' ');
	if (ended.signal)
		put_signal(c->result, ended.signal);
	else
		put_dec(c->result, (uint64_t)ended.code);
	return 0;
}

static int run_setuid(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	uint64_t uid;

	if (!p || !arg_number(c, 0, &uid, e))
		return -e->code;
	if (uid >= UINT32_MAX) /* (uid_t)-1 is none */
		return err_set(e, EINVAL, 0, "%" PRIu64 " is no user id", uid);
	return vm_setuid(p, (uint32_t)uid, e);
}

static const char *const limit_names[] = {
	"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
	"MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
};
static_assert(G_N_ELEMENTS(limit_names) == VM_RLIMITS, "a limit without a name");

/* STACK, stack or RLIMIT_STACK. */
static bool arg_limit(const struct call *c, unsigned i, enum vm_rlimit *which, struct err *e)
{
	const char *text = c->args[i].text;

	if (!g_ascii_strncasecmp(text, "RLIMIT_", 7))
		text += 7;
	for (unsigned k = 0; k < VM_RLIMITS; k++) {
		if (!g_ascii_strcasecmp(limit_names[k], text)) {
			*which = k;
			return true;
		}
	}
	err_set(e, EINVAL, (int)i, "\"%.40s\" is no limit; STACK, NOFILE, MEMLOCK, AS, DATA ... are", c->args[i].text);
	return false;
}

static int run_setrlimit(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	struct vm_limit l;
	enum vm_rlimit which;

	if (!p || !arg_limit(c, 0, &which, e))
		return -e->code;
	if (arg_is(c, 1, "unlimited") || arg_is(c, 1, "infinity"))
		l.soft = VM_RLIM_INFINITY;
	else if (!arg_number(c, 1, &l.soft, e))
		return -e->code;
	l.hard = l.soft;
	return vm_setrlimit(p, which, l, e);
}

static int run_set(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	va_t sp;

	if (!p)
		return -e->code;
	if (!arg_is(c, 0, "sp"))
		return err_set(e, EINVAL, 0, "\"%.40s\" is no field; sp is", c->args[0].text);
	if (!arg_addr(c, 1, &sp, e))
		return -e->code;
	vm_set_sp(p, sp);
	return 0;
}

static int run_ptbr(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	pa_t base;

	if (!p || !arg_addr(c, 0, &base, e))
		return -e->code;
	return vm_set_ptbr(p, base, e);
}

/* --- descriptors --- */

static int run_open(struct call *c, struct err *e)
{
	static const char *const names[] = { "r", "w", "rw", NULL };
	static const unsigned modes[] = { VM_OPEN_READ, VM_OPEN_WRITE, VM_OPEN_READ | VM_OPEN_WRITE };
	struct vm_proc *p = caller(c, e);
	struct vm_inode *inode;
	unsigned which = 0;
	int fd, code;

	if (!p || (c->count > 1 && !arg_choice(c, 1, names, &which, e)))
		return -e->code;
	inode = file_named(c, 0, e);
	if (!inode)
		return -e->code;
	code = vm_open(p, inode, modes[which], &fd, e);
	if (!code)
		put_dec(c->result, (uint64_t)fd);
	return code;
}

static int run_close(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	int fd;

	if (!p || !arg_fd(c, 0, &fd, e))
		return -e->code;
	return vm_close(p, fd, e);
}

static int run_dup(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	int fd, result, code;

	if (!p || !arg_fd(c, 0, &fd, e))
		return -e->code;
	code = vm_dup(p, fd, &result, e);
	if (!code)
		put_dec(c->result, (uint64_t)result);
	return code;
}

static int run_lseek(struct call *c, struct err *e)
{
	static const char *const names[] = { "set", "cur", "end", NULL };
	struct vm_proc *p = caller(c, e);
	unsigned whence = VM_SEEK_SET;
	uint64_t position;
	int64_t offset;
	int fd, code;

	if (!p || !arg_fd(c, 0, &fd, e) || !arg_signed(c, 1, &offset, e) ||
	    (c->count > 2 && !arg_choice(c, 2, names, &whence, e)))
		return -e->code;
	code = vm_lseek(p, fd, offset, (int)whence, &position, e);
	if (!code)
		put_dec(c->result, position);
	return code;
}

static int run_recv(struct call *c, struct err *e)
{
	struct vm_proc *p = caller(c, e);
	uint64_t len = 65536;
	size_t done = 0;
	int fd, code;

	if (!p || !arg_fd(c, 0, &fd, e) || (c->count > 1 && !arg_length(c, 1, &len, e)))
		return -e->code;
	g_string_set_size(c->result, len);
	code = vm_fd_read(p, fd, c->result->str, len, &done, e);
	g_string_truncate(c->result, code ? 0 : done);
	return code;
}

static int run_send(struct call *c, struct err *e)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	struct vm_proc *p = caller(c, e);
	size_t done = 0;
	int fd, code;

	if (!p || !arg_fd(c, 0, &fd, e) || !arg_bytes(c, 1, bytes, e))
		return -e->code;
	code = vm_fd_write(p, fd, bytes->str, bytes->len, &done, e);
	if (!code)
		put_dec(c->result, done);
	return code;
}

const struct command process_commands[] = {
	{ "mmap", "ADDR|- LEN PROT FLAGS [FILE|fd:N [OFFSET]]", run_mmap,
	  "maps memory; PROT like rw-; FLAGS: private or shared, anon fixed fixed_noreplace populate locked noreserve "
	  "growsdown hugetlb, with commas; result: the address" },
	{ "munmap", "ADDR LEN", run_munmap, "takes areas, or parts of them, away" },
	{ "mprotect", "ADDR LEN PROT", run_mprotect, "changes what may be done to pages; splits and merges areas" },
	{ "mremap", "OLD OLDLEN NEWLEN [maymove] [fixed NEW] [dontunmap]", run_mremap,
	  "grows, shrinks or moves a mapping; result: its address" },
	{ "madvise", "ADDR LEN ADVICE", run_madvise,
	  "dontneed free remove cold pageout willneed populate_read populate_write dontfork wipeonfork hugepage ..." },
	{ "mlock", "ADDR LEN [onfault]", run_mlock, "brings pages in and keeps them; onfault: once they are touched" },
	{ "munlock", "ADDR LEN", run_munlock, "lets locked pages go" },
	{ "mincore", "ADDR LEN", run_mincore, "which pages are in memory; result: 3r1. is three that are, one that is not" },
	{ "msync", "ADDR LEN [sync|async|invalidate]...", run_msync, "writes a shared file mapping back; sync if not said" },
	{ "brk", "+DELTA|-DELTA|ADDR", run_brk, "moves the end of the heap; result: where it is then" },
	{ "read", "ADDR [LEN]", run_read, "loads bytes; result: them in hex, and faults=N if there were any" },
	{ "write", "ADDR HEX|\"text\"", run_write, "stores bytes; result: faults=N if there were any" },
	{ "exec", "ADDR", run_exec, "fetches an instruction; result: faults=N if there were any" },
	{ "touch", "ADDR [LEN] [r|w|x] [STRIDE]", run_touch,
	  "one access a page, or every STRIDE bytes; result: accesses=N faults=N" },
	{ "push", "VALUE", run_push, "stores below the stack pointer, then moves it; a fault leaves it" },
	{ "fork", "", run_fork, "makes a child with the same memory, copied on write; result: its pid" },
	{ "clone", "", run_clone, "starts a thread; result: its tid, for task/TID/ctl" },
	{ "execve", "FILE [ARG...]", run_execve, "replaces the memory by an ELF file's; nothing is loaded until touched" },
	{ "exit", "[CODE]", run_exit, "ends the process; it stays a zombie until its parent waits" },
	{ "kill", "SIG", run_kill, "sends it a signal, as SEGV, SIGTERM or 9" },
	{ "wait", "[PID]", run_wait, "waits for a child to end; result: PID and its exit code or signal" },
	{ "open", "FILE [r|w|rw]", run_open, "opens a file of files/ (r if not said; w keeps its content); result: the descriptor" },
	{ "close", "FD", run_close, "closes a descriptor" },
	{ "dup", "FD", run_dup, "a second descriptor with the same position; result: it" },
	{ "lseek", "FD N [set|cur|end]", run_lseek, "moves the position; result: where it is then" },
	{ "recv", "FD [N]", run_recv, "read(2): result: the bytes themselves; empty at the end of the file" },
	{ "send", "FD HEX|\"text\"", run_send, "write(2); result: how many bytes were written" },
	{ "setrlimit", "NAME N|unlimited", run_setrlimit, "sets a limit: STACK NOFILE MEMLOCK AS DATA ..." },
	{ "setuid", "N", run_setuid, "changes the owner" },
	{ "set", "FIELD VALUE", run_set, "sets what no call sets: sp ADDR" },
	{ "ptbr", "ADDR", run_ptbr, "sets the page-table base by hand; the OS part then fills nothing for this process" },
	{ NULL }
};

int store_process_ctl(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(process_commands, n, line, result, e);
}
