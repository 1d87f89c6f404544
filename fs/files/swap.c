/*
 * swap.c - hosts/H/swap: areas, their slots and devices, and the timeline of paging.
 *
 * A directory below it is an area: its number is in the node's arg. Of slot/S the slot is arg and the area arg2.
 */
#include "command.h"
#include "table.h"
#include "text.h"
#include "timeline.h"
#include "vm_swap.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { SLOTS_LISTED_MAX = 1 << 20, DRAWN_MAX = 64 };

static bool area_at(const struct node *n, uint64_t number, struct vm_swap_area *a)
{
	struct vm_host *vm = world_vm(n, NULL);

	return vm && number <= INT_MAX && vm_swap_above(vm, (unsigned)number, a) && a->number == number;
}

static int area_or_error(const struct node *n, uint64_t number, struct vm_swap_area *a, struct err *e)
{
	return area_at(n, number, a) ? 0 : err_set(e, ESTALE, -1, "swap area %" PRIu64 " is off", number);
}

/* ctl: on, off */

/* NAME=VALUE of a device of one's own: latency=T, bandwidth=B, channels=N. */
static int read_parameter(struct vm_device_model *m, const char *text, struct err *e)
{
	uint64_t number;
	ns_t time;

	if (g_str_has_prefix(text, "latency=")) {
		if (parse_time(text + 8, &time, e))
			return -e->code;
		if (m->kind == VM_DEVICE_HDD)
			return err_set(e, EINVAL, -1, "an hdd's latency follows from where its head is");
		m->read_latency = m->write_latency = time;
		return 0;
	}
	if (g_str_has_prefix(text, "bandwidth="))
		return parse_number(text + 10, &m->bandwidth, e);
	if (!g_str_has_prefix(text, "channels="))
		return err_set(e, EINVAL, -1, "'%.40s' is none of latency=T bandwidth=B channels=N", text);
	if (m->kind == VM_DEVICE_HDD)
		return err_set(e, EINVAL, -1, "an hdd has one head, no channels");
	if (parse_number(text + 9, &number, e))
		return -e->code;
	m->channels = (unsigned)MIN(number, UINT_MAX);
	return 0;
}

static bool is_model(const char *option)
{
	return !g_str_has_prefix(option, "prio=") && !g_str_has_prefix(option, "bad=");
}

/* Such words may be joined by commas. */
static int read_parameters(const struct call *c, struct vm_device_model *m, struct err *e)
{
	for (unsigned i = 0; i < c->option_count; i++) {
		g_auto(GStrv) parts = NULL;

		if (!is_model(c->options[i].text))
			continue;
		parts = g_strsplit(c->options[i].text, ",", -1);
		for (char **part = parts; *part; part++)
			if (read_parameter(m, *part, e))
				return -e->code;
	}
	return 0;
}

static int read_device(const struct call *c, struct vm_device_model *m, struct err *e)
{
	static const char *const kinds[] = { "hdd", "ssd", "nvme", NULL };
	bool own = false;
	unsigned which;

	for (unsigned i = 0; i < c->option_count; i++)
		own |= is_model(c->options[i].text);
	*m = own && c->count < 2 ? (struct vm_device_model){ .kind = VM_DEVICE_CUSTOM, .channels = 1 } : *vm_device_preset("ssd");
	if (c->count > 1) {
		if (!arg_choice(c, 1, kinds, &which, e))
			return -e->code;
		*m = *vm_device_preset(kinds[which]);
	}
	return read_parameters(c, m, e);
}

static int read_bad(const struct call *c, struct vm_swap_request *r, struct err *e)
{
	const char *text = arg_option(c, "bad");
	g_auto(GStrv) slots = text ? g_strsplit(text, ",", -1) : NULL;

	for (char **s = slots; s && *s; s++) {
		if (r->bads == VM_BAD_SLOTS)
			return err_set(e, E2BIG, -1, "more than %d bad slots", VM_BAD_SLOTS);
		if (parse_number(*s, &r->bad[r->bads++], e))
			return -e->code;
	}
	return 0;
}

static int run_on(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	struct vm_swap_request r = { .priority = -1 };
	uint64_t priority = 0;
	unsigned number;

	if (!vm || !arg_size(c, 0, &r.bytes, e) || read_device(c, &r.model, e) || !option_number(c, "prio", &priority, e))
		return -e->code;
	if (read_bad(c, &r, e))
		return -e->code;
	if (arg_option(c, "prio"))
		r.priority = (int)MIN(priority, INT_MAX);
	if (vm_swap_on(vm, &r, &number, e))
		return -e->code;
	put_dec(c->result, number);
	return 0;
}

