/* policy.h - mem/policy, mem/lru and mem/victim; the policy as text. */
#ifndef FS_FILES_POLICY_H
#define FS_FILES_POLICY_H

#include "command.h"

struct vm_host;

/* "2q in=25 scope=process": carried out. EINVAL, ERANGE. e->arg: a column. */
int policy_set_text(struct vm_host *vm, const char *text, struct err *e);

/* Lines of candidates, an eviction a line; what is written is the answer. */
extern const struct stream_ops victim_stream;
show_fn show_policy;
store_fn store_policy;
extern const struct column lru_columns[];
fill_fn fill_lru;
/* Commands of mem/ctl. */
command_fn run_reclaim, run_watermark;

#endif
