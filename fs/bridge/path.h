/* path.h - where a path of this machine leads. */
#ifndef FS_BRIDGE_PATH_H
#define FS_BRIDGE_PATH_H

#include "real.h"

#include <stdbool.h>
#include <sys/types.h>

/* Whether the way to `path` leads through that mount, our own: any other call for it would wait for ourselves. 0: we have none. */
bool path_leads_to(const char *path, dev_t mount);
/* Which file that is, links followed; false: there is none. Not for paths that lead to us. */
bool path_file(const char *path, struct real_file *out);

#endif
