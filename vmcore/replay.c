/* replay.c - a replay from its making to its counts. */
#include "replay.h"
#include "sparse.h"

#include <inttypes.h>

enum {
	PIECE = 1 << 14,         /* references between two decisions about the filter */
	REST = 31,               /* pieces without it, when it did not help */
	FRAME_BYTES = 16,        /* at most, of each frame: vm_replay_memory() */
};

static const struct vm_tlb_shape no_tlb[2] = { { 1, 1 } };

static void *array_new(uint64_t bytes)
{
	void *p = sparse_new(bytes);

	if (!p)
		g_error("no memory for %" PRIu64 " bytes", bytes);
	return p;
}

/* Places. */

static void places_init(struct places *s, uint64_t n)
{
	uint64_t bits = MAX(n, 1);

	for (s->levels = 0; s->levels == 0 || bits > 1; s->levels++) {
		bits = (bits + 63) / 64;
		s->words[s->levels] = bits;
		s->level[s->levels] = sparse_new(bits * 8);
	}
}

static void places_clear(struct places *s)
{
	for (unsigned k = 0; k < s->levels; k++)
		sparse_free(s->level[k], s->words[k] * 8);
	s->levels = 0;
}

void places_remove(struct places *s, uint64_t at)
{
	for (unsigned k = 0; k < s->levels; k++, at >>= 6)
		if (s->level[k][at >> 6] &= ~((uint64_t)1 << (at & 63)))
			return;
}

uint64_t places_last(const struct places *s)
{
	uint64_t at = 0;

	for (unsigned k = s->levels; k-- > 0; ) {
		uint64_t word = s->level[k][at];

		if (word == 0)
			return UINT64_MAX;
		at = at << 6 | (63 - (unsigned)__builtin_clzll(word));
	}
	return at;
}

/* Making. */

static const struct replay_policy *find_policy(const char *name, struct err *e)
{
	for (const struct replay_policy *k = replay_policies; k->name; k++)
		if (!strcmp(k->name, name))
			return k;
	err_set(e, EINVAL, -1, "\"%.40s\" is no policy of replays", name);
	return NULL;
}

static int set_param(struct vm_replay *r, const char *word, struct err *e)
{
	const struct policy_param *param = r->kind->params;
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : 0;
	uint64_t value;

	for (unsigned i = 0; equals && param && param[i].name; i++)
		if (strlen(param[i].name) == len && !strncmp(param[i].name, word, len)) {
			g_autofree char *text = g_strdup(equals + 1);
			char *end;

			errno = 0;
			value = strtoull(text, &end, 0);
			if (!*text || *text == '-' || *end || errno || value < param[i].least || value > param[i].most)
				return err_set(e, ERANGE, -1, "%s is %" PRIu64 " to %" PRIu64, param[i].name, param[i].least,
					       param[i].most);
			r->policy.param[i] = value;
			return 0;
		}
	return err_set(e, EINVAL, -1, "\"%.40s\" is no parameter of %s", word, r->kind->name);
}

static void shrink_params(struct vm_replay *r, double part)
{
	for (unsigned i = 0; r->kind->params && r->kind->params[i].name; i++)
		if (r->kind->params[i].by_size && r->policy.param[i])         /* 0: what the size says */
			r->policy.param[i] = MAX(1, (uint64_t)((double)r->policy.param[i] * part + 0.5));
}

static int make_policy(struct vm_replay *r, const struct vm_replay_options *o, struct err *e)
{
	g_auto(GStrv) words = g_strsplit_set(o->policy, " ,", -1);

	r->kind = find_policy(words[0] ? words[0] : "", e);
	if (!r->kind)
		return -EINVAL;
	policy_init(&r->policy, r->kind->needs & ~(unsigned)(POLICY_BITS | POLICY_MODIFIED | POLICY_PAGES), r->frames, o->seed);
	r->policy.machine = r;
	if (r->kind->needs & POLICY_ORDER)
		recency_init(&r->recency, r->frames);
	if (r->kind->needs & POLICY_KEYS)
		least_init(&r->least, r->frames);
	for (unsigned i = 0; r->kind->params && r->kind->params[i].name; i++)
		r->policy.param[i] = r->kind->params[i].normal;
	for (unsigned i = 1; words[0] && words[i]; i++)
		if (*words[i] && set_param(r, words[i], e))
			return -e->code;
	if (o->part > 0)
		shrink_params(r, o->part);
	return 0;
}

static bool is_opt(const struct vm_replay *r) { return !strcmp(r->kind->name, "opt"); }

/* Before there are arrays: who has set a limit gets an answer. */
static int check_room(const struct vm_replay_options *o, struct err *e)
{
	uint64_t bytes = CLAMP(o->frames, 1, REPLAY_FRAMES_MAX) * FRAME_BYTES + o->next_use_count / 4;
	void *p = sparse_new(bytes);

	if (!p)
		return err_set(e, ENOMEM, -1, "%" PRIu64 " frames: no memory for their %" PRIu64 " MiB", o->frames, bytes >> 20);
	sparse_free(p, bytes);
	return 0;
}

