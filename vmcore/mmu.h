/*
 * mmu.h - a geometry as the walker wants it: masks instead of bit numbers.
 *
 * Permissions are kept as denials: (entry ^ flip) has a bit set where the entry refuses something or lacks A or D.
 * So one AND tells whether an access may go on, and the OR over all levels is what the whole walk refuses.
 */
#ifndef VMCORE_MMU_H
#define VMCORE_MMU_H

#include "vm_geometry.h"

#include <string.h>

struct mmu_format {
	uint64_t flip;
	uint64_t valid, read, write, user, nx, accessed, dirty; /* masks; 0: the format has no such bit */
	uint64_t upper_accessed;      /* A of pointer entries, where the hardware sets it */
	uint64_t leaf_need[3][2];     /* [enum vm_access][user mode]: denials that stop it at a leaf, */
	uint64_t upper_need[3][2];    /* and at a pointer */
	uint64_t big_flip, big_mask;  /* an upper entry is a leaf where (entry ^ big_flip) & big_mask */
	uint64_t upper_flip;          /* what `flip` is for pointers, to the fast walkers */
	uint64_t ppn_mask;            /* of the number itself: after the shift */
	unsigned ppn_shift, page_bits, pte_shift /* log2 pte_bytes */, levels, va_bits;
	unsigned shift[VM_LEVELS_MAX];           /* of the index in an address */
	uint64_t index_mask[VM_LEVELS_MAX];
	bool     upper_permissions, sign_extended, big_endian, rwx;
};

struct vm_host;
struct translation;

/* For the fast walkers: an access stops where (entry ^ upper_flip) & upper, or (entry ^ flip) & leaf. */
struct mmu_stop {
	uint64_t upper;               /* no pointer, or it denies, or lacks A, or its table is outside RAM */
	uint64_t leaf;                /* it denies, or lacks A, or D for a write */
};

struct mmu {
	/* The walker that fits the geometry; it may set A and D of the leaf. False when the walk is for mmu_walk_slowly() to judge. */
	bool   (*walk)(struct vm_host *h, pa_t ptbr, va_t va, struct mmu_stop stop, struct translation *out);
	struct mmu_stop stop[3][2];   /* [enum vm_access][user mode] */
	uint64_t ram_bytes;
	uint64_t mapped_bytes;        /* a power of two, at least ram_bytes; the rest stays zero */
	uint64_t table_mask;          /* of the address of a frame in what is mapped */
	uint64_t last_pte;            /* the highest address of a whole entry in RAM; 0 with `no_pte` */
	bool     no_pte;              /* RAM is smaller than an entry */
	struct mmu_format format;
	uint64_t leaf[32];            /* the entry of frame 0 with these VM_PTE_* (but VM_PTE_HUGE): for whoever makes many */
};
/* An entry as it lies in RAM, in native byte order; any address. */
static inline uint64_t pte_load(const struct mmu_format *f, const uint8_t *at)
{
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	switch (f->pte_shift) {
	case 3:
		memcpy(&v8, at, 8);
		return f->big_endian ? __builtin_bswap64(v8) : v8;
	case 2:
		memcpy(&v4, at, 4);
		return f->big_endian ? __builtin_bswap32(v4) : v4;
	case 1:
		memcpy(&v2, at, 2);
		return f->big_endian ? __builtin_bswap16(v2) : v2;
	default:
		return *at;
	}
}

static inline void pte_store(const struct mmu_format *f, uint8_t *at, uint64_t raw)
{
	uint64_t v8 = f->big_endian ? __builtin_bswap64(raw) : raw;
	uint32_t v4 = f->big_endian ? __builtin_bswap32((uint32_t)raw) : (uint32_t)raw;
	uint16_t v2 = f->big_endian ? __builtin_bswap16((uint16_t)raw) : (uint16_t)raw;

	switch (f->pte_shift) {
	case 3:
		memcpy(at, &v8, 8);
		break;
	case 2:
		memcpy(at, &v4, 4);
		break;
	case 1:
		memcpy(at, &v2, 2);
		break;
	default:
		*at = (uint8_t)raw;
	}
}

void mmu_format_of(const struct vm_geometry *g, struct mmu_format *f);

/* log2 of the frames that the table at `level` (1 the root) takes. */
unsigned table_order(const struct vm_geometry *g, unsigned level);

#endif
