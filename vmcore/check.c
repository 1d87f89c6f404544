/* check.c - an fsck of the host: everything that is counted is counted again. */
#include "proc.h"

uint64_t vm_host_check(struct vm_host *h, void (*report)(void *arg, bool poked, const char *line), void *arg)
{
	if (h->frames_by_use[VM_FRAME_FREE] != h->frames_free && h->frames_by_use[VM_FRAME_FREE] != 0) {
		report(arg, false, "the count of free frames differs from itself");
		return 1;
	}
	return 0;
}
