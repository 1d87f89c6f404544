/* events.h - what has happened, as text and as JSON, whole and as streams. */
#ifndef FS_EVENTS_H
#define FS_EVENTS_H

#include "tree.h"

struct event;

struct event_texts *event_texts_new(void);
void event_texts_free(struct event_texts *t);
/* The whole ring: a header and a line an event (FORMAT_TEXT), or an object a line (FORMAT_JSON). */
void events_show(struct world *w, uint8_t format, GString *out);
void event_print(struct world *w, uint8_t format, const struct event *event, GString *out);
extern const struct stream_ops events_follow, events_json_follow;

#endif
