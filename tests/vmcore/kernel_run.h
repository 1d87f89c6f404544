/*
 * kernel_run.h - a script while it runs. kernel_lines.c takes it line by line; kernel_words.c reads the words,
 * kernel_calls.c makes the calls, kernel_views.c looks; kernel_scripts.c compares, real/recorder.c records.
 */
#ifndef KERNEL_RUN_H
#define KERNEL_RUN_H

#include "kernel_backend.h"

struct run {
	const struct backend *b;
	void *w;
	const char *file;
	GHashTable *labels;       /* name -> uint64_t * */
	GPtrArray *procs;         /* names */
	char   **words;           /* of the line: without process and label */
	const char *p;            /* the process */
	GString *out;             /* the lines that the operation gives */
	unsigned line;
};

/* ---- kernel_words.c: what is no word of the notation ends the program with status 2 ---- */

G_NORETURN void bad(struct run *r, const char *what);
uint64_t number(struct run *r, const char *s);
uint64_t address(struct run *r, const char *s);
const char *word(struct run *r, unsigned i);   /* operands of the line, from 0 */
uint64_t arg_at(struct run *r, unsigned i);
uint64_t arg_n(struct run *r, unsigned i);
bool has_word(struct run *r, const char *w);
unsigned protection(const char *s);
struct name { const char *name; unsigned value; };
unsigned value_of(struct run *r, const struct name *names, const char *name);
void answer(struct run *r, int code);          /* 0 or an errno */
void answer_address(struct run *r, int code, uint64_t at, const char *label);
void add_runs(GString *out, const char *codes, size_t n); /* run-length code: count and letter */
/* The recorded line with every address as a plain number, as our own lines have them. */
char *plain_addresses(struct run *r, const char *line);
/* Puts names back into our lines, so that a difference reads well. */
char *named_addresses(const char *line);

/* ---- kernel_calls.c ---- */

/* Carries out an operation, its name and operands; false: there is none of that name. */
bool run_call(struct run *r, char **w, const char *label);

/* ---- kernel_views.c ---- */

void do_check(struct run *r, const char *label);
void do_checkall(struct run *r, const char *label);
void do_share(struct run *r, const char *label);

/* ---- kernel_lines.c ---- */

/* Begins a script of these lines, with its first process; false where the backend cannot run. */
bool script_begin(struct run *r, const struct backend *b, const char *file, char **lines);
/* Carries a line out: what its operation gives (the caller's), NULL for a directive, a result, a comment. */
char *script_line(struct run *r, const char *line);
void script_end(struct run *r);

#endif
