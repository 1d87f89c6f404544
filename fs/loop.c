/*
 * loop.c - one thread that serves requests, timers and signals in turn; the session's birth and death.
 *
 * It waits in epoll while there is anything to wait for but requests. Otherwise, which is nearly always, in read(2) of the
 * requests itself: a call less for each, and answering is made of nothing but calls. A signal has to end either: it makes the
 * requests' descriptor one that does not block, and an eventfd ready.
 */
#include "session.h"

#include "bridge.h"
#include "job.h"
#include "record.h"
#include "serve.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS_TIME (2 * NS_PER_MS)  /* real time for requests before the rest has its turn again, where there is more to do, */
#define NEXT_REQUEST (50 * NS_PER_US)  /* and for the caller's next one to come */

static ns_t real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (ns_t)t.tv_sec * NS_PER_S + (ns_t)t.tv_nsec;
}

/* When we want to be woken although nothing comes in; 0: not at all. */
static ns_t next_wake(const struct fs *fs, ns_t now)
{
	struct world *w = fs->world;
	ns_t at, wake = world_victims(w, now);

	if (somebody_was_interrupted(fs))
		wake = wake ? MIN(wake, now + INTERRUPT_MS * NS_PER_MS) : now + INTERRUPT_MS * NS_PER_MS;
	at = world_wake(w, now);
	if (at)
		wake = wake ? MIN(wake, at) : at;
	at = bridge_wake(w);
	if (at)
		wake = wake ? MIN(wake, at) : at;
	return wake;
}

static void set_timer(struct fs *fs)
{
	bool needed = fs->parked.head || world_is_live(fs->world) || bridge_wake(fs->world) ||
		      world_victim_wanted(fs->world);
	ns_t now = needed ? real_now() : 0;
	ns_t at = now ? next_wake(fs, now) : 0;
	struct itimerspec t = { .it_value = { (time_t)(at / NS_PER_S), (long)(at % NS_PER_S) } };

	if (!at && !fs->timer_set)
		return;
	timerfd_settime(fs->timer, TFD_TIMER_ABSTIME, &t, NULL);
	fs->timer_set = at != 0;
}

/* All that a handler of signals may look at. */
static struct { int requests, event; volatile sig_atomic_t came; } on_signal;

static void end_on_signal(int number)
{
	int code = errno;

	on_signal.came = 1;
	fcntl(on_signal.requests, F_SETFL, O_NONBLOCK);
	(void)!write(on_signal.event, &(uint64_t){ 1 }, sizeof(uint64_t));  /* it fails when it is ready already */
	errno = code;
}

/* Whether reading requests waits for them. A signal from now on changes that: if one came before, it stays as it was. */
static void set_blocking(struct fs *fs, bool blocks)
{
	if (fs->blocks == blocks)
		return;
	fcntl(on_signal.requests, F_SETFL, blocks ? 0 : O_NONBLOCK);
	fs->blocks = blocks;
	if (on_signal.came)
		fcntl(on_signal.requests, F_SETFL, O_NONBLOCK);
}

static void serve_request(struct fs *fs)
{
	int n = fuse_session_receive_buf(fs->session, &fs->buffer);

	if (n == -EINTR || n == -EAGAIN)
		return;
	if (n <= 0) {
		fs->ending = true;
		return;
	}
	fuse_session_process_buf(fs->session, &fs->buffer);
}

/* True while there is more to do at once. */
static bool let_go_on(struct fs *fs)
{
	bool waits = fs->parked.head || fs->watchers.head || jobs_any(fs->world);

	record_turn_begins(fs->world, waits);
	fs->running = waits && settle(fs);
	record_turn_ends(fs->world, fs->running);
	return fs->running;
}

static bool request_comes(const struct fs *fs, ns_t within)
{
	struct pollfd p = { .fd = fuse_session_fd(fs->session), .events = POLLIN };

	return ppoll(&p, 1, &(struct timespec){ .tv_nsec = (long)within }, NULL) > 0;
}

static bool request_waits(void *user)
{
	return request_comes(user, 0);
}

/*
 * To read a file takes several requests, each of which comes when the one before has been answered. While there is much to do
 * (`busy`) they are served in one go, or each would wait for a turn of all the rest.
 */
static void serve_requests(struct fs *fs, bool busy)
{
	ns_t start = busy ? real_now() : 0;

	serve_request(fs);
	while (busy && !fs->ending && request_comes(fs, NEXT_REQUEST) && real_now() - start < REQUESTS_TIME) {
		let_go_on(fs);
		serve_request(fs);
	}
}

