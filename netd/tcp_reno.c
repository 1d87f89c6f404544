/* tcp_reno.c - congestion avoidance of RFC 5681: a segment more a round trip, half after a loss. */
#include "tcp.h"

static void reno_start(struct tcp *t) { t->cwnd_count = 0; }

static uint32_t reno_ssthresh(struct tcp *t) { return MAX(t->cwnd / 2, 2); }

static void reno_acked(struct tcp *t, uint32_t segments, ns_t now)
{
	t->cwnd_count += segments;
	while (t->cwnd_count >= t->cwnd) {
		t->cwnd_count -= t->cwnd;
		t->cwnd++;
	}
}

static void reno_idle(struct tcp *t, ns_t now) {}

const char *const net_tcp_congestion_names[2] = { "reno", "cubic" };
const struct tcp_control tcp_controls[2] = {
	{ reno_start, reno_ssthresh, reno_acked, reno_idle },
	{ cubic_start, cubic_ssthresh, cubic_acked, cubic_idle },
};
