/*
 * park.c - requests that wait: reads of streams with nothing new, and commands that wait for something in the world.
 *
 * Such a request is parked, and tried again after each change of the world, until it is done, its caller is interrupted,
 * or we end. While a command waits (parked, or in the background) and the clock is in mode auto, time moves from one timer
 * to the next; commands that come in between are queued until time stands, so that a run does not depend on how quick we are.
 */
#include "session.h"

#include "job.h"
#include "record.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS_A_TURN = 1000 };  /* timers fired before requests are looked at again */

/* Signals that end no wait: a caller that only has these pending goes on waiting (bash's echo, when a job ends). */
#define HARMLESS_SIGNALS \
	(1u << (SIGCHLD - 1) | 1u << (SIGWINCH - 1) | 1u << (SIGCONT - 1) | 1u << (SIGURG - 1))

struct watcher {                     /* a poll(2) that waits for a stream */
	GList link;
	struct open_file *file;
	struct fuse_pollhandle *handle;
};

static void on_interrupt(fuse_req_t req, void *data)
{
	((struct parked *)data)->interrupted = true;
}

/* The request waits from now on. */
static struct parked *park(struct fs *fs, enum parked_kind kind, fuse_req_t req, struct open_file *f)
{
	struct parked *p = g_new0(struct parked, 1);

	p->kind = kind;
	p->req = req;
	p->file = f;
	p->caller = fs->world->reader;
	p->acts = kind != PARKED_READ || file_moves_time(f);
	p->link.data = p;
	g_queue_push_tail_link(&fs->parked, &p->link);
	if (kind == PARKED_WRITE)
		file_waits(f, true);
	if (req)
		fuse_req_interrupt_func(req, on_interrupt, p);
	return p;
}

static void unpark(struct fs *fs, struct parked *p)
{
	g_queue_unlink(&fs->parked, &p->link);
	if (p->kind == PARKED_WRITE) {
		g_free((char *)p->call.data);
		file_waits(p->file, false);
	}
	g_free(p);
}

static void reply_read(fuse_req_t req, ssize_t n, const char *bytes)
{
	if (!req)
		return;
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, bytes, (size_t)n);
}

static int told(ssize_t n)
{
	return n == -STORE_BEGUN ? EINPROGRESS : (int)-n;
}

static void reply_written(fuse_req_t req, ssize_t n)
{
	if (!req)
		return;
	if (n < 0)
		fuse_reply_err(req, told(n));
	else
		fuse_reply_write(req, (size_t)n);
}

/* A flush(2), whose line may have failed. */
static void reply_flushed(fuse_req_t req, ssize_t n)
{
	if (req)
		fuse_reply_err(req, told(n));
}

void begin_read(struct fs *fs, fuse_req_t req, struct open_file *f, uint64_t at, size_t size, bool nonblock)
{
	const char *bytes;
	ssize_t n;

	record_read(fs->world, file_moves_time(f) ? file_number(f) : 0, size);
	n = file_read(f, at, size, &bytes, NULL);
	if (n == -EINPROGRESS && nonblock)
		n = -EAGAIN;
	if (n == -EINPROGRESS)
		park(fs, PARKED_READ, req, f)->size = size;
	else
		reply_read(req, n, bytes);
}

void begin_write(struct fs *fs, fuse_req_t req, const struct write_call *call, bool queued)
{
	struct write_call now = *call;
	struct parked *p;
	ssize_t n;

	record_write(fs->world, file_number(call->file), queued, call->at, call->data, call->len);
	n = queued ? -EINPROGRESS : file_write(&now, NULL);
	if (n != -EINPROGRESS) {
		reply_written(req, n);
		return;
	}
	p = park(fs, PARKED_WRITE, req, call->file);
	p->queued = queued;
	p->call = now;
	p->call.data = g_memdup2(call->data, call->len);
}

