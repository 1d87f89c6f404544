/* text.h - fast writers for the formats of /proc: no printf on the way of 60,000 lines. */
#ifndef FS_TEXT_H
#define FS_TEXT_H

#include "units.h"

#include <glib.h>
#include <string.h>

/* g_string_append_len() asks more questions than the few bytes of a cell are worth. */
static inline void put_span(GString *out, const char *bytes, size_t len)
{
	if (G_UNLIKELY(out->allocated_len - out->len <= len)) {
		g_string_append_len(out, bytes, (gssize)len);
		return;
	}
	memcpy(out->str + out->len, bytes, len);
	out->len += len;
	out->str[out->len] = '\0';
}

static inline void put_char(GString *out, char c)
{
	put_span(out, &c, 1);
}

/* Here, so that the compiler knows the length of what is written in the source. */
static inline void put_text(GString *out, const char *text)
{
	put_span(out, text, strlen(text));
}

size_t write_dec(char *to, uint64_t value);                        /* digits without an end; how many, at most 20 */
void put_dec(GString *out, uint64_t value);
void put_dec_width(GString *out, uint64_t value, unsigned width);  /* right-aligned with blanks */
void put_hex(GString *out, uint64_t value);                        /* lower case, no 0x */
void put_hex_width(GString *out, uint64_t value, unsigned digits); /* zero-padded to at least so many */
void put_time(GString *out, ns_t t);                               /* 12.003456789 */
void put_duration(GString *out, ns_t t);                           /* 1500us: whole, in the largest unit that gives that */
void put_size(GString *out, uint64_t bytes);                       /* 4K: the same of bytes, in 1024s */
void put_pad(GString *out, size_t line_start, size_t column);      /* blanks up to that column of the line */
void put_json_string(GString *out, const char *text);
void put_csv_word(GString *out, const char *word);                 /* in quotes when it needs them */
/* VM_PTE_* as "write,user,exec,accessed,dirty,huge", those that are set; `-` for none. In files/walk.c. */
void put_pte_flags(GString *out, unsigned flags);
/* A word as the command language reads it back: quoted with C escapes when it needs to be. */
void put_quoted(GString *out, const char *word);

#endif
