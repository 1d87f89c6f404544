/* rdt.c - the sender and the receiver of the message protocols. */
#include "rdt.h"

#include <errno.h>
#include <string.h>

#define NEVER INT64_MAX

/*                            checks acks naks  numbers acks#  resends timer pipe  select. mod first */
const struct rdt_rules rdt_variants[RDT_VARIANTS] = {
	{ "1.0",              false, false, false, false, false, false, false, false, false, 0, 0 },
	{ "2.0",              true,  true,  true,  false, false, true,  false, false, false, 0, 0 },
	{ "2.1",              true,  true,  true,  true,  false, true,  false, false, false, 2, 0 },
	{ "2.2",              true,  true,  false, true,  true,  true,  false, false, false, 2, 0 },
	{ "3.0",              true,  true,  false, true,  true,  false, true,  false, false, 2, 0 },
	{ "gbn",              true,  true,  false, true,  true,  false, true,  true,  false, 0, 1 },
	{ "sr",               true,  true,  false, true,  true,  false, true,  true,  true,  0, 1 },
	{ "try1",             true,  true,  false, false, false, false, true,  false, false, 0, 1 },
	{ "try2",             true,  true,  false, true,  false, false, true,  false, false, 0, 1 },
	{ "v3",               true,  true,  false, true,  true,  false, true,  false, false, 0, 1 },
};

static uint32_t after(const struct rdt *r, uint32_t number)
{
	return r->rules->modulus ? (number + 1) % r->rules->modulus : number + 1;
}

static uint32_t before(const struct rdt *r, uint32_t number)
{
	return r->rules->modulus ? (number + r->rules->modulus - 1) % r->rules->modulus : number - 1;
}

void rdt_init(struct rdt *r, const struct rdt_rules *rules, const struct rdt_ops *ops, void *user)
{
	*r = (struct rdt){ .rules = rules, .ops = ops, .user = user, .window = rules->pipelined ? 4 : 1, .tries = 16,
			   .timeout = NS_PER_S / 5, .part_max = 1024, .next = rules->first, .expected = rules->first };
	g_queue_init(&r->parts);
	g_queue_init(&r->early);
	r->message = g_byte_array_new();
}

static void drop_parts(GQueue *q)
{
	while (q->head) {
		struct rdt_part *p = q->head->data;

		g_queue_unlink(q, &p->link);
		g_free(p);
	}
}

void rdt_clear(struct rdt *r)
{
	drop_parts(&r->parts);
	drop_parts(&r->early);
	g_byte_array_unref(r->message);
}

static struct rdt_part *part_new(const uint8_t *data, uint32_t len, uint32_t number, bool last)
{
	struct rdt_part *p = g_malloc0(sizeof(*p) + len);

	p->link.data = p;
	p->number = number;
	p->len = len;
	p->last = last;
	if (len)
		memcpy(p->data, data, len);
	return p;
}

/* The sender */

static void transmit(struct rdt *r, struct rdt_part *p, ns_t now)
{
	struct rdt_packet out = { .type = RDT_DATA, .numbered = r->rules->numbers, .last = p->last,
				  .number = r->rules->numbers ? p->number : 0, .data = p->data, .len = p->len };

	r->stats.sent++;
	r->stats.resent += p->tries > 0;
	p->tries++;
	p->deadline = r->rules->timer ? now + r->timeout : NEVER;
	r->ops->send(r, &out);
}

static void forget_oldest(struct rdt *r)
{
	struct rdt_part *p = r->parts.head->data;

	r->queued -= p->len;
	g_queue_unlink(&r->parts, &p->link);
	g_free(p);
}

/* Sends what the window allows and was not sent yet. */
static void pump(struct rdt *r, ns_t now)
{
	unsigned i = 0;

	for (GList *l = r->parts.head, *next; l && i < r->window; l = next) {
		struct rdt_part *p = l->data;

		next = l->next;
		if (p->tries == 0)
			transmit(r, p, now);
		if (r->rules->acks)
			i++;
		else
			forget_oldest(r);    /* nobody will say whether it arrived */
	}
}

