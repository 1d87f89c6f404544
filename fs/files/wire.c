/* wire.c - wires/: network segments, what they are set to, what they have done. */
#include "wire.h"

#include "table.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

static bool wire_alive(const struct node *n)
{
	return world_wire(n, NULL) != NULL;
}

/* Settings: one value a file. */

enum value { VALUE_KIND, VALUE_RATE, VALUE_TIME, VALUE_CHANCE, VALUE_COUNT };
struct setting { const char *name; enum value value; size_t at; };
static const struct setting settings[] = {
	{ "kind",      VALUE_KIND,   offsetof(struct net_wire_config, kind) },
	{ "rate",      VALUE_RATE,   offsetof(struct net_wire_config, rate) },
	{ "delay",     VALUE_TIME,   offsetof(struct net_wire_config, delay) },
	{ "jitter",    VALUE_TIME,   offsetof(struct net_wire_config, jitter) },
	{ "loss",      VALUE_CHANCE, offsetof(struct net_wire_config, loss) },
	{ "corrupt",   VALUE_CHANCE, offsetof(struct net_wire_config, corrupt) },
	{ "duplicate", VALUE_CHANCE, offsetof(struct net_wire_config, duplicate) },
	{ "reorder",   VALUE_CHANCE, offsetof(struct net_wire_config, reorder) },
	{ "mtu",       VALUE_COUNT,  offsetof(struct net_wire_config, mtu) },
	{ "queue",     VALUE_COUNT,  offsetof(struct net_wire_config, queue) },
};

static const struct setting *setting_of(const struct node *n)
{
	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
		if (!strcmp(settings[i].name, n->row->name))
			return &settings[i];
	g_assert_not_reached();
}

/* Parts per million as per cent: 10%, 0.5%. */
static void put_chance(GString *out, uint32_t ppm)
{
	unsigned digits = 4, part = ppm % 10000;

	put_dec(out, ppm / 10000);
	while (part && part % 10 == 0) {
		part /= 10;
		digits--;
	}
	if (part)
		g_string_append_printf(out, ".%0*u", (int)digits, part);
	put_char(out, '%');
}

static int show_setting(const struct node *n, GString *out, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	const struct setting *s = setting_of(n);
	struct net_wire_config c;
	const void *value = (const char *)&c + s->at;

	if (!w)
		return -e->code;
	net_wire_get(w, &c);
	switch (s->value) {
	case VALUE_KIND:   put_text(out, net_wire_kind_names[c.kind]); break;
	case VALUE_RATE:   put_dec(out, c.rate); break;
	case VALUE_TIME:   put_duration(out, *(const ns_t *)value); break;
	case VALUE_CHANCE: put_chance(out, *(const uint32_t *)value); break;
	case VALUE_COUNT:  put_dec(out, *(const uint32_t *)value); break;
	}
	put_char(out, '\n');
	return 0;
}

static int parse_kind(const char *text, enum net_wire_kind *kind, struct err *e)
{
	for (unsigned i = 0; i < NET_WIRE_KINDS; i++) {
		if (!strcmp(net_wire_kind_names[i], text)) {
			*kind = i;
			return 0;
		}
	}
	return err_set(e, EINVAL, 0, "'%.30s' is none of: ethernet hub wifi", text);
}

/* 10%, 0.5%; the sign may be left out. More than four digits behind the point are more than parts per million. */
static int parse_chance(const char *text, uint32_t *ppm, struct err *e)
{
	static const char form[] = "'%.30s' is not a probability, as 10%% or 0.5%%";
	uint64_t whole = 0, part = 0;
	unsigned digits = 0;
	const char *c = text;

	for (; g_ascii_isdigit(*c) && whole <= NET_PPM; c++)
		whole = whole * 10 + (uint64_t)(*c - '0');
	if (c == text)
		return err_set(e, EINVAL, 0, form, text);
	if (*c == '.') {
		for (c++; g_ascii_isdigit(*c) && digits < 4; c++, digits++)
			part = part * 10 + (uint64_t)(*c - '0');
		if (digits == 0)
			return err_set(e, EINVAL, 0, form, text);
	}
	for (; digits < 4; digits++)
		part *= 10;
	if (strcmp(c, "%") && *c)
		return err_set(e, EINVAL, 0, form, text);
	if (whole * 10000 + part > NET_PPM)
		return err_set(e, EINVAL, 0, "%.30s is more than 100%%", text);
	*ppm = (uint32_t)(whole * 10000 + part);
	return 0;
}

static int parse_count(const char *text, uint32_t *value, struct err *e)
{
	uint64_t v;

	if (parse_number(text, &v, e))
		return -e->code;
	if (v > UINT32_MAX)
		return err_set(e, EINVAL, 0, "%.40s is too large", text);
	*value = (uint32_t)v;
	return 0;
}

static int store_setting(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	const struct setting *s = setting_of(n);
	const char *text = g_strstrip(line);
	struct net_wire_config c;
	void *value = (char *)&c + s->at;
	int error = 0;

	if (!w)
		return -e->code;
	net_wire_get(w, &c);
	switch (s->value) {
	case VALUE_KIND:   error = parse_kind(text, &c.kind, e); break;
	case VALUE_RATE:   error = parse_number(text, &c.rate, e); break;
	case VALUE_TIME:   error = parse_time(text, value, e); break;
	case VALUE_CHANCE: error = parse_chance(text, value, e); break;
	case VALUE_COUNT:  error = parse_count(text, value, e); break;
	}
	return error ? error : net_wire_set(w, &c, e);
}

