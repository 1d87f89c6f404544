/* load.h - proc/PID/load: a histogram of what `load` has measured. */
#ifndef FS_LOAD_H
#define FS_LOAD_H

#include "tree.h"

/* Empty again. */
void load_times_clear(const struct node *n);
void load_times_add(const struct node *n, ns_t took);
extern const struct column load_columns[];
fill_fn fill_load;

#endif
