/* swap.c - areas and their slots. A page may be one byte, so slots cost nothing before they are first used. */
#include "swap.h"

#include "sparse.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

enum { PRIORITY_MOST = 32767, DENSE_FROM = 8 << 20 /* bytes */, DENSE_MOST = 256 << 20, AHEAD_HITS = 4 /* a good start, as Linux's */ };

static const struct event_kind event_swapon = { "swapon", "area:d slots:d cut:d priority:i" };

const char *const vm_slot_state_names[VM_SLOT_STATES] = { "free", "used", "cached", "bad" };

struct swap *swap_new(struct vm_host *h)
{
	struct swap *s = g_new0(struct swap, 1);

	s->host = h;
	s->least_priority = -1;
	s->ahead.hits = AHEAD_HITS;
	return s;
}

static void area_free(struct swap_area *a)
{
	sparse_free(a->slot, a->slots * sizeof(struct slot));
	sparse_free(a->bytes, a->device.page * a->slots);
	bitset_clear(&a->busy);
	g_free(a);
}

void swap_free(struct swap *s)
{
	for (unsigned i = 0; i < SWAP_AREAS; i++)
		if (s->area[i])
			area_free(s->area[i]);
	g_free(s);
}

uint64_t swap_slots(const struct swap *s)
{
	return s->slots;
}

uint64_t swap_slots_free(const struct swap *s)
{
	return s->slots - s->used;
}

bool swap_is_tight(const struct swap *s)
{
	return swap_slots_free(s) * 2 < s->slots;
}

/* Slots. */

static bool has_slot(const struct swap_area *a, uint32_t slot)
{
	return slot - a->first < a->slots;
}

struct swap_area *swap_search(struct swap *s, uint32_t slot)
{
	for (unsigned i = 0; i < s->count; i++)
		if (has_slot(s->order[i], slot))
			return s->recent = s->order[i];
	return NULL;
}

unsigned swap_place(struct swap *s, uint32_t slot, uint64_t *within)
{
	struct swap_area *a = swap_area_of(s, slot);

	*within = slot - a->first;
	return a->number;
}

uint64_t swap_event_place(struct swap *s, uint32_t slot)
{
	const struct swap_area *a = swap_area_of(s, slot);

	return event_place(a->number, slot - a->first);
}

/* The count or the cache of a slot has gone: nobody has it any more. */
static void let_go(struct swap *s, struct swap_area *a, uint32_t slot)
{
	a->slot[slot - a->first].exclusive = 0;
	bitset_remove(&a->busy, slot - a->first);
	s->used--;
	if (a->leaving)
		s->slots--;                              /* nobody gets it any more */
}

/* Equal priorities take turns: the area goes behind its like. */
static void requeue(struct swap *s, unsigned i)
{
	struct swap_area *a = s->order[i];

	for (; i + 1 < s->count && s->order[i + 1]->priority == a->priority; i++)
		s->order[i] = s->order[i + 1];
	s->order[i] = a;
}

/* Much of the area has been used: if it is not too large, it lies better in large real pages. */
static void rise(struct swap_area *a, uint32_t top)
{
	bool was = a->top * a->device.page >= DENSE_FROM;

	a->top = top;
	if (was || top * a->device.page < DENSE_FROM || a->slots * a->device.page > DENSE_MOST)
		return;
	sparse_dense(a->slot, a->slots * sizeof(struct slot));
	sparse_dense(a->bytes, a->slots * a->device.page);
}

uint32_t swap_alloc(struct swap *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		struct swap_area *a = s->order[i];
		uint32_t at;

		if (a->leaving || a->busy.count == a->slots)
			continue;
		at = (uint32_t)bitset_lowest_absent(&a->busy);
		bitset_add(&a->busy, at);
		a->slot[at].count = 1;
		if (at >= a->top)
			rise(a, at + 1);
		s->used++;
		requeue(s, i);
		return a->first + at;
	}
	return SWAP_NONE;
}

void swap_release(struct swap *s, uint32_t slot)
{
	struct swap_area *a = swap_area_of(s, slot);
	struct slot *l = &a->slot[slot - a->first];

	assert(l->count > 0);
	if (--l->count == 0 && !l->frame)
		let_go(s, a, slot);
}

static uint8_t *bytes_of(const struct swap_area *a, uint32_t slot)
{
	return a->bytes + (slot - a->first) * a->device.page;
}

void swap_look(const struct swap_area *a, uint32_t slot, uint64_t at, void *to, size_t len)
{
	lines_look(to, bytes_of(a, slot), a->slot[slot - a->first].lines, a->line_bits, at, len);
}

void swap_write(struct swap *s, uint32_t slot, pfn_t from)
{
	const struct vm_host *h = s->host;
	struct swap_area *a = swap_area_of(s, slot);

	/* What else was there once is left: it counts as zeros. */
	a->slot[slot - a->first].lines = h->lines[from];
	lines_put(bytes_of(a, slot), frame_bytes(h, from), h->lines[from], a->line_bits);
}

