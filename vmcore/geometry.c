/* geometry.c - the presets, and what a geometry may not be. */
#include "mmu.h"

#include <inttypes.h>
#include <string.h>

const char *const vm_table_names[VM_TABLES] = { "radix", "flat", "hashed", "inverted" };

#define NONE VM_BIT_NONE
#define LIKE_X86_64                                                                                     \
	.page_bits = 12, .pte_bytes = 8, .ppn_shift = 12, .ppn_bits = 40, .valid = 0, .write = 1, .user = 2, \
	.accessed = 5, .dirty = 6, .huge = 7, .nx = 63, .read = NONE, .upper_permissions = true
#define LIKE_RISCV                                                                                      \
	.page_bits = 12, .ppn_shift = 10, .valid = 0, .read = 1, .write = 2, .nx = 3, .exec_positive = true, \
	.user = 4, .accessed = 6, .dirty = 7, .huge = NONE, .leaf_by_rwx = true

static const struct vm_geometry presets[] = {
	{ .name = "x86-64", .va_bits = 48, .pa_bits = 52, .levels = 4, .index_bits = { 9, 9, 9, 9 },
	  .sign_extended = true, LIKE_X86_64 },
	{ .name = "x86-64-la57", .va_bits = 57, .pa_bits = 52, .levels = 5, .index_bits = { 9, 9, 9, 9, 9 },
	  .sign_extended = true, LIKE_X86_64 },
	{ .name = "x86-32", .va_bits = 32, .pa_bits = 32, .page_bits = 12, .pte_bytes = 4, .levels = 2,
	  .index_bits = { 10, 10 }, .ppn_shift = 12, .ppn_bits = 20, .valid = 0, .write = 1, .user = 2,
	  .accessed = 5, .dirty = 6, .huge = 7, .nx = NONE, .read = NONE, .upper_permissions = true },
	/* The four root entries have no W and U bits in a real PAE; here they are like all others. */
	{ .name = "x86-pae", .va_bits = 32, .pa_bits = 52, .levels = 3, .index_bits = { 2, 9, 9 }, LIKE_X86_64 },
	{ .name = "sv32", .va_bits = 32, .pa_bits = 34, .pte_bytes = 4, .levels = 2, .index_bits = { 10, 10 },
	  .ppn_bits = 22, LIKE_RISCV },
	{ .name = "sv39", .va_bits = 39, .pa_bits = 52, .pte_bytes = 8, .levels = 3, .index_bits = { 9, 9, 9 },
	  .ppn_bits = 44, .sign_extended = true, LIKE_RISCV },
	{ .name = "sv48", .va_bits = 48, .pa_bits = 52, .pte_bytes = 8, .levels = 4, .index_bits = { 9, 9, 9, 9 },
	  .ppn_bits = 44, .sign_extended = true, LIKE_RISCV },
	{ .name = "sv57", .va_bits = 57, .pa_bits = 52, .pte_bytes = 8, .levels = 5,
	  .index_bits = { 9, 9, 9, 9, 9 }, .ppn_bits = 44, .sign_extended = true, LIKE_RISCV },
	/* TTBR0's half. AP[2] is read-only, AP[1] user, AF 10, UXN 54; dirty is the bit that Linux keeps in software. */
	{ .name = "arm64-4k", .va_bits = 48, .pa_bits = 48, .page_bits = 12, .pte_bytes = 8, .levels = 4,
	  .index_bits = { 9, 9, 9, 9 }, .ppn_shift = 12, .ppn_bits = 36, .valid = 0, .write = 7,
	  .write_inverted = true, .user = 6, .nx = 54, .accessed = 10, .dirty = 55, .huge = 1,
	  .huge_inverted = true, .leaf_set = 3, .table_set = 3, .read = NONE },
	{ .name = "vpn16", .va_bits = 28, .pa_bits = 32, .page_bits = 12, .pte_bytes = 4, .levels = 2,
	  .index_bits = { 8, 8 }, .ppn_shift = 12, .ppn_bits = 20, .valid = 0, .write = 1, .user = 2, .nx = 3,
	  .accessed = 5, .dirty = 6, .huge = NONE, .read = NONE, .upper_permissions = true },
};

