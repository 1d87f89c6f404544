/*
 * tcp_rto.c - the retransmission timeout (RFC 6298).
 *
 * RTO = SRTT + max(G, 4 * RTTVAR), within [min, max]. Linux's rule that RTO is at least 200 ms above SRTT
 * is this with G = 200 ms; the RFC's own is G = 1 ms, min = 1 s.
 */
#include "tcp.h"

void rto_start(struct rto *r, const struct rto_rules *rules)
{
	*r = (struct rto){ .rto = rules->initial };
}

void rto_sample(struct rto *r, const struct rto_rules *rules, ns_t rtt)
{
	if (!r->measured) {
		r->srtt = rtt;
		r->rttvar = rtt / 2;
		r->measured = true;
	} else {
		ns_t off = r->srtt > rtt ? r->srtt - rtt : rtt - r->srtt;

		r->rttvar = (3 * r->rttvar + off) / 4; /* with the old SRTT: section 2.3 */
		r->srtt = (7 * r->srtt + rtt) / 8;
	}
	r->rto = CLAMP(r->srtt + MAX(rules->granularity, 4 * r->rttvar), rules->min, rules->max);
}

void rto_back_off(struct rto *r, const struct rto_rules *rules)
{
	r->rto = MIN(2 * r->rto, rules->max);
}

struct rto_rules host_rto(const struct net_host *h)
{
	return (struct rto_rules){ .initial = KNOB_MS(h, RTO_INIT), .min = KNOB_MS(h, RTO_MIN), .max = KNOB_MS(h, RTO_MAX),
				   .granularity = KNOB_MS(h, RTO_GRANULARITY) };
}
