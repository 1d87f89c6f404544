/* vm_types.h - the numbers of a simulated machine. */
#ifndef VM_TYPES_H
#define VM_TYPES_H

#include "units.h"

typedef uint64_t va_t;   /* virtual address, bytes */
typedef uint64_t pa_t;   /* physical address, bytes */
typedef uint64_t vpn_t;  /* virtual page number */
typedef uint64_t pfn_t;  /* physical frame number */

#define PFN_NONE UINT64_MAX
#define PA_NONE  UINT64_MAX

struct vm_host;   /* a simulated computer */
struct vm_proc;   /* a process of it; valid until it is reaped: keep serials, not pointers */
struct vm_inode;  /* a file, directory or anonymous shared object */

#endif
