/* policy.c - mem/policy, mem/lru, mem/victim: which page goes next, and who says so. */
#include "policy.h"

#include "table.h"
#include "text.h"
#include "vm_policy.h"
#include "world.h"

#include <string.h>

int show_policy(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_policy p;

	if (!vm)
		return -e->code;
	vm_policy(vm, &p);
	put_text(out, p.name);
	for (unsigned i = 0; i < p.params; i++) {
		put_char(out, ' ');
		put_text(out, p.param[i].name);
		put_char(out, '=');
		put_dec(out, p.param[i].value);
	}
	put_text(out, p.by_process ? " scope=process\n" : "\n");
	return 0;
}

/* key=value behind the name. */
static int parse_word(struct word *word, struct vm_policy *p, struct err *e)
{
	char *equals = strchr(word->text, '=');

	if (!equals)
		return err_set(e, EINVAL, -1, "\"%.40s\" is not key=value", word->text);
	*equals = '\0';
	if (strcmp(word->text, "scope") == 0) {
		p->by_process = strcmp(equals + 1, "process") == 0;
		if (!p->by_process && strcmp(equals + 1, "global") != 0)
			return err_set(e, EINVAL, -1, "scope is global or process, not \"%.40s\"", equals + 1);
		return 0;
	}
	if (p->params == VM_POLICY_PARAMS)
		return err_set(e, EINVAL, -1, "a policy has at most %d parameters", VM_POLICY_PARAMS);
	p->param[p->params].name = word->text;
	return parse_number(equals + 1, &p->param[p->params++].value, e) ? -e->code : 0;
}

static int set_words(struct vm_host *vm, const struct words *w, struct err *e)
{
	unsigned at_word[VM_POLICY_PARAMS] = { 0 };
	struct vm_policy p = { 0 };
	int error;

	if (w->count == 0)
		return err_set(e, EINVAL, 0, "the name of a policy is missing");
	p.name = w->word[0].text;
	for (unsigned i = 1; i < w->count; i++) {
		if (p.params < VM_POLICY_PARAMS)
			at_word[p.params] = i;
		if (parse_word(&w->word[i], &p, e)) {
			e->arg = (int)w->word[i].at;
			return -e->code;
		}
	}
	error = vm_policy_set(vm, &p, e);
	if (error)
		e->arg = (int)w->word[e->arg >= 0 ? at_word[e->arg] : 0].at;
	return error;
}

int policy_set_text(struct vm_host *vm, const char *text, struct err *e)
{
	struct words w;
	int error = words_split(text, &w, e);

	if (error)
		return error;
	error = set_words(vm, &w, e);
	words_free(&w);
	return error;
}

int store_policy(const struct node *n, char *line, GString *result, struct err *e)
{
	const char *start = line + strspn(line, " \t");
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	return *start == '\0' || *start == '#' ? 0 : policy_set_text(vm, line, e);
}

/* The candidates. */

const struct column lru_columns[] = {
	{ "turn", COLUMN_NUMBER }, { "list", COLUMN_WORD }, { "pfn", COLUMN_HEX }, { "hand", COLUMN_WORD },
	{ "used", COLUMN_NUMBER }, { "dirty", COLUMN_NUMBER }, { "count", COLUMN_NUMBER }, { "pid", COLUMN_NUMBER },
	{ "va", COLUMN_HEX }, { 0 }
};

struct filling { struct table_out *t; uint64_t turn; };

static void fill_candidate(void *arg, const struct vm_candidate *c)
{
	struct filling *f = arg;
	struct table_out *t = f->t;

	table_number(t, ++f->turn);
	table_word(t, c->list);
	table_hex(t, c->pfn);
	table_word(t, c->hand ? "hand" : NULL);
	table_number(t, c->used);
	table_number(t, c->dirty);
	if (c->counted)
		table_number(t, c->count);
	else
		table_none(t);
	if (c->pid) {
		table_signed(t, c->pid);
		table_hex(t, c->va);
	} else {
		table_none(t);
		table_none(t);
	}
}

int fill_lru(const struct node *n, struct table_out *t, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct filling f = { t, 0 };

	if (!vm)
		return -e->code;
	vm_policy_each(vm, fill_candidate, &f);
	return 0;
}

/* mem/victim. */

struct asking { uint64_t seen; };            /* the last question that this reader got */

static void *victim_open(const struct node *n, struct err *e)
{
	return g_new0(struct asking, 1);
}

static void put_candidate(void *arg, pfn_t pfn)
{
	GString *out = arg;

	put_text(out, out->len ? " 0x" : "0x");
	put_hex(out, pfn);
}

static int victim_read(const struct node *n, void *state, size_t max, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct asking *a = state;
	g_autoptr(GString) line = g_string_new(NULL);

	if (!vm)
		return -ESRCH;
	if (!vm_victim_wanted(vm) || vm_victim_number(vm) == a->seen)
		return 0;
	a->seen = vm_victim_number(vm);
	vm_victim_candidates(vm, put_candidate, line);
	put_char(line, '\n');
	g_string_append_len(out, line->str, (gssize)line->len);
	return 0;
}

static bool victim_ready(const struct node *n, void *state)
{
	struct vm_host *vm = world_vm(n, NULL);

	return !vm || (vm_victim_wanted(vm) && vm_victim_number(vm) != ((struct asking *)state)->seen);
}

static ssize_t victim_write(const struct node *n, void *state, const void *from, size_t len, struct err *e)
{
	g_autofree char *text = g_strstrip(g_strndup(from, len));
	struct vm_host *vm = world_vm(n, e);
	uint64_t pfn;
	int code;

	if (!vm)
		return -e->code;
	code = parse_number(text, &pfn, e);
	if (!code)
		code = vm_victim_answer(vm, pfn, e);
	if (code) {
		e->arg = 0;
		error_log_add(n->world, n, text, 0, e);
		return code;
	}
	world_changed(n->world);
	return (ssize_t)len;
}

static void victim_close(const struct node *n, void *state)
{
	g_free(state);
}

const struct stream_ops victim_stream = {
	.open = victim_open, .read = victim_read, .write = victim_write, .ready = victim_ready, .close = victim_close,
};

/* mem/ctl. */

int run_reclaim(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	uint64_t n, done;

	if (!vm || !arg_number(c, 0, &n, e))
		return -e->code;
	if (vm_reclaim(vm, n, &done, e))
		return -e->code;
	put_text(c->result, "reclaimed=");
	put_dec(c->result, done);
	return 0;
}

int run_watermark(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	uint64_t low, high;

	if (!vm || !arg_number(c, 0, &low, e) || !arg_number(c, 1, &high, e))
		return -e->code;
	return vm_watermark_set(vm, low, high, e);
}
