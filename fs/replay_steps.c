/* replay_steps.c - `vitrine replay --steps`: a row a reference. */
#include "replay.h"
#include "text.h"
#include "trace_inside.h"

/* As the trace has it: pages decimal, those of addresses hexadecimal; with several processes PID:PAGE. */
static void put_page(GString *out, uint64_t where, const struct trace *t)
{
	if (t->pids->len > 1) {
		put_dec(out, trace_pid(t, vm_ref_space(where)));
		put_char(out, ':');
	}
	if (t->format == TRACE_PAGES || t->format == TRACE_BIN64) {
		put_dec(out, vm_ref_page(where));
	} else {
		put_text(out, "0x");
		put_hex(out, vm_ref_page(where));
	}
}

static int step(struct vm_replay *r, const uint64_t *ref, GString *out, const struct trace *t, struct err *e)
{
	struct vm_replay_result before, after;

	vm_replay_result(r, &before);
	if (vm_replay_run(r, ref, 1, e))
		return -e->code;
	vm_replay_result(r, &after);
	put_dec(out, after.refs);
	put_char(out, ' ');
	put_page(out, vm_ref_where(*ref), t);
	put_text(out, after.hits > before.hits ? " hit " : " miss ");
	if (after.evictions > before.evictions)
		put_page(out, vm_replay_victim(r), t);
	else
		put_char(out, '-');
	put_char(out, '\n');
	return 0;
}

int replay_steps(struct replay_batch *b, const struct replay_job *j, FILE *to, struct err *e)
{
	const struct replay_source *s = g_ptr_array_index(b->sources, j->trace);
	struct vm_replay_options o = {
		.policy = j->policy, .frames = j->frames, .path = b->path, .level = { b->tlb[0], b->tlb[1] }, .seed = b->seed,
		.table_bytes = b->table_bytes, .next_use = s->next_use, .next_use_count = s->count,
	};
	struct vm_replay *r = vm_replay_new(&o, e);
	g_autoptr(GString) out = g_string_new("ref page result victim\n");
	int rc = r ? 0 : -e->code;

	for (uint64_t i = 0; rc == 0 && i < s->count && !(b->stop && *b->stop); i++) {
		rc = step(r, s->refs + i, out, s->keep, e);
		if (out->len > 1 << 16 || i + 1 == s->count) {
			fwrite(out->str, 1, out->len, to);
			g_string_truncate(out, 0);
		}
	}
	vm_replay_free(r);
	return rc;
}
