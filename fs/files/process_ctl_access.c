/* process_ctl_access.c - commands that touch memory, or set the registers that an access uses. */
#include "process_ctl.h"
#include "vm_access.h"

enum { TOUCH_MAX = 1 << 28 }; /* accesses of one touch */

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

int run_read(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	g_autofree uint8_t *bytes = NULL;
	struct vm_outcome o = { 0 };
	uint64_t len = 1;
	int code;
	va_t at;

	if (!p || !arg_addr(c, 0, &at, e) || (c->count > 1 && !command_length(c, 1, &len, e)) || !check_end(at, len, e))
		return -e->code;
	bytes = g_malloc(len);
	code = vm_load(p, at, bytes, len, &o, e);
	for (uint64_t i = 0; !code && i < len; i++)
		put_hex_width(c->result, bytes[i], 2);
	return finish_access(c, &o, code);
}

int run_write(struct call *c, struct err *e)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	struct vm_proc *p = command_caller(c, e);
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

int run_exec(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
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

int run_touch(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
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

int run_push(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct vm_outcome o = { 0 };
	uint64_t value;
	int code;

	if (!p || !arg_number(c, 0, &value, e))
		return -e->code;
	code = vm_push(p, value, &o, e);
	return finish_access(c, &o, code);
}

int run_ptbr(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	pa_t base;

	if (!p || !arg_addr(c, 0, &base, e))
		return -e->code;
	return vm_set_ptbr(p, base, e);
}
