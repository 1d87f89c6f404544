/* record.c - writing a journal: one write(2) a record, so that it is whole but for its last record whatever ends us. */
#include "record.h"

#include "change.h"
#include "journal_file.h"
#include "node.h"
#include "open.h"
#include "text.h"
#include "world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {
	int fd;                  /* -1: it has ended, or cannot be written any more */
	GString *line;
	uint64_t turns;          /* since the last record */
	bool live;               /* one more turn may do something */
	bool waits;              /* in this turn what waits is let go on */
	bool in_turn;            /* that is being done, */
	ns_t turn_now;           /* and began at this time */
	uint64_t turn_event;     /* and event */
	uint32_t files;          /* numbers given to open files */
};

struct record *record_new(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct record *r;

	if (fd < 0) {
		err_set(e, errno, -1, "%.100s: %s", path, g_strerror(errno));
		return NULL;
	}
	r = g_new0(struct record, 1);
	r->fd = fd;
	r->line = g_string_new(NULL);
	return r;
}

static void end(struct record *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	end(r);
	g_string_free(r->line, TRUE);
	g_free(r);
}

/* False: there is no room for it. */
static bool write_all(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t done = writev(fd, v, n);

		if (done < 0 && errno != EINTR)
			return false;
		for (; done > 0 && n > 0 && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (done > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
		while (n > 0 && v->iov_len == 0)
			v++, n--;
	}
	return true;
}

/* A journal with a hole would repeat another session: it ends here, and this is said. */
static void give_up(struct world *w, const struct node *n, const char *why)
{
	struct node root = tree_root(w);
	struct err e = { 0 };

	end(w->record);
	err_set(&e, EIO, -1, "the journal ends here: %s", why);
	error_log_add(w, n ? n : &root, NULL, -1, &e);
}

void record_option(struct record *r, const char *name, const char *value)
{
	g_string_append_printf(r->line, "%s %s\n", name, value);
}

void record_begin(struct record *r)
{
	g_string_prepend(r->line, RECORD_MAGIC "\n");
	put_char(r->line, '\n');
	if (!write_all(r->fd, &(struct iovec){ r->line->str, r->line->len }, 1))
		end(r);
}

/* Records */

static void finish(struct world *w, const void *bytes, size_t len)
{
	struct record *r = w->record;
	struct iovec v[] = { { r->line->str, 0 }, { (void *)bytes, len }, { (char *)"\n", bytes ? 1 : 0 } };

	put_char(r->line, '\n');
	v[0] = (struct iovec){ r->line->str, r->line->len };
	r->turns = 0;
	r->live = true;
	if (!write_all(r->fd, v, bytes ? 3 : 1))
		give_up(w, NULL, g_strerror(errno));
}

static void put_stamp(struct record *r, ns_t now, uint64_t event, const char *what)
{
	g_string_truncate(r->line, 0);
	put_time(r->line, now);
	put_char(r->line, ' ');
	put_dec(r->line, r->turns);
	put_char(r->line, ' ');
	put_dec(r->line, event);
	put_char(r->line, ' ');
	put_text(r->line, what);
}

static struct record *begin(struct world *w, const char *what)
{
	struct record *r = w->record;

	if (!r || r->fd < 0)
		return NULL;
	if (r->in_turn) {
		r->in_turn = false;
		put_stamp(r, r->turn_now, r->turn_event, "turn");
		finish(w, NULL, 0);
		if (r->fd < 0)
			return NULL;
	}
	put_stamp(r, w->clock.now, w->journal.next, what);
	return r;
}

static void put_number(struct record *r, uint64_t value)
{
	put_char(r->line, ' ');
	put_dec(r->line, value);
}

static void put_word(struct record *r, const char *word)
{
	put_char(r->line, ' ');
	put_quoted(r->line, word);
}

/* False: the journal has ended, since nobody could find the node again. */
static bool put_node(struct world *w, const struct node *n)
{
	g_autofree char *name = node_name(n);

	if (name)
		put_word(w->record, name);
	else
		give_up(w, n, "it has no name any more");
	return name;
}

static void put_attr(struct record *r, const struct change *c)
{
	put_number(r, (uint64_t)c->valid);
	put_number(r, c->st.st_mode & 07777);
	put_number(r, c->st.st_uid);
	put_number(r, c->st.st_gid);
	put_number(r, (uint64_t)c->st.st_size);
	put_number(r, (uint64_t)c->st.st_mtim.tv_sec);
	put_number(r, (uint64_t)c->st.st_mtim.tv_nsec);
}

void record_change(struct world *w, const struct change *c)
{
	struct record *r;

	if (!w->record)
		return;
	if (c->kind == CHANGE_UNLINK || c->kind == CHANGE_RENAME || c->kind == CHANGE_RMDIR)
		files_record_readers(w);
	r = begin(w, change_names[c->kind]);
	if (!r || !put_node(w, &c->at))
		return;
	if (c->name)
		put_word(r, c->name);
	if (c->kind == CHANGE_MKDIR || c->kind == CHANGE_CREATE)
		put_number(r, c->mode);
	else if (c->kind == CHANGE_SYMLINK)
		put_word(r, c->text);
	else if (c->kind == CHANGE_ATTR)
		put_attr(r, c);
	else if ((c->kind == CHANGE_LINK || c->kind == CHANGE_RENAME) && !put_node(w, &c->to))
		return;
	if (c->kind == CHANGE_RENAME) {
		put_word(r, c->text);
		put_number(r, c->flags);
	}
	finish(w, NULL, 0);
}

static const char *way_of(int flags)
{
	switch (flags & O_ACCMODE) {
	case O_WRONLY: return " w";
	case O_RDWR:   return " rw";
	default:       return " r";
	}
}

uint32_t record_open(struct world *w, const struct node *n, int flags)
{
	struct record *r = begin(w, "open");

	if (!r)
		return 0;
	put_number(r, r->files + 1);
	if (!put_node(w, n))
		return 0;
	put_text(r->line, way_of(flags));
	put_text(r->line, flags & O_TRUNC ? "t" : "");
	put_text(r->line, flags & O_APPEND ? "a" : "");
	put_text(r->line, flags & O_NONBLOCK ? "n" : "");
	finish(w, NULL, 0);
	return ++r->files;
}

static void record_file(struct world *w, const char *what, uint32_t file, bool queued)
{
	struct record *r = file ? begin(w, what) : NULL;

	if (!r)
		return;
	put_number(r, file);
	put_text(r->line, queued ? " q" : "");
	finish(w, NULL, 0);
}

void record_write(struct world *w, uint32_t file, bool queued, uint64_t at, const void *bytes, size_t len)
{
	struct record *r = file ? begin(w, "write") : NULL;

	if (!r)
		return;
	put_number(r, file);
	put_number(r, at);
	put_number(r, len);
	put_text(r->line, queued ? " q" : "");
	finish(w, bytes, len);
}

void record_flush(struct world *w, uint32_t file, bool queued)
{
	record_file(w, "flush", file, queued);
}

void record_release(struct world *w, uint32_t file, bool queued)
{
	record_file(w, "release", file, queued);
}

void record_poll(struct world *w, uint32_t file)
{
	record_file(w, "poll", file, false);
}

void record_read(struct world *w, uint32_t file, size_t size)
{
	struct record *r = file ? begin(w, "read") : NULL;

	if (!r)
		return;
	put_number(r, file);
	put_number(r, size);
	finish(w, NULL, 0);
}

void record_interrupt(struct world *w, unsigned index)
{
	struct record *r = begin(w, "interrupt");

	if (!r)
		return;
	put_number(r, index);
	finish(w, NULL, 0);
}

static void put_instant(struct record *r, ns_t t)
{
	put_char(r->line, ' ');
	put_time(r->line, t);
}

void record_time(struct world *w, ns_t to, ns_t until)
{
	struct record *r = begin(w, "time");

	if (!r)
		return;
	put_instant(r, to);
	put_instant(r, until);
	finish(w, NULL, 0);
}

bool record_break(struct world *w, const char *where, uint64_t done, bool takes_long)
{
	const struct journal_record *next = w->repeat ? journal_peek(w->repeat) : NULL;
	uint64_t then;

	if (w->repeat)
		takes_long = next && journal_word(next, 0, where) && journal_number(next, 1, &then) && then == done &&
			     journal_takes(w, "break");
	if (takes_long && begin(w, "break")) {
		put_word(w->record, where);
		put_number(w->record, done);
		finish(w, NULL, 0);
	}
	return takes_long;
}

void record_victim(struct world *w, const char *host)
{
	struct record *r = begin(w, "victim");

	if (!r)
		return;
	put_word(r, host);
	finish(w, NULL, 0);
}

void record_bridge(struct world *w, ns_t now, const char *words)
{
	struct record *r = begin(w, "ready");

	if (!r)
		return;
	put_instant(r, now);
	put_text(r->line, words);
	finish(w, NULL, 0);
}

void record_now(struct world *w, ns_t now)
{
	struct record *r = begin(w, "now");

	if (!r)
		return;
	put_instant(r, now);
	finish(w, NULL, 0);
}

void record_answer(struct world *w, const char *call, int64_t result, const void *bytes, size_t len)
{
	struct record *r = begin(w, "answer");

	if (!r)
		return;
	put_word(r, call);
	g_string_append_printf(r->line, " %" G_GINT64_FORMAT, result);
	put_number(r, len);
	finish(w, bytes ? bytes : "", len);
}

void record_pause(struct world *w)
{
	if (begin(w, "pause"))
		finish(w, NULL, 0);
}

void record_end(struct world *w)
{
	if (!begin(w, "end"))
		return;
	finish(w, NULL, 0);
	end(w->record);
}

void record_turn_begins(struct world *w, bool settles)
{
	struct record *r = w->record;

	if (!r)
		return;
	r->waits = r->in_turn = settles;
	r->turn_now = w->clock.now;
	r->turn_event = w->journal.next;
}

void record_turn_ends(struct world *w, bool more)
{
	struct record *r = w->record;

	if (!r || !r->waits)
		return;
	if (r->in_turn && r->live)  /* else it has a record of its own, or did nothing */
		r->turns++;
	r->live = more && (r->live || !r->in_turn);
	r->in_turn = false;
}

void record_settled(struct world *w)
{
	if (w->record && !w->record->waits)
		w->record->live = false;
}

bool record_is_live(const struct world *w)
{
	return w->record && w->record->live;
}

bool record_waits(const struct world *w)
{
	return w->record && w->record->waits;
}
