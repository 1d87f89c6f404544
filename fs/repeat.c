/*
 * repeat.c - carrying out a journal.
 *
 * A journal is hostile input: its records can ask for what no kernel would pass on (names with a slash, writes to what is open
 * for reading), and that is refused here. Everything else goes the way of a request.
 *
 * Each record tells at what time and at which event it happened; where the world has come to another, the rest would be another
 * session, and it stops.
 */
#include "repeat.h"

#include "bridge.h"
#include "change.h"
#include "disk.h"
#include "node.h"
#include "record.h"
#include "session.h"
#include "vm_policy.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { WRITER = 1, TARGET_BYTES_MAX = 4095 };

struct repeat {
	struct fs *fs;
	struct world *w;
	const struct journal_record *record;  /* at hand */
	uint64_t turns;               /* that are left; 0: no limit */
	GPtrArray *files;             /* struct open_file *, by number - 1; NULL: it is not open */
	bool     ended;
};

static int bad(struct err *e, const char *what)
{
	return err_set(e, EBADMSG, -1, "%s", what);
}

/* Nodes */

/* Known until known_forget(k, 1); NULL: there is no such node. */
static struct known *find_known(struct world *w, const char *path)
{
	struct known *k = known_root(w), *next;
	g_auto(GStrv) names = NULL;
	size_t root = strlen(k->name);
	struct node n;

	if (strstr(path, "//"))
		return disk_path(w, path, &n) ? NULL : known_lookup(w, k, path, &n);
	if (strncmp(path, k->name, root) || (root && path[root] && path[root] != '/'))
		return NULL;
	names = g_strsplit(path + root + (root && path[root]), "/", -1);
	k->lookups++;
	for (unsigned i = 0; names[i]; i++) {
		int rc = k->n.row->kind == ROW_DIRECTORY ? tree_find(&k->n, names[i], &n) : -ENOTDIR;

		next = rc ? NULL : known_lookup(w, k, names[i], &n);
		known_forget(w, k, 1);
		if (!next)
			return NULL;
		k = next;
	}
	return k;
}

static struct known *known_word(const struct repeat *r, unsigned i, struct err *e)
{
	struct known *k = i < r->record->count ? find_known(r->w, r->record->words[i].text) : NULL;

	if (k && node_alive(&k->n))
		return k;
	if (k)
		known_forget(r->w, k, 1);
	if (i >= r->record->count)
		bad(e, "a word is missing");
	else
		err_set(e, EPROTO, -1, "there is no %.60s", r->record->words[i].text);
	return NULL;
}

static bool is_name(const char *name)
{
	return *name && strlen(name) <= 255 && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/');
}

/* Names and attributes */

struct asked { struct change c; struct known *at, *to; };

static int read_attr(const struct repeat *r, struct change *c, struct err *e)
{
	uint64_t v[7];

	for (unsigned i = 0; i < G_N_ELEMENTS(v); i++)
		if (!journal_number(r->record, i + 1, &v[i]))
			return bad(e, "attributes are seven numbers");
	c->valid = (int)(v[0] & 0xffff);
	c->st.st_mode = (mode_t)(v[1] & 07777);
	c->st.st_uid = (uid_t)v[2];
	c->st.st_gid = (gid_t)v[3];
	c->st.st_size = (off_t)v[4];
	c->st.st_mtim.tv_sec = (time_t)v[5];
	c->st.st_mtim.tv_nsec = (long)(v[6] % NS_PER_S);
	return 0;
}

static int read_second(struct repeat *r, struct asked *a, struct err *e)
{
	a->to = known_word(r, 2, e);
	if (!a->to)
		return -e->code;
	a->c.to = a->to->n;
	if (a->c.kind == CHANGE_LINK)
		return a->to->n.row->kind == ROW_DIRECTORY ? bad(e, "a directory has one name") : 0;
	if (r->record->count < 5 || a->to->n.row->kind != ROW_DIRECTORY || !is_name(r->record->words[3].text))
		return bad(e, "no new name");
	a->c.text = r->record->words[3].text;
	return 0;
}