void swap_read(struct swap *s, uint32_t slot, pfn_t to)
{
	const struct vm_host *h = s->host;
	const struct swap_area *a = swap_area_of(s, slot);

	lines_copy(h->ram + (to << h->geometry.page_bits), &h->lines[to], bytes_of(a, slot), a->slot[slot - a->first].lines,
		   h->geometry.page_bits);
}

void swap_zero(struct swap *s, uint32_t slot, uint64_t at, uint64_t len)
{
	memset(bytes_of(swap_area_of(s, slot), slot) + at, 0, len);
}

void swap_soon(struct swap *s, uint32_t slot, bool bytes)
{
	struct swap_area *a = swap_area_of(s, slot);
	const struct slot *l;

	if (!a)
		return;                                  /* an entry that was made by hand */
	l = &a->slot[slot - a->first];
	if (bytes)
		lines_soon(bytes_of(a, slot), l->lines, s->host->geometry.page_bits);
	else
		__builtin_prefetch(l, 1);
}

void swap_set_cached(struct swap *s, uint32_t slot, pfn_t pfn)
{
	struct swap_area *a = swap_area_of(s, slot);
	struct slot *l = &a->slot[slot - a->first];
	uint32_t now = pfn == PFN_NONE ? 0 : (uint32_t)pfn + 1;

	s->cached += (now != 0) - (l->frame != 0);
	l->frame = now;
	if (!now && l->count == 0)
		let_go(s, a, slot);
}

/* Areas. */

static struct swap_area *area_above(const struct swap *s, uint32_t at)
{
	struct swap_area *found = NULL;

	for (unsigned i = 0; i < s->count; i++)
		if (s->order[i]->first >= at && (!found || s->order[i]->first < found->first))
			found = s->order[i];
	return found;
}

/* Where `slots` numbers in a row are free, or as many as there are: *slots says how many. */
static uint32_t place(const struct swap *s, uint64_t *slots)
{
	uint64_t limit = MIN(entry_slots(&s->host->geometry), SWAP_NONE - 1), at = 0, best = 0, most = 0;

	while (at < limit) {
		const struct swap_area *next = area_above(s, (uint32_t)at);
		uint64_t room = (next ? next->first : limit) - at;

		if (room > most) {
			best = at;
			most = room;
		}
		if (most >= *slots || !next)
			break;
		at = next->first + next->slots;
	}
	*slots = MIN(*slots, most);
	return (uint32_t)best;
}

static void put_in_order(struct swap *s, struct swap_area *a)
{
	unsigned i = s->count++;

	for (; i > 0 && s->order[i - 1]->priority < a->priority; i--)
		s->order[i] = s->order[i - 1];
	s->order[i] = a;
}

static void take_out_of_order(struct swap *s, const struct swap_area *a)
{
	unsigned i = 0;

	while (s->order[i] != a)
		i++;
	s->count--;
	memmove(&s->order[i], &s->order[i + 1], (s->count - i) * sizeof(s->order[0]));
	s->recent = NULL;
}

static struct swap_area *area_new(struct vm_host *h, uint64_t slots, const struct vm_device_model *m)
{
	struct swap_area *a = g_new0(struct swap_area, 1);

	a->slots = (uint32_t)slots;
	device_init(&a->device, m, slots, page_size(h));
	a->line_bits = line_bits(h->geometry.page_bits);
	a->slot = sparse_new(slots * sizeof(struct slot));
	a->bytes = slots <= UINT64_MAX >> h->geometry.page_bits ? sparse_new(slots << h->geometry.page_bits) : NULL;
	if (!a->slot || !a->bytes || !bitset_init(&a->busy, slots)) {
		area_free(a);
		return NULL;
	}
	return a;
}

static void note_swapon(struct swap *s, const struct swap_area *a)
{
	struct event *ev = journal_add(s->host->journal, &event_swapon, s->host->options.serial, 0);

	ev->value[0] = a->number;
	ev->value[1] = a->slots;
	ev->value[2] = a->wanted - a->slots;
	ev->value[3] = (uint64_t)(int64_t)a->priority;
}

static int no_numbers(const struct swap *s, struct err *e)
{
	return err_set(e, ENOSPC, 0, "a page-table entry can name %" PRIu64 " slots, and all are taken",
		       MIN(entry_slots(&s->host->geometry), SWAP_NONE - 1));
}

static int check_bad(const struct vm_swap_request *r, uint64_t slots, struct err *e)
{
	if (r->bads >= slots)
		return err_set(e, EINVAL, -1, "%u bad slots leave none of %" PRIu64, r->bads, slots);
	for (unsigned i = 0; i < r->bads; i++)
		if (r->bad[i] >= slots)
			return err_set(e, ERANGE, -1, "bad slot %" PRIu64 " is beyond the last, %" PRIu64, r->bad[i], slots - 1);
	return 0;
}

