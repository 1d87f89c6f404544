/*
 * vm_ref.h - one memory reference of a trace, in one word.
 *
 * Bits 0-35 page number, 52-61 process, 62-63 what it does; the rest is 0. A bare page number is so a load by
 * process 0.
 */
#ifndef VM_REF_H
#define VM_REF_H

#include "vm_types.h"

enum vm_ref_kind { VM_REF_LOAD, VM_REF_STORE, VM_REF_MODIFY, VM_REF_FETCH };

enum { VM_REF_PAGE_BITS = 36, VM_REF_SPACE_SHIFT = 52, VM_REF_KIND_SHIFT = 62, VM_REF_SPACES = 1024 };

#define VM_REF_PAGES     ((uint64_t)1 << VM_REF_PAGE_BITS)
/* What is not in a page number, nor in process or kind. */
#define VM_REF_NONSENSE  (((uint64_t)1 << VM_REF_SPACE_SHIFT) - VM_REF_PAGES)

static inline uint64_t vm_ref(enum vm_ref_kind kind, unsigned space, vpn_t page)
{
	return (uint64_t)kind << VM_REF_KIND_SHIFT | (uint64_t)space << VM_REF_SPACE_SHIFT | page;
}
static inline enum vm_ref_kind vm_ref_kind(uint64_t ref) { return (enum vm_ref_kind)(ref >> VM_REF_KIND_SHIFT); }
static inline unsigned vm_ref_space(uint64_t ref) { return ref >> VM_REF_SPACE_SHIFT & (VM_REF_SPACES - 1); }
static inline vpn_t vm_ref_page(uint64_t ref) { return ref & (((uint64_t)1 << VM_REF_SPACE_SHIFT) - 1); }
/* Page and process: what names a page among all. */
static inline uint64_t vm_ref_where(uint64_t ref) { return ref & (((uint64_t)1 << VM_REF_KIND_SHIFT) - 1); }
static inline bool vm_ref_stores(uint64_t ref)
{
	return vm_ref_kind(ref) == VM_REF_STORE || vm_ref_kind(ref) == VM_REF_MODIFY;
}

#endif
