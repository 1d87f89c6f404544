/* replay_steps.c - `vitrine replay --steps`: a row a reference. */
#include "replay_inner.h"
#include "table.h"
#include "text.h"
#include "trace_inside.h"

#include <inttypes.h>

struct steps {
	struct replay_steps *out;
	const struct replay_job *job;
	const struct replay_source *source;
	const struct trace *trace;
	GString *text;
};

/* As the trace has it: pages decimal, those of addresses hexadecimal; with several processes PID:PAGE. */
static void put_page(GString *out, uint64_t where, const struct trace *t, bool json)
{
	bool decimal = t->format == TRACE_PAGES || t->format == TRACE_BIN64, several = t->pids->len > 1;
	bool quotes = json && (several || !decimal);

	if (quotes)
		put_char(out, '"');
	if (several) {
		put_dec(out, trace_pid(t, vm_ref_space(where)));
		put_char(out, ':');
	}
	if (decimal) {
		put_dec(out, vm_ref_page(where));
	} else {
		put_text(out, "0x");
		put_hex(out, vm_ref_page(where));
	}
	if (quotes)
		put_char(out, '"');
}

/* In front of the first row of a job: text has a heading for each, CSV one for all. */
static void put_heading(const struct steps *s)
{
	struct replay_steps *out = s->out;

	if (out->format == FORMAT_TEXT) {
		if (out->several)
			g_string_append_printf(s->text, "# %s %s %" PRIu64 "\n", s->source->path, s->job->policy, s->job->frames);
		put_text(s->text, "ref page result victim\n");
	} else if (out->format == FORMAT_CSV && !out->begun) {
		put_text(s->text, out->several ? "trace,policy,frames,ref,page,result,victim\r\n" : "ref,page,result,victim\r\n");
	}
}

static void put_text_row(const struct steps *s, const struct vm_replay_result *after, uint64_t where, bool hit, const uint64_t *victim)
{
	put_dec(s->text, after->refs);
	put_char(s->text, ' ');
	put_page(s->text, where, s->trace, false);
	put_text(s->text, hit ? " hit " : " miss ");
	if (victim)
		put_page(s->text, *victim, s->trace, false);
	else
		put_char(s->text, '-');
	put_char(s->text, '\n');
}

static void put_csv_row(const struct steps *s, const struct vm_replay_result *after, uint64_t where, bool hit, const uint64_t *victim)
{
	if (s->out->several) {
		put_csv_word(s->text, s->source->path);
		put_char(s->text, ',');
		put_csv_word(s->text, s->job->policy);
		put_char(s->text, ',');
		put_dec(s->text, s->job->frames);
		put_char(s->text, ',');
	}
	put_dec(s->text, after->refs);
	put_char(s->text, ',');
	put_page(s->text, where, s->trace, false);
	put_text(s->text, hit ? ",hit," : ",miss,");
	if (victim)
		put_page(s->text, *victim, s->trace, false);
	put_text(s->text, "\r\n");
}

static void put_json_row(const struct steps *s, const struct vm_replay_result *after, uint64_t where, bool hit, const uint64_t *victim)
{
	put_text(s->text, s->out->begun ? ",\n{" : "[{");
	if (s->out->several) {
		put_text(s->text, "\"trace\":");
		put_json_string(s->text, s->source->path);
		put_text(s->text, ",\"policy\":");
		put_json_string(s->text, s->job->policy);
		put_text(s->text, ",\"frames\":");
		put_dec(s->text, s->job->frames);
		put_char(s->text, ',');
	}
	put_text(s->text, "\"ref\":");
	put_dec(s->text, after->refs);
	put_text(s->text, ",\"page\":");
	put_page(s->text, where, s->trace, true);
	put_text(s->text, hit ? ",\"result\":\"hit\",\"victim\":" : ",\"result\":\"miss\",\"victim\":");
	if (victim)
		put_page(s->text, *victim, s->trace, true);
	else
		put_text(s->text, "null");
	put_char(s->text, '}');
}

static int step(const struct steps *s, struct vm_replay *r, const uint64_t *ref, struct err *e)
{
	static void (*const put_row[])(const struct steps *, const struct vm_replay_result *, uint64_t, bool, const uint64_t *) = {
		[FORMAT_TEXT] = put_text_row, [FORMAT_CSV] = put_csv_row, [FORMAT_JSON] = put_json_row,
	};
	struct vm_replay_result before, after;
	uint64_t victim;

	vm_replay_result(r, &before);
	if (vm_replay_run(r, ref, 1, e))
		return -e->code;
	vm_replay_result(r, &after);
	victim = vm_replay_victim(r);
	put_row[s->out->format](s, &after, vm_ref_where(*ref), after.hits > before.hits,
				after.evictions > before.evictions ? &victim : NULL);
	s->out->begun = true;
	return 0;
}

static void write_out(const struct steps *s)
{
	if (fwrite(s->text->str, 1, s->text->len, s->out->to) != s->text->len)
		s->out->failed = errno ? errno : EIO;
	g_string_truncate(s->text, 0);
}

int replay_steps(struct replay_batch *b, const struct replay_job *j, struct replay_steps *out, struct err *e)
{
	const struct replay_source *source = replay_source_of(b, j);
	struct vm_replay_options o = replay_options_of(b, j);
	g_autoptr(GString) text = g_string_new(NULL);
	struct steps s = { out, j, source, source->keep, text };
	struct vm_replay *r = vm_replay_new(&o, e);
	int rc = r ? 0 : -e->code;

	if (r)
		put_heading(&s);
	for (uint64_t i = 0; rc == 0 && i < source->count && !out->failed && !replay_stopped(b); i++) {
		rc = step(&s, r, source->refs + i, e);
		if (text->len > 1 << 16)
			write_out(&s);
	}
	write_out(&s);
	vm_replay_free(r);
	return rc;
}

void replay_steps_end(struct replay_steps *out)
{
	if (out->format == FORMAT_JSON && fputs(out->begun ? "]\n" : "[]\n", out->to) < 0)
		out->failed = errno;
}
