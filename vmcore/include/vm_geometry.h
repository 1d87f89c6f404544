/* vm_geometry.h - how addresses split, what a page-table entry looks like. */
#ifndef VM_GEOMETRY_H
#define VM_GEOMETRY_H

#include "err.h"
#include "vm_types.h"

enum { VM_LEVELS_MAX = 8 };

enum vm_table { VM_TABLE_RADIX, VM_TABLE_FLAT, VM_TABLE_HASHED, VM_TABLE_INVERTED, VM_TABLES };
extern const char *const vm_table_names[VM_TABLES];

/* A bit of an entry by its number, or VM_BIT_NONE where the format has no such bit. */
enum { VM_BIT_NONE = -1 };

struct vm_geometry {
	char     name[24];          /* the preset's name, or "custom" */
	unsigned va_bits, pa_bits;  /* widths of addresses, 1 to 64; pa at most 52 */
	unsigned page_bits;         /* log2 of the page size, 0 to 30 */
	unsigned pte_bytes;         /* 1, 2, 4 or 8 */
	bool     big_endian;        /* of entries wider than a byte */
	enum vm_table table;
	unsigned levels;                     /* 1 for flat; 0 for hashed and inverted */
	unsigned index_bits[VM_LEVELS_MAX];  /* root first; they sum to va_bits - page_bits */
	unsigned ppn_shift, ppn_bits;        /* where the frame number is in an entry */
	int      valid, write, user, nx, accessed, dirty, huge; /* bit numbers */
	bool     write_inverted;    /* arm64: the bit set means read-only */
	bool     exec_positive;     /* riscv: `nx` names a bit that permits execution */
	bool     upper_permissions; /* x86: write, user, nx of upper entries count too */
	bool     leaf_by_rwx;       /* riscv: an entry with any of R, W, X is a leaf, else a pointer */
	int      read;              /* riscv R bit; else VM_BIT_NONE */
	bool     huge_inverted;     /* arm64: the bit clear means a block, at upper levels */
	uint64_t leaf_set;          /* bits that every leaf entry carries (arm64: type 0b11) */
	uint64_t table_set;         /* bits that every pointer entry carries */
	bool     sign_extended;     /* upper address bits must repeat the top one (canonical) */
};

/* A preset by name: x86-64 x86-64-la57 x86-32 x86-pae sv32 sv39 sv48 sv57 arm64-4k vpn16; NULL if unknown. */
const struct vm_geometry *vm_geometry_preset(const char *name);
/* The presets in order, for lists; NULL past the last. */
const struct vm_geometry *vm_geometry_at(unsigned i);
/* EINVAL with the contradiction; `e->arg` is -1. Fills nothing in. */
int vm_geometry_check(const struct vm_geometry *g, struct err *e);

static inline uint64_t vm_page_size(const struct vm_geometry *g) { return (uint64_t)1 << g->page_bits; }

#endif
