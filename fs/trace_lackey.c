/*
 * trace_lackey.c - lackey's lines at full speed.
 *
 * Blocks of 64 bytes that begin where a line does become bit masks, as simdjson does it: newlines, commas, digits. Adding
 * the place where a run of digits has to begin to the mask of digits carries to where the run ends, so a few operations
 * tell whether all lines of the block are a three-byte beginning, 8 to 11 hexadecimal digits (12 if `wide`), a comma, a
 * size of up to four digits. Meanwhile the digits' values are put down, 0 for what is no digit, and of each line the eight
 * whose last is three places before the comma are the page. Usually three or four lines end in a block; all is done for
 * four, and what is nonsense of that is not kept.
 *
 * Whatever is not as expected (headers, upper case, nonsense) is only noted; such a group of blocks is then left to the
 * careful reader, which knows what to say about it.
 */
#include "trace_inside.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum {
	BLOCK = 64,
	LINES = 4,               /* that are read from a block; at least 3 */
	LINE_LEAST = 14,         /* " L 01234567,8\n" */
	HALF = 2048,             /* bytes */
	BLOCKS = (HALF + BLOCK) / (3 * LINE_LEAST) + 1,  /* at most, of a half */
	GROUP_BYTES = HALF + (BLOCKS + 2) * BLOCK,       /* that are looked at */
	GROUP_LINES = 2 * BLOCKS * LINES,
	AHEAD = 4096,            /* what is asked for early */
};

/* Tuned for a processor whose tzcnt does not wait for its target, as all that have AVX2 do in practice. */
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt,tune=icelake-server")))
#define INLINE inline __attribute__((always_inline))

/* Of 64 bytes, a bit each. */
struct masks { uint64_t newline, comma, hex, above /* '9' */; };

AVX2 static INLINE uint64_t join(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

AVX2 static INLINE struct masks look(const uint8_t *text, uint8_t *value)
{
	const __m256i newline = _mm256_set1_epi8('\n'), comma = _mm256_set1_epi8(','), nine = _mm256_set1_epi8('9');
	const __m256i letter = _mm256_set1_epi8(9);
	const __m256i digits = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)"0123456789abcdef"));
	__m256i a = _mm256_loadu_si256((const void *)text), b = _mm256_loadu_si256((const void *)(text + 32));
	__m256i above_a = _mm256_cmpgt_epi8(a, nine), above_b = _mm256_cmpgt_epi8(b, nine);
	__m256i value_a = _mm256_add_epi8(a, _mm256_and_si256(above_a, letter));
	__m256i value_b = _mm256_add_epi8(b, _mm256_and_si256(above_b, letter));
	__m256i hex_a = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(digits, value_a), a);
	__m256i hex_b = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(digits, value_b), b);

	_mm256_storeu_si256((void *)value, _mm256_and_si256(value_a, hex_a));
	_mm256_storeu_si256((void *)(value + 32), _mm256_and_si256(value_b, hex_b));
	return (struct masks){ join(_mm256_cmpeq_epi8(a, newline), _mm256_cmpeq_epi8(b, newline)),
			       join(_mm256_cmpeq_epi8(a, comma), _mm256_cmpeq_epi8(b, comma)),
			       join(hex_a, hex_b), join(above_a, above_b) };
}

/* Bits where something is not as it is in lines, but for their first three bytes. */
AVX2 static INLINE uint64_t oddities(const struct masks *m, bool wide)
{
	/* Times a difference of powers: ones from the one to the other, where commas may be behind starts, newlines behind commas. */
	const uint64_t address = (wide ? 1 << 16 : 1 << 15) - (1 << 11), size = (1 << 6) - (1 << 2);
	uint64_t start = m->newline << 1 | 1, decimal = m->hex & ~m->above;
	uint64_t digits_end = ((start << 3) + m->hex) & ~m->hex, size_end = ((m->comma << 1) + decimal) & ~decimal;

	return (digits_end ^ m->comma) | (m->comma & ~(start * address)) | (size_end ^ m->newline) | (m->newline & ~(m->comma * size));
}

/*
 * By the low three bits of a line's second byte, which tell its kinds apart: what its first three bytes are, and what it
 * stands for (the upper half of a reference).
 */
struct kinds { uint32_t start[8], ref[8]; };