struct vm_replay *vm_replay_new(const struct vm_replay_options *o, struct err *e)
{
	struct vm_replay *r;

	if (check_room(o, e))
		return NULL;
	r = g_new0(struct vm_replay, 1);
	if (replay_world_init(&r->world, o->frames, o->table_bytes, e)) {
		g_free(r);
		return NULL;
	}
	r->frames = (uint32_t)o->frames;
	r->path = o->path;
	known_clear(&r->known);
	r->mapped = array_new((uint64_t)r->frames * sizeof(uint32_t));
	if (make_policy(r, o, e) || replay_tlb_init(&r->tlb, o->path == VM_REPLAY_TLB ? o->level : no_tlb, e)) {
		vm_replay_free(r);
		return NULL;
	}
	if (is_opt(r) && !o->next_use) {
		err_set(e, EINVAL, -1, "opt needs to know the future");
		vm_replay_free(r);
		return NULL;
	}
	if (is_opt(r)) {
		r->next_use = o->next_use;
		r->next_use_count = o->next_use_count;
		furthest_init(&r->needed, r->frames);
		places_init(&r->useless, o->next_use_count);
	}
	return r;
}

void vm_replay_free(struct vm_replay *r)
{
	if (!r)
		return;
	if (r->kind)
		policy_clear(&r->policy);
	furthest_clear(&r->needed);
	places_clear(&r->useless);
	replay_tlb_clear(&r->tlb);
	least_clear(&r->least);
	recency_clear(&r->recency);
	sparse_free(r->mapped, (uint64_t)r->frames * sizeof(uint32_t));
	replay_world_clear(&r->world);
	g_free(r);
}

/* Running. */

/* The filter, or for some time none. */
static enum vm_replay_path path_now(struct vm_replay *r)
{
	r->filtered = r->path != VM_REPLAY_WALK && r->rest == 0;
	if (r->rest > 0)
		r->rest--;
	return r->path == VM_REPLAY_FILTER && !r->filtered ? VM_REPLAY_WALK : r->path;
}

int vm_replay_run(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	if (r->next_use) {
		if (n > r->next_use_count - r->refs)
			return err_set(e, EINVAL, -1, "more references than the future has");
		r->opt_refs = refs - r->refs;
	}
	while (n > 0) {
		size_t piece = MIN(n, (size_t)PIECE);
		enum vm_replay_path path = path_now(r);

		if (r->kind->needs & POLICY_ORDER)
			recency_expect(&r->recency, r->refs, piece, r->used);
		if (r->kind->needs & POLICY_KEYS)
			least_expect(&r->least, r->refs, piece, r->used);
		if (r->kind->run[path](r, refs, piece, e))
			return -e->code;
		r->steady = r->passed < piece / 64;
		if (r->filtered && r->passed > piece / 2) {
			r->rest = REST;
			known_clear(&r->known);
		}
		refs += piece;
		n -= piece;
	}
	return 0;
}

void vm_replay_result(const struct vm_replay *r, struct vm_replay_result *out)
{
	*out = (struct vm_replay_result) {
		.refs = r->refs, .hits = r->refs - r->misses, .misses = r->misses, .cold = r->cold, .evictions = r->misses - r->used,
		.writebacks = r->writebacks, .tlb_refills = r->tlb.refills, .tlb_misses = r->tlb.misses,
		.table_bytes = r->world.vm->frames_by_use[VM_FRAME_TABLE] << 12,
	};
	out->time = vm_replay_time(NULL, out, r->path == VM_REPLAY_TLB);
}

static uint64_t places_bytes(const struct places *s)
{
	uint64_t bytes = 0;

	for (unsigned k = 0; k < s->levels; k++)
		bytes += s->words[k] * sizeof(uint64_t);
	return bytes;
}

void vm_replay_memory(const struct vm_replay *r, struct vm_replay_memory *out)
{
	policy_memory(&r->policy, &out->by_frame, &out->by_page);
	out->by_frame += r->frames * sizeof r->mapped[0] + least_bytes(&r->least) + recency_bytes(&r->recency) +
		furthest_bytes(&r->needed);
	out->by_reference = places_bytes(&r->useless);
}

uint64_t vm_replay_victim(const struct vm_replay *r)
{
	return r->victim ? replay_page_of(&r->world, r->victim) : UINT64_MAX;
}

ns_t vm_replay_time(const struct vm_config *c, const struct vm_replay_result *r, bool tlb)
{
	uint64_t walks = tlb ? r->tlb_misses : r->refs;

	if (!c)
		c = &config_default;
	return (r->refs - walks) * c->tlb_hit + walks * 4 * c->walk_step + r->cold * (c->minor_fault + c->zero) +
	       (r->misses - r->cold) * c->major_fault + r->writebacks * c->copy;
}

/* The future. */

/*
 * The place of a page's next use, + 1, is kept in its leaf entry; of pages that were met lately, by the low bits of their
 * numbers, here. While most are not met again soon, many walk side by side instead.
 */
struct lately { uint64_t where[KNOWN_PAGES], next[KNOWN_PAGES], *entry[KNOWN_PAGES]; unsigned rest; };