void rdt_send(struct rdt *r, const void *data, size_t len, ns_t now)
{
	size_t parts = MAX((len + r->part_max - 1) / r->part_max, 1);

	for (size_t i = 0; i < parts; i++) {             /* of nearly the same length */
		size_t from = len * i / parts, to = len * (i + 1) / parts;
		struct rdt_part *p = part_new((const uint8_t *)data + from, (uint32_t)(to - from), r->next, i + 1 == parts);

		g_queue_push_tail_link(&r->parts, &p->link);
		r->next = after(r, r->next);
		r->queued += p->len;
	}
	pump(r, now);
}

/* The oldest part, if it is under way. */
static struct rdt_part *oldest(const struct rdt *r)
{
	struct rdt_part *p = r->parts.head ? r->parts.head->data : NULL;

	return p && p->tries ? p : NULL;
}

static void give_up(struct rdt *r)
{
	drop_parts(&r->parts);
	r->queued = 0;
	r->error = ETIMEDOUT;
}

static void resend(struct rdt *r, struct rdt_part *p, ns_t now)
{
	if (r->tries && p->tries >= r->tries && (r->rules->selective || p == oldest(r)))
		give_up(r);
	else
		transmit(r, p, now);
}

static struct rdt_part *under_way(const struct rdt *r, uint32_t number)
{
	for (GList *l = r->parts.head; l; l = l->next) {
		struct rdt_part *p = l->data;

		if (p->tries == 0)
			return NULL;
		if (p->number == number)
			return p;
	}
	return NULL;
}

static void input_answer(struct rdt *r, const struct rdt_packet *in, ns_t now)
{
	struct rdt_part *p = oldest(r);
	bool damaged = in->damaged && r->rules->checks;

	r->stats.damaged += damaged;
	if (!p)
		return;
	if (damaged || in->type == RDT_NAK) {
		if (r->rules->resends)
			resend(r, p, now);
		return;
	}
	if (r->rules->numbers_acks) {
		struct rdt_part *named = under_way(r, in->number);

		if (!named) {
			if (r->rules->resends)
				resend(r, p, now);
			return;
		}
		if (r->rules->selective) {
			named->acked = true;
			named->deadline = NEVER;
		} else {
			for (bool more = true; more; forget_oldest(r))   /* all up to it */
				more = r->parts.head->data != (void *)named;
		}
		while (r->parts.head && ((struct rdt_part *)r->parts.head->data)->acked)
			forget_oldest(r);
	} else {
		forget_oldest(r);
	}
	if (!r->rules->selective && (p = oldest(r)))
		p->deadline = now + r->timeout;          /* go-back-N has one timer: it starts again */
	pump(r, now);
}

bool rdt_deadline(const struct rdt *r, ns_t *at)
{
	ns_t least = NEVER;

	for (GList *l = r->parts.head; l; l = l->next) {
		const struct rdt_part *p = l->data;

		if (p->tries == 0)
			break;
		least = MIN(least, p->deadline);
		if (!r->rules->selective)
			break;
	}
	*at = least;
	return least != NEVER;
}

void rdt_tick(struct rdt *r, ns_t now)
{
	struct rdt_part *head = oldest(r);

	if (!head || (!r->rules->selective && head->deadline > now))
		return;
	for (GList *l = r->parts.head, *next; l; l = next) {
		struct rdt_part *p = l->data;

		next = l->next;
		if (p->tries == 0)
			break;
		if (!r->rules->selective || p->deadline <= now)
			resend(r, p, now);
		if (r->error)
			return;
	}
}

bool rdt_done(const struct rdt *r)
{
	return r->parts.length == 0;
}

