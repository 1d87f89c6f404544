/* sparse.h - large arrays of zero bytes of which perhaps little is ever used: real memory is taken as they are written. */
#ifndef BASE_SPARSE_H
#define BASE_SPARSE_H

#include "units.h"

/* NULL: no room for it. */
void *sparse_new(uint64_t bytes);
/* Of the same `bytes`; NULL: nothing to do. */
void  sparse_free(void *p, uint64_t bytes);
/* Most of it is in use, or will be: may lie in large real pages, which cost fewer misses of the real TLB. */
void  sparse_dense(void *p, uint64_t bytes);

#endif