static int read_change(struct repeat *r, struct asked *a, struct err *e)
{
	struct change *c = &a->c;
	uint64_t number = 0;

	a->at = known_word(r, 0, e);
	if (!a->at)
		return -e->code;
	c->at = a->at->n;
	if (c->kind == CHANGE_ATTR)
		return read_attr(r, c, e);
	if (r->record->count < 2 || !is_name(r->record->words[1].text) || c->at.row->kind != ROW_DIRECTORY)
		return bad(e, "no name in a directory");
	c->name = r->record->words[1].text;
	if (c->kind == CHANGE_LINK || c->kind == CHANGE_RENAME) {
		if (read_second(r, a, e))
			return -e->code;
	}
	if ((c->kind == CHANGE_MKDIR || c->kind == CHANGE_CREATE) && !journal_number(r->record, 2, &number))
		return bad(e, "no mode");
	if (c->kind == CHANGE_RENAME && !journal_number(r->record, 4, &number))
		return bad(e, "no flags");
	if (c->kind == CHANGE_SYMLINK && (r->record->count < 3 || strlen(r->record->words[2].text) > TARGET_BYTES_MAX))
		return bad(e, "no target");
	c->mode = (mode_t)(number & 07777);
	c->flags = (unsigned)number;
	if (c->kind == CHANGE_SYMLINK)
		c->text = r->record->words[2].text;
	return 0;
}

static int repeat_change(struct repeat *r, enum change_kind kind, struct err *e)
{
	struct asked a = { .c.kind = kind };
	int code = read_change(r, &a, e);
	struct err ignored = { 0 };
	struct node child;

	if (!code && change_allowed(&a.c))
		code = bad(e, "it cannot be asked for there");
	if (!code)
		change_make(&a.c, &child, &ignored);  /* it may fail, as it did */
	if (a.at)
		known_forget(r->w, a.at, 1);
	if (a.to)
		known_forget(r->w, a.to, 1);
	return code;
}

/* Open files */

static int file_word(const struct repeat *r, struct open_file **f, struct err *e)
{
	uint64_t n;

	if (!journal_number(r->record, 0, &n))
		return bad(e, "no number of a file");
	*f = n && n <= r->files->len ? r->files->pdata[n - 1] : NULL;
	return *f ? 0 : err_set(e, EPROTO, -1, "file %" PRIu64 " is not open", n);
}

static int read_flags(const char *text, int *flags)
{
	*flags = O_RDONLY;
	if (g_str_has_prefix(text, "rw"))
		*flags = O_RDWR;
	else if (*text == 'w')
		*flags = O_WRONLY;
	else if (*text != 'r')
		return -EINVAL;
	for (text += *flags == O_RDWR ? 2 : 1; *text; text++) {
		if (!strchr("tan", *text))
			return -EINVAL;
		*flags |= *text == 't' ? O_TRUNC : *text == 'a' ? O_APPEND : O_NONBLOCK;
	}
	return 0;
}

static bool can_be_opened(const struct row *row)
{
	return row->kind != ROW_DIRECTORY && row->kind != ROW_LINK && row->kind != ROW_SPECIAL;
}

static int repeat_open(struct repeat *r, struct err *e)
{
	struct err ignored = { 0 };
	struct open_file *f;
	struct known *k;
	uint64_t n;
	int flags;

	if (!journal_number(r->record, 0, &n) || n != (uint64_t)r->files->len + 1 || r->record->count < 3 || read_flags(r->record->words[2].text, &flags))
		return bad(e, "open takes the next number, a file and flags");
	k = known_word(r, 1, e);
	if (!k)
		return -e->code;
	f = can_be_opened(k->n.row) ? file_open(r->w, k, flags, &ignored) : NULL;  /* it may fail, as it did */
	g_ptr_array_add(r->files, f);
	known_forget(r->w, k, 1);
	return 0;
}

