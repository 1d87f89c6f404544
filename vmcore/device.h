/* device.h - when a transfer of one page starts and ends, by the kind of device. */
#ifndef VMCORE_DEVICE_H
#define VMCORE_DEVICE_H

#include "vm_swap.h"

struct device {
	struct vm_device_model model;
	uint64_t slots, page;                 /* of the area; bytes a page */
	ns_t     move;                        /* time for the bytes of one page */
	ns_t     channel[VM_DEVICE_CHANNELS]; /* when each is free */
	ns_t     bus;                         /* when the bus is */
	uint64_t head;                        /* hdd: the track under the head */
	ns_t     last_end, busy;
	uint64_t reads, writes;
};
/* ERANGE: a latency, channel count or bandwidth out of range. */
int  device_check(const struct vm_device_model *m, struct err *e);
void device_init(struct device *d, const struct vm_device_model *m, uint64_t slots, uint64_t page);
/* Queues the transfer of one page, not before `at`. The same calls in the same order give the same times. */
struct transfer { ns_t start, end; };
struct transfer device_transfer(struct device *d, uint64_t slot, bool write, ns_t at);

#endif
