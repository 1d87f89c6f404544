/* root.h - what the files of the root share. */
#ifndef FS_ROOT_H
#define FS_ROOT_H

#include "command.h"

/* help.c */
extern const struct dir_ops help_dir;
bool help_exists(const char *topic);
int show_readme(const struct node *n, GString *out, struct err *e);
/* clock.c */
int show_clock(const struct node *n, GString *out, struct err *e);
int store_clock(const struct node *n, char *line, GString *result, struct err *e);
extern const struct command clock_commands[];

/* bridge.c */
extern const struct row bridge_rows[];

#endif
