/* table.h - a table's cells in, text, JSON or CSV out. */
#ifndef FS_TABLE_H
#define FS_TABLE_H

#include "tree.h"

/* Cells in the order of the columns; the last cell of a row ends it. table_none() prints `-` (JSON null, CSV empty... `-` in text). */
void table_word(struct table_out *t, const char *word);     /* NULL: none */
void table_number(struct table_out *t, uint64_t value);
void table_signed(struct table_out *t, int64_t value);
void table_hex(struct table_out *t, uint64_t value);
void table_time(struct table_out *t, ns_t value);
void table_none(struct table_out *t);
/* Columns known only at run time (pagetable's l1..lN): replaces the row's own before the first cell. Copied. */
void table_columns(struct table_out *t, const struct column *columns);

/* Runs `fill` and renders what it gave in n->format. */
int table_render(const struct node *n, GString *out, struct err *e);
/* How long the text is that table_render() would give, for st_size; n->format is FORMAT_TEXT. 0 when it fails. */
uint64_t table_text_bytes(const struct node *n);

#endif
