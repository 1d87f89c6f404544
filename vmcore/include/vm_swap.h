/*
 * vm_swap.h - swap: areas of slots on simulated devices, and what paging costs.
 *
 * An area is one device and its slots, each of which keeps a page. Areas of higher priority are filled first, those
 * of equal priority in turn. Numbers of areas and of slots within an area count from 0.
 */
#ifndef VM_SWAP_H
#define VM_SWAP_H

#include "err.h"
#include "vm_types.h"

enum vm_device_kind { VM_DEVICE_HDD, VM_DEVICE_SSD, VM_DEVICE_NVME, VM_DEVICE_CUSTOM, VM_DEVICE_KINDS };
extern const char *const vm_device_names[VM_DEVICE_KINDS]; /* "hdd", "ssd", "nvme", "custom" */

/*
 * How long a transfer takes. Every kind but hdd: `channels` transfers wait at once, `latency` each, then their bytes go
 * over one bus. An hdd has one head: seek by distance, then the platter turns until the slot comes by.
 */
struct vm_device_model {
	enum vm_device_kind kind;
	ns_t     read_latency, write_latency;
	uint64_t bandwidth;            /* bytes a second; 0: no limit */
	unsigned channels;
	ns_t     seek_least, seek_most, turn; /* hdd: to the next track, across all, one revolution */
};
/* hdd, ssd or nvme; NULL if unknown. */
const struct vm_device_model *vm_device_preset(const char *name);
enum { VM_DEVICE_CHANNELS = 64 };
#define VM_LATENCY_MOST ((ns_t)1000000 * NS_PER_S)

enum { VM_BAD_SLOTS = 64 };
struct vm_swap_request {
	uint64_t bytes;                /* cut down to whole pages */
	struct vm_device_model model;
	int      priority;             /* 0 to 32767; -1: below all that are there, as Linux chooses */
	uint64_t bad[VM_BAD_SLOTS];    /* damaged places of the device, as mkswap -c finds them: never used */
	unsigned bads;
};
/*
 * swapon(2). `number` is the lowest free one. An area larger than what entries can still name is cut, as Linux does, and
 * an event says so. EINVAL less than a page, or no good one; ERANGE a device that cannot be, a
 * bad slot beyond the end; ENOSPC entries can name no more slots; EPERM
 * too many areas; ENOMEM more than this program can have.
 */
int vm_swap_on(struct vm_host *h, const struct vm_swap_request *r, unsigned *number, struct err *e);
/* swapoff(2): every page comes back into RAM, which takes the device's time. EINVAL no such area; ENOMEM it does not fit: the area stays on and nothing is lost. */
int vm_swap_off(struct vm_host *h, unsigned number, struct err *e);

struct vm_swap_area {
	unsigned number;
	int      priority;
	uint64_t slots, used;          /* used: neither free nor bad */
	uint64_t bad;
	uint64_t listed;               /* slots below which some was ever used */
	struct vm_device_model model;
	unsigned queue;                /* transfers under way or waiting */
	ns_t     busy_until;           /* when the last of them is done; in the past: idle */
	uint64_t reads, writes;        /* transfers */
	ns_t     busy;                 /* time spent on them */
};
/* The area of the lowest number >= `number`; false when there is none. */
bool vm_swap_above(const struct vm_host *h, unsigned number, struct vm_swap_area *out);

enum vm_slot_state { VM_SLOT_FREE, VM_SLOT_USED, VM_SLOT_CACHED, VM_SLOT_BAD, VM_SLOT_STATES };
extern const char *const vm_slot_state_names[VM_SLOT_STATES];
struct vm_slot {
	enum vm_slot_state state;      /* cached: a frame has the same bytes */
	uint32_t refs;                 /* entries and objects that name it */
	pfn_t    pfn;                  /* of the cached frame; PFN_NONE */
	uint64_t writes;               /* pages ever written to it */
	int32_t  pid;                  /* the first owner; 0: none (shared memory that nobody maps, the cache alone) */
	va_t     va;                   /* valid if pid */
};
/* Slots [0, n) of an area into `out`; one look at all page tables. How many there are, at most n. */
size_t vm_swap_slots(const struct vm_host *h, unsigned number, struct vm_slot *out, size_t n);
/* The page that a slot keeps, at `at`: bytes done; -ENOENT no such slot. A free slot has what was last in it. */
ssize_t vm_swap_peek(const struct vm_host *h, unsigned number, uint64_t slot, uint64_t at, void *to, size_t len);

/* swap/timeline: the last transfers. */
enum { VM_RAN = 6 };
struct vm_paging {
	int32_t  pid;                  /* who faulted; 0: nobody, the system */
	va_t     va;                   /* at which page; VA_NONE: it was a page going out */
	int32_t  victim_pid;           /* whose page made room; 0: none had to */
	va_t     victim_va;
	ns_t     start, end;           /* of the transfer by the device */
	int32_t  ran[VM_RAN];          /* who had a processor meanwhile, in order; 0 ends */
	bool     more;                 /* and others */
};
#define VA_NONE UINT64_MAX
/* *cursor starts at 0; oldest first. */
bool vm_timeline_next(const struct vm_host *h, uint64_t *cursor, struct vm_paging *out);

#endif
