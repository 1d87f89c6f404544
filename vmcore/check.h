/* check.h - what the parts of the host's check have in common: what has been counted so far, and how to complain. */
#ifndef VMCORE_CHECK_H
#define VMCORE_CHECK_H

#include "proc.h"
#include "swap.h"

/* How often a thing was found where it should be: an anon, a description, an inode. */
struct seen {
	uint64_t refs;
	uint32_t active, children; /* of anons */
};

struct check {
	struct vm_host *h;
	void (*report)(void *arg, bool poked, const char *line);
	void *arg;
	uint64_t found;            /* contradictions */
	pfn_t    n;                /* frames below it may be in use */
	uint32_t *refs, *maps;     /* of frames, counted again; of tables maps are the processes that use them */
	uint8_t  *cached;          /* frames that the page cache names */
	uint32_t *slots[SWAP_AREAS]; /* references to swap slots, by area, counted again */
	uint64_t committed, threads;
	GHashTable *anons, *files, *inodes, *asids; /* pointer -> struct seen; asids: number + 1 -> mm */
};

G_GNUC_PRINTF(2, 3) void check_wrong(struct check *c, const char *fmt, ...);
G_GNUC_PRINTF(2, 3) void check_poked(struct check *c, const char *fmt, ...);
bool frame_is_zero(const struct vm_host *h, pfn_t pfn); /* the page of zeros, or of the huge one */
struct seen *check_seen(GHashTable *t, const void *what);
/* One reference to a slot was found; false: there is no such slot, or it was never used. */
bool check_slot(struct check *c, uint64_t slot);

/* Each compares one part with itself and adds what it refers to in others. */
void check_processes(struct check *c);                     /* check_proc.c */
void check_files(struct check *c);                         /* check_file.c: inodes, directories, page cache */
void check_areas(struct check *c, const struct mm *mm);    /* check_area.c */
void check_anons(struct check *c);                         /* the same: after all areas and frames */
void check_entries(struct check *c, const struct mm *mm);  /* check_table.c */
void check_tables(struct check *c, const struct mm *mm);
void check_global_table(struct check *c);
void check_tlb(struct check *c);
void check_pokes(struct check *c);

#endif
