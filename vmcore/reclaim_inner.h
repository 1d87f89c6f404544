/* reclaim_inner.h - what reclaim.c and the other reclaim_*.c share. */
#ifndef VMCORE_RECLAIM_INNER_H
#define VMCORE_RECLAIM_INNER_H

#include "policy/live.h"
#include "reclaim.h"

enum { LOOKED_MAX = 16, HELD_MAX = 8, ASKERS = 64, SOON = 2 };

/* What the policy looked at: a number, or the U bit, perhaps with the M bit. */
struct look { uint32_t f, value; enum { LOOK_USED, LOOK_USED_DIRTY, LOOK_NUMBER } kind; };

struct reclaim {
	const struct policy_ops *ops;
	uint64_t param[VM_POLICY_PARAMS];
	bool     by_process;
	GPtrArray *sets;             /* struct policy *; NULL: an unused number */
	uint32_t *set_of;            /* by frame; only by_process */
	uint32_t soon[SOON];         /* frames that machine_soon() was told last, the newest first */
	uint32_t turn;               /* by_process: the set that is asked next when nobody's fault asks */
	struct policy aside;         /* a queue */
	struct look looked[LOOKED_MAX];
	unsigned looks;              /* all, also those that found no room */
	pfn_t    held[HELD_MAX];
	unsigned holds;
	uint64_t low, high;          /* watermarks */
	bool     by_hand;
	/* The only entry of the frame that the policy looked at last; good until something is done to the page. */
	struct { pfn_t pfn; uint8_t *entry; uint32_t asid; vpn_t vpn; int32_t pid; va_t va; } seen;
	enum { QUIET, ASKED, ANSWERED } question;  /* external */
	uint64_t questions;
	const struct policy *asked;  /* whose pages are the candidates */
	uint64_t free_then, user_then; /* frames that were free, and processes had, when somebody asked last */
	pfn_t    answer;             /* ANSWERED; PFN_NONE: given up */
	bool     busy;               /* evicting: what that allocates evicts nothing */
	struct { int32_t pid; const char *name; } asker[ASKERS]; /* for `by`, by pid */
};

/* What programs did: an access that faults is made once more. */
static inline uint64_t references(const struct vm_host *h)
{
	return h->stats.accesses - h->stats.minor_faults - h->stats.major_faults;
}

static inline struct policy *set_at(const struct reclaim *r, uint32_t k)
{
	return g_ptr_array_index(r->sets, k);
}

static inline struct policy *set_of(const struct reclaim *r, pfn_t pfn)
{
	return set_at(r, r->by_process ? r->set_of[pfn] : 0);
}

/* reclaim_lists.c */
void sets_init(struct vm_host *h);
/* Every set and array goes; frames stay listed. */
void sets_clear(struct vm_host *h);
/* The set of a process; made when first needed. */
uint32_t set_of_mm(struct vm_host *h, struct mm *mm);
/* The frame gets to the policy's set `k` as one whose page has just been loaded. */
void frame_list(struct vm_host *h, pfn_t pfn, uint32_t k, uint64_t page);
/* The policy has named it, but it cannot go; frames_take_back(): up to `n` of those come back. */
void frame_put_aside(struct vm_host *h, pfn_t pfn);
void frames_take_back(struct vm_host *h, unsigned n);
/* For policy_ops.each: into a GArray of uint32_t. */
void collect_frame(void *to, const char *list, uint32_t f);

/* reclaim_bits.c: FRAME_KNOWN_* from frame and entries themselves; frame_known_wrongly(): what is known is not what they say. */
uint8_t frame_look(struct vm_host *h, pfn_t pfn);
bool frame_known_wrongly(struct vm_host *h, pfn_t pfn);

static inline uint8_t frame_known(struct vm_host *h, pfn_t pfn)
{
	uint8_t known = h->known ? h->known[pfn] : 0;

	return known ? known : frame_look(h, pfn);
}
static inline bool frame_seems_used(struct vm_host *h, pfn_t pfn)
{
	return frame_known(h, pfn) & FRAME_KNOWN_USED;
}
static inline bool frame_seems_dirty(struct vm_host *h, pfn_t pfn)
{
	return (frame_known(h, pfn) & FRAME_KNOWN_DIRTY) || (frame_of(h, pfn)->flags & FRAME_DIRTY);
}

/* Its entry and the table that has it come from memory. */
static inline void fetch_entry(const struct vm_host *h, const struct frame *f)
{
	if (!f->entry)
		return;
	__builtin_prefetch(h->ram + f->entry - 1, 1);
	__builtin_prefetch(frame_of(h, (f->entry - 1) >> h->geometry.page_bits), 1);
}

static inline void note_look(struct reclaim *r, uint32_t f, uint32_t value, unsigned kind)
{
	if (r->looks < LOOKED_MAX)
		r->looked[r->looks] = (struct look) { f, value, kind };
	r->looks++;
}
/* The M bit of the frame whose U bit was noted last. */
static inline void note_dirty(struct reclaim *r, uint32_t f, bool dirty)
{
	struct look *last = r->looks > 0 && r->looks <= LOOKED_MAX ? &r->looked[r->looks - 1] : NULL;

	if (last && last->f == f && last->kind == LOOK_USED)
		*last = (struct look) { f, last->value << 1 | dirty, LOOK_USED_DIRTY };
}

/* reclaim.c */
/* Who has the page: the first mapper that is found. */
struct owner { struct vm_host *host; pfn_t pfn; int32_t pid; va_t va; };
struct owner frame_owner(struct vm_host *h, pfn_t pfn);
void watermarks_init(struct vm_host *h);
/* Hex digits with 0x, without an end; what is behind them. */
char *hex_digits(char *at, uint64_t v);

/* reclaim_external.c: policy external, and somebody may wait for it. PFN_NONE: not answered yet. */
pfn_t ask_for_victim(struct vm_host *h, struct policy *p);

#endif