const struct vm_geometry *vm_geometry_at(unsigned i)
{
	return i < G_N_ELEMENTS(presets) ? &presets[i] : NULL;
}

const struct vm_geometry *vm_geometry_preset(const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(presets); i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

/* The bits of an entry that have a name. */
struct named_bit { const char *name; int bit; };
enum { NAMED_BITS = 8 };
static void named_bits(const struct vm_geometry *g, struct named_bit b[NAMED_BITS])
{
	const struct named_bit all[NAMED_BITS] = {
		{ "valid", g->valid }, { "read", g->read }, { "write", g->write }, { "user", g->user },
		{ "nx", g->nx }, { "accessed", g->accessed }, { "dirty", g->dirty }, { "huge", g->huge },
	};

	memcpy(b, all, sizeof(all));
}

static int check_widths(const struct vm_geometry *g, struct err *e)
{
	if (g->table >= VM_TABLES)
		return err_set(e, EINVAL, -1, "there is no table kind %u", g->table);
	if (g->va_bits < 1 || g->va_bits > 64)
		return err_set(e, EINVAL, -1, "va=%u: addresses have 1 to 64 bits", g->va_bits);
	if (g->pa_bits < 1 || g->pa_bits > 52)
		return err_set(e, EINVAL, -1, "pa=%u: physical addresses have 1 to 52 bits", g->pa_bits);
	if (g->page_bits > 30)
		return err_set(e, EINVAL, -1, "a page of 2^%u bytes is larger than 1 GiB", g->page_bits);
	if (g->page_bits > g->pa_bits)
		return err_set(e, EINVAL, -1, "a page of 2^%u bytes does not fit in RAM of 2^%u", g->page_bits,
			       g->pa_bits);
	if (g->page_bits >= g->va_bits)
		return err_set(e, EINVAL, -1, "va=%u leaves no page number beside %u bits of offset", g->va_bits,
			       g->page_bits);
	if (g->pte_bytes != 1 && g->pte_bytes != 2 && g->pte_bytes != 4 && g->pte_bytes != 8)
		return err_set(e, EINVAL, -1, "pte=%u: an entry takes 1, 2, 4 or 8 bytes", g->pte_bytes);
	return 0;
}

static int check_entry(const struct vm_geometry *g, struct err *e)
{
	unsigned bits = 8 * g->pte_bytes;
	uint64_t taken = 0;
	struct named_bit b[NAMED_BITS];

	if (g->ppn_bits < 1)
		return err_set(e, EINVAL, -1, "the frame number has no bits");
	if (g->ppn_shift >= bits || g->ppn_bits > bits - g->ppn_shift)
		return err_set(e, EINVAL, -1, "ppn=%u+%u lies outside an entry of %u bits", g->ppn_shift,
			       g->ppn_bits, bits);
	if (g->ppn_bits + g->page_bits > 63)
		return err_set(e, EINVAL, -1, "frame numbers of %u bits with pages of 2^%u bytes exceed 63 bits",
			       g->ppn_bits, g->page_bits);
	if (g->valid == NONE)
		return err_set(e, EINVAL, -1, "an entry needs a valid bit");
	named_bits(g, b);
	for (int i = 0; i < NAMED_BITS; i++) {
		if (b[i].bit == NONE)
			continue;
		if (b[i].bit < 0 || (unsigned)b[i].bit >= bits)
			return err_set(e, EINVAL, -1, "%s=%d lies outside an entry of %u bits", b[i].name, b[i].bit,
				       bits);
		if ((unsigned)b[i].bit >= g->ppn_shift && (unsigned)b[i].bit < g->ppn_shift + g->ppn_bits)
			return err_set(e, EINVAL, -1, "%s=%d lies inside the frame number, ppn=%u+%u", b[i].name,
				       b[i].bit, g->ppn_shift, g->ppn_bits);
		if (taken & ((uint64_t)1 << b[i].bit))
			for (int k = 0; k < i; k++)
				if (b[k].bit == b[i].bit)
					return err_set(e, EINVAL, -1, "%s and %s are both bit %d", b[k].name,
						       b[i].name, b[i].bit);
		taken |= (uint64_t)1 << b[i].bit;
	}
	return 0;
}

/* Bits that every entry carries must not change what else it says. */
static int check_fixed_bits(const struct vm_geometry *g, struct err *e)
{
	uint64_t inside = g->pte_bytes == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * g->pte_bytes)) - 1;
	uint64_t ppn = (((uint64_t)1 << g->ppn_bits) - 1) << g->ppn_shift;
	uint64_t allowed = inside & ~ppn;

	if (g->leaf_set & ~allowed || g->table_set & ~allowed)
		return err_set(e, EINVAL, -1, "fixed bits 0x%" PRIx64 " and 0x%" PRIx64 " touch the frame number or "
			       "lie outside an entry", g->leaf_set, g->table_set);
	if (g->write_inverted && g->write == NONE)
		return err_set(e, EINVAL, -1, "an inverted write bit needs a write bit");
	if (g->huge_inverted && g->huge == NONE)
		return err_set(e, EINVAL, -1, "an inverted huge bit needs a huge bit");
	if (g->exec_positive && g->nx == NONE)
		return err_set(e, EINVAL, -1, "an execute bit needs its number");
	if (g->leaf_by_rwx && (g->read == NONE || g->write == NONE || g->nx == NONE || g->huge != NONE))
		return err_set(e, EINVAL, -1, "leaves told by R, W and X need these three bits and no huge bit");
	if (g->read != NONE && !g->leaf_by_rwx)
		return err_set(e, EINVAL, -1, "a read bit is known only where R, W and X tell leaves");
	return 0;
}

