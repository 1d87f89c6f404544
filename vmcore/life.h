/* life.h - what proc.c, thread.c, exit.c and signal.c share about the lives of processes. */
#ifndef VMCORE_LIFE_H
#define VMCORE_LIFE_H

#include "proc.h"

int32_t pid_alloc(struct vm_host *h);                       /* 0: none is left */
int  pid_check(const struct vm_host *h, int32_t pid, struct err *e); /* whether a new one may have it; EINVAL, EEXIST */
void proc_adopt(struct vm_proc *parent, struct vm_proc *p); /* p has no parent yet */
void proc_strip(struct vm_proc *p);                         /* all but the struct and its place goes: a zombie */
void proc_unpublish(struct vm_proc *p);                     /* nobody finds it any more */

#endif
