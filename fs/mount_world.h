/* mount_world.h - a world mounted on a directory, and served until it is unmounted. */
#ifndef FS_MOUNT_WORLD_H
#define FS_MOUNT_WORLD_H

struct settings;

/* Gives the status of the program (say.h); what went wrong has been said. In the background unless s->foreground. */
int mount_world(struct settings *s, const char *dir);

#endif
