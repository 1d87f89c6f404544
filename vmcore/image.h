/* image.h - what elf.c and program.c put a process's image together with. */
#ifndef VMCORE_IMAGE_H
#define VMCORE_IMAGE_H

#include "mm.h"

/* A private mapping at a fixed place, over what is there; `f` NULL: zeros. */
int  image_map(struct mm *mm, va_t at, uint64_t len, unsigned prot, struct file *f, uint64_t pgoff, struct err *e);
/* The stack: `len` bytes below mm_top(), growing down. */
int  image_map_stack(struct mm *mm, uint64_t len, bool exec, struct err *e);
/*
 * [vvar], [vvar_vclock] and [vdso], as Linux 6.18 has them: 4, 2 and 2 pages of 4 KiB, here memory that holds zeros; and
 * [vsyscall], which is only shown. *vdso: where [vdso] is.
 */
int  image_map_vdso(struct mm *mm, va_t *vdso, struct err *e);
/*
 * Stores bytes in memory of the image as the kernel does, with faults and copies but for no process. EFAULT where a
 * store would not be allowed or lies behind the end of a file; ENOMEM.
 */
int  image_store(struct mm *mm, va_t at, const void *from, uint64_t len, struct err *e);

#endif
