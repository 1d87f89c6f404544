/*
 * process_ctl_replay.c - the command `replay FILE [FORMAT]`, and the file proc/PID/replay that tells how far it is.
 *
 * A trace of files/ is read twice: once to see that all of it can be read and how long it is, then to have the process
 * make the accesses. Both go in slices of so many references, after which requests are served; how much a slice
 * does never depends on real time, so timers come between the same references each time.
 */
#include "process_ctl.h"
#include "trace.h"
#include "vm_access.h"
#include "vm_disk.h"

#include <string.h>

enum { CHECKED_A_TURN = 1 << 17, ACCESSED_A_TURN = 1 << 10 };

enum replay_phase { REPLAY_NONE, REPLAY_CHECKING, REPLAY_RUNNING, REPLAY_ENDED, REPLAY_FAILED, REPLAY_CANCELLED };
static const char *const phase_names[] = { "none", "checking", "running", "done", "failed", "cancelled" };

/* Kept for each process that ever replayed: what proc/PID/replay shows. */
struct progress {
	enum replay_phase phase;
	uint64_t done, total;
	gint64   since;          /* real microseconds when the accesses began */
	bool     cancel;
};

struct replaying {
	struct progress *progress;
	struct node n;           /* of the process */
	uint64_t inode;          /* the trace's number: the file, the host may go meanwhile */
	uint64_t size;           /* of it when it began, */
	ns_t     mtime;          /* and when it had been written last */
	char    *name;
	enum trace_format format;
	unsigned page_bits;
	struct trace *trace;
	uint64_t turn;           /* of the world, in which the last references were done, */
	unsigned left_in_turn;   /* and how many more may be: it may wait for pages, and go on, several times in a turn */
	const uint64_t *refs;    /* read but not yet done */
	size_t   left;
	uint64_t faults;
};

static struct progress *progress_of(const struct node *n, bool make)
{
	uint64_t key = (uint64_t)n->host << 32 | n->process;
	struct progress *p = g_hash_table_lookup(n->world->replays, &key);

	if (!p && make) {
		p = g_new0(struct progress, 1);
		g_hash_table_insert(n->world->replays, g_memdup2(&key, sizeof(key)), p);
	}
	return p;
}

static bool is_active(const struct progress *p)
{
	return p && (p->phase == REPLAY_CHECKING || p->phase == REPLAY_RUNNING);
}

static void put_field(GString *out, const char *name, uint64_t value)
{
	put_text(out, name);
	put_char(out, '=');
	put_dec(out, value);
	put_char(out, '\n');
}

/* The rate is of real time, so it is only told of what runs: what is over reads the same every time. */
int show_replay(const struct node *n, GString *out, struct err *e)
{
	const struct progress *p = progress_of(n, false);
	gint64 took = p ? g_get_monotonic_time() - p->since : 0;

	put_text(out, "state=");
	put_text(out, phase_names[p ? p->phase : REPLAY_NONE]);
	put_char(out, '\n');
	put_field(out, "done", p ? p->done : 0);
	put_field(out, "total", p ? p->total : 0);
	if (p && p->phase == REPLAY_RUNNING && took > 0)
		put_field(out, "rate", (uint64_t)((double)p->done * 1e6 / (double)took));
	else
		put_text(out, "rate=-\n");
	return 0;
}

int store_replay(const struct node *n, char *line, GString *result, struct err *e)
{
	struct progress *p = progress_of(n, false);

	if (strcmp(g_strstrip(line), "cancel"))
		return err_set(e, EINVAL, 0, "\"%.40s\": only `cancel` can be written", line);
	if (!is_active(p))
		return err_set(e, EINVAL, 0, "nothing is being replayed");
	p->cancel = true;
	return 0;
}

/* What is left of the state when the command ends, however it does. */
static void release(void *state)
{
	struct replaying *r = state;

	if (is_active(r->progress))
		r->progress->phase = REPLAY_CANCELLED;
	trace_close(r->trace);
	g_free(r->name);
	g_free(r);
}

static ssize_t peek(void *from, uint64_t at, void *to, size_t len)
{
	const struct replaying *r = from;
	struct vm_host *h = world_vm(&r->n, NULL);
	struct vm_inode *inode = h ? vm_inode_by_number(h, r->inode) : NULL;

	return inode ? vm_inode_peek(inode, at, to, len) : -ESTALE;
}

/* From the beginning, as the file is now. */
static int open_trace(struct replaying *r, struct err *e)
{
	struct trace_bytes bytes = { peek, r };

	trace_close(r->trace);
	r->trace = trace_open_bytes(&bytes, r->name, r->format, r->page_bits, e);
	r->left = 0;
	return r->trace ? 0 : -e->code;
}

