/* replay_table.c - the table that `vitrine replay` prints: a row a run, or one for each size of a curve. */
#include "replay_inner.h"
#include "say.h"
#include "table.h"

static const struct column columns[] = {
	{ "trace", COLUMN_WORD }, { "policy", COLUMN_WORD }, { "frames", COLUMN_NUMBER }, { "refs", COLUMN_NUMBER },
	{ "hits", COLUMN_NUMBER }, { "misses", COLUMN_NUMBER }, { "writebacks", COLUMN_NUMBER },
	{ "tlb_misses", COLUMN_NUMBER }, { "time", COLUMN_TIME }, { 0 }
};
static const struct column sampled_columns[] = {
	{ "trace", COLUMN_WORD }, { "policy", COLUMN_WORD }, { "frames", COLUMN_NUMBER }, { "refs", COLUMN_NUMBER },
	{ "hits", COLUMN_NUMBER }, { "misses", COLUMN_NUMBER }, { "writebacks", COLUMN_NUMBER },
	{ "tlb_misses", COLUMN_NUMBER }, { "time", COLUMN_TIME }, { "error", COLUMN_WORD }, { 0 }
};

static void fill_counts(struct table_out *t, const char *trace, const char *policy, uint64_t frames, uint64_t refs,
			uint64_t misses)
{
	table_word(t, trace);
	table_word(t, policy);
	table_number(t, frames);
	table_number(t, refs);
	table_number(t, refs - misses);
	table_number(t, misses);
}

static void fill_nothing_more(struct table_out *t)
{
	table_none(t);
	table_none(t);
	table_none(t);
}

static void fill_error(struct table_out *t, bool sampled, double error)
{
	char text[32];

	g_snprintf(text, sizeof(text), "%.6f", error);
	if (sampled)
		table_word(t, text);
}

static void fill_curve(struct table_out *t, const struct replay_settings *s, const char *trace, const struct replay_job *j, bool sampled)
{
	uint64_t frames = 0, misses = 0, refs = vm_curve_refs(j->curve);
	unsigned at = 0;

	while (vm_curve_next(j->curve, &frames, &misses)) {
		if (s->frames->len && (at == s->frames->len || g_array_index(s->frames, uint64_t, at) != frames))
			continue;
		at++;
		fill_counts(t, trace, j->policy, frames, refs, misses);
		fill_nothing_more(t);
		fill_error(t, sampled, 0);
	}
	for (; at < s->frames->len; at++) {        /* beyond all pages nothing changes */
		fill_counts(t, trace, j->policy, g_array_index(s->frames, uint64_t, at), refs, misses);
		fill_nothing_more(t);
		fill_error(t, sampled, 0);
	}
}

static void fill_job(struct table_out *t, const struct replay_settings *s, const struct replay_job *j, bool sampled)
{
	const struct replay_source *src = g_ptr_array_index(s->batch.sources, j->trace);

	if (j->curve) {
		fill_curve(t, s, src->path, j, sampled);
		return;
	}
	fill_counts(t, src->path, j->policy, j->frames, j->result.refs, j->result.misses);
	if (!j->exact) {
		fill_nothing_more(t);
	} else {
		table_number(t, j->result.writebacks);
		if (s->batch.path == VM_REPLAY_TLB)
			table_number(t, j->result.tlb_misses);
		else
			table_none(t);
		table_time(t, j->result.time);
	}
	fill_error(t, sampled, j->error);
}

/* The node of this table lives as long as the call that renders it: `arg` is where the settings are. */
static int fill_table(const struct node *n, struct table_out *t, struct err *e)
{
	const struct replay_settings *s = GSIZE_TO_POINTER(n->arg);

	for (unsigned i = 0; i < s->batch.jobs->len; i++) {
		const struct replay_job *j = g_ptr_array_index(s->batch.jobs, i);

		if (j->state == REPLAY_DONE)
			fill_job(t, s, j, n->row->columns == sampled_columns);
	}
	return 0;
}

static bool any_sampled(const struct replay_settings *s)
{
	for (unsigned i = 0; i < s->batch.jobs->len; i++) {
		const struct replay_job *j = g_ptr_array_index(s->batch.jobs, i);

		if (!j->exact && j->frames)
			return true;
	}
	return false;
}

int replay_print(const struct replay_settings *s)
{
	struct row row = { .name = "replay", .kind = ROW_TABLE, .columns = any_sampled(s) ? sampled_columns : columns, .fill = fill_table };
	struct node n = { .row = &row, .arg = GPOINTER_TO_SIZE(s), .format = s->output };
	g_autoptr(GString) out = g_string_new(NULL);
	struct err e = { 0 };

	table_render(&n, out, &e);
	if (fwrite(out->str, 1, out->len, stdout) != out->len || fflush(stdout))
		return fail("the table: %s", g_strerror(errno));
	return OK;
}
