/* vmcase.h - reads the walks in tests/cases: see tests/cases/ostep/README.md for the format. */
#ifndef TESTS_VMCASE_H
#define TESTS_VMCASE_H

#include "vm_geometry.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

struct vmcase_step { unsigned level; uint64_t index, pte_addr, pte; bool valid; uint64_t pfn; };
struct vmcase_access {
	va_t     va;
	bool     ok;
	uint64_t pa, byte;       /* ok; byte only where `memory` was given */
	unsigned fault_level;    /* not ok */
	GArray  *steps;          /* struct vmcase_step */
};
struct vmcase {
	char    *path, *kind;
	struct vm_geometry geometry;
	uint64_t base;
	GByteArray *memory;      /* all of RAM; empty for kind linear */
	GArray  *ptes;           /* uint64_t by vpn; kind linear */
	uint64_t pa_bytes;
	GPtrArray *accesses;
};

static inline void vmcase_number(const char *key, uint64_t v, struct vmcase *c)
{
	struct vm_geometry *g = &c->geometry;

	if (!strcmp(key, "va_bits"))
		g->va_bits = (unsigned)v;
	else if (!strcmp(key, "pa_bits"))
		g->pa_bits = (unsigned)v;
	else if (!strcmp(key, "page_bits"))
		g->page_bits = (unsigned)v;
	else if (!strcmp(key, "levels"))
		g->levels = (unsigned)v;
	else if (!strcmp(key, "pte_bytes"))
		g->pte_bytes = (unsigned)v;
	else if (!strcmp(key, "pte_valid_mask"))
		g->valid = __builtin_ctzll(v);
	else if (!strcmp(key, "pte_pfn_mask"))
		g->ppn_bits = (unsigned)__builtin_popcountll(v);
	else if (!strcmp(key, "pte_pfn_shift"))
		g->ppn_shift = (unsigned)v;
	else if (!strcmp(key, "base_addr"))
		c->base = v;
	else if (!strcmp(key, "pa_bytes"))
		c->pa_bytes = v;
}

static inline void vmcase_access_line(struct vmcase *c, char **w, bool linear)
{
	struct vmcase_access *a = g_new0(struct vmcase_access, 1);

	a->va = strtoull(w[0], NULL, 0);
	a->ok = !strcmp(w[1], "ok");
	if (a->ok)
		a->pa = strtoull(w[2], NULL, 0);
	else
		a->fault_level = (unsigned)strtoul(w[2], NULL, 0);
	if (a->ok && !linear)
		a->byte = strtoull(w[3], NULL, 0);
	a->steps = g_array_new(false, true, sizeof(struct vmcase_step));
	g_ptr_array_add(c->accesses, a);
}

static inline void vmcase_line(struct vmcase *c, const char *key, char *value)
{
	g_auto(GStrv) w = g_strsplit(g_strstrip(value), " ", -1);
	bool linear = c->kind && !strcmp(c->kind, "linear");

	if (!strcmp(key, "kind")) {
		c->kind = g_strdup(value);
	} else if (!strcmp(key, "pte_order")) {
		c->geometry.big_endian = !strcmp(value, "big");
	} else if (!strcmp(key, "index_bits")) {
		for (unsigned i = 0; w[i]; i++)
			c->geometry.index_bits[i] = (unsigned)atoi(w[i]);
	} else if (!strcmp(key, "mem")) {
		for (unsigned i = 1; w[i]; i++) {
			guint8 b = (guint8)strtoul(w[i], NULL, 16);

			g_byte_array_append(c->memory, &b, 1);
		}
	} else if (!strcmp(key, "pte")) {
		uint64_t pte = strtoull(w[1], NULL, 0);

		g_array_append_val(c->ptes, pte);
	} else if (!strcmp(key, "access")) {
		vmcase_access_line(c, w, linear);
	} else if (!strcmp(key, "step")) {
		struct vmcase_access *a = c->accesses->pdata[c->accesses->len - 1];
		struct vmcase_step s = { (unsigned)atoi(w[0]), strtoull(w[1], NULL, 0), strtoull(w[2], NULL, 0),
					 strtoull(w[3], NULL, 0), atoi(w[4]) != 0, strtoull(w[5], NULL, 0) };

		g_array_append_val(a->steps, s);
	} else {
		vmcase_number(key, strtoull(value, NULL, 0), c);
	}
}

static inline struct vmcase *vmcase_read(const char *path)
{
	struct vmcase *c = g_new0(struct vmcase, 1);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		g_error("%s cannot be read", path);
	c->path = g_strdup(path);
	c->memory = g_byte_array_new();
	c->ptes = g_array_new(false, false, sizeof(uint64_t));
	c->accesses = g_ptr_array_new();
	strcpy(c->geometry.name, "custom");
	c->geometry.read = c->geometry.write = c->geometry.user = c->geometry.nx = c->geometry.accessed =
		c->geometry.dirty = c->geometry.huge = VM_BIT_NONE;
	lines = g_strsplit(text, "\n", -1);
	for (unsigned i = 0; lines[i]; i++) {
		char *colon = strstr(lines[i], ": ");

		if (!colon)
			continue;
		*colon = 0;
		vmcase_line(c, lines[i], colon + 2);
	}
	return c;
}

static inline void vmcase_free(struct vmcase *c)
{
	for (guint i = 0; i < c->accesses->len; i++) {
		struct vmcase_access *a = c->accesses->pdata[i];

		g_array_unref(a->steps);
		g_free(a);
	}
	g_ptr_array_unref(c->accesses);
	g_array_unref(c->ptes);
	g_byte_array_unref(c->memory);
	g_free(c->kind);
	g_free(c->path);
	g_free(c);
}

static inline gint vmcase_by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Calls `each` for every .case file in a directory, in order of names; returns how many. */
static inline unsigned vmcase_each(const char *dir, void (*each)(struct vmcase *c))
{
	GDir *d = g_dir_open(dir, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	if (!d)
		g_error("%s cannot be opened", dir);
	while ((name = g_dir_read_name(d)))
		if (g_str_has_suffix(name, ".case"))
			g_ptr_array_add(names, g_build_filename(dir, name, NULL));
	g_dir_close(d);
	g_ptr_array_sort(names, vmcase_by_name);
	for (guint i = 0; i < names->len; i++) {
		struct vmcase *c = vmcase_read(names->pdata[i]);

		each(c);
		vmcase_free(c);
	}
	return names->len;
}

#endif
