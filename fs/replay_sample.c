/*
 * replay_sample.c - runs of a sample of the pages.
 *
 * Pages fall by a hash into CLASSES classes and a rest that is left out; each class is replayed with as large a
 * part of the frames as it has of all pages (SHARDS: Waldspurger et al., FAST 2015; how many pages a class has is known
 * here, not estimated); and so are all of them together, which gives the result. A policy's parameters shrink as frames do.
 *
 * Two things make the error. Classes are independent samples, so how much they differ tells how much chance does. And a small
 * machine is not just a large one seen from afar: with lfu or mru most misses may fight for a single frame, which a page keeps
 * for as long as there is no other miss, and in a small machine that is longer. So the classes are all wrong in one direction, and
 * the result, whose machine is CLASSES times as large, less so. How far their mean is from it says how much such a step
 * changes; from the sample on to all pages it may be several such steps, and as much for each.
 */
#include "replay_inner.h"

#include <math.h>

enum { CLASSES = 8, CLASS_BITS = 3, TOGETHER = CLASSES, SAMPLES, ENOUGH_PAGES = 1 << 15, LEAST_FRAMES = 8 };

struct sampler {
	struct vm_replay *replay[SAMPLES];
	uint64_t width;               /* buckets of a class */
	double   part[SAMPLES];       /* of all pages */
	uint64_t *piece[SAMPLES];     /* REPLAY_PIECE references each */
};

double replay_sample_rate(const struct replay_batch *b, const struct replay_job *j)
{
	const struct replay_source *src = replay_source_of(b, j);
	double rate = b->sample > 0 ? b->sample : (double)ENOUGH_PAGES / (double)MAX(1, src->pages);

	/* Less than that many frames in a class say little. */
	return MAX(rate, (double)LEAST_FRAMES * CLASSES / (double)j->frames);
}

static int sample_piece(void *to, const uint64_t *refs, size_t n, struct err *e)
{
	struct sampler *s = to;
	size_t got[SAMPLES] = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint64_t class = replay_bucket(vm_ref_where(refs[i])) / s->width;

		if (class < CLASSES) {
			s->piece[class][got[class]++] = refs[i];
			s->piece[TOGETHER][got[TOGETHER]++] = refs[i];
		}
	}
	for (unsigned k = 0; k < SAMPLES; k++)
		if (vm_replay_run(s->replay[k], s->piece[k], got[k], e))
			return -e->code;
	return 0;
}

/* Miss ratios are over the references that the part of the pages should have had. */
static void sample_result(const struct sampler *s, struct replay_job *j, uint64_t refs)
{
	double ratio[SAMPLES], mean = 0, square = 0, far;

	for (unsigned k = 0; k < SAMPLES; k++) {
		struct vm_replay_result r;

		vm_replay_result(s->replay[k], &r);
		ratio[k] = MIN(1.0, (double)r.misses / ((double)refs * s->part[k]));
		mean += k < CLASSES ? ratio[k] / CLASSES : 0;
	}
	for (unsigned k = 0; k < CLASSES; k++)
		square += (ratio[k] - mean) * (ratio[k] - mean);
	far = (ratio[TOGETHER] - mean) * MAX(1, -log2(s->part[TOGETHER]) / CLASS_BITS);
	j->error = sqrt(square / (CLASSES - 1) / CLASSES + far * far);
	j->result.refs = refs;
	j->result.misses = MIN(refs, (uint64_t)llround(ratio[TOGETHER] * (double)refs));
	j->result.hits = refs - j->result.misses;
}

static void sampler_clear(struct sampler *s)
{
	for (unsigned k = 0; k < SAMPLES; k++) {
		vm_replay_free(s->replay[k]);
		g_free(s->piece[k]);
	}
}

static int sampler_init(struct replay_batch *b, struct replay_job *j, double rate, struct sampler *s, struct err *e)
{
	struct vm_replay_options o = replay_options_of(b, j);
	const struct replay_source *src = replay_source_of(b, j);

	s->width = MAX(1, (uint64_t)(rate / CLASSES * REPLAY_BUCKETS));
	o.path = VM_REPLAY_FILTER;
	for (unsigned k = 0; k < SAMPLES; k++) {
		uint64_t pages = 0, from = k == TOGETHER ? 0 : k, to = MIN(k + 1, CLASSES);

		for (uint64_t i = from * s->width; i < to * s->width; i++)
			pages += src->spread[i];
		s->part[k] = (double)MAX(1, pages) / (double)src->pages;
		o.part = s->part[k];
		o.frames = MAX(1, (uint64_t)llround((double)j->frames * s->part[k]));
		s->replay[k] = vm_replay_new(&o, e);
		s->piece[k] = g_new(uint64_t, REPLAY_PIECE);
		if (!s->replay[k])
			return -e->code;
	}
	return 0;
}

int replay_sampled(struct replay_batch *b, struct replay_job *j, double rate, struct err *e)
{
	struct sampler s = { 0 };
	int r = sampler_init(b, j, rate, &s, e);

	if (r == 0)
		r = replay_feed(b, replay_source_of(b, j), sample_piece, &s, e);
	if (r == 0)
		sample_result(&s, j, replay_source_of(b, j)->count);
	sampler_clear(&s);
	return r;
}