bool rdt_waiting(const struct rdt *r, uint32_t *number, unsigned *count)
{
	struct rdt_part *p = oldest(r);

	*count = 0;
	if (!p)
		return false;
	*number = p->number;
	for (GList *l = r->parts.head; l && ((struct rdt_part *)l->data)->tries; l = l->next)
		*count += !((struct rdt_part *)l->data)->acked;
	return true;
}

/* The receiver */

static void answer(struct rdt *r, enum rdt_type type, uint32_t number)
{
	struct rdt_packet out = { .type = type, .numbered = r->rules->numbers_acks,
				  .number = r->rules->numbers_acks ? number : 0 };

	if (!r->rules->acks)
		return;
	r->stats.acks += type == RDT_ACK;
	r->stats.naks += type == RDT_NAK;
	r->ops->send(r, &out);
}

static void accept_part(struct rdt *r, const uint8_t *data, uint32_t len, bool last)
{
	if (r->message->len + len > RDT_MESSAGE_MAX)
		g_byte_array_set_size(r->message, 0);    /* a message without end */
	g_byte_array_append(r->message, data, len);
	if (!last)
		return;
	r->stats.delivered++;
	r->ops->deliver(r, r->message->data, r->message->len);
	g_byte_array_set_size(r->message, 0);
}

/* Early parts that have become due. */
static void accept_early(struct rdt *r)
{
	while (r->early.head) {
		struct rdt_part *p = r->early.head->data;

		if (p->number != r->expected)
			return;
		r->expected = after(r, r->expected);
		g_queue_unlink(&r->early, &p->link);
		accept_part(r, p->data, p->len, p->last);
		g_free(p);
	}
}

static void keep_early(struct rdt *r, const struct rdt_packet *in)
{
	GList *l = r->early.head;
	struct rdt_part *p;

	while (l && (int32_t)(((struct rdt_part *)l->data)->number - in->number) < 0)
		l = l->next;
	if (l && ((struct rdt_part *)l->data)->number == in->number)
		return;
	p = part_new(in->data, in->len, in->number, in->last);
	if (l)
		g_queue_insert_before_link(&r->early, l, &p->link);
	else
		g_queue_push_tail_link(&r->early, &p->link);
}

/* A part whose turn it is not. */
static void input_other(struct rdt *r, const struct rdt_packet *in)
{
	bool old = r->rules->modulus || (int32_t)(in->number - r->expected) < 0;

	r->stats.repeated += old;
	if (r->rules->selective) {
		if (!old && in->number - r->expected >= MAX(r->window, 1) * 2)
			return;                          /* no sender is that far ahead */
		if (!old)
			keep_early(r, in);
		answer(r, RDT_ACK, in->number);
	} else if (r->rules->pipelined) {
		if (r->any)
			answer(r, RDT_ACK, before(r, r->expected));
	} else if (old) {
		answer(r, RDT_ACK, in->number);
	}
}

static void input_damaged(struct rdt *r)
{
	r->stats.damaged++;
	if (r->rules->naks)
		answer(r, RDT_NAK, 0);
	else if (r->rules->resends)
		answer(r, RDT_ACK, before(r, r->expected));  /* 2.2: the last one again says no */
}

static void input_data(struct rdt *r, const struct rdt_packet *in)
{
	r->stats.received++;
	if (in->damaged && r->rules->checks) {
		input_damaged(r);
		return;
	}
	if (!r->rules->numbers) {
		answer(r, RDT_ACK, 0);
		accept_part(r, in->data, in->len, in->last);
		return;
	}
	if (in->number != r->expected) {
		input_other(r, in);
		return;
	}
	r->expected = after(r, r->expected);
	r->any = true;
	answer(r, RDT_ACK, in->number);
	accept_part(r, in->data, in->len, in->last);
	accept_early(r);
}

void rdt_input(struct rdt *r, const struct rdt_packet *in, ns_t now)
{
	if (in->type == RDT_DATA)
		input_data(r, in);
	else if (r->rules->acks)
		input_answer(r, in, now);
}
