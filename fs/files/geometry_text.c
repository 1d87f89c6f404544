/*
 * geometry_text.c - geometries as text: "x86-64", or "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4".
 *
 * One table of keys serves reading and printing. What only presets have (RISC-V's leaf rule, ARM's types) has no
 * key: it is carried by the preset's name that a geometry's text starts with, even when other keys were changed since.
 */
#include "geometry_text.h"

#include "command.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

/* What a key=value word is read into; `given` tells which keys the text had. */
struct key {
	const char *name;
	bool required;    /* unless the text starts from a preset */
	int  (*parse)(const char *value, struct vm_geometry *g, struct err *e);
	/* Appends the value; false: the geometry has none, the key is left out. */
	bool (*print)(const struct vm_geometry *g, GString *out);
};

static int parse_up_to(const char *value, const char *what, uint64_t most, uint64_t *v, struct err *e)
{
	if (parse_number(value, v, e))
		return -e->code;
	if (*v > most)
		return err_set(e, EINVAL, -1, "%s=%s is more than %" PRIu64, what, value, most);
	return 0;
}

static int parse_width(const char *value, const char *what, unsigned *width, struct err *e)
{
	uint64_t v;

	if (parse_up_to(value, what, 64, &v, e))
		return -e->code;
	*width = (unsigned)v;
	return 0;
}

static int parse_bit(const char *value, const char *what, int *bit, struct err *e)
{
	uint64_t v;

	if (strcmp(value, "-") == 0) {
		*bit = VM_BIT_NONE;
		return 0;
	}
	if (parse_up_to(value, what, 63, &v, e))
		return -e->code;
	*bit = (int)v;
	return 0;
}

static bool print_width(unsigned width, GString *out)
{
	put_dec(out, width);
	return true;
}

static bool print_bit(int bit, GString *out)
{
	if (bit == VM_BIT_NONE)
		return false;
	put_dec(out, (uint64_t)bit);
	return true;
}

