/* ladder.h - who sent what to whom, as a ladder: a line for each participant, an arrow for each message. */
#ifndef FS_LADDER_H
#define FS_LADDER_H

#include "units.h"

#include <glib.h>

enum { LADDER_ALL = -1 };        /* to everyone but the sender */

struct ladder_step {
	ns_t  time;
	ns_t  arrival;           /* 0: it does not arrive */
	int   from, to;          /* participants */
	bool  lost;              /* the arrow ends on its way */
	bool  damaged;           /* drawn as ~~~> */
	char *label;             /* on the arrow; owned */
	char *note;              /* behind the line; owned, may be NULL */
};

struct ladder {
	GPtrArray *names;        /* char *, owned */
	GArray    *steps;        /* struct ladder_step, by time */
};

struct ladder *ladder_new(void);
void ladder_free(struct ladder *l);
/* At most about `max` bytes: the newest steps, after a line that tells how many were left out. */
void ladder_draw(const struct ladder *l, size_t max, GString *out);
/* The newest `max` steps as SVG, arrows falling with time. */
void ladder_draw_svg(const struct ladder *l, guint max, GString *out);

#endif