static void lately_forget(struct lately *l)
{
	for (unsigned i = 0; i < KNOWN_PAGES; i++)
		if (l->entry[i])
			*l->entry[i] = l->next[i] << 1;
	memset(l->entry, 0, sizeof(l->entry));
	memset(l->where, 0xff, sizeof(l->where));
}

static int lately_meet(struct lately *l, struct replay_world *w, uint64_t ref, struct err *e)
{
	uint64_t *entry = replay_walk(w, ref);
	unsigned i = ref & (KNOWN_PAGES - 1);

	if (replay_no_table(w, entry) && replay_make(w, ref, &entry, e))
		return -e->code;
	if (l->entry[i])
		*l->entry[i] = l->next[i] << 1;
	l->where[i] = vm_ref_where(ref);
	l->entry[i] = entry;
	l->next[i] = *entry >> 1;
	return 0;
}

/* The next uses of n references, `first` of the trace and on. */
static int next_uses_lately(struct lately *l, struct replay_world *w, const uint64_t *refs, uint64_t first, size_t n, uint32_t *next,
			    struct err *e)
{
	unsigned met = 0;

	for (size_t i = n; i-- > 0; ) {
		unsigned slot = refs[i] & (KNOWN_PAGES - 1);

		if (i % PATHS == 0 && first + i >= PATHS_AHEAD)
			replay_soon(refs + i - PATHS_AHEAD);
		if (G_UNLIKELY(l->where[slot] != vm_ref_where(refs[i]))) {
			if (lately_meet(l, w, refs[i], e))
				return -e->code;
			met++;
		}
		next[i] = (uint32_t)l->next[slot] - 1;       /* UINT32_MAX: it had nothing */
		l->next[slot] = first + i + 1;
	}
	if (met > n / 4) {
		lately_forget(l);
		l->rest = REST;
	}
	return 0;
}

/* So too, by PATHS. */
static int next_uses_walked(struct replay_world *w, const uint64_t *refs, uint64_t first, uint32_t *next, struct err *e)
{
	uint64_t *entry[PATHS];
	struct replay_paths paths;

	if (first >= PATHS_AHEAD)
		replay_soon(refs - PATHS_AHEAD);
	replay_paths(w, refs, &paths);
	replay_follow_all(&paths, entry);
	for (size_t i = PATHS; i-- > 0; ) {
		if (G_UNLIKELY(replay_no_table(w, entry[i]))) {
			entry[i] = replay_walk(w, refs[i]);
			if (replay_no_table(w, entry[i]) && replay_make(w, refs[i], &entry[i], e))
				return -e->code;
		}
		next[i] = (uint32_t)(*entry[i] >> 1) - 1;
		*entry[i] = (first + i + 1) << 1;
	}
	return 0;
}

int vm_next_use(const uint64_t *refs, uint64_t n, uint32_t *next, uint64_t table_bytes, const volatile sig_atomic_t *stop, struct err *e)
{
	struct replay_world w;
	struct lately lately = { .rest = 0 };
	int r = 0;

	if (n >= UINT32_MAX)
		return err_set(e, E2BIG, -1, "%" PRIu64 " references: opt takes fewer than 2^32 - 1", n);
	if (replay_world_init(&w, 1, table_bytes, e))
		return -e->code;
	lately_forget(&lately);
	/* Only the piece at the end may have less than PIECE; it is never walked. */
	for (uint64_t at = n; r == 0 && at > 0; ) {
		uint64_t first = (at - 1) / PIECE * PIECE;

		if (stop && *stop) {
			r = err_set(e, EINTR, -1, "interrupted");
			break;
		}
		if (lately.rest == 0) {
			r = next_uses_lately(&lately, &w, refs + first, first, at - first, next + first, e);
			at = first;
			continue;
		}
		lately.rest--;
		for (; r == 0 && at > first; at -= PATHS)
			r = next_uses_walked(&w, refs + at - PATHS, at - PATHS, next + at - PATHS, e);
	}
	replay_world_clear(&w);
	return r;
}

/* Numbers of pages. */

struct vm_pages { struct replay_world world; uint64_t count; };

struct vm_pages *vm_pages_new(uint64_t table_bytes, struct err *e)
{
	struct vm_pages *p = g_new0(struct vm_pages, 1);

	if (replay_world_init(&p->world, 1, table_bytes, e))
		g_clear_pointer(&p, g_free);
	return p;
}

void vm_pages_free(struct vm_pages *p)
{
	if (p)
		replay_world_clear(&p->world);
	g_free(p);
}

int vm_pages_number(struct vm_pages *p, uint64_t ref, uint64_t *number, bool *fresh, struct err *e)
{
	uint64_t *entry = replay_walk(&p->world, ref);

	if (G_UNLIKELY(replay_no_table(&p->world, entry)) && replay_make(&p->world, ref, &entry, e))
		return -e->code;
	*fresh = *entry == 0;
	if (*fresh)
		*entry = ++p->count << 1;
	*number = (*entry >> 1) - 1;
	return 0;
}