static int begin(struct call *c, struct replaying **state, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct vm_inode *inode = p ? command_file(c, 0, e) : NULL;
	struct progress *progress = progress_of(c->n, true);
	enum trace_format format = TRACE_GUESS;
	struct vm_inode_info info;
	struct replaying *r;
	unsigned i;

	if (!inode)
		return -e->code;
	vm_inode_info(inode, &info);
	if (info.kind == VM_INODE_DIR)
		return err_set(e, EISDIR, 0, "a directory is no trace");
	if (c->count > 1) {
		if (!arg_choice(c, 1, trace_format_names, &i, e))
			return -e->code;
		format = (enum trace_format)i;
	}
	if (is_active(progress))
		return err_set(e, EBUSY, -1, "this process is replaying a trace already");
	if (c->nonblock)
		return -EINPROGRESS;
	r = g_new0(struct replaying, 1);
	*r = (struct replaying){ .progress = progress, .n = *c->n, .inode = info.number, .size = info.size, .mtime = info.mtime,
				 .name = g_strdup(c->args[0].text), .format = format,
				 .page_bits = process_geometry(p)->page_bits };
	if (open_trace(r, e)) {
		release(r);
		return -e->code;
	}
	*progress = (struct progress){ .phase = REPLAY_CHECKING };
	call_keep(c, r, release);
	*state = r;
	return 0;
}

static int next_refs(struct replaying *r, struct err *e)
{
	return r->left ? 0 : trace_next(r->trace, &r->refs, &r->left, e);
}

/* 1: more is to come. */
static int check_slice(struct replaying *r, struct err *e)
{
	r->left_in_turn = 0;
	for (uint64_t n = 0; n < CHECKED_A_TURN; n += r->left, r->left = 0) {
		if (next_refs(r, e))
			return -e->code;
		r->progress->total += r->left;
		for (size_t i = 0; i < r->left; i++)
			if (vm_ref_space(r->refs[i]))
				return err_set(e, EINVAL, 0, "the trace is of several processes");
		if (r->left)
			continue;
		if (r->progress->total == 0)
			return err_set(e, EINVAL, 0, "the trace holds no reference");
		r->progress->phase = REPLAY_RUNNING;
		r->progress->since = g_get_monotonic_time();
		return open_trace(r, e) ? -e->code : 1;
	}
	return 1;
}

/* The page's first byte; of canonical addresses the upper half is meant by the upper half of pages. */
static va_t address_of(const struct replaying *r, uint64_t ref)
{
	va_t va = vm_ref_page(ref) << r->page_bits;

	return r->page_bits == TRACE_PAGE_BITS ? (va_t)((int64_t)(va << 16) >> 16) : va;
}

static void put_signal_of(struct call *c, const struct replaying *r, const struct vm_outcome *o)
{
	put_text(c->result, vm_signal_names[o->signal]);
	put_text(c->result, " addr=");
	put_address(c->result, o->addr);
	put_text(c->result, " done=");
	put_dec(c->result, r->progress->done);
}

/* 1: more is to come. An access that waits for a disk is made again. */
static int access_slice(struct call *c, struct replaying *r, struct err *e)
{
	static const enum vm_access how[] = { VM_READ, VM_WRITE, VM_WRITE, VM_EXEC };
	struct vm_proc *p = command_caller(c, e);

	for (; p && r->left_in_turn > 0; r->left_in_turn--) {
		struct vm_outcome o = { 0 };
		int code;

		if (next_refs(r, e))
			return -e->code;
		if (r->left == 0)
			return 0;
		code = vm_touch(p, address_of(r, *r->refs), 1, 1, how[vm_ref_kind(*r->refs)], &o, e);
		r->faults += o.faults;
		if (code == -EINPROGRESS)
			return code;
		if (o.signal != VM_SIG_NONE)
			put_signal_of(c, r, &o);
		if (code)
			return code;
		r->refs++;
		r->left--;
		r->progress->done++;
	}
	return p ? 1 : -e->code;
}

/* What was checked is what is replayed, or nothing more is. */
static int check_file(const struct replaying *r, struct err *e)
{
	struct vm_host *h = world_vm(&r->n, NULL);
	struct vm_inode *inode = h ? vm_inode_by_number(h, r->inode) : NULL;
	struct vm_inode_info info;

	if (!inode)
		return err_set(e, ESTALE, 0, "the trace was removed meanwhile");
	vm_inode_info(inode, &info);
	if (info.size != r->size || info.mtime != r->mtime)
		return err_set(e, ESTALE, 0, "the trace was changed meanwhile");
	return 0;
}

static int slice(struct call *c, struct replaying *r, struct err *e)
{
	if (r->progress->cancel)
		return err_set(e, ECANCELED, -1, "cancelled after %" PRIu64 " of %" PRIu64 " references", r->progress->done,
			       r->progress->total);
	if (check_file(r, e))
		return -e->code;
	return r->progress->phase == REPLAY_CHECKING ? check_slice(r, e) : access_slice(c, r, e);
}

int run_replay(struct call *c, struct err *e)
{
	struct replaying *r = call_state(c);
	int code;

	if (!r) {
		code = begin(c, &r, e);
		if (code)
			return code;
	}
	if (r->turn != c->n->world->turn) {
		r->turn = c->n->world->turn;
		r->left_in_turn = ACCESSED_A_TURN;
	}
	code = r->left_in_turn > 0 ? slice(c, r, e) : 1;
	if (code == 1)
		c->n->world->sliced = true;
	if (code == 1 || code == -EINPROGRESS)
		return -EINPROGRESS;
	r->progress->phase = code == 0 ? REPLAY_ENDED : code == -ECANCELED ? REPLAY_CANCELLED : REPLAY_FAILED;
	if (code)
		return code;
	put_text(c->result, "accesses=");
	put_dec(c->result, r->progress->done);
	put_text(c->result, " faults=");
	put_dec(c->result, r->faults);
	return 0;
}
