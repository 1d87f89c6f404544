/* loop.c - one thread that serves requests, timers and signals in turn; the session's birth and death. */
#include "session.h"

#include "bridge.h"
#include "job.h"
#include "record.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

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

static int watch(struct fs *fs, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 ? -1 : epoll_ctl(fs->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_loop(struct fs *fs)
{
	sigset_t ends;
	int fuse = fuse_session_fd(fs->session);

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	fs->epoll = epoll_create1(EPOLL_CLOEXEC);
	fs->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	fs->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	fcntl(fuse, F_SETFL, fcntl(fuse, F_GETFL) | O_NONBLOCK);
	if (fs->epoll < 0 || watch(fs, fuse) || watch(fs, fs->timer) || watch(fs, fs->signals) ||
	    watch(fs, bridge_fd(fs->world)))
		return -errno;
	return 0;
}

static void turn(struct fs *fs, const struct epoll_event *event)
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
		serve_request(fs);
	}
}

/* The outside, and time if it goes with it. True: there is more to do at once. */
static bool live(struct world *w)
{
	bool behind;

	if (bridge_is_open(w))
		bridge_poll(w, real_now());
	behind = world_tick(w, real_now());
	return behind || bridge_busy(w);
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

int fs_serve(struct fs *fs, int ready)
{
	struct epoll_event events[4];
	bool more = fs->parked.head || jobs_any(fs->world);  /* what a journal left waiting */
	int rc;

	fs->ready = ready;
	rc = open_loop(fs);
	while (rc == 0 && !fs->ending && !fuse_session_exited(fs->session)) {
		int n = epoll_wait(fs->epoll, events, G_N_ELEMENTS(events), more ? 0 : -1);

		if (n < 0 && errno != EINTR)
			rc = -errno;
		world_tick(fs->world, real_now());
		for (int i = 0; i < n; i++)
			turn(fs, &events[i]);
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

static bool request_waits(void *user)
{
	struct pollfd p = { .fd = fuse_session_fd(((struct fs *)user)->session), .events = POLLIN };

	return poll(&p, 1, 0) > 0;
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
