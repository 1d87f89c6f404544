/* timeline.h - swap/timeline, drawn: a bar for each transfer, over time. */
#ifndef FS_DRAW_TIMELINE_H
#define FS_DRAW_TIMELINE_H

#include "vm_swap.h"

/* SVG of `n` transfers, oldest first. */
void draw_timeline(const struct vm_paging *rows, size_t n, GString *out);

#endif
