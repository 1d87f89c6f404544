/*
 * command.h - command lines: words, arguments, and the rows that say what a command takes.
 *
 * The grammar is the string in the row: "ADDR|- LEN PROT FLAGS [FILE|fd:N [OFFSET]]". The argument count, the text in
 * help/ and the usage in an error come from it. Upper case: an argument; lower case words and punctuation stand
 * for themselves; [x] optional; x... once or more; a|b either; name=X an option, anywhere among the arguments;
 * "text": bytes, among them NUL, which commands without it refuse.
 */
#ifndef FS_COMMAND_H
#define FS_COMMAND_H

#include "tree.h"

enum { COMMAND_LINE_MAX = 1 << 20 };

struct word {
	char  *text;     /* NUL-terminated; escapes resolved; may hold NUL bytes only when quoted with \0 */
	size_t len;
	size_t at;       /* column in the line, for the caret */
	bool   quoted;   /* never an option then */
};
struct call {
	const struct node *n;
	const struct command *command;
	const char *line;
	const struct word *args;  /* without the command's name, and without options */
	unsigned count;
	const struct word *options;     /* name=value words that the grammar names */
	unsigned option_count;
	GString *result;
	bool nonblock;            /* the file was opened O_NONBLOCK: EAGAIN instead of waiting */
	int32_t thread;           /* task/TID/ctl: the tid; else 0 */
};
typedef int command_fn(struct call *c, struct err *e);
struct command {
	const char *name;    /* NULL ends the list */
	const char *grammar;
	command_fn *run;
	const char *about;   /* one line for help/ */
};

/*
 * What a command keeps while it waits (-EINPROGRESS): NULL at its first try. call_keep() hands it over, once. `release`
 * is called when the command has ended, was interrupted or its file is gone, so it also undoes or detaches what waits; by
 * then the process and its host may be gone: keep serials, not pointers. A try that has changed something and still waits
 * says so by world_changed().
 */
void *call_state(const struct call *c);
void  call_keep(struct call *c, void *state, void (*release)(void *state));

/* Splits and runs one line by the rows; a blank line or a comment does nothing. e->arg is turned into the caret's column. */
int command_run(const struct command *commands, const struct node *n, char *line, GString *result, struct err *e);
/* For ctl files that take `PID COMMAND...`: words already split. first counts words to skip. */
int command_run_words(const struct command *commands, const struct node *n, const char *line, const struct word *words,
		      unsigned count, GString *result, struct err *e);
/* The texts of all commands for help/. */
void command_help(const struct command *commands, GString *out);
/* Splits; the words live until words_free(). -EINVAL for an open quote or a bad escape. */
struct words { struct word *word; unsigned count; char *storage; };
int  words_split(const char *line, struct words *w, struct err *e);
void words_free(struct words *w);
/* -EINVAL with the caret's column for a word that holds a NUL byte: as a name it would end there. */
int  words_are_text(const struct word *words, unsigned count, struct err *e);

/* Arguments by number. False with `e` filled (EINVAL; ERANGE overflow) and e->arg = i. */
bool arg_present(const struct call *c, unsigned i);
bool arg_is(const struct call *c, unsigned i, const char *word);          /* an unquoted word */
bool arg_number(const struct call *c, unsigned i, uint64_t *v, struct err *e);  /* decimal, 0x, K M G T */
bool arg_signed(const struct call *c, unsigned i, int64_t *v, struct err *e);
bool arg_addr(const struct call *c, unsigned i, uint64_t *v, struct err *e);    /* as number */
bool arg_size(const struct call *c, unsigned i, uint64_t *v, struct err *e);    /* as number */
bool arg_time(const struct call *c, unsigned i, ns_t *v, struct err *e);        /* 200ms; a bare number is an error except 0 */
bool arg_prot(const struct call *c, unsigned i, unsigned *prot, struct err *e); /* rwx with - : VM_PROT_* (1 2 4) */
bool arg_bytes(const struct call *c, unsigned i, GString *bytes, struct err *e);/* "text" or HEX digits in pairs */
/* One word of a list: its index; names ends with NULL. The error lists them. */
bool arg_choice(const struct call *c, unsigned i, const char *const *names, unsigned *index, struct err *e);
/* The value of option `name`, or NULL. parse_* take the same texts as arg_*. */
const char *arg_option(const struct call *c, const char *name);
bool option_number(const struct call *c, const char *name, uint64_t *v, struct err *e); /* true and *v untouched when absent */
bool option_time(const struct call *c, const char *name, ns_t *v, struct err *e);

int  parse_number(const char *text, uint64_t *v, struct err *e);
int  parse_time(const char *text, ns_t *v, struct err *e);

/* Puts the name of a command or of an option before the reason. */
void name_reason(const char *name, struct err *e);

/* The tables of commands, for help/. */
extern const struct command process_commands[], host_commands[], mem_commands[], swap_commands[], root_commands[],
	wire_commands[], route_commands[], neighbour_commands[], nat_commands[];

#endif