static int watch(struct fs *fs, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 ? -1 : epoll_ctl(fs->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_loop(struct fs *fs)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction end = { .sa_handler = end_on_signal };
	int fuse = fuse_session_fd(fs->session);
	sigset_t set;

	fs->epoll = epoll_create1(EPOLL_CLOEXEC);
	fs->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	fs->signals = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fcntl(fuse, F_SETFL, O_NONBLOCK);
	if (fs->epoll < 0 || watch(fs, fuse) || watch(fs, fs->timer) || watch(fs, fs->signals) ||
	    watch(fs, bridge_fd(fs->world)))
		return -errno;
	on_signal.requests = fuse;
	on_signal.event = fs->signals;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
		sigaction(ends[i], &end, NULL);
		sigaddset(&set, ends[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

static void turn(struct fs *fs, const struct epoll_event *event, bool busy)
{
	uint64_t ignored;

	if (event->data.fd == fs->signals) {
		fs->ending = true;
	} else if (event->data.fd == fs->timer) {
		if (read(fs->timer, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
			fs->ending = true;
		fs->timer_set = false;
		world_victims(fs->world, real_now());
	} else if (event->data.fd != bridge_fd(fs->world)) {
		serve_requests(fs, busy);
	}
}

/* Waits until something has happened, at most as long as nothing is to be done, and does it. */
static int wait_and_serve(struct fs *fs, bool more)
{
	bool only_requests = !more && !fs->timer_set && !bridge_is_open(fs->world);
	struct epoll_event events[4];
	int n;

	set_blocking(fs, only_requests);
	if (only_requests && !on_signal.came) {
		serve_request(fs);
		return 0;
	}
	n = epoll_wait(fs->epoll, events, G_N_ELEMENTS(events), more ? 0 : -1);
	if (n < 0 && errno != EINTR)
		return -errno;
	if (!more && world_is_live(fs->world))
		world_tick(fs->world, real_now());
	for (int i = 0; i < n; i++)
		turn(fs, &events[i], more);
	return 0;
}

/* The outside, and time if it goes with it. True: there is more to do at once. */
static bool live(struct world *w)
{
	bool behind;

	if (bridge_is_open(w))
		bridge_poll(w, real_now());
	behind = world_is_live(w) && world_tick(w, real_now());
	return behind || bridge_busy(w) || servers_busy(w);
}

int fs_serve(struct fs *fs, int ready)
{
	bool more = fs->parked.head || jobs_any(fs->world);  /* what a journal left waiting */
	int rc;

	fs->ready = ready;
	rc = open_loop(fs);
	while (rc == 0 && !fs->ending && !fuse_session_exited(fs->session)) {
		rc = wait_and_serve(fs, more);
		more = let_go_on(fs);
		more |= live(fs->world);
		if (fs->parked.head)
			look_at_interrupts(fs);
		set_timer(fs);
	}
	record_end(fs->world);
	fs_end_waits(fs);
	fuse_session_unmount(fs->session);
	return rc;
}

struct fs *fs_new(struct world *w, const char *options)
{
	struct fs *fs = g_new0(struct fs, 1);

	fs->world = w;
	w->wall = real_now;
	w->try_requests = try_requests;
	w->try_arg = fs;
	w->changed = forget_told;
	w->changed_user = fs;
	w->pressing = request_waits;
	fs->told = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	fs->telling = 1;
	fs->epoll = fs->timer = fs->signals = fs->ready = -1;
	fs->reply = g_malloc(REPLY_MAX);
	g_queue_init(&fs->parked);
	g_queue_init(&fs->watchers);
	fuse_opt_add_arg(&fs->args, "vitrine");
	fuse_opt_add_arg(&fs->args, "-o");
	fuse_opt_add_arg(&fs->args, options);
	fs->session = fuse_session_new(&fs->args, &fs_ops, sizeof fs_ops, fs);
	if (!fs->session) {
		fs_free(fs);
		return NULL;
	}
	return fs;
}

int fs_mount(struct fs *fs, const char *dir)
{
	return fuse_session_mount(fs->session, dir);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void fs_free(struct fs *fs)
{
	fs->world->try_requests = NULL;
	fs->world->changed = NULL;
	fs->world->pressing = NULL;
	g_array_free(fs->told, TRUE);
	if (fs->session)
		fuse_session_destroy(fs->session);
	fuse_opt_free_args(&fs->args);
	close_fd(fs->epoll);
	close_fd(fs->timer);
	close_fd(fs->signals);
	close_fd(fs->ready);
	free(fs->buffer.mem);
	g_free(fs->reply);
	g_free(fs);
}
