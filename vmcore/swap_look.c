/* swap_look.c - swap areas and their slots as others see them. */
#include "page.h"

#include "paging.h"

#include <string.h>

bool vm_swap_above(const struct vm_host *h, unsigned number, struct vm_swap_area *out)
{
	const struct swap_area *a;

	while (number < SWAP_AREAS && !h->swap->area[number])
		number++;
	if (number >= SWAP_AREAS)
		return false;
	a = h->swap->area[number];
	*out = (struct vm_swap_area){ .number = number, .priority = a->priority, .slots = a->slots, .used = a->busy.count - a->bad, .bad = a->bad,
				      .listed = a->top, .model = a->device.model, .queue = paging_queue(h, number),
				      .busy_until = a->device.last_end, .reads = a->device.reads,
				      .writes = a->device.writes, .busy = a->device.busy };
	return true;
}

struct owners { const struct swap_area *area; struct vm_slot *out; size_t n; };

static bool note_owner(void *arg, struct area *a, va_t va, uint32_t slot)
{
	struct owners *o = arg;
	uint32_t at = slot - o->area->first;

	if (at < o->n && !o->out[at].pid) {
		o->out[at].pid = a->mm->owner->pid;
		o->out[at].va = va;
	}
	return true;
}

static void look_at_slot(const struct vm_host *h, const struct slot *s, struct vm_slot *out)
{
	struct vm_frame f;

	*out = (struct vm_slot){ .refs = s->count, .writes = s->writes, .pfn = s->frame ? s->frame - 1 : PFN_NONE };
	out->state = s->frame ? VM_SLOT_CACHED : s->count ? VM_SLOT_USED : s->bad ? VM_SLOT_BAD : VM_SLOT_FREE;
	if (s->frame && vm_frame_at(h, s->frame - 1, &f)) {
		out->pid = f.pid;
		out->va = f.va;
	}
}

size_t vm_swap_slots(const struct vm_host *h, unsigned number, struct vm_slot *out, size_t n)
{
	const struct swap_area *a = number < SWAP_AREAS ? h->swap->area[number] : NULL;
	struct owners o = { a, out, 0 };

	if (!a)
		return 0;
	o.n = MIN(n, a->slots);
	for (size_t at = 0; at < o.n; at++)
		look_at_slot(h, &a->slot[at], &out[at]);
	for (struct vm_proc *p = vm_proc_above(h, 0); p; p = vm_proc_above(h, p->pid))
		if (p->mm && p->mm->swapped > 0)
			pages_swapped(p->mm, note_owner, &o);
	return o.n;
}

ssize_t vm_swap_peek(const struct vm_host *h, unsigned number, uint64_t slot, uint64_t at, void *to, size_t len)
{
	const struct swap_area *a = number < SWAP_AREAS ? h->swap->area[number] : NULL;
	uint64_t page = page_size(h);

	if (!a || slot >= a->slots)
		return -ENOENT;
	if (at >= page)
		return 0;
	len = MIN(len, page - at);
	swap_look(a, a->first + (uint32_t)slot, at, to, len);
	return (ssize_t)len;
}
