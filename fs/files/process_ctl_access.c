/* process_ctl_access.c - commands that touch memory, or set the registers that an access uses. */
#include "process_ctl.h"
#include "vm_access.h"
#include "world.h"


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

/*
 * An access in a live host may stop half way, for a page from a device or because others have their turn. What is done
 * stays done; the command goes on from there.
 */
struct progress {
	struct vm_outcome sum;
	uint8_t *bytes;          /* of a read */
};

static void progress_free(void *state)
{
	struct progress *s = state;

	g_free(s->bytes);
	g_free(s);
}

/* What this command has done so far; `fresh` at its first try. */
static struct progress *progress_of(const struct call *c, struct progress *fresh)
{
	struct progress *s = call_state(c);

	*fresh = (struct progress){ 0 };
	return s ? s : fresh;
}

/* One try has ended: with what it did added, finishes the command or lets it wait. `before`: the process's generation then. */
static int end_try(struct call *c, struct progress *s, const struct vm_outcome *o, int code, const struct vm_proc *p,
		   uint64_t before)
{
	s->sum.accesses += o->accesses;
	s->sum.faults += o->faults;
	s->sum.done += o->done;
	s->sum.signal = o->signal;
	s->sum.addr = o->addr;
	if (code != -EINPROGRESS)
		return finish_access(c, &s->sum, code);
	if (!call_state(c))
		call_keep(c, g_memdup2(s, sizeof(*s)), progress_free);
	if (vm_proc_generation(p) != before)
		world_changed(c->n->world);
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
	struct progress fresh, *s = progress_of(c, &fresh);
	struct vm_outcome o = { 0 };
	uint64_t len = 1, done = s->sum.done, before;
	int code;
	va_t at;

	if (!p || !arg_addr(c, 0, &at, e) || (c->count > 1 && !command_length(c, 1, &len, e)) || !check_end(at, len, e))
		return -e->code;
	if (!s->bytes)
		s->bytes = g_malloc(len);
	before = vm_proc_generation(p);
	code = vm_load(p, at + done, s->bytes + done, len - done, &o, e);
	for (uint64_t i = 0; !code && i < len; i++)
		put_hex_width(c->result, s->bytes[i], 2);
	code = end_try(c, s, &o, code, p, before);
	if (s == &fresh && code != -EINPROGRESS)
		g_free(fresh.bytes);
	return code;
}

int run_write(struct call *c, struct err *e)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	struct vm_proc *p = command_caller(c, e);
	struct progress fresh, *s = progress_of(c, &fresh);
	uint64_t done = s->sum.done, before;
	struct vm_outcome o = { 0 };
	int code;
	va_t at;

	if (!p || !arg_addr(c, 0, &at, e) || !arg_bytes(c, 1, bytes, e))
		return -e->code;
	if (!bytes->len)
		return err_set(e, EINVAL, 1, "no bytes to store");
	if (!check_end(at, bytes->len, e))
		return -e->code;
	before = vm_proc_generation(p);
	code = vm_store(p, at + done, bytes->str + done, bytes->len - done, &o, e);
	return end_try(c, s, &o, code, p, before);
}

int run_exec(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct progress fresh, *s = progress_of(c, &fresh);
	struct vm_outcome o = { 0 };
	uint64_t before;
	int code;
	va_t at;

	if (!p || !arg_addr(c, 0, &at, e))
		return -e->code;
	before = vm_proc_generation(p);
	code = s->sum.done ? vm_pause(p, &o, e) : vm_fetch(p, at, &o, e);
	return end_try(c, s, &o, code, p, before);
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
	struct progress fresh, *s = progress_of(c, &fresh);
	enum vm_access how = VM_READ;
	struct vm_outcome o = { 0 };
	uint64_t len = 1, stride, before;
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
	before = vm_proc_generation(p);
	code = vm_touch(p, at + s->sum.done, len - s->sum.done, stride, how, &o, e);
	code = end_try(c, s, &o, code, p, before);
	if (!code) {
		g_string_truncate(c->result, 0);
		put_text(c->result, "accesses=");
		put_dec(c->result, s->sum.accesses);
		put_text(c->result, " faults=");
		put_dec(c->result, s->sum.faults);
	}
	return code;
}

int run_push(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct progress fresh, *s = progress_of(c, &fresh);
	struct vm_outcome o = { 0 };
	uint64_t value, before;
	int code;

	if (!p || !arg_number(c, 0, &value, e))
		return -e->code;
	before = vm_proc_generation(p);
	code = s->sum.done ? vm_pause(p, &o, e) : vm_push(p, value, &o, e);
	return end_try(c, s, &o, code, p, before);
}

int run_ptbr(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	pa_t base;

	if (!p || !arg_addr(c, 0, &base, e))
		return -e->code;
	return vm_set_ptbr(p, base, e);
}