static int run_off(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	uint64_t number;

	if (!vm || !arg_number(c, 0, &number, e))
		return -e->code;
	return vm_swap_off(vm, (unsigned)MIN(number, UINT_MAX), e);
}

const struct command swap_commands[] = {
	{ "on", "SIZE [hdd|ssd|nvme] [latency=T] [bandwidth=B] [channels=N] [prio=N] [bad=S,...]", run_on,
	  "a new area on a device of that kind (ssd), or on one of your own as latency=10ms,bandwidth=100M (a second; 0: bytes take no time); areas of high "
	  "prio are filled first, slots that are bad never; result: its number" },
	{ "off", "N", run_off, "every page of area N comes back into RAM; ENOMEM if they do not fit, then it stays on" },
	{ 0 }
};

static int store_swap_ctl(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(swap_commands, n, line, result, e);
}

/* timeline */

static const struct column timeline_columns[] = {
	{ "pid", COLUMN_NUMBER }, { "va", COLUMN_HEX }, { "victim", COLUMN_WORD }, { "start", COLUMN_TIME },
	{ "end", COLUMN_TIME }, { "ran", COLUMN_WORD }, { 0 }
};

static int fill_timeline(const struct node *n, struct table_out *t, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	g_autoptr(GString) word = g_string_new(NULL);
	uint64_t cursor = 0;
	struct vm_paging p;

	if (!vm)
		return -e->code;
	while (vm_timeline_next(vm, &cursor, &p)) {
		if (p.pid)
			table_signed(t, p.pid);
		else
			table_none(t);
		if (p.va != VA_NONE)
			table_hex(t, p.va);
		else
			table_none(t);
		g_string_printf(word, "%" PRId32 ":0x%" PRIx64, p.victim_pid, p.victim_va);
		table_word(t, p.victim_pid ? word->str : NULL);
		table_time(t, p.start);
		table_time(t, p.end);
		g_string_truncate(word, 0);
		for (unsigned i = 0; i < VM_RAN && p.ran[i]; i++)
			g_string_append_printf(word, "%s%" PRId32, i ? "," : "", p.ran[i]);
		if (p.more)
			put_text(word, ",...");
		table_word(t, word->len ? word->str : NULL);
	}
	return 0;
}

/* timeline.svg: the last of them. */
static int show_timeline_svg(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_paging rows[DRAWN_MAX], p;
	uint64_t cursor = 0, total = 0;
	size_t count;

	if (!vm)
		return -e->code;
	while (vm_timeline_next(vm, &cursor, &p))
		total++;
	count = MIN(total, DRAWN_MAX);
	cursor -= count;
	for (size_t i = 0; i < count; i++)
		vm_timeline_next(vm, &cursor, &rows[i]);
	draw_timeline(rows, count, out);
	return 0;
}

/* N/slots */

static const struct column slot_columns[] = {
	{ "slot", COLUMN_NUMBER }, { "state", COLUMN_WORD }, { "refs", COLUMN_NUMBER }, { "pid", COLUMN_NUMBER },
	{ "va", COLUMN_HEX }, { "writes", COLUMN_NUMBER }, { 0 }
};

static int fill_slots(const struct node *n, struct table_out *t, struct err *e)
{
	g_autofree struct vm_slot *slots = NULL;
	struct vm_swap_area a;
	size_t count;

	if (area_or_error(n, n->arg, &a, e))
		return -e->code;
	count = a.slots > SLOTS_LISTED_MAX ? a.listed : a.slots;
	slots = g_new(struct vm_slot, count + 1);
	count = vm_swap_slots(world_vm(n, NULL), a.number, slots, count);
	for (size_t i = 0; i < count; i++) {
		const struct vm_slot *s = &slots[i];

		table_number(t, i);
		table_word(t, vm_slot_state_names[s->state]);
		table_number(t, s->refs);
		if (s->pid) {
			table_signed(t, s->pid);
			table_hex(t, s->va);
		} else {
			table_none(t);
			table_none(t);
		}
		table_number(t, s->writes);
	}
	return 0;
}

/* N/device */

static void put_named_time(GString *out, const char *name, ns_t t)
{
	put_text(out, name);
	put_time(out, t);
	put_char(out, '\n');
}

static void put_named(GString *out, const char *name, uint64_t v)
{
	put_text(out, name);
	put_dec(out, v);
	put_char(out, '\n');
}