static void kinds_init(struct kinds *k, unsigned space)
{
	static const struct { char text[4]; enum vm_ref_kind kind; } all[] = {
		{ "I  ", VM_REF_FETCH }, { " L ", VM_REF_LOAD }, { " S ", VM_REF_STORE }, { " M ", VM_REF_MODIFY },
	};

	*k = (struct kinds){ 0 };
	for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
		const uint8_t *t = (const uint8_t *)all[i].text;

		k->start[t[1] & 7] = (uint32_t)(t[0] | t[1] << 8 | t[2] << 16);
		k->ref[t[1] & 7] = (uint32_t)(vm_ref(all[i].kind, space, 0) >> 32);
	}
}

static INLINE int load32(const uint8_t *at)
{
	int v;

	memcpy(&v, at, 4);
	return v;
}

AVX2 static INLINE __m128i load_two(const uint8_t *a, const uint8_t *b)
{
	return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64((const void *)a)), (const void *)b));
}

/*
 * Blocks are taken in two steps: the second reads values long after they were written, as wide stores want it. Where a block
 * ends is known only after a look at it, so there are two rows of blocks, in two halves of the text, that get on in turns.
 */
struct block { const uint8_t *text; uint64_t newline, comma, lines; };
struct group {
	const struct kinds *kinds;
	struct row { struct block block[BLOCKS]; uint8_t value[BLOCKS][BLOCK]; } row[2];
};

/* False: the lines of this block are too long or short. */
AVX2 static INLINE bool look_at_block(struct row *r, unsigned i, const uint8_t **text, uint64_t *odd, bool wide)
{
	struct masks m = look(*text, r->value[i]);
	uint64_t lines = (uint64_t)_mm_popcnt_u64(m.newline);

	__builtin_prefetch(*text + AHEAD);
	r->block[i] = (struct block){ *text, m.newline, m.comma, lines };
	*odd |= oddities(&m, wide);
	*text += BLOCK - _lzcnt_u64(m.newline);
	return lines - 3 <= 1;
}

/* How many blocks each row got; 0: something is odd. *end: of the last line. */
AVX2 static INLINE unsigned look_at_blocks(struct group *g, const uint8_t *first, const uint8_t **end, bool wide)
{
	const uint8_t *newline = memchr(first + HALF, '\n', BLOCK), *middle = newline ? newline + 1 : first, *second = middle;
	struct block *last;
	uint64_t odd = 0;
	unsigned n;

	for (n = 0; first < middle; n++)
		if (n == BLOCKS || !look_at_block(&g->row[0], n, &first, &odd, wide) ||
		    !look_at_block(&g->row[1], n, &second, &odd, wide))
			return 0;
	if (n == 0 || odd)
		return 0;
	/* The second row has the lines that the last block of the first one reads beyond the middle. */
	last = &g->row[0].block[n - 1];
	last->lines = (uint64_t)_mm_popcnt_u64(_bzhi_u64(last->newline, (unsigned)(middle - last->text)));
	*end = second;
	return n;
}

/* Beginnings that are none, and all pages' upper bits. */
struct noted { __m256i begins; uint64_t high; };

/* The first four bytes of four lines. */
struct starts { int at[LINES]; };
AVX2 static INLINE struct starts starts_of(const struct block *b)
{
	uint64_t second = _blsr_u64(b->newline), third = _blsr_u64(second);
	const uint8_t *next = b->text + 1;

	return (struct starts){ { load32(b->text), load32(next + _tzcnt_u64(b->newline)), load32(next + _tzcnt_u64(second)),
				  load32(next + _tzcnt_u64(third)) } };
}

/* The eight values that are the pages of four lines, a byte each. With `wide` one is before them. */
AVX2 static INLINE __m256i values_of(const struct block *b, const uint8_t *value, bool wide, uint64_t *high)
{
	uint64_t first = _tzcnt_u64(b->comma), comma = _blsr_u64(b->comma), second = _tzcnt_u64(comma), third, fourth;

	comma = _blsr_u64(comma);
	third = _tzcnt_u64(comma);
	fourth = _tzcnt_u64(_blsr_u64(comma));
	value -= 11;
	if (wide) {
		high[0] = first > 11 ? value[(int)first - 1] : 0;      /* in front of a block's values there is nothing */
		high[1] = value[(int)second - 1];
		high[2] = value[(int)third - 1];
		high[3] = value[(int)fourth - 1];
	}
	return _mm256_inserti128_si256(_mm256_castsi128_si256(load_two(value + first, value + second)),
				       load_two(value + third, value + fourth), 1);
}