void begin_flush(struct fs *fs, fuse_req_t req, const struct write_call *call, bool queued)
{
	struct write_call now = *call;
	struct parked *p;
	ssize_t n;

	if (queued || file_flush_acts(call->file, call->writer))
		record_flush(fs->world, file_number(call->file), queued);
	n = queued ? -EINPROGRESS : file_flush(&now, NULL);
	if (n != -EINPROGRESS) {
		reply_flushed(req, n);
		return;
	}
	p = park(fs, PARKED_FLUSH, req, call->file);
	p->queued = queued;
	p->call = now;
}

static void unwatch_file(struct fs *fs, struct open_file *f);

void begin_release(struct fs *fs, struct open_file *f, bool queued)
{
	record_release(fs->world, file_number(f), queued);
	unwatch_file(fs, f);
	if (queued)
		park(fs, PARKED_RELEASE, NULL, f)->queued = true;
	else if (file_end(f) == -EINPROGRESS)
		park(fs, PARKED_RELEASE, NULL, f);
}

/* True when the request has been answered and is gone. */
static bool try_parked(struct fs *fs, struct parked *p)
{
	const char *bytes;
	ssize_t n = 0;

	fs->world->reader = p->caller;
	switch (p->kind) {
	case PARKED_READ:
		n = file_read(p->file, 0, p->size, &bytes, NULL);
		if (n != -EINPROGRESS)
			reply_read(p->req, n, bytes);
		break;
	case PARKED_WRITE:
		n = file_write(&p->call, NULL);
		if (n != -EINPROGRESS)
			reply_written(p->req, n);
		break;
	case PARKED_FLUSH:
		n = file_flush(&p->call, NULL);
		if (n != -EINPROGRESS)
			reply_flushed(p->req, n);
		break;
	case PARKED_RELEASE:
		n = file_end(p->file);
		break;
	}
	if (n == -EINPROGRESS)
		return false;
	unpark(fs, p);
	return true;
}

/* Lines of the write that have run are told by a short count; else nothing has happened. */
static void give_up(struct fs *fs, struct parked *p, bool ending)
{
	if (p->kind == PARKED_RELEASE)
		file_abandon(p->file);
	else if (!p->req)
		;
	else if (p->kind == PARKED_READ && ending)
		fuse_reply_buf(p->req, "", 0);
	else if (p->kind == PARKED_WRITE && p->call.done)
		fuse_reply_write(p->req, p->call.done);
	else
		fuse_reply_err(p->req, EINTR);
	if (p->kind != PARKED_RELEASE)
		file_cancel(&p->call);
	unpark(fs, p);
}