static int show_device(const struct node *n, GString *out, struct err *e)
{
	struct vm_swap_area a;

	if (area_or_error(n, n->arg, &a, e))
		return -e->code;
	g_string_append_printf(out, "model=%s\n", vm_device_names[a.model.kind]);
	if (a.model.kind == VM_DEVICE_HDD) {
		put_named_time(out, "seek_least=", a.model.seek_least);
		put_named_time(out, "seek_most=", a.model.seek_most);
		put_named_time(out, "turn=", a.model.turn);
	} else {
		put_named_time(out, "read_latency=", a.model.read_latency);
		put_named_time(out, "write_latency=", a.model.write_latency);
		put_named(out, "channels=", a.model.channels);
	}
	put_named(out, "bandwidth=", a.model.bandwidth);
	g_string_append_printf(out, "priority=%d\n", a.priority);
	put_named(out, "slots=", a.slots);
	put_named(out, "used=", a.used);
	put_named(out, "bad=", a.bad);
	put_named(out, "queue=", a.queue);
	put_named_time(out, "busy_until=", a.busy_until);
	put_named_time(out, "busy=", a.busy);
	put_named(out, "reads=", a.reads);
	put_named(out, "writes=", a.writes);
	return 0;
}

/* N/slot/S */

static bool slot_alive(const struct node *n)
{
	struct vm_swap_area a;

	return area_at(n, n->arg2, &a);
}

static uint64_t slot_size(const struct node *n)
{
	struct vm_host *vm = world_vm(n, NULL);
	struct vm_swap_area a;

	return vm && area_at(n, n->arg2, &a) ? vm_page_size(&vm_host_options(vm)->geometry) : 0;
}

static ssize_t slot_read(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	ssize_t r = vm ? vm_swap_peek(vm, (unsigned)n->arg2, n->arg, at, to, len) : -e->code;

	return r == -ENOENT ? err_set(e, ESTALE, -1, "swap area %" PRIu64 " is off", n->arg2) : r;
}

static const struct bytes_ops slot_bytes = { .size = slot_size, .read = slot_read };

static const struct row slot_row = {
	.name = "S", .kind = ROW_BYTES, .mode = 0444, .flags = ROW_UNLISTED, .bytes = &slot_bytes, .alive = slot_alive,
	.help = "swap",
};

static int find_slot(const struct node *dir, const char *name, struct node *child)
{
	struct vm_swap_area a;
	uint64_t slot;

	if (!area_at(dir, dir->arg, &a))
		return -ESTALE;
	if (parse_number(name, &slot, NULL) || slot >= a.slots)
		return -ENOENT;
	*child = *dir;
	child->row = &slot_row;
	child->arg = slot;
	child->arg2 = a.number;
	child->format = FORMAT_TEXT;
	return 0;
}

static bool next_slot(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	return false;
}

static const struct dir_ops slot_dir = { .find = find_slot, .next = next_slot };

/* N/ */

static bool area_alive(const struct node *n)
{
	struct vm_swap_area a;

	return area_at(n, n->arg, &a);
}

static const struct row area_rows[] = {
	{ .name = "slots", .kind = ROW_TABLE, .mode = 0444, .columns = slot_columns, .fill = fill_slots, .alive = area_alive,
	  .help = "swap" },
	{ .name = "device", .kind = ROW_TEXT, .mode = 0444, .show = show_device, .alive = area_alive, .help = "swap" },
	{ .name = "slot", .kind = ROW_DIRECTORY, .mode = 0555, .dynamic = &slot_dir, .alive = area_alive, .help = "swap" },
	{ 0 }
};
static const struct row area_row = {
	.name = "N", .kind = ROW_DIRECTORY, .mode = 0555, .rows = area_rows, .alive = area_alive, .help = "swap",
};

static struct node area_node(const struct node *dir, unsigned number)
{
	struct node child = *dir;

	child.row = &area_row;
	child.arg = number;
	return child;
}

static int find_area(const struct node *dir, const char *name, struct node *child)
{
	struct vm_swap_area a;
	uint64_t number;

	if (parse_number(name, &number, NULL) || !area_at(dir, number, &a))
		return -ENOENT;
	*child = area_node(dir, a.number);
	return 0;
}

/* The cookie is the number plus 1. */
static bool next_area(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct vm_host *vm = world_vm(dir, NULL);
	struct vm_swap_area a;

	if (!vm || !vm_swap_above(vm, (unsigned)*cookie, &a))
		return false;
	*cookie = a.number + 1;
	g_snprintf(name, 256, "%u", a.number);
	*child = area_node(dir, a.number);
	return true;
}

const struct dir_ops swap_dir = { .find = find_area, .next = next_area };

const struct row swap_rows[] = {
	{ .name = "ctl", .kind = ROW_TEXT, .mode = 0644, .show = show_result, .store = store_swap_ctl, .help = "swap" },
	{ .name = "timeline", .kind = ROW_TABLE, .mode = 0444, .columns = timeline_columns, .fill = fill_timeline, .help = "swap" },
	{ .name = "timeline.svg", .kind = ROW_TEXT, .mode = 0444, .show = show_timeline_svg, .help = "swap" },
	{ 0 }
};
