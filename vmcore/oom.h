/* oom.h - who has to go when memory and swap are full. */
#ifndef VMCORE_OOM_H
#define VMCORE_OOM_H

#include "proc.h"

/* Linux's select_bad_process(): NULL when nobody may be killed, or the host does not do that. */
struct vm_proc *oom_victim(struct vm_host *h);
/* SIGKILL, with an event that says why; `asked`: whose fault it was for. `victim` may be gone afterwards. */
void oom_kill(struct vm_proc *victim, int32_t asked);

#endif