static int check_hashed(const struct vm_geometry *g, struct err *e)
{
	unsigned vpn_bits = g->va_bits - g->page_bits;
	unsigned least = g->table == VM_TABLE_INVERTED ? 7 : 4;

	if (g->levels != 0)
		return err_set(e, EINVAL, -1, "table=%s has no levels: leave split out", vm_table_names[g->table]);
	if (g->huge != NONE || g->leaf_by_rwx)
		return err_set(e, EINVAL, -1, "table=%s has no huge pages", vm_table_names[g->table]);
	if (g->table == VM_TABLE_HASHED && vpn_bits > 62)
		return err_set(e, EINVAL, -1, "page numbers of %u bits do not fit a tag of 62", vpn_bits);
	if (g->table == VM_TABLE_INVERTED && vpn_bits > 40)
		return err_set(e, EINVAL, -1, "page numbers of %u bits do not fit an inverted table's tag of 40",
			       vpn_bits);
	if (g->page_bits < least)
		return err_set(e, EINVAL, -1, "table=%s, whose slots take 16 bytes, needs pages of 2^%u bytes or more",
			       vm_table_names[g->table], least);
	return 0;
}

static int check_levels(const struct vm_geometry *g, struct err *e)
{
	unsigned sum = 0, pte_shift = (unsigned)__builtin_ctz(g->pte_bytes);

	if (g->table == VM_TABLE_FLAT && g->levels != 1)
		return err_set(e, EINVAL, -1, "a flat table has one level, not %u", g->levels);
	if (g->levels < 1 || g->levels > VM_LEVELS_MAX)
		return err_set(e, EINVAL, -1, "%u levels: there can be 1 to %d", g->levels, VM_LEVELS_MAX);
	for (unsigned i = 0; i < g->levels; i++) {
		if (g->index_bits[i] < 1 || g->index_bits[i] > 63)
			return err_set(e, EINVAL, -1, "level %u has an index of %u bits", i + 1, g->index_bits[i]);
		sum += g->index_bits[i];
	}
	if (sum != g->va_bits - g->page_bits)
		return err_set(e, EINVAL, -1, "the split has %u bits, but va=%u less %u bits of offset leaves %u", sum,
			       g->va_bits, g->page_bits, g->va_bits - g->page_bits);
	for (unsigned i = 0; i < g->levels; i++)
		if (g->index_bits[i] + pte_shift > g->pa_bits)
			return err_set(e, EINVAL, -1, "a table of 2^%u entries of %u bytes is larger than RAM of 2^%u",
				       g->index_bits[i], g->pte_bytes, g->pa_bits);
	if (g->huge != NONE && g->levels < 2)
		return err_set(e, EINVAL, -1, "huge pages need a table of two levels or more");
	return 0;
}