#define WIDTH_KEY(NAME, FIELD) \
	static int parse_##NAME(const char *value, struct vm_geometry *g, struct err *e) \
	{ return parse_width(value, #NAME, &g->FIELD, e); } \
	static bool print_##NAME(const struct vm_geometry *g, GString *out) { return print_width(g->FIELD, out); }
#define BIT_KEY(NAME) \
	static int parse_##NAME(const char *value, struct vm_geometry *g, struct err *e) \
	{ return parse_bit(value, #NAME, &g->NAME, e); } \
	static bool print_##NAME(const struct vm_geometry *g, GString *out) { return print_bit(g->NAME, out); }

WIDTH_KEY(va, va_bits)
WIDTH_KEY(pa, pa_bits)
WIDTH_KEY(pte, pte_bytes)
BIT_KEY(valid)
BIT_KEY(write)
BIT_KEY(user)
BIT_KEY(nx)
BIT_KEY(accessed)
BIT_KEY(dirty)
BIT_KEY(huge)

static int parse_page(const char *value, struct vm_geometry *g, struct err *e)
{
	uint64_t bytes;

	if (parse_number(value, &bytes, e))
		return -e->code;
	if (bytes == 0 || (bytes & (bytes - 1)))
		return err_set(e, EINVAL, -1, "page=%s is not a power of two", value);
	g->page_bits = (unsigned)__builtin_ctzll(bytes);
	return 0;
}

static bool print_page(const struct vm_geometry *g, GString *out)
{
	put_dec(out, vm_page_size(g));
	return true;
}

static int parse_split(const char *value, struct vm_geometry *g, struct err *e)
{
	unsigned levels = 0, bits[VM_LEVELS_MAX];
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);

	for (char **part = parts; *part; part++) {
		if (levels == VM_LEVELS_MAX)
			return err_set(e, EINVAL, -1, "split=%s has more than %d levels", value, VM_LEVELS_MAX);
		if (parse_width(*part, "split", &bits[levels++], e))
			return -e->code;
	}
	if (levels == 0)
		return err_set(e, EINVAL, -1, "split= names no level");
	memset(g->index_bits, 0, sizeof(g->index_bits));
	memcpy(g->index_bits, bits, levels * sizeof(bits[0]));
	g->levels = levels;
	return 0;
}

static bool print_split(const struct vm_geometry *g, GString *out)
{
	for (unsigned i = 0; i < g->levels; i++) {
		if (i)
			put_char(out, ',');
		put_dec(out, g->index_bits[i]);
	}
	return g->levels != 0;
}

static int parse_ppn(const char *value, struct vm_geometry *g, struct err *e)
{
	g_auto(GStrv) parts = g_strsplit(value, "+", 2);
	unsigned shift = 0, bits = 0;

	if (!parts[0] || !parts[1])
		return err_set(e, EINVAL, -1, "ppn=%s is not LSB+WIDTH", value);
	if (parse_width(parts[0], "ppn", &shift, e) || parse_width(parts[1], "ppn", &bits, e))
		return -e->code;
	g->ppn_shift = shift;
	g->ppn_bits = bits;
	return 0;
}

static bool print_ppn(const struct vm_geometry *g, GString *out)
{
	put_dec(out, g->ppn_shift);
	put_char(out, '+');
	put_dec(out, g->ppn_bits);
	return true;
}

static int parse_endian(const char *value, struct vm_geometry *g, struct err *e)
{
	if (strcmp(value, "little") != 0 && strcmp(value, "big") != 0)
		return err_set(e, EINVAL, -1, "endian=%s is neither little nor big", value);
	g->big_endian = value[0] == 'b';
	return 0;
}

static bool print_endian(const struct vm_geometry *g, GString *out)
{
	put_text(out, g->big_endian ? "big" : "little");
	return true;
}

static int parse_table(const char *value, struct vm_geometry *g, struct err *e)
{
	for (unsigned i = 0; i < VM_TABLES; i++) {
		if (strcmp(value, vm_table_names[i]) == 0) {
			g->table = (enum vm_table)i;
			return 0;
		}
	}
	return err_set(e, EINVAL, -1, "table=%s is none of radix, flat, hashed, inverted", value);
}

static bool print_table(const struct vm_geometry *g, GString *out)
{
	put_text(out, vm_table_names[g->table]);
	return true;
}

static const struct key keys[] = {
	{ "va",       true,  parse_va,       print_va },
	{ "pa",       true,  parse_pa,       print_pa },
	{ "page",     true,  parse_page,     print_page },
	{ "pte",      true,  parse_pte,      print_pte },
	{ "split",    false, parse_split,    print_split },
	{ "ppn",      true,  parse_ppn,      print_ppn },
	{ "valid",    true,  parse_valid,    print_valid },
	{ "endian",   false, parse_endian,   print_endian },
	{ "write",    false, parse_write,    print_write },
	{ "user",     false, parse_user,     print_user },
	{ "nx",       false, parse_nx,       print_nx },
	{ "accessed", false, parse_accessed, print_accessed },
	{ "dirty",    false, parse_dirty,    print_dirty },
	{ "huge",     false, parse_huge,     print_huge },
	{ "table",    false, parse_table,    print_table },
};
enum { KEYS = G_N_ELEMENTS(keys) };

/* What key=value words start from when no preset is named. */
static const struct vm_geometry blank = {
	.name = "custom", .table = VM_TABLE_RADIX, .upper_permissions = true,
	.valid = VM_BIT_NONE, .write = VM_BIT_NONE, .user = VM_BIT_NONE, .nx = VM_BIT_NONE, .accessed = VM_BIT_NONE,
	.dirty = VM_BIT_NONE, .huge = VM_BIT_NONE, .read = VM_BIT_NONE,
};

static int find_key(const char *word, const char *value, struct err *e)
{
	for (int i = 0; i < KEYS; i++) {
		if (strlen(keys[i].name) == (size_t)(value - word) && strncmp(keys[i].name, word, (size_t)(value - word)) == 0)
			return i;
	}
	err_set(e, EINVAL, -1, "unknown key %.*s", (int)MIN(value - word, 40), word);
	return -1;
}

static int take_preset(const char *name, struct vm_geometry *g, struct err *e)
{
	const struct vm_geometry *preset = vm_geometry_preset(name);
	g_autoptr(GString) list = NULL;

	if (preset) {
		*g = *preset;
		return 0;
	}
	if (strcmp(name, "custom") == 0)
		return 0;
	list = g_string_new(NULL);
	for (unsigned i = 0; vm_geometry_at(i); i++)
		g_string_append_printf(list, "%s%s", i ? " " : "", vm_geometry_at(i)->name);
	return err_set(e, EINVAL, -1, "%.40s is no geometry: %s, or key=value", name, list->str);
}

static int parse_word(const char *word, bool first, unsigned *given, struct vm_geometry *g, struct err *e)
{
	const char *value = strchr(word, '=');
	int key;

	if (!value || strncmp(word, "name=", 5) == 0) {
		if (!first)
			return err_set(e, EINVAL, -1, "%.40s: a preset's name comes first", word);
		return take_preset(value ? value + 1 : word, g, e);
	}
	key = find_key(word, value, e);
	if (key < 0)
		return -e->code;
	if (*given & (1u << key))
		return err_set(e, EINVAL, -1, "%s= is given twice", keys[key].name);
	*given |= 1u << key;
	return keys[key].parse(value + 1, g, e);
}

/* What follows from what was given; then whether it all fits. */
static int complete(struct vm_geometry *g, unsigned given, struct err *e)
{
	bool from_preset = strcmp(g->name, "custom") != 0;

	for (int i = 0; i < KEYS && !from_preset; i++) {
		if (keys[i].required && !(given & (1u << i)))
			return err_set(e, EINVAL, -1, "%s= is missing", keys[i].name);
	}
	if (g->table == VM_TABLE_HASHED || g->table == VM_TABLE_INVERTED) {
		g->levels = 0;
		memset(g->index_bits, 0, sizeof(g->index_bits));
	} else if (g->table == VM_TABLE_FLAT && g->levels != 1 && g->va_bits > g->page_bits) {
		memset(g->index_bits, 0, sizeof(g->index_bits));
		g->levels = 1;
		g->index_bits[0] = g->va_bits - g->page_bits;
	} else if (g->levels == 0) {
		return err_set(e, EINVAL, -1, "split= is missing");
	}
	return vm_geometry_check(g, e);
}

int geometry_parse(const char *text, struct vm_geometry *g, struct err *e)
{
	struct vm_geometry made = blank;
	unsigned given = 0;
	struct words w;
	int error;

	if (words_split(text, &w, e))
		return -e->code;
	error = w.count ? words_are_text(w.word, w.count, e)
			: err_set(e, EINVAL, -1, "a geometry is a preset's name or key=value words");
	for (unsigned i = 0; i < w.count && !error; i++) {
		error = parse_word(w.word[i].text, i == 0, &given, &made, e);
		if (error)
			e->arg = (int)w.word[i].at;
	}
	words_free(&w);
	if (!error)
		error = complete(&made, given, e);
	if (!error)
		*g = made;
	return error;
}

void geometry_print(const struct vm_geometry *g, GString *out)
{
	put_text(out, "name=");
	put_text(out, g->name);
	for (int i = 0; i < KEYS; i++) {
		size_t start = out->len;

		put_char(out, ' ');
		put_text(out, keys[i].name);
		put_char(out, '=');
		if (!keys[i].print(g, out))
			g_string_truncate(out, start);
	}
}
