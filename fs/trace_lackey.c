/*
 * trace_lackey.c - lackey's lines at full speed.
 *
 * A chunk of text is taken in two steps, as simdjson does: first the places of all newlines, then each line from its two
 * ends: the kind from its first three bytes, the size from its last, and the sixteen bytes before the comma turned into
 * a number at once, two lines a vector. Whatever is not as expected (headers, three-digit sizes, upper case, nonsense)
 * is only noted, and such a chunk is left to the careful reader, which knows what to say about it.
 */
#include "trace_inside.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { CHUNK = 4096, LINE_LEAST = 7 /* "I  0,1\n" */ };

/* By the second byte of a line: what its first three bytes are, and what it stands for. */
struct kinds { uint32_t start[256]; uint64_t ref[256]; };

static void kinds_init(struct kinds *k, unsigned space)
{
	static const struct { char text[4]; enum vm_ref_kind kind; } all[] = {
		{ "I  ", VM_REF_FETCH }, { " L ", VM_REF_LOAD }, { " S ", VM_REF_STORE }, { " M ", VM_REF_MODIFY },
	};

	memset(k->start, 0, sizeof(k->start));
	for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
		const uint8_t *t = (const uint8_t *)all[i].text;

		k->start[t[1]] = (uint32_t)(t[0] << 8 | t[1] << 16 | t[2] << 24);
		k->ref[t[1]] = vm_ref(all[i].kind, space, 0);
	}
}

static inline uint32_t load32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return v;
}

#define FAST __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))

/* Places of the newlines in the chunk; there is room for 8 more than are found. */
FAST static unsigned find_newlines(const uint8_t *p, uint32_t *place)
{
	const __m256i newline = _mm256_set1_epi8('\n');
	uint32_t *to = place;

	for (uint32_t at = 0; at < CHUNK; at += 64) {
		__m256i a = _mm256_loadu_si256((const void *)(p + at)), b = _mm256_loadu_si256((const void *)(p + at + 32));
		uint64_t m = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, newline)) |
			     (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, newline)) << 32;
		unsigned n = (unsigned)_mm_popcnt_u64(m);
		uint32_t *next = to + n;

		for (unsigned i = 0; i < 5; i++, m = _blsr_u64(m))      /* as many as there usually are, or nonsense */
			to[i] = at + (uint32_t)_tzcnt_u64(m);
		for (to += 5; G_UNLIKELY(to < next); m = _blsr_u64(m))
			*to++ = at + (uint32_t)_tzcnt_u64(m);
		to = next;
	}
	return (unsigned)(to - place);
}

/* A line whose size has two digits or worse: its comma, or NULL. */
static const uint8_t *find_comma(const uint8_t *newline)
{
	return newline[-3] == ',' && (uint8_t)(newline[-2] - '0') <= 9 && (uint8_t)(newline[-1] - '0') <= 9 ? newline - 3 : NULL;
}

/* From a line's ends: its comma, how many digits are before it, what it does. False: it is unusual. */
struct ends { const uint8_t *comma; uint64_t ref; size_t digits; };

static inline __attribute__((always_inline)) bool look_at(const struct kinds *kinds, const uint8_t *start, const uint8_t *newline, struct ends *out)
{
	uint16_t last;

	memcpy(&last, newline - 2, 2);
	last = (uint16_t)(last - (',' | '0' << 8));       /* now the digit << 8 */
	out->comma = newline - 2;
	if (G_UNLIKELY((uint16_t)(last << 8 | last >> 8) > 9)) {
		out->comma = find_comma(newline);
		if (!out->comma)
			return false;
	}
	out->digits = (size_t)(out->comma - start) - 3;
	out->ref = kinds->ref[start[1]];
	return out->digits - 1 <= 15 && load32(start) << 8 == kinds->start[start[1]];
}

static const uint8_t from_the_right[48] = {
	[16] = 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

FAST static inline __m256i two(const uint8_t *a, const uint8_t *b)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)a)), _mm_loadu_si128((const void *)b), 1);
}

/* Lines that end at place[0 .. n), the first of which starts at p. True when all were as expected. */
FAST static bool take_lines(const struct kinds *kinds, const uint8_t *p, const uint32_t *place, unsigned n, uint64_t *out)
{
	const __m256i nine = _mm256_set1_epi8('9'), low = _mm256_set1_epi8(15), letter = _mm256_set1_epi8(9);
	const __m256i digits = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)"0123456789abcdef"));
	const __m256i weights = _mm256_set1_epi16(0x0110);
	__m256i odd = _mm256_setzero_si256();
	const uint8_t *start = p;
	uint64_t high = 0;

	for (unsigned i = 0; i < n; i += 2) {
		const uint8_t *newline0 = p + place[i], *newline1 = p + place[i + 1];
		struct ends a, b;
		__m256i text, nibbles, in;
		uint64_t x, y;

		if (G_UNLIKELY(!look_at(kinds, start, newline0, &a) || !look_at(kinds, newline0 + 1, newline1, &b)))
			return false;
		start = newline1 + 1;
		text = two(a.comma - 16, b.comma - 16);
		in = two(from_the_right + a.digits, from_the_right + b.digits);
		nibbles = _mm256_add_epi8(_mm256_and_si256(text, low), _mm256_and_si256(_mm256_cmpgt_epi8(text, nine), letter));
		odd = _mm256_or_si256(odd, _mm256_andnot_si256(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(digits, nibbles), text), in));
		nibbles = _mm256_maddubs_epi16(_mm256_and_si256(nibbles, in), weights);
		nibbles = _mm256_packus_epi16(nibbles, nibbles);
		x = __builtin_bswap64((uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(nibbles)));
		y = __builtin_bswap64((uint64_t)_mm_cvtsi128_si64(_mm256_extracti128_si256(nibbles, 1)));
		high |= x | y;
		out[i] = x >> TRACE_PAGE_BITS | a.ref;
		out[i + 1] = y >> TRACE_PAGE_BITS | b.ref;
	}
	return high >> 47 == 0 && _mm256_testz_si256(odd, odd);
}

size_t lackey_fast(const uint8_t *begin, const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space)
{
	uint32_t place[CHUNK + 8];
	struct kinds kinds;
	size_t got = 0;

	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
		return 0;
	kinds_init(&kinds, space);
	while (end - *at >= CHUNK && *at - begin >= 16) {
		unsigned n = find_newlines(*at, place) & ~1u;

		if (n == 0 || n > CHUNK / LINE_LEAST || got + n > max || !take_lines(&kinds, *at, place, n, out + got))
			break;
		got += n;
		*at += place[n - 1] + 1;
	}
	return got;
}
#else
size_t lackey_fast(const uint8_t *begin, const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space)
{
	return 0;
}
#endif
