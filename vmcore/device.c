/*
 * device.c - when a transfer of one page starts and ends, by the kind of device.
 *
 * A device is a set of channels, each with a time until which it is busy, so a queue needs no list: a transfer starts
 * when its channel is free. Flash waits `latency` on a channel and then moves the bytes over the one bus. A disk has
 * one channel, its head, which knows the track it is on; where the platter stands follows from the time alone. So
 * slots side by side, read one after the other, need neither seek nor turn.
 */
#include "device.h"

#include "units.h"

#include <string.h>

const char *const vm_device_names[VM_DEVICE_KINDS] = { "hdd", "ssd", "nvme", "custom" };

#define FOREVER ((ns_t)INT64_MAX / 2)  /* no transfer ends later: time itself ends there */

static const struct vm_device_model presets[] = {
	{ .kind = VM_DEVICE_HDD, .bandwidth = 150000000, .channels = 1, .seek_least = NS_PER_MS, .seek_most = 15 * NS_PER_MS,
	  .turn = NS_PER_S / 120 },
	{ .kind = VM_DEVICE_SSD, .read_latency = 150 * NS_PER_US, .write_latency = 250 * NS_PER_US, .bandwidth = 500000000,
	  .channels = 4 },
	{ .kind = VM_DEVICE_NVME, .read_latency = 20 * NS_PER_US, .write_latency = 15 * NS_PER_US, .bandwidth = 3000000000,
	  .channels = 16 },
};

const struct vm_device_model *vm_device_preset(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
		if (strcmp(name, vm_device_names[presets[i].kind]) == 0)
			return &presets[i];
	return NULL;
}

int device_check(const struct vm_device_model *m, struct err *e)
{
	if (m->channels == 0 || m->channels > VM_DEVICE_CHANNELS)
		return err_set(e, ERANGE, -1, "%u channels are not within 1 to %d", m->channels, VM_DEVICE_CHANNELS);
	if (MAX(m->read_latency, m->write_latency) > VM_LATENCY_MOST || m->seek_most > VM_LATENCY_MOST ||
	    m->seek_least > m->seek_most || m->turn > VM_LATENCY_MOST)
		return err_set(e, ERANGE, -1, "a latency is at most 1000000s");
	return 0;
}

static ns_t moving(const struct vm_device_model *m, uint64_t page)
{
	if (m->bandwidth == 0)
		return 0;
	return (ns_t)(((unsigned __int128)page * NS_PER_S + m->bandwidth - 1) / m->bandwidth);
}

void device_init(struct device *d, const struct vm_device_model *m, uint64_t slots, uint64_t page)
{
	*d = (struct device){ .model = *m, .slots = slots, .page = page, .move = moving(m, page) };
}

static uint64_t root(uint64_t v)
{
	uint64_t r = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((r | bit) * (r | bit) <= v)
			r |= bit;
	return r;
}

/* The arm speeds up and slows down: time grows with the square root of the distance. */
static ns_t seek(const struct device *d, uint64_t from, uint64_t to, uint64_t tracks)
{
	uint64_t distance = from > to ? from - to : to - from, share;

	if (distance == 0)
		return 0;
	share = root((uint64_t)(((unsigned __int128)distance << 40) / MAX(tracks, 1))); /* 2^20: all of it */
	return d->model.seek_least + (ns_t)(((unsigned __int128)(d->model.seek_most - d->model.seek_least) * share) >> 20);
}

static struct transfer disk(struct device *d, uint64_t slot, ns_t at)
{
	ns_t move = d->move, turn = d->model.turn, start = MAX(at, d->channel[0]), under = 0, now;
	uint64_t on_track = turn && move ? MAX(turn / move, 1) : 1, track = slot / on_track;

	now = start + seek(d, d->head, track, d->slots / on_track);
	if (turn) {
		under = (ns_t)((unsigned __int128)turn * (slot % on_track) / on_track); /* where on the track it begins */
		now += (under + turn - now % turn) % turn;
	}
	d->head = track;
	/* The next slot begins where this one ends, whatever the division above has lost. */
	if (turn && move)
		move = (ns_t)((unsigned __int128)turn * (slot % on_track + 1) / on_track) - under;
	return (struct transfer){ start, now + move };
}

static struct transfer flash(struct device *d, bool write, ns_t at, unsigned channel)
{
	ns_t start = MAX(at, d->channel[channel]), ready = start + (write ? d->model.write_latency : d->model.read_latency);

	if (d->move == 0)
		return (struct transfer){ start, ready };
	d->bus = MIN(MAX(ready, d->bus) + d->move, FOREVER);
	return (struct transfer){ start, d->bus };
}

struct transfer device_transfer(struct device *d, uint64_t slot, bool write, ns_t at)
{
	unsigned channel = 0;
	struct transfer t;

	for (unsigned i = 1; i < d->model.channels && d->channel[channel] > at; i++)
		if (d->channel[i] < d->channel[channel])
			channel = i;
	t = d->model.kind == VM_DEVICE_HDD ? disk(d, slot, at) : flash(d, write, at, channel);
	t.start = MIN(t.start, FOREVER);
	t.end = MIN(t.end, FOREVER);
	d->channel[channel] = t.end;
	d->last_end = MAX(d->last_end, t.end);
	d->busy += t.end - t.start;
	++*(write ? &d->writes : &d->reads);
	return t;
}