/* What it has done. */

static int show_stats(const struct node *n, GString *out, struct err *e)
{
	static const struct { const char *name; size_t at; } rows[] = {
#define STAT(NAME) { #NAME, offsetof(struct net_wire_stats, NAME) }
		STAT(frames), STAT(bytes), STAT(delivered), STAT(lost), STAT(corrupted), STAT(duplicated), STAT(reordered),
		STAT(delayed), STAT(held), STAT(queue_full), STAT(too_long), STAT(collisions), STAT(resent), STAT(given_up),
		STAT(injected),
#undef STAT
	};
	struct net_wire *w = world_wire(n, e);
	struct net_wire_stats s;

	if (!w)
		return -e->code;
	net_wire_stats(w, &s);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_string_append_printf(out, "%s %" PRIu64 "\n", rows[i].name,
				       *(const uint64_t *)((const char *)&s + rows[i].at));
	return 0;
}

static const struct column mac_columns[] = {
	{ "mac", COLUMN_WORD }, { "port", COLUMN_WORD }, { "age", COLUMN_TIME }, { 0 }
};

static int fill_macs(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	struct net_mac_entry m;
	char text[NET_MAC_TEXT];

	if (!w)
		return -e->code;
	for (unsigned i = 0; net_wire_mac(w, i, &m); i++) {
		table_word(t, net_mac_text(&m.mac, text));
		table_word(t, m.port);
		table_time(t, n->world->clock.now - m.seen);
	}
	return 0;
}

/* wires/W */

#define SETTING(NAME) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = 0644, .show = show_setting, .store = store_setting, .alive = wire_alive, \
	  .help = "wire-settings" }

static const struct row wire_rows[] = {
	{ .name = "ctl", .kind = ROW_TEXT, .mode = 0644, .show = show_result, .store = store_wire_ctl, .alive = wire_alive,
	  .help = "wire-ctl" },
	{ .name = "faults", .kind = ROW_TABLE, .mode = 0444, .columns = wire_fault_columns, .fill = fill_wire_faults,
	  .alive = wire_alive, .help = "wire-ctl" },
	SETTING("kind"), SETTING("rate"), SETTING("delay"), SETTING("jitter"), SETTING("loss"), SETTING("corrupt"),
	SETTING("duplicate"), SETTING("reorder"), SETTING("mtu"), SETTING("queue"),
	{ .name = "frames", .kind = ROW_TABLE, .mode = 0444, .columns = wire_frame_columns, .fill = fill_wire_frames,
	  .alive = wire_alive, .help = "wire-frames" },
	{ .name = "frame", .kind = ROW_DIRECTORY, .mode = 0555, .flags = ROW_UNLISTED, .dynamic = &wire_frame_dir,
	  .alive = wire_alive, .help = "wire-frames" },
	{ .name = "capture.pcapng", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_RAW, .show = show_wire_capture,
	  .alive = wire_alive, .help = "wire-capture" },
	{ .name = "capture.follow", .kind = ROW_STREAM, .mode = 0444, .flags = ROW_UNLISTED, .stream = &wire_capture_follow,
	  .alive = wire_alive, .help = "wire-capture" },
	{ .name = "sequence", .kind = ROW_TEXT, .mode = 0444, .show = show_wire_sequence, .alive = wire_alive,
	  .help = "wire-sequence" },
	{ .name = "sequence.svg", .kind = ROW_TEXT, .mode = 0444, .show = show_wire_sequence_svg, .alive = wire_alive,
	  .help = "wire-sequence" },
	{ .name = "macs", .kind = ROW_TABLE, .mode = 0444, .columns = mac_columns, .fill = fill_macs, .alive = wire_alive,
	  .help = "wires" },
	{ .name = "stats", .kind = ROW_TEXT, .mode = 0444, .show = show_stats, .alive = wire_alive, .help = "wires" },
	{ 0 }
};

static const struct row wire_row = {
	.name = "WIRE", .kind = ROW_DIRECTORY, .mode = 0555, .rows = wire_rows, .alive = wire_alive, .help = "wires",
};

static struct node wire_node(const struct node *dir, const struct net_wire *w)
{
	return (struct node){ .row = &wire_row, .world = dir->world, .arg = net_wire_serial(w) };
}

static int find_wire(const struct node *dir, const char *name, struct node *child)
{
	struct net_wire *w = net_wire_at(dir->world->net, name);

	if (!w)
		return -ENOENT;
	*child = wire_node(dir, w);
	return 0;
}

static bool next_wire(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct net_wire *w = net_wire_above(dir->world->net, (uint32_t)*cookie);

	if (!w)
		return false;
	*cookie = net_wire_serial(w);
	g_strlcpy(name, net_wire_name(w), 256);
	*child = wire_node(dir, w);
	return true;
}

static int make_wire(const struct node *dir, const char *name, mode_t mode, struct err *e)
{
	return world_add_wire(dir->world, name, e);
}

static int remove_wire(const struct node *dir, const char *name, struct err *e)
{
	return world_remove_wire(dir->world, name, e);
}

const struct dir_ops wires_dir = {
	.find = find_wire, .next = next_wire, .mkdir = make_wire, .rmdir = remove_wire,
};