int vm_geometry_check(const struct vm_geometry *g, struct err *e)
{
	int r;

	if (!memchr(g->name, 0, sizeof(g->name)))
		return err_set(e, EINVAL, -1, "the name has no end");
	r = check_widths(g, e);
	if (!r)
		r = check_entry(g, e);
	if (!r)
		r = check_fixed_bits(g, e);
	if (!r && g->sign_extended && g->va_bits == 64)
		return err_set(e, EINVAL, -1, "addresses of 64 bits have no upper part to extend the sign into");
	if (!r)
		r = g->table == VM_TABLE_HASHED || g->table == VM_TABLE_INVERTED ? check_hashed(g, e)
										 : check_levels(g, e);
	return r;
}

static uint64_t bit_mask(int bit)
{
	return bit == NONE ? 0 : (uint64_t)1 << bit;
}

static void needs_of(const struct vm_geometry *g, struct mmu_format *f)
{
	uint64_t upper = f->valid;

	for (int user = 0; user < 2; user++)
		for (int how = 0; how < 3; how++) {
			uint64_t need = f->valid | (user ? f->user : 0);

			need |= how == 0 ? f->read : how == 1 ? f->write : f->nx;
			f->leaf_need[how][user] = need;
			f->upper_need[how][user] = g->upper_permissions ? need : upper;
		}
}

void mmu_format_of(const struct vm_geometry *g, struct mmu_format *f)
{
	unsigned shift = g->va_bits;

	*f = (struct mmu_format) {
		.valid = bit_mask(g->valid), .read = bit_mask(g->read), .write = bit_mask(g->write),
		.user = bit_mask(g->user), .nx = bit_mask(g->nx), .accessed = bit_mask(g->accessed),
		.dirty = bit_mask(g->dirty),
		.ppn_mask = ((uint64_t)1 << g->ppn_bits) - 1, .ppn_shift = g->ppn_shift,
		.page_bits = g->page_bits, .pte_shift = (unsigned)__builtin_ctz(g->pte_bytes),
		.levels = g->levels, .va_bits = g->va_bits, .upper_permissions = g->upper_permissions,
		.sign_extended = g->sign_extended, .big_endian = g->big_endian, .rwx = g->leaf_by_rwx,
	};
	f->flip = f->valid | f->read | f->user | f->accessed | f->dirty;
	f->flip |= g->write_inverted ? 0 : f->write;
	f->flip |= g->exec_positive ? f->nx : 0;
	/* RISC-V reserves A in pointers, arm64's tables have none. */
	f->upper_accessed = g->leaf_by_rwx || g->huge_inverted ? 0 : f->accessed;
	f->big_mask = g->leaf_by_rwx ? f->read | f->write | f->nx : bit_mask(g->huge);
	f->big_flip = g->huge_inverted ? f->big_mask : 0;
	/* RISC-V's R, W and X tell leaves at upper levels, and are no permissions there. */
	f->upper_flip = g->leaf_by_rwx ? f->valid : f->flip | f->big_flip;
	for (unsigned i = 0; i < g->levels; i++) {
		shift -= g->index_bits[i];
		f->shift[i] = shift;
		f->index_mask[i] = ((uint64_t)1 << g->index_bits[i]) - 1;
	}
	needs_of(g, f);
}

unsigned table_order(const struct vm_geometry *g, unsigned level)
{
	unsigned bits = g->index_bits[level - 1] + (unsigned)__builtin_ctz(g->pte_bytes);

	return bits > g->page_bits ? bits - g->page_bits : 0;
}
