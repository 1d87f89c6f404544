/* process_ctl_set.c - `set FIELD VALUE`: what a fixture sets of a process, and the same words again. */
#include "process_ctl.h"
#include "vm_disk.h"
#include "vm_file.h"

#include <stdio.h>
#include <string.h>

enum { TTY_VT = 4, TTY_PTS = 136, VTS = 64 };

/* A field by its number in set and how its value is read and written. */
struct field {
	const char *name;
	bool (*read)(const struct call *c, int64_t *v, struct err *e);
	void (*write)(GString *out, int64_t v);
	int64_t (*value)(const struct vm_proc_info *i);
};

static bool read_time(const struct call *c, int64_t *v, struct err *e)
{
	ns_t t;

	if (!arg_time(c, 1, &t, e))
		return false;
	*v = (int64_t)MIN(t, INT64_MAX);
	return true;
}

static void write_time(GString *out, int64_t v)
{
	put_time(out, (ns_t)v);
	put_char(out, 's');
}

static bool read_number(const struct call *c, int64_t *v, struct err *e)
{
	return arg_signed(c, 1, v, e);
}

static void write_number(GString *out, int64_t v)
{
	if (v < 0)
		put_char(out, '-');
	put_dec(out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static bool read_state(const struct call *c, int64_t *v, struct err *e)
{
	const char *text = c->args[1].text, *at = c->args[1].len == 1 ? strchr(vm_state_letters, *text) : NULL;

	if (at) {
		*v = at - vm_state_letters;
		return true;
	}
	err_set(e, EINVAL, 1, "\"%.40s\" is no state: %s are", text, vm_state_letters);
	return false;
}

static void write_state(GString *out, int64_t v)
{
	put_char(out, vm_state_letters[v]);
}

/* tty1, pts/3, - for none, or the number that stat shows. */
static bool read_tty(const struct call *c, int64_t *v, struct err *e)
{
	const char *text = c->args[1].text;
	unsigned n;
	char end;

	if (g_str_has_prefix(text, "/dev/"))
		text += 5;
	*v = 0;
	if (!strcmp(text, "-"))
		return true;
	if (sscanf(text, "tty%u%c", &n, &end) == 1 && n < VTS)
		*v = TTY_VT << 8 | n;
	else if (sscanf(text, "pts/%u%c", &n, &end) == 1 && n < 1 << 20)
		*v = TTY_PTS << 8 | (n & 0xff) | (int64_t)(n >> 8) << 20; /* as the kernel packs device numbers */
	else
		return arg_signed(c, 1, v, e);
	return true;
}

#define VALUE(FIELD) static int64_t value_##FIELD(const struct vm_proc_info *i) { return (int64_t)i->FIELD; }
VALUE(utime) VALUE(stime) VALUE(nice) VALUE(state) VALUE(ppid) VALUE(pgrp) VALUE(session) VALUE(tty) VALUE(start)
VALUE(minflt) VALUE(majflt) VALUE(nvcsw) VALUE(nivcsw)

static const struct field fields[VM_SETTINGS] = {
	[VM_SET_UTIME] = { "utime", read_time, write_time, value_utime },
	[VM_SET_STIME] = { "stime", read_time, write_time, value_stime },
	[VM_SET_NICE] = { "nice", read_number, write_number, value_nice },
	[VM_SET_STATE] = { "state", read_state, write_state, value_state },
	[VM_SET_CMDLINE] = { .name = "cmdline" },
	[VM_SET_COMM] = { .name = "comm" },
	[VM_SET_PPID] = { "ppid", read_number, write_number, value_ppid },
	[VM_SET_PGRP] = { "pgrp", read_number, write_number, value_pgrp },
	[VM_SET_SESSION] = { "session", read_number, write_number, value_session },
	[VM_SET_TTY] = { "tty", read_tty, write_number, value_tty },
	[VM_SET_STARTTIME] = { "starttime", read_time, write_time, value_start },
	[VM_SET_MINFLT] = { "minflt", read_number, write_number, value_minflt },
	[VM_SET_MAJFLT] = { "majflt", read_number, write_number, value_majflt },
	[VM_SET_NVCSW] = { "nvcsw", read_number, write_number, value_nvcsw },
	[VM_SET_NIVCSW] = { "nivcsw", read_number, write_number, value_nivcsw },
	[VM_SET_IO] = { .name = "io" },
	[VM_SET_EXE] = { .name = "exe" },
	[VM_SET_IMAGE] = { .name = "image" },
};

static int set_sp(struct call *c, struct vm_proc *p, struct err *e)
{
	va_t sp;

	if (!arg_addr(c, 1, &sp, e))
		return -e->code;
	vm_set_sp(p, sp);
	return 0;
}

static int set_cmdline(struct call *c, struct vm_proc *p, struct err *e)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (unsigned i = 1; i < c->count; i++) {
		g_string_append_len(all, c->args[i].text, (gssize)c->args[i].len);
		g_string_append_c(all, '\0');
	}
	return vm_proc_set_cmdline(p, all->str, all->len, e);
}

static int set_io(struct call *c, struct vm_proc *p, struct err *e)
{
	struct vm_io io;
	uint64_t *const values[] = { &io.rchar, &io.wchar, &io.syscr, &io.syscw, &io.read_bytes, &io.write_bytes };

	if (c->count != 1 + G_N_ELEMENTS(values))
		return err_set(e, EINVAL, (int)c->count,
			       "io takes 6 values: RCHAR WCHAR SYSCR SYSCW READ_BYTES WRITE_BYTES");
	for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
		if (!arg_number(c, i + 1, values[i], e))
			return -e->code;
	}
	return vm_proc_set_io(p, &io, e);
}