static void mark_bad(struct swap_area *a, uint32_t at)
{
	if (a->slot[at].bad)
		return;
	a->slot[at].bad = 1;
	bitset_add(&a->busy, at);
	a->bad++;
	a->top = MAX(a->top, at + 1);
}

int vm_swap_on(struct vm_host *h, const struct vm_swap_request *r, unsigned *number, struct err *e)
{
	struct swap *s = h->swap;
	uint64_t wanted = r->bytes >> h->geometry.page_bits, slots = wanted;
	struct swap_area *a;
	unsigned n = 0;
	uint32_t first;

	while (n < SWAP_AREAS && s->area[n])
		n++;
	if (n == SWAP_AREAS)
		return err_set(e, EPERM, -1, "%d swap areas are on, more there cannot be", SWAP_AREAS);
	if (slots == 0)
		return err_set(e, EINVAL, 0, "%" PRIu64 " bytes are less than a page of %" PRIu64, r->bytes, page_size(h));
	if (r->priority < -1 || r->priority > PRIORITY_MOST)
		return err_set(e, ERANGE, -1, "priority %d is not within 0 to %d", r->priority, PRIORITY_MOST);
	if (device_check(&r->model, e) < 0)
		return -e->code;
	first = place(s, &slots);
	if (slots == 0)
		return no_numbers(s, e);
	if (check_bad(r, slots, e))
		return -e->code;
	a = area_new(h, slots, &r->model);
	if (!a)
		return err_set(e, ENOMEM, 0, "%" PRIu64 " pages of swap are more than this program can have", slots);
	for (unsigned i = 0; i < r->bads; i++)
		mark_bad(a, (uint32_t)r->bad[i]);
	a->number = n;
	a->wanted = wanted;
	a->first = first;
	a->priority = r->priority < 0 ? --s->least_priority : r->priority;
	s->area[n] = a;
	s->slots += slots - a->bad;
	put_in_order(s, a);
	note_swapon(s, a);
	h->generation++;
	*number = n;
	return 0;
}

void swap_area_leave(struct swap *s, struct swap_area *a, bool leaving)
{
	uint64_t spare = a->slots - a->busy.count;

	a->leaving = leaving;
	s->slots += leaving ? -spare : spare;
}

/* Priorities that Linux chose have no holes: those below one that goes move up. */
static void close_priorities(struct swap *s, int gone)
{
	for (unsigned i = 0; i < s->count; i++)
		s->order[i]->priority += s->order[i]->priority < gone;
	s->least_priority++;
}

void swap_area_remove(struct swap *s, struct swap_area *a)
{
	assert(a->busy.count == a->bad);
	s->slots -= a->leaving ? 0 : a->slots - a->bad;
	take_out_of_order(s, a);
	if (a->priority < 0)
		close_priorities(s, a->priority);
	s->area[a->number] = NULL;
	area_free(a);
}

/* Where on the device its bad slots begin, in bytes. */
static GArray *bad_places(const struct swap_area *a)
{
	GArray *places = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	for (uint32_t at = 0; a->bad > places->len && at < a->top; at++) {
		uint64_t place = at * a->device.page;

		if (a->slot[at].bad)
			g_array_append_val(places, place);
	}
	return places;
}

/* Every slot with bytes of a place that was bad is bad. */
static void mark_places(struct swap *s, struct swap_area *a, const GArray *places, uint64_t size)
{
	uint64_t page = a->device.page;

	s->slots += a->bad;
	for (unsigned i = 0; i < places->len; i++) {
		uint64_t place = g_array_index(places, uint64_t, i);

		for (uint64_t at = place / page; at < a->slots && at * page < place + size; at++)
			mark_bad(a, (uint32_t)at);
	}
	s->slots -= a->bad;
}

void swap_reshape(struct swap *s)
{
	struct vm_swap_request again[SWAP_AREAS];
	struct { GArray *places; uint64_t size; } bad[SWAP_AREAS];
	unsigned n = 0, number;

	for (unsigned i = 0; i < SWAP_AREAS; i++) {
		struct swap_area *a = s->area[i];

		if (!a)
			continue;
		bad[n].places = bad_places(a);
		bad[n].size = a->device.page;
		again[n++] = (struct vm_swap_request){ .bytes = a->wanted * a->device.page, .model = a->device.model,
						       .priority = a->priority < 0 ? -1 : a->priority };
		swap_area_remove(s, a);
	}
	s->least_priority = -1;
	for (unsigned i = 0; i < n; i++) {
		if (vm_swap_on(s->host, &again[i], &number, NULL) == 0)
			mark_places(s, s->area[number], bad[i].places, bad[i].size);
		g_array_free(bad[i].places, TRUE);
	}
}
