/* say.h - how the program ends, and what it says then: one line on stderr, `vitrine: ...`. */
#ifndef FS_SAY_H
#define FS_SAY_H

#include <glib.h>

enum { OK = 0, FAILED = 1, USAGE = 2 };  /* exit statuses */

int fail(const char *fmt, ...) G_GNUC_PRINTF(1, 2);     /* FAILED */
int misused(const char *fmt, ...) G_GNUC_PRINTF(1, 2);  /* USAGE */

#endif