static int repeat_write(struct repeat *r, struct err *e)
{
	struct write_call call = { .writer = WRITER };
	uint64_t at;

	if (file_word(r, &call.file, e))
		return -e->code;
	if (!journal_number(r->record, 1, &at) || !r->record->bytes || at > INT64_MAX - r->record->bytes_len || !file_is_writable(call.file))
		return bad(e, "a write that nobody can make");
	call.data = r->record->bytes;
	call.len = r->record->bytes_len;
	call.at = at;
	begin_write(r->fs, NULL, &call, journal_word(r->record, 3, "q"));
	return 0;
}

static int repeat_flush(struct repeat *r, struct err *e)
{
	struct write_call call = { .writer = WRITER };

	if (file_word(r, &call.file, e))
		return -e->code;
	if (file_is_writable(call.file))
		begin_flush(r->fs, NULL, &call, journal_word(r->record, 1, "q"));
	return 0;
}

static bool is_in_use(const struct repeat *r, const struct open_file *f)
{
	for (const GList *l = r->fs->parked.head; l; l = l->next)
		if (((const struct parked *)l->data)->file == f)
			return true;
	return false;
}

static int repeat_release(struct repeat *r, struct err *e)
{
	struct open_file *f;
	guint i;

	if (file_word(r, &f, e))
		return -e->code;
	if (is_in_use(r, f))
		return err_set(e, EPROTO, -1, "the file is in use");
	g_ptr_array_find(r->files, f, &i);
	r->files->pdata[i] = NULL;
	begin_release(r->fs, f, journal_word(r->record, 1, "q"));
	return 0;
}

static int repeat_read(struct repeat *r, struct err *e)
{
	struct open_file *f;
	uint64_t size;

	if (file_word(r, &f, e))
		return -e->code;
	if (!journal_number(r->record, 1, &size) || !file_moves_time(f) || !file_is_readable(f))
		return bad(e, "a read that changes nothing");
	begin_read(r->fs, NULL, f, 0, MIN(size, REPLY_MAX), file_nonblock(f));
	return 0;
}

static int repeat_poll(struct repeat *r, struct err *e)
{
	struct open_file *f;

	if (file_word(r, &f, e))
		return -e->code;
	if (!file_moves_time(f))
		return bad(e, "a poll that changes nothing");
	begin_poll(r->fs, f, NULL);
	return 0;
}

static int repeat_interrupt(struct repeat *r, struct err *e)
{
	uint64_t i;

	if (!journal_number(r->record, 0, &i) || i > UINT_MAX)
		return bad(e, "no number of a request");
	return interrupt_parked(r->fs, (unsigned)i) ? 0 : err_set(e, EPROTO, -1, "request %" PRIu64 " does not wait", i);
}

/* What else comes from outside */

static int repeat_time(struct repeat *r, struct err *e)
{
	ns_t to, until;

	if (!journal_time(r->record, 0, &to) || !journal_time(r->record, 1, &until))
		return bad(e, "no two times");
	record_time(r->w, to, until);
	world_advance(r->w, to, until, 0);
	return 0;
}

static int repeat_victim(struct repeat *r, struct err *e)
{
	struct host *h = r->record->count ? world_host_named(r->w, r->record->words[0].text) : NULL;

	if (!h || !vm_victim_wanted(h->vm))
		return err_set(e, EPROTO, -1, "nobody was asked for a victim");
	world_victim_give_up(r->w, h);
	return 0;
}

static void go_on(struct repeat *r)
{
	record_turn_begins(r->w, true);
	r->fs->running = settle(r->fs);
	record_turn_ends(r->w, r->fs->running);
}

static int repeat_turn(struct repeat *r, struct err *e)
{
	go_on(r);
	return 0;
}

static int repeat_ready(struct repeat *r, struct err *e)
{
	return bridge_is_open(r->w) ? bridge_repeat(r->w, r->record, e) : bad(e, "no bridge is open");
}

static int repeat_pause(struct repeat *r, struct err *e)
{
	record_pause(r->w);
	world_set_mode(r->w, CLOCK_MANUAL, 1);
	return 0;
}

