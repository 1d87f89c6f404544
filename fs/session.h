/* session.h - the mounted tree inside: what ops.c (requests), park.c (those that wait) and loop.c share. */
#ifndef FS_SESSION_H
#define FS_SESSION_H

#define FUSE_USE_VERSION 314
#include "open.h"
#include "ops.h"

#include <fuse_lowlevel.h>

enum {
	REPLY_MAX = 1 << 20,
	INTERRUPT_MS = 100,       /* how often an interrupted caller's signals are looked at again */
};

struct fs {
	struct world *world;
	struct fuse_session *session;
	struct fuse_args args;
	struct fuse_buf buffer;
	char *reply;                 /* REPLY_MAX bytes: directories */
	int epoll, timer, signals, ready;
	bool timer_set;
	bool ending;
	bool running;                /* time runs (mode auto): the next turn goes on with it */
	GQueue parked, watchers;
	GArray *told;                /* uint64_t: ids of nodes whose attributes the kernel takes for true until the next change */
	uint64_t telling;            /* grows whenever it is told that they may not be any more */
};

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* ops.c */
extern const struct fuse_lowlevel_ops fs_ops;
void forget_told(void *arg);  /* the struct fs */

/* park.c: requests that wait. */
enum parked_kind { PARKED_READ, PARKED_WRITE, PARKED_FLUSH, PARKED_RELEASE };

struct parked {
	GList link;
	enum parked_kind kind;
	fuse_req_t req;              /* of a release: NULL, it has been answered */
	struct open_file *file;
	size_t size;                 /* of a read */
	struct write_call call;      /* of a write or flush; its data is ours */
	int32_t caller;              /* the real thread id */
	bool interrupted;
	bool queued;                 /* not begun: time runs for somebody else */
};

/* The request waits from now on: the caller fills in `size` or `call` (with data of its own), and `queued`. */
struct parked *park(struct fs *fs, enum parked_kind kind, fuse_req_t req, struct open_file *f);
/* Whether what is written now has to wait until time stands. */
bool must_queue(const struct fs *fs, const struct open_file *f);
void reply_read(fuse_req_t req, ssize_t n, const char *bytes);
void reply_written(fuse_req_t req, ssize_t n);
void reply_flushed(fuse_req_t req, ssize_t n);
/* A poll(2) of a stream that is not ready. */
void watch_file(struct fs *fs, struct open_file *f, struct fuse_pollhandle *handle);
void unwatch_file(struct fs *fs, struct open_file *f);
/* Tries each request that waits once; `arg` is the struct fs. */
void try_requests(void *arg);
/* After every turn: what waits is served. True while there is more to do at once. */
bool settle(struct fs *fs);
/* Callers whom a signal ends go on with EINTR. */
void look_at_interrupts(struct fs *fs);
bool somebody_was_interrupted(const struct fs *fs);
/* Nobody is left waiting: readers see the end of their stream. */
void end_waits(struct fs *fs);

#endif
