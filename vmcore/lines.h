/*
 * lines.h - which parts of a page may hold anything but zeros: a bit for each 64th of it (for each byte of a smaller page).
 *
 * Simulated processes store few bytes, so most pages are zeros but for a line or two. With these bits kept for frames, slots
 * and blocks of the disk, filling a page with zeros and copying it take what was ever stored in it, not its size. A clear bit
 * is a promise, which vm_host_check() looks after; a set one is none. Slots alone do not keep it: there, what no bit is set for
 * is anything, and counts as zeros, so that nobody has to clear it.
 */
#ifndef VMCORE_LINES_H
#define VMCORE_LINES_H

#include <stdint.h>
#include <string.h>

enum { LINES_SOON = 4 };      /* processors guess the rest */

static inline unsigned line_bits(unsigned page_bits)
{
	return page_bits > 6 ? page_bits - 6 : 0;
}

/* Those that [at, at + len) of a page meets; len > 0. */
static inline uint64_t lines_of(unsigned page_bits, uint64_t at, uint64_t len)
{
	unsigned bits = line_bits(page_bits);
	uint64_t first = at >> bits, last = (at + len - 1) >> bits;

	return UINT64_MAX >> (63 - (last - first)) << first;
}

static inline uint64_t lines_all(unsigned page_bits)
{
	return lines_of(page_bits, 0, (uint64_t)1 << page_bits);
}

/* Takes the lowest run of lines from *left, which has some: its length; *first is its first line. */
static inline unsigned lines_run(uint64_t *left, unsigned *first)
{
	unsigned n;

	*first = (unsigned)__builtin_ctzll(*left);
	n = ~(*left >> *first) ? (unsigned)__builtin_ctzll(~(*left >> *first)) : 64;
	*left &= *left + (*left & -*left);               /* the carry clears the run, and the bit that it sets was clear */
	return n;
}

/* The first of what was stored there comes from memory: it will be read, or cleared. */
static inline void lines_soon(const uint8_t *at, uint64_t lines, unsigned page_bits)
{
	unsigned bits = line_bits(page_bits), n = 0;

	for (uint64_t left = lines; left && n < LINES_SOON; left &= left - 1, n++)
		__builtin_prefetch(at + ((size_t)__builtin_ctzll(left) << bits), 1);
}

/*
 * Plain stores, line by line: what memset() makes of a page ("rep stosb") takes twice as long on virtual machines, where the
 * page is not in a cache.
 */
static inline void lines_clear(uint8_t *at, uint64_t bytes)
{
	for (; bytes >= 64; bytes -= 64, at += 64) {
		memset(at, 0, 64);
		__asm__ volatile("" : : "r"(at) : "memory"); /* or the compiler makes one memset() of it */
	}
	memset(at, 0, bytes);
}

static inline void lines_move(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
	for (; bytes >= 64; bytes -= 64, to += 64, from += 64)
		memcpy(to, from, 64);
	if (bytes)
		memcpy(to, from, bytes);
}

static inline void lines_zero(uint8_t *to, uint64_t *lines, unsigned page_bits)
{
	unsigned bits = line_bits(page_bits), first, n;

	for (uint64_t left = *lines; left;) {
		n = lines_run(&left, &first);
		lines_clear(to + ((size_t)first << bits), (uint64_t)n << bits);
	}
	*lines = 0;
}

/* The lines alone. */
static inline void lines_put(uint8_t *to, const uint8_t *from, uint64_t lines, unsigned bits)
{
	unsigned first, n;

	while (lines) {
		n = lines_run(&lines, &first);
		lines_move(to + ((size_t)first << bits), from + ((size_t)first << bits), (uint64_t)n << bits);
	}
}

/* What is zeros in `from` is not read there: it would only have to come from memory. */
static inline void lines_copy(uint8_t *to, uint64_t *lines, const uint8_t *from, uint64_t from_lines, unsigned page_bits)
{
	*lines &= ~from_lines;
	lines_zero(to, lines, page_bits);
	lines_put(to, from, from_lines, line_bits(page_bits));
	*lines = from_lines;
}

/* Bytes [at, at + len) of a page of which nothing but its lines counts. */
static inline void lines_look(uint8_t *to, const uint8_t *from, uint64_t lines, unsigned bits, uint64_t at, uint64_t len)
{
	for (uint64_t end = at + len, next, n; at < end; at = next, to += n) {
		next = ((at >> bits) + 1) << bits;
		n = (next < end ? next : end) - at;
		if (lines >> (at >> bits) & 1)
			memcpy(to, from + at, n);
		else
			memset(to, 0, n);
	}
}

#endif
