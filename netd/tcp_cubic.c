/*
 * tcp_cubic.c - CUBIC (RFC 9438), in integers: segments, millionths of them, milliseconds.
 *
 * After a loss at Wmax the window follows W(t) = C (t - K)^3 + Wmax, C = 0.4: steep up to near Wmax, flat around it,
 * steep beyond; K = cbrt((Wmax - cwnd) / C). Never below what Reno would have by now (section 4.3).
 */
#include "tcp.h"

enum { MILLI = 1000, BETA = 700, MICRO = 1000000, ALPHA = 529412 /* 3 (1 - beta) / (1 + beta), in millionths */ };
#define T_MAX (1000 * 1000) /* ms; its cube fits 64 bits */

static uint64_t cube_root(uint64_t x)
{
	uint64_t low = 0, high = 2642245; /* whose cube is just below 2^64 */

	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;

		if (middle * middle * middle <= x)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

void cubic_start(struct tcp *t)
{
	memset(&t->cubic, 0, sizeof(t->cubic));
	t->cwnd_count = 0;
}

/* Section 4.6, and 4.7 fast convergence: one who lost below his old Wmax leaves room for newcomers. */
uint32_t cubic_ssthresh(struct tcp *t)
{
	t->cubic.epoch = 0;
	t->cubic.wmax = t->cwnd < t->cubic.wmax ? t->cwnd * (MILLI + BETA) / (2 * MILLI) : t->cwnd;
	t->cubic.prior = t->cwnd;
	return MAX(t->cwnd * BETA / MILLI, 2);
}

static void begin_epoch(struct tcp *t, ns_t now)
{
	t->cubic.epoch = MAX(now, 1);
	t->cubic.estimate = (uint64_t)t->cwnd * MICRO;
	if (t->cwnd >= t->cubic.wmax) {
		t->cubic.k = 0;
		t->cubic.origin = t->cwnd;
	} else { /* K in ms: cbrt((Wmax - cwnd) / 0.4) s */
		t->cubic.k = cube_root((uint64_t)(t->cubic.wmax - t->cwnd) * 2500000000u);
		t->cubic.origin = t->cubic.wmax;
	}
}

/* W(t) in segments, at least 0. */
static uint32_t window_at(const struct tcp *t, uint64_t ms)
{
	int64_t d = (int64_t)MIN(ms, T_MAX) - (int64_t)MIN(t->cubic.k, T_MAX);
	int64_t w = (int64_t)t->cubic.origin + d * d * d / 2500000000ll;

	return (uint32_t)CLAMP(w, 0, G_MAXUINT32 / 2);
}

void cubic_acked(struct tcp *t, uint32_t segments, ns_t now)
{
	uint32_t target, count, reno;
	uint64_t alpha;

	if (!t->cubic.epoch)
		begin_epoch(t, now);
	target = window_at(t, (now - t->cubic.epoch + t->rto.srtt) / NS_PER_MS);
	target = CLAMP(target, t->cwnd, t->cwnd + t->cwnd / 2);
	count = target > t->cwnd ? MAX(t->cwnd / (target - t->cwnd), 2) : 100 * t->cwnd;
	/* Section 4.3: what Reno would have; alpha is 1 once the old window is reached. */
	alpha = t->cubic.estimate >= (uint64_t)t->cubic.prior * MICRO ? MICRO : ALPHA;
	t->cubic.estimate += alpha * segments / MAX(t->cwnd, 1);
	reno = (uint32_t)(t->cubic.estimate / MICRO);
	if (reno > t->cwnd)
		count = MIN(count, MAX(t->cwnd / (reno - t->cwnd), 1));
	t->cwnd_count += segments;
	while (t->cwnd_count >= count) {
		t->cwnd_count -= count;
		t->cwnd++;
	}
}

/* Section 5.8: silence is no growth. */
void cubic_idle(struct tcp *t, ns_t now)
{
	if (t->cubic.epoch && now > t->last_sent_data)
		t->cubic.epoch = MIN(t->cubic.epoch + (now - t->last_sent_data), now);
}
