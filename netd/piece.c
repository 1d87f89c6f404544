/* piece.c - the pieces of a packet under reassembly. */
#include "piece.h"

enum piece_fit pieces_add(struct pieces *all, struct net_host *h, const struct piece *like, bool last)
{
	struct piece **link = &all->first, *before = NULL, *p;
	uint32_t start = like->start, end = like->end;

	if ((all->total && end > all->total) || (last && all->total && end != all->total) || all->count >= PIECES_MAX)
		return PIECE_WRONG;
	for (; *link && (*link)->start <= start; link = &(*link)->next)
		before = *link;
	if (before && before->start == start && before->end == end) {
		frame_put(like->frame);
		return PIECE_FITS;
	}
	if ((before && before->end > start) || (*link && (*link)->start < end) || (last && *link))
		return PIECE_OVERLAPS;
	if (end == start)
		return PIECE_WRONG;
	p = g_new(struct piece, 1);
	*p = *like;
	p->next = *link;
	*link = p;
	all->have += end - start;
	all->count++;
	h->frag_bytes += p->frame->capacity;
	if (last)
		all->total = end;
	return PIECE_FITS;
}

void pieces_drop(struct pieces *all, struct net_host *h)
{
	while (all->first) {
		struct piece *p = all->first;

		all->first = p->next;
		h->frag_bytes -= p->frame->capacity;
		frame_put(p->frame);
		g_free(p);
	}
	all->count = 0;
}

void pieces_copy(const struct pieces *all, uint8_t *to)
{
	for (const struct piece *p = all->first; p; p = p->next)
		memcpy(to + p->start, packet(p->frame) + p->data, p->end - p->start);
}