static int set_image(struct call *c, struct vm_proc *p, struct err *e)
{
	struct vm_image i;
	va_t *const values[] = { &i.start_code, &i.end_code, &i.start_data, &i.end_data, &i.start_brk, &i.brk, &i.start_stack,
				 &i.arg_start, &i.arg_end, &i.env_start, &i.env_end };

	if (c->count != 1 + G_N_ELEMENTS(values))
		return err_set(e, EINVAL, (int)c->count, "image takes 11 addresses");
	for (unsigned k = 0; k < G_N_ELEMENTS(values); k++) {
		if (!arg_addr(c, k + 1, values[k], e))
			return -e->code;
	}
	return vm_proc_set_image(p, &i, e);
}

/* A path that the disk has is that file, any other text a link that leads nowhere. */
static int set_fd(struct call *c, struct vm_proc *p, struct err *e)
{
	static const char *const names[] = { "r", "w", "rw", NULL };
	static const unsigned modes[] = { VM_OPEN_READ, VM_OPEN_WRITE, VM_OPEN_READ | VM_OPEN_WRITE };
	const char *text = c->count > 2 ? c->args[2].text : "";
	struct vm_inode *file = *text == '/' ? vm_disk_lookup(vm_proc_host(p), text, NULL) : NULL;
	unsigned which = 2;
	uint64_t position = 0;
	int fd;

	if (c->count < 3 || c->count > 5 || !*text)
		return err_set(e, EINVAL, (int)c->count, "fd takes N TEXT [r|w|rw [POSITION]]");
	if (!arg_fd(c, 1, &fd, e) || (c->count > 3 && !arg_choice(c, 3, names, &which, e)) ||
	    (c->count > 4 && !arg_number(c, 4, &position, e)))
		return -e->code;
	if (file)
		return vm_place_file(p, file, modes[which], position, fd, e);
	if (place_label(p, text, modes[which], fd, e))
		return -e->code;
	vm_fd_set_position(p, fd, position);
	return 0;
}

static int set_one(struct call *c, struct vm_proc *p, enum vm_setting which, struct err *e)
{
	int64_t v;

	if (which == VM_SET_CMDLINE)
		return set_cmdline(c, p, e);
	if (which == VM_SET_IO)
		return set_io(c, p, e);
	if (which == VM_SET_IMAGE)
		return set_image(c, p, e);
	if (c->count != 2)
		return err_set(e, EINVAL, (int)c->count, "%s takes one value", fields[which].name);
	if (which == VM_SET_COMM)
		return vm_proc_set_comm(p, c->args[1].text, e);
	if (which == VM_SET_EXE)
		return vm_proc_set_exe(p, c->args[1].text, e);
	return fields[which].read(c, &v, e) ? vm_proc_set(p, which, v, e) : -e->code;
}

int run_set(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);

	if (!p)
		return -e->code;
	for (unsigned i = 0; i < VM_SETTINGS; i++) {
		if (arg_is(c, 0, fields[i].name))
			return set_one(c, p, i, e);
	}
	if (arg_is(c, 0, "sp") && c->count == 2)
		return set_sp(c, p, e);
	if (arg_is(c, 0, "fd"))
		return set_fd(c, p, e);
	return err_set(e, EINVAL, 0, "\"%.40s\" cannot be set: utime stime nice state cmdline comm ppid pgrp session tty starttime "
		       "minflt majflt nvcsw nivcsw io exe image fd sp", c->args[0].text);
}

int run_area(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);

	if (!p)
		return -e->code;
	return add_area_line(p, c->args[0].text, e);
}

static void put_words(const struct vm_proc *p, GString *out)
{
	size_t len;
	const char *line = vm_proc_cmdline(p, &len), *end = line + len;

	for (; line < end; line += strlen(line) + 1) {
		put_char(out, ' ');
		put_quoted(out, line);
	}
}

static void put_image(const struct vm_proc_info *i, GString *out)
{
	const va_t values[] = { i->start_code, i->end_code, i->start_data, i->end_data, i->start_brk, i->brk, i->start_stack,
				i->arg_start, i->arg_end, i->env_start, i->env_end };

	for (unsigned k = 0; k < G_N_ELEMENTS(values); k++) {
		put_text(out, " 0x");
		put_hex(out, values[k]);
	}
}

static void put_setting(const struct vm_proc *p, const struct vm_proc_info *i, enum vm_setting which, GString *out)
{
	put_text(out, fields[which].name);
	if (which == VM_SET_CMDLINE) {
		put_words(p, out);
	} else if (which == VM_SET_COMM) {
		put_char(out, ' ');
		put_quoted(out, i->comm);
	} else if (which == VM_SET_EXE) {
		put_char(out, ' ');
		put_quoted(out, vm_proc_exe(p) ? vm_proc_exe(p) : "");
	} else if (which == VM_SET_IMAGE) {
		put_image(i, out);
	} else if (which == VM_SET_IO) {
		g_string_append_printf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, i->rchar,
				       i->wchar, i->syscr, i->syscw, i->read_bytes, i->write_bytes);
	} else {
		put_char(out, ' ');
		fields[which].write(out, fields[which].value(i));
	}
	put_char(out, '\n');
}

void put_process_settings(const struct vm_proc *p, const char *prefix, uint32_t which, GString *out)
{
	struct vm_proc_info info;

	vm_proc_info(p, &info);
	for (unsigned i = 0; i < VM_SETTINGS; i++) {
		if (!(which >> i & 1))
			continue;
		put_text(out, prefix);
		put_setting(p, &info, i, out);
	}
}
