/*
 * pipe.c - pipe(2): a queue of at most 64 KiB between the descriptors of its two ends.
 *
 * It lives as long as either end has a descriptor. Without writers it ends once it is empty; without readers nobody may
 * write. What fits into PIPE_BUF is written whole or not at all.
 */
#include "pipe.h"
#include "host.h"

#include <string.h>

enum { PIPE_SIZE = 65536, PIPE_ATOMIC = 4096 };

struct pipe {
	uint64_t number;
	unsigned readers, writers;   /* descriptors */
	size_t   start, used, room;  /* of `ring`; room is 0 or a power of 2 */
	uint8_t *ring;
};

struct pipe *pipe_new(struct vm_host *h)
{
	struct pipe *p = g_new0(struct pipe, 1);

	p->number = ++h->last_pipe;
	p->readers = p->writers = 1;
	return p;
}

static void leave(struct pipe *p, unsigned *end)
{
	assert(*end > 0);
	(*end)--;
	if (p->readers || p->writers)
		return;
	g_free(p->ring);
	g_free(p);
}

static void retain_reader(void *object) { ((struct pipe *)object)->readers++; }
static void retain_writer(void *object) { ((struct pipe *)object)->writers++; }
static void release_reader(void *object) { leave(object, &((struct pipe *)object)->readers); }
static void release_writer(void *object) { leave(object, &((struct pipe *)object)->writers); }
static uint64_t number(const void *object) { return ((const struct pipe *)object)->number; }

static void grow(struct pipe *p, size_t need)
{
	size_t room = MAX(p->room, PIPE_ATOMIC), head = MIN(p->used, p->room - p->start);
	uint8_t *ring;

	while (room < need)
		room *= 2;
	if (room == p->room)
		return;
	ring = g_malloc(room);
	if (p->used) {
		memcpy(ring, p->ring + p->start, head);
		memcpy(ring + head, p->ring, p->used - head);
	}
	g_free(p->ring);
	p->ring = ring;
	p->room = room;
	p->start = 0;
}

static ssize_t read_pipe(void *object, void *to, size_t len, struct err *e)
{
	struct pipe *p = object;
	size_t n = MIN(len, p->used), head = MIN(n, p->room - p->start);

	if (len && p->used == 0 && p->writers)
		return err_set(e, EAGAIN, 0, "nothing is in the pipe");
	if (n == 0)
		return 0;
	memcpy(to, p->ring + p->start, head);
	memcpy((uint8_t *)to + head, p->ring, n - head);
	p->start = (p->start + n) & (p->room - 1);
	p->used -= n;
	return (ssize_t)n;
}

static ssize_t write_pipe(void *object, const void *from, size_t len, struct err *e)
{
	struct pipe *p = object;
	size_t n = MIN(len, PIPE_SIZE - p->used), at, head;

	if (len == 0)
		return 0;
	if (!p->readers)
		return err_set(e, EPIPE, 0, "nobody reads from the pipe any more");
	if (n == 0 || (n < len && len <= PIPE_ATOMIC))
		return err_set(e, EAGAIN, 0, "%zu of the pipe's %d bytes are free", PIPE_SIZE - p->used, PIPE_SIZE);
	grow(p, p->used + n);
	at = (p->start + p->used) & (p->room - 1);
	head = MIN(n, p->room - at);
	memcpy(p->ring + at, from, head);
	memcpy(p->ring, (const uint8_t *)from + head, n - head);
	p->used += n;
	return (ssize_t)n;
}

static unsigned poll_reader(const void *object)
{
	const struct pipe *p = object;

	return (p->used ? VM_POLL_IN : 0) | (p->writers ? 0 : VM_POLL_HUP);
}

/* Ready when a page's worth fits, so that whoever waits for it does not wait in the write. */
static unsigned poll_writer(const void *object)
{
	const struct pipe *p = object;

	return (PIPE_SIZE - p->used >= PIPE_ATOMIC ? VM_POLL_OUT : 0) | (p->readers ? 0 : VM_POLL_ERR);
}

const struct vm_file_ops pipe_read_end = {
	.kind = "pipe", .retain = retain_reader, .release = release_reader, .number = number, .read = read_pipe,
	.poll = poll_reader,
};
const struct vm_file_ops pipe_write_end = {
	.kind = "pipe", .retain = retain_writer, .release = release_writer, .number = number, .write = write_pipe,
	.poll = poll_writer,
};
