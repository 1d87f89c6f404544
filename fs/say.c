/* say.c - the line with which the program ends. */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const char *fmt, va_list ap)
{
	fputs("vitrine: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return FAILED;
}

int misused(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return USAGE;
}
