/* pagemap.c - proc/PID/pagemap and proc/PID/mem: files as large as the address space, read where the reader looks. */
#include "process.h"
#include "vm_access.h"

#include <string.h>

enum { READER_BITS = 12, WORD = 8 };

/* Where user addresses end, as a shift: half of a sign-extended space is the kernel's. */
static unsigned user_bits(const struct vm_geometry *g)
{
	return g->sign_extended ? g->va_bits - 1 : g->va_bits;
}

static uint64_t pagemap_words(const struct vm_geometry *g)
{
	unsigned bits = user_bits(g);

	return bits > READER_BITS ? (uint64_t)1 << (bits - READER_BITS) : 1;
}

static uint64_t pagemap_size(const struct node *n)
{
	struct vm_proc *p = process_alive(n, NULL);

	return p ? pagemap_words(process_geometry(p)) * WORD : 0;
}

/*
 * The word of the reader's 4 KiB page `page`. Pages of another size: a larger one is told by each of its words, of
 * smaller ones the first that has an entry.
 */
static uint64_t word_of(const struct vm_proc *p, const struct vm_geometry *g, uint64_t page)
{
	vpn_t vpn, found;
	uint64_t word = 0;

	if (g->page_bits >= READER_BITS) {
		vm_pagemap(p, page >> (g->page_bits - READER_BITS), 1, &word);
		return word;
	}
	vpn = page << (READER_BITS - g->page_bits);
	if (vm_page_above(p, vpn, &found) && found - vpn < (uint64_t)1 << (READER_BITS - g->page_bits))
		vm_pagemap(p, found, 1, &word);
	return word;
}

static ssize_t pagemap_read(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	const struct vm_geometry *g;
	uint64_t words, first = at / WORD, *out = to;
	size_t count;

	if (!p)
		return -e->code;
	if (at % WORD || len % WORD)
		return err_set(e, EINVAL, -1, "offset %" PRIu64 " or length %zu is not a multiple of 8", at, len);
	if (!process_alive(n, NULL))
		return 0;
	g = process_geometry(p);
	words = pagemap_words(g);
	if (first >= words)
		return 0;
	count = (size_t)MIN(len / WORD, words - first);
	if (g->page_bits == READER_BITS) {
		vm_pagemap(p, first, count, out);
	} else {
		for (size_t i = 0; i < count; i++)
			out[i] = word_of(p, g, first + i);
	}
	return (ssize_t)(count * WORD);
}

const struct bytes_ops pagemap_ops = { .size = pagemap_size, .read = pagemap_read };

static uint64_t mem_size(const struct node *n)
{
	struct vm_proc *p = process_alive(n, NULL);
	unsigned bits;

	if (!p)
		return 0;
	bits = user_bits(process_geometry(p));
	return bits < 63 ? (uint64_t)1 << bits : INT64_MAX;
}

static ssize_t mem_read(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	struct vm_proc *p = process_alive(n, e);
	ssize_t done;

	if (!p)
		return -e->code;
	if (!len)
		return 0;
	done = vm_peek(p, at, to, len);
	if (done < 0)
		return err_set(e, (int)-done, -1, "nothing is mapped at 0x%" PRIx64, at);
	return done;
}

/* The process stores: up to the first page that it could not have stored to. */
static ssize_t mem_write(const struct node *n, uint64_t at, const void *from, size_t len, struct err *e)
{
	struct vm_proc *p = process_alive(n, e);
	struct vm_outcome out;
	int code;

	if (!p)
		return -e->code;
	if (!len)
		return 0;
	if (at + (len - 1) < at)
		return err_set(e, EFAULT, -1, "0x%" PRIx64 " and %zu bytes end beyond the address space", at, len);
	code = vm_store(p, at, from, len, &out, e);
	world_changed(n->world);
	if (code == -EFAULT && out.signal != VM_SIG_NONE && out.addr > at && out.addr - at < len)
		return (ssize_t)(out.addr - at);
	return code ? code : (ssize_t)len;
}

const struct bytes_ops process_mem_ops = { .size = mem_size, .read = mem_read, .write = mem_write };
