/* pagetable.c - proc/PID/pagetable and proc/PID/faults: what is mapped, and how it came to be, as tables. */
#include "process.h"
#include "table.h"
#include "text.h"

#include <string.h>

/* The columns but l1..lN, which depend on the geometry. */
const struct column pagetable_columns[] = {
	{ "va", COLUMN_HEX }, { "pte", COLUMN_HEX }, { "pfn", COLUMN_HEX }, { "slot", COLUMN_NUMBER },
	{ "flags", COLUMN_WORD }, { 0 }
};

static const char *const level_names[VM_LEVELS_MAX] = { "l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8" };

static void set_columns(struct table_out *t, unsigned levels)
{
	struct column c[G_N_ELEMENTS(pagetable_columns) + VM_LEVELS_MAX];
	unsigned n = 0;

	c[n++] = pagetable_columns[0];
	for (unsigned l = 0; l < levels; l++)
		c[n++] = (struct column){ level_names[l], COLUMN_HEX };
	for (size_t i = 1; i < G_N_ELEMENTS(pagetable_columns); i++)
		c[n++] = pagetable_columns[i];
	table_columns(t, c);
}

/* The levels below a huge leaf (of 2^leaf_bits bytes) have no index. */
static void put_indexes(struct table_out *t, const struct vm_geometry *g, va_t va, unsigned leaf_bits)
{
	unsigned shift = g->page_bits;

	for (unsigned l = 0; l < g->levels; l++)
		shift += g->index_bits[l];
	for (unsigned l = 0; l < g->levels; l++) {
		shift -= g->index_bits[l];
		if (shift < leaf_bits) {
			table_none(t);
			continue;
		}
		table_hex(t, va >> shift & (((uint64_t)1 << g->index_bits[l]) - 1));
	}
}

static va_t address_of(const struct vm_geometry *g, vpn_t vpn)
{
	va_t va = vpn << g->page_bits;

	/* Upper halves of sign-extended spaces: only tables written by hand map anything there. */
	if (g->sign_extended && g->va_bits < 64 && va >> (g->va_bits - 1) & 1)
		va |= UINT64_MAX << g->va_bits;
	return va;
}

/* N:S in any area but the first. */
static void put_slot(struct table_out *t, const struct vm_page *page)
{
	char text[48];

	if (page->swap_area == 0)
		return table_number(t, page->slot);
	g_snprintf(text, sizeof(text), "%u:%" PRIu64, page->swap_area, page->slot);
	table_word(t, text);
}

int fill_pagetable(const struct node *n, struct table_out *t, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	g_autoptr(GString) flags = g_string_new(NULL);
	const struct vm_geometry *g;
	vpn_t vpn = 0;

	if (!p)
		return -e->code;
	g = process_geometry(p);
	set_columns(t, g->levels);
	if (!process_alive(n, NULL))
		return 0;
	for (; vm_page_above(p, vpn, &vpn); vpn++) {
		va_t va = address_of(g, vpn);
		struct vm_page page;

		vm_page_at(p, va, &page);
		table_hex(t, va);
		put_indexes(t, g, va, page.huge_bits ? page.huge_bits : g->page_bits);
		table_hex(t, page.pte);
		if (page.pfn != PFN_NONE)
			table_hex(t, page.pfn);
		else
			table_none(t);
		if (page.state == VM_PAGE_SWAPPED)
			put_slot(t, &page);
		else
			table_none(t);
		g_string_truncate(flags, 0);
		put_pte_flags(flags, page.flags | (page.huge_bits ? VM_PTE_HUGE : 0));
		table_word(t, flags->str);
		/* One row for a huge leaf, however many pages it maps. */
		if (page.huge_bits)
			vpn |= ((uint64_t)1 << (page.huge_bits - g->page_bits)) - 1;
		if (vpn == UINT64_MAX)
			break;
	}
	return 0;
}

const struct column fault_columns[] = {
	{ "time", COLUMN_TIME }, { "va", COLUMN_HEX }, { "access", COLUMN_WORD }, { "kind", COLUMN_WORD },
	{ "resolution", COLUMN_WORD }, { "cost", COLUMN_TIME }, { 0 }
};

static const char *const access_names[] = { [VM_READ] = "read", [VM_WRITE] = "write", [VM_EXEC] = "exec" };

/* A table's words have no blanks: "SEGV MAPERR" becomes SEGV_MAPERR. */
static void put_word(struct table_out *t, const char *text)
{
	char word[32];

	g_strlcpy(word, text, sizeof(word));
	table_word(t, g_strdelimit(word, " ", '_'));
}

int fill_faults(const struct node *n, struct table_out *t, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	struct vm_fault_record f;
	uint64_t cursor = 0;

	if (!p)
		return -e->code;
	while (vm_fault_next(p, &cursor, &f)) {
		table_time(t, f.time);
		table_hex(t, f.va);
		table_word(t, access_names[f.access]);
		put_word(t, f.kind);
		put_word(t, f.resolution);
		table_time(t, f.cost);
	}
	return 0;
}
