/* geometry_text.h - geometries as mem/geometry and --geometry write them. */
#ifndef FS_GEOMETRY_TEXT_H
#define FS_GEOMETRY_TEXT_H

#include "err.h"
#include "vm_geometry.h"

/*
 * A preset's name, or key=value words; a preset's name (alone or as name=) before other keys is what they change.
 * EINVAL: an unknown key, a missing one, a contradiction; then e->arg is the column of the word at fault and *g is untouched.
 */
int  geometry_parse(const char *text, struct vm_geometry *g, struct err *e);
/* One line that geometry_parse() reads back as the same geometry, without newline. */
void geometry_print(const struct vm_geometry *g, GString *out);

#endif
