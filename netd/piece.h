/*
 * piece.h - the pieces of a packet under reassembly, of either version of IP: by offset, none overlapping another
 * (RFC 815, 5722). All of a host's pieces together are bounded in bytes: h->frag_bytes.
 */
#ifndef NETD_PIECE_H
#define NETD_PIECE_H

#include "host.h"

enum { PIECES_MAX = 8192 };
#define FRAG_BYTES (4 * MiB)

struct piece {
	struct frame *frame;
	uint32_t      start, end;   /* of the whole packet's data */
	uint32_t      data;         /* offset of its data in the packet */
	uint32_t      name;         /* version 6: of the byte that names the fragment header */
	struct piece *next;
};

struct pieces {
	struct piece *first;
	unsigned      count;
	uint32_t      have, total;  /* bytes; total 0: the last piece is missing */
};

enum piece_fit { PIECE_FITS /* or said again, and let go */, PIECE_WRONG, PIECE_OVERLAPS };
/* Puts a copy of `like` in its place; its frame is taken only if it fits. `last`: no more follow it. */
enum piece_fit pieces_add(struct pieces *all, struct net_host *h, const struct piece *like, bool last);
void pieces_drop(struct pieces *all, struct net_host *h);
static inline bool pieces_whole(const struct pieces *all) { return all->total && all->have == all->total; }
/* The data of all, one after the other. */
void pieces_copy(const struct pieces *all, uint8_t *to);

#endif
