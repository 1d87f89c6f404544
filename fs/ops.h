/* ops.h - the tree as a mounted file system. FUSE's types stop in ops*.c. */
#ifndef FS_OPS_H
#define FS_OPS_H

#include "world.h"

struct fs;

/* `options` is what follows -o. NULL when FUSE refuses them; it has said why. */
struct fs *fs_new(struct world *w, const char *options);
void fs_free(struct fs *fs);
/* `dir` is absolute. -1 when it cannot be mounted there; FUSE has said why. */
int fs_mount(struct fs *fs, const char *dir);
/*
 * Serves until it is unmounted or told to end by SIGTERM, SIGINT or SIGHUP, then unmounts. Writes a byte to `ready`
 * (-1: none), and closes it, once the kernel has shaken hands. 0, or -errno when the loop itself failed.
 */
int fs_serve(struct fs *fs, int ready);

/* Whoever waits is answered; fs_serve() does it at its end. */
void fs_end_waits(struct fs *fs);

#endif
