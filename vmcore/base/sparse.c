/* sparse.c - large arrays of zero bytes of which perhaps little is ever used. */
#include "sparse.h"

#include <sys/mman.h>

void *sparse_new(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void sparse_free(void *p, uint64_t bytes)
{
	if (p)
		munmap(p, bytes);
}

void sparse_dense(void *p, uint64_t bytes)
{
#ifdef MADV_HUGEPAGE
	if (p)
		madvise(p, bytes, MADV_HUGEPAGE);        /* not everywhere; then it just stays slower */
#endif
}
