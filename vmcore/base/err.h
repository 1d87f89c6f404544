/* err.h - why a call failed: filled where the reason is known, printed where the line is known. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <errno.h>
#include <glib.h>

struct err {
	int  code;     /* errno, positive; 0 while nothing has failed */
	int  arg;      /* the argument at fault, counted from 0: where the caret goes; -1: none */
	char why[160]; /* lower case, with the values, no full stop, no newline */
};

/*
 * Fills `e` (which may be NULL) and returns -code, so that a function can end in `return err_set(...)`. Cold: what leads here lies
 * apart from the code that runs always, which then takes less of the processor's cache.
 */
int err_set(struct err *e, int code, int arg, const char *fmt, ...) G_GNUC_PRINTF(4, 5) __attribute__((cold));

#endif
