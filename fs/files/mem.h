/* mem.h - the parts of hosts/H/mem. */
#ifndef FS_FILES_MEM_H
#define FS_FILES_MEM_H

#include "tree.h"

/* mem_frames.c */
extern const struct column frame_columns[];
extern const struct dir_ops frame_dir;
fill_fn fill_frames;
show_fn show_map;

/* mem_config.c */
show_fn show_config;
store_fn store_config;

#endif