static int repeat_end(struct repeat *r, struct err *e)
{
	r->ended = true;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct repeat *r, struct err *e);
} records[] = {
	{ "open", repeat_open }, { "write", repeat_write }, { "flush", repeat_flush }, { "release", repeat_release },
	{ "read", repeat_read }, { "poll", repeat_poll }, { "interrupt", repeat_interrupt }, { "time", repeat_time },
	{ "victim", repeat_victim }, { "turn", repeat_turn }, { "ready", repeat_ready }, { "pause", repeat_pause }, { "end", repeat_end },
};

/* Records */

/* What waits goes on as it did between two records. */
static int let_pass(struct repeat *r, uint64_t turns, struct err *e)
{
	for (; turns; turns--) {
		if (r->turns && --r->turns == 0)
			return err_set(e, EBADMSG, -1, "too many turns");
		go_on(r);
		if (!r->fs->running && turns > 1)
			return err_set(e, EPROTO, -1, "time stands sooner than it did");
	}
	return 0;
}

/* While time follows the wall clock, one at which nothing happened has no record of its own. */
static void catch_up(struct world *w, ns_t now)
{
	ns_t next;

	if (world_is_live(w) && now > w->clock.now && !(clock_next(&w->clock, &next) && next <= now))
		clock_run(&w->clock, now, 0);
}

static int check_state(const struct repeat *r, struct err *e)
{
	if (journal_is_now(r->w, r->record))
		return 0;
	if (r->record->time != r->w->clock.now)
		return err_set(e, EPROTO, -1, "the time is %" PRIu64 " ns, and was %" PRIu64, r->w->clock.now, r->record->time);
	return err_set(e, EPROTO, -1, "the next event is %" PRIu64 ", and was %" PRIu64, r->w->journal.next, r->record->event);
}

static int run_record(struct repeat *r, struct err *e)
{
	const char *name = r->record->name;

	for (unsigned i = 0; i < CHANGE_KINDS; i++)
		if (!strcmp(name, change_names[i]))
			return repeat_change(r, i, e);
	for (unsigned i = 0; i < G_N_ELEMENTS(records); i++)
		if (!strcmp(name, records[i].name))
			return records[i].run(r, e);
	return err_set(e, EBADMSG, -1, "'%.30s' is none that can come here", name);
}

/* The record stays the next one until what happened before it has: that may take records of its own. */
static int repeat_record(struct repeat *r, const struct journal_record *next, struct err *e)
{
	r->w->reader = 0;
	if (let_pass(r, next->turns, e))
		return -e->code;
	r->record = journal_next(r->w->repeat, e);
	if (!r->record)
		return -e->code;
	catch_up(r->w, r->record->time);
	return check_state(r, e) ? -e->code : run_record(r, e);
}

/* Where a session ended, time stood still too: what still wants to run waits for `auto` or `advance`. */
static void stop_time(struct repeat *r)
{
	if (world_is_live(r->w) || (r->ended && time_would_run(r->fs)))
		repeat_pause(r, NULL);
}

int journal_repeat(struct fs *fs, struct journal_file *j, uint64_t turns, struct err *e)
{
	struct repeat r = { .fs = fs, .w = fs->world, .turns = turns, .files = g_ptr_array_new() };
	struct err why = { 0 };
	uint64_t number = 0;
	size_t at = 0;
	int code = 0;

	fs->world->repeat = j;
	while (!code && !r.ended) {
		const struct journal_record *next = journal_peek(j);

		if (next) {
			number = next->number;
			at = next->at;
			code = repeat_record(&r, next, &why);
		} else {
			journal_next(j, &why);
			journal_place(j, &number, &at);
			code = -why.code;
		}
	}
	stop_time(&r);
	bridge_repeated(fs->world);
	fs->world->repeat = NULL;
	g_ptr_array_free(r.files, TRUE);
	if (code)
		err_set(e, -code, -1, "record %" PRIu64 ", at byte %zu: %s", number, at, why.why);
	return code;
}