/* Four lines of each row. */
AVX2 static INLINE void put_lines(const struct group *g, unsigned i, uint64_t *out[2], struct noted *noted, bool wide)
{
	const __m256i weights = _mm256_set1_epi16(0x0110), nibbles = _mm256_set1_epi8(15);
	const __m256i turned = _mm256_broadcastsi128_si256(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
	const struct block *a = &g->row[0].block[i], *b = &g->row[1].block[i];
	struct starts s = starts_of(a), t = starts_of(b);
	__m256i first = _mm256_setr_epi32(s.at[0], s.at[1], t.at[0], t.at[1], s.at[2], s.at[3], t.at[2], t.at[3]);
	__m256i next = _mm256_srli_epi32(first, 8), page_a, page_b, page;
	__m256i ref = _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const void *)g->kinds->ref), next);
	__m256i start = _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const void *)g->kinds->start), next);
	uint64_t high[2][LINES];

	noted->begins = _mm256_or_si256(noted->begins, _mm256_xor_si256(first, start));
	page_a = _mm256_and_si256(values_of(a, g->row[0].value[i], wide, high[0]), nibbles);
	page_b = _mm256_and_si256(values_of(b, g->row[1].value[i], wide, high[1]), nibbles);
	page = _mm256_packus_epi16(_mm256_maddubs_epi16(page_a, weights), _mm256_maddubs_epi16(page_b, weights));
	page = _mm256_shuffle_epi8(page, turned);
	_mm256_storeu_si256((void *)out[0], _mm256_unpacklo_epi32(page, ref));
	_mm256_storeu_si256((void *)out[1], _mm256_unpackhi_epi32(page, ref));
	for (unsigned k = 0; wide && k < 2 * LINES; k++) {
		uint64_t v = (high[k / LINES][k % LINES] & 15) << 32;

		out[k / LINES][k % LINES] |= v;
		noted->high |= v;
	}
	out[0] += a->lines;
	out[1] += b->lines;
}

static INLINE uint64_t lines_of(const struct row *r, unsigned blocks)
{
	uint64_t lines = 0;

	for (unsigned i = 0; i < blocks; i++)
		lines += r->block[i].lines;
	return lines;
}

AVX2 static INLINE bool take_group(struct group *g, const uint8_t **at, uint64_t **to, bool wide)
{
	const __m256i three = _mm256_set1_epi32(0xffffff);
	const uint8_t *end = NULL;
	unsigned blocks = look_at_blocks(g, *at, &end, wide);
	struct noted noted = { _mm256_setzero_si256(), 0 };
	uint64_t first = lines_of(&g->row[0], blocks), *out[2] = { *to, *to + first }, seam[LINES - 1];

	for (unsigned i = 0; i < blocks; i++) {
		put_lines(g, i, out, &noted, wide);
		if (i == 0)
			memcpy(seam, *to + first, sizeof(seam));
	}
	if (blocks == 0 || noted.high >> (47 - TRACE_PAGE_BITS) || !_mm256_testz_si256(noted.begins, three))
		return false;
	memcpy(*to + first, seam, sizeof(seam));      /* there the first row's last block may have left nonsense */
	*to = out[1];
	*at = end;
	return true;
}

AVX2 static bool take_narrow(struct group *g, const uint8_t **at, uint64_t **to) { return take_group(g, at, to, false); }
AVX2 static bool take_wide(struct group *g, const uint8_t **at, uint64_t **to) { return take_group(g, at, to, true); }

size_t lackey_fast(const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space)
{
	uint64_t *to = out;
	struct kinds kinds;
	struct group g;

	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
		return 0;
	kinds_init(&kinds, space);
	g.kinds = &kinds;
	while (end - *at >= GROUP_BYTES && out + max - to >= GROUP_LINES)
		if (!take_narrow(&g, at, &to) && !take_wide(&g, at, &to))
			break;
	return (size_t)(to - out);
}
#else
size_t lackey_fast(const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space)
{
	return 0;
}
#endif
