/* wire_capture.c - what a wire has carried, as pcapng: a finite file, and a stream of what comes. */
#include "wire.h"

#include "net_capture.h"
#include "world.h"

int show_wire_capture(const struct node *n, GString *out, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	if (!w)
		return -e->code;
	net_capture_all(w, bytes);
	g_string_append_len(out, (const char *)bytes->data, bytes->len);
	return 0;
}

/* `next`: the frame that this reader gets next. The start of the file goes before the first. */
struct follower { uint64_t next; unsigned ports; bool started; };

static void *follow_open(const struct node *n, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	struct follower *f;

	if (!w)
		return NULL;
	f = g_new0(struct follower, 1);
	f->next = net_wire_next(w);
	return f;
}

static int follow_read(const struct node *n, void *state, size_t max, GString *out, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct follower *f = state;
	uint64_t lost = 0;

	if (!w)
		return -ESRCH;
	if (!f->started)
		net_capture_start(w, &f->ports, bytes);
	f->started = true;
	if (f->next < net_wire_first(w)) {
		lost = net_wire_first(w) - f->next;
		f->next = net_wire_first(w);
	}
	for (; f->next < net_wire_next(w) && bytes->len < max; f->next++, lost = 0)
		net_capture_frame(w, f->next, lost, &f->ports, bytes);
	g_string_append_len(out, (const char *)bytes->data, bytes->len);
	return 0;
}

static bool follow_ready(const struct node *n, void *state)
{
	struct net_wire *w = world_wire(n, NULL);
	struct follower *f = state;

	return !w || !f->started || f->next != net_wire_next(w);
}

static void follow_close(const struct node *n, void *state)
{
	g_free(state);
}

const struct stream_ops wire_capture_follow = {
	.open = follow_open, .read = follow_read, .ready = follow_ready, .close = follow_close,
};