/* Signals that a thread has pending and does not block, SIGn as bit n - 1; all ones when it cannot be told. */
static uint64_t pending_signals(const struct world *w, int32_t tid)
{
	char name[32], text[4096], *at;
	uint64_t pending = 0, blocked = 0;
	ssize_t n;
	int fd;

	snprintf(name, sizeof name, "%d/status", tid);
	fd = tid > 0 && w->real_proc >= 0 ? openat(w->real_proc, name, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return UINT64_MAX;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[MAX(n, 0)] = '\0';
	if (!(at = strstr(text, "\nSigPnd:")))
		return UINT64_MAX;
	pending = g_ascii_strtoull(at + 8, NULL, 16);
	if ((at = strstr(text, "\nShdPnd:")))
		pending |= g_ascii_strtoull(at + 8, NULL, 16);
	if ((at = strstr(text, "\nSigBlk:")))
		blocked = g_ascii_strtoull(at + 8, NULL, 16);
	return pending & ~blocked;
}

/* Among those that act. */
static unsigned parked_index(const struct fs *fs, const struct parked *p)
{
	unsigned i = 0;

	for (GList *l = fs->parked.head; l->data != p; l = l->next)
		i += ((struct parked *)l->data)->acts;
	return i;
}

void look_at_interrupts(struct fs *fs)
{
	for (GList *l = fs->parked.head, *next; l; l = next) {
		struct parked *p = l->data;

		next = l->next;
		if (!p->interrupted || !(pending_signals(fs->world, p->caller) & ~(uint64_t)HARMLESS_SIGNALS))
			continue;
		if (p->acts)
			record_interrupt(fs->world, parked_index(fs, p));
		give_up(fs, p, false);
	}
}

bool interrupt_parked(struct fs *fs, unsigned index)
{
	for (GList *l = fs->parked.head; l; l = l->next) {
		if (!((struct parked *)l->data)->acts || index--)
			continue;
		record_interrupt(fs->world, parked_index(fs, l->data));
		give_up(fs, l->data, false);
		return true;
	}
	return false;
}

/* Whether anybody waits for whom time moves. */
static bool somebody_waits(const struct fs *fs)
{
	if (jobs_any(fs->world))
		return true;
	for (GList *l = fs->parked.head; l; l = l->next) {
		const struct parked *p = l->data;

		if (!p->queued && (p->kind != PARKED_READ || file_moves_time(p->file)))
			return true;
	}
	for (GList *l = fs->watchers.head; l; l = l->next)
		if (file_moves_time(((struct watcher *)l->data)->file))
			return true;
	return false;
}

void try_requests(void *arg)
{
	struct fs *fs = arg;

	for (GList *l = fs->parked.head, *next; l; l = next) {
		next = l->next;
		if (!((struct parked *)l->data)->queued)
			try_parked(fs, l->data);
	}
}

/* Begins the first command that came while time ran. */
static bool begin_queued(struct fs *fs)
{
	for (GList *l = fs->parked.head; l; l = l->next) {
		struct parked *p = l->data;

		if (!p->queued)
			continue;
		p->queued = false;
		try_parked(fs, p);
		return true;
	}
	return false;
}

static void watcher_free(struct fs *fs, struct watcher *watcher)
{
	if (watcher->handle)
		fuse_pollhandle_destroy(watcher->handle);
	g_queue_unlink(&fs->watchers, &watcher->link);
	g_free(watcher);
}

static void wake_watchers(struct fs *fs)
{
	for (GList *l = fs->watchers.head, *next; l; l = next) {
		struct watcher *watcher = l->data;

		next = l->next;
		if (!fs->ending && !file_ready(watcher->file))
			continue;
		if (watcher->handle)
			fuse_lowlevel_notify_poll(watcher->handle);
		watcher_free(fs, watcher);
	}
}

bool time_would_run(const struct fs *fs)
{
	ns_t at;

	return fs->world->mode == CLOCK_AUTO && !world_is_live(fs->world) && somebody_waits(fs) && clock_next_busy(&fs->world->clock, &at);
}

bool settle(struct fs *fs)
{
	struct world *w = fs->world;
	unsigned steps = 0;

	w->turn++;
	if (w->sliced)
		world_changed(w);
	w->sliced = false;
	world_try(w);
	do {
		while (time_would_run(fs)) {
			if (steps++ == STEPS_A_TURN)
				return true;
			world_step(w);
			if (fs->watchers.head)
				wake_watchers(fs);
		}
	} while (begin_queued(fs));
	world_try(w);
	if (fs->watchers.head)
		wake_watchers(fs);
	return w->sliced;
}

bool must_queue(const struct fs *fs, const struct open_file *f)
{
	return fs->running && file_queues(f);
}

void begin_poll(struct fs *fs, struct open_file *f, struct fuse_pollhandle *handle)
{
	struct watcher *watcher = g_new0(struct watcher, 1);

	record_poll(fs->world, file_moves_time(f) ? file_number(f) : 0);
	watcher->file = f;
	watcher->handle = handle;
	watcher->link.data = watcher;
	g_queue_push_tail_link(&fs->watchers, &watcher->link);
}

static void unwatch_file(struct fs *fs, struct open_file *f)
{
	for (GList *l = fs->watchers.head, *next; l; l = next) {
		struct watcher *watcher = l->data;

		next = l->next;
		if (watcher->file == f)
			watcher_free(fs, watcher);
	}
}

bool somebody_was_interrupted(const struct fs *fs)
{
	for (GList *l = fs->parked.head; l; l = l->next)
		if (((struct parked *)l->data)->interrupted)
			return true;
	return false;
}

void fs_end_waits(struct fs *fs)
{
	fs->ending = true;
	wake_watchers(fs);
	while (fs->parked.head)
		give_up(fs, fs->parked.head->data, true);
}
