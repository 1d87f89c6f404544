/* session.h - the mounted tree inside: what ops*.c (requests), entry.c, park.c (those that wait) and loop.c share. */
#ifndef FS_SESSION_H
#define FS_SESSION_H

#define FUSE_USE_VERSION 314
#include "open.h"
#include "ops.h"

#include <fuse_lowlevel.h>

enum {
	REPLY_MAX = 1 << 20,
	FOREVER = 1000,           /* seconds: as long as a node lives */
	INTERRUPT_MS = 100,       /* how often an interrupted caller's signals are looked at again */
	READERS = 4,
};

/* A thread, and how many files it has read since the latest change, each at once, since it last read one in pieces. */
struct reader { pid_t thread; unsigned whole; };

struct fs {
	struct world *world;
	struct fuse_session *session;
	struct fuse_args args;
	struct fuse_buf buffer;
	char *reply;                 /* REPLY_MAX bytes: directories */
	int epoll, timer, signals, ready;
	bool timer_set;
	bool blocks;                 /* reading requests waits for them */
	bool ending;
	bool running;                /* time runs (mode auto): the next turn goes on with it */
	GQueue parked, watchers;
	GArray *told;                /* uint64_t: ids of nodes whose attributes the kernel takes for true until the next change */
	struct reader readers[READERS]; /* ops_file.c: the most diligent */
	uint64_t readers_generation; /* of the world; what they read before it does not count */
	uint64_t telling;            /* grows whenever it is told that they may not be any more */
};

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* ops.c */
extern const struct fuse_lowlevel_ops fs_ops;

/* entry.c: what the kernel is told of a name, and may remember. Errors are positive. */
bool uid_is_owner(const struct fs *fs, uid_t uid);
/* Whether it may remember the node's attributes and content until the world changes. */
bool may_be_kept(const struct node *n);
/* FOREVER, or 0: the kernel relies on the attributes that it gets now until it is told otherwise. */
unsigned attr_timeout(struct fs *fs, struct known *k);
void forget_told(void *arg);  /* the struct fs */
int full_attr(struct fs *fs, struct known *k, struct stat *st);
/* Makes the child known and fills in what the kernel is to remember of it. */
int fill_entry(struct fs *fs, struct known *dir, const char *name, const struct node *child, struct fuse_entry_param *out);

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
	bool acts;                   /* it is more than a look: journals tell of it */
};

/*
 * Requests about open files: each is answered at once or parked until it can be, `req` NULL: without an answer (what a journal
 * repeats; a release, whose request is answered anyway). Who calls has asked `queued = must_queue()`: what is written waits
 * until time stands. The data of `call` is copied if it has to stay.
 */
void begin_read(struct fs *fs, fuse_req_t req, struct open_file *f, uint64_t at, size_t size, bool nonblock);
void begin_write(struct fs *fs, fuse_req_t req, const struct write_call *call, bool queued);
void begin_flush(struct fs *fs, fuse_req_t req, const struct write_call *call, bool queued);
void begin_release(struct fs *fs, struct open_file *f, bool queued);
/* A poll(2) of a stream that is not ready; `handle` may be NULL. */
void begin_poll(struct fs *fs, struct open_file *f, struct fuse_pollhandle *handle);
bool must_queue(const struct fs *fs, const struct open_file *f);
/* The index-th of the parked requests that act ends with EINTR; false: there is none. */
bool interrupt_parked(struct fs *fs, unsigned index);
/* Tries each request that waits once; `arg` is the struct fs. */
void try_requests(void *arg);
/* After every turn: what waits is served. True while there is more to do at once. */
bool settle(struct fs *fs);
/* Whether settle() would move time. */
bool time_would_run(const struct fs *fs);
/* Callers whom a signal ends go on with EINTR. */
void look_at_interrupts(struct fs *fs);
bool somebody_was_interrupted(const struct fs *fs);

#endif
