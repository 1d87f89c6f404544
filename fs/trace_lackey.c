/*
 * trace_lackey.c - lackey's lines at full speed.
 *
 * A step takes four lines (or three, where four are more than 64 bytes): the newlines of 64 bytes become a bit mask, whose
 * bits are where the lines end. Of each line the 16 bytes up to its newline lie in a lane of a vector, so that of a line
 * with a size of one digit the comma is the 13th byte, the digits end before it, and the page is there whatever the
 * number of digits; a line with a size of two digits is moved by one. The first three bytes are looked at apart.
 *
 * That a line is one is not asked for each: a group of steps adds up how many hexadecimal digits there are where some may
 * be. No byte counts twice and none outside, so the sum is right only if all bytes are digits but five of each line: the
 * three of its beginning, the comma, the newline.
 *
 * Whatever is not as expected (headers, upper case, nonsense) fails the group, which is then left to the careful reader:
 * it knows what to say about it.
 */
#include "trace_inside.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum {
	BLOCK = 64,              /* bytes in which the lines of a step are */
	STEPS = 64,              /* of a group; each adds two to what a byte counts */
	GROUP_BYTES = (STEPS + 1) * BLOCK, /* that are looked at */
	LINES = 4,               /* of a step, at most */
	LANE = 16,               /* bytes of a line */
	AHEAD = 4096,            /* what is asked for early */
};

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#define INLINE inline __attribute__((always_inline))

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

/* What stands for the fourth line where there are three. */
static const uint8_t no_line[LANE] = "     00000000,0\n";
enum { NO_LINE_DIGITS = 9 };

#define EACH(v)     { v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v }
#define BOTH(...)   { __VA_ARGS__, __VA_ARGS__ }
/* In memory, which the processor reads beside what it does: there are more of them than registers. */
static const struct {
	_Alignas(32) int8_t newline[32], nine[32], letter[32], nibble[32], twelve[32], commas[32], comma[32], as_it_is[32],
			    digits[32], weights[32], turned[32];
	int8_t begin[32], marks[32], least[32], may_be[32];
} constants = {
	.newline = EACH('\n'), .nine = EACH('9'), .letter = EACH(9), .nibble = EACH(15), .twelve = EACH(12), .commas = EACH(','),
	.comma = BOTH(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ',', 0, 0),
	.as_it_is = BOTH(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
	.digits = BOTH('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'),
	.weights = BOTH(0, 1, 16, 1, 16, 1, 16, 1, 16, 1, 0, 0, 0, 0, 0, 0),
	.turned = BOTH(4, 3, 2, 1, 0, 5, 6, 7, 12, 11, 10, 9, 8, 13, 14, 15),
	/* For the judgement of a group: a line's first bytes, in words of eight; */
	.begin = BOTH(-1, -1, -1, 0, 0, 0, 0, 0, -1, -1, -1, 0, 0, 0, 0, 0),
	/* the comma, and the bit that letters have and digits of a size have not; */
	.marks = BOTH(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0x40, 0x40),
	/* eight digits at least, so that the line before ends in the second byte or further in front; */
	.least = BOTH(0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0),
	/* twelve at most. */
	.may_be = BOTH(0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, -1, -1),
};
#define CONSTANT(name) _mm256_load_si256((const __m256i *)constants.name)

/* What a group is judged by, a byte for each byte of a lane. */
struct seen {
	__m256i begins;          /* bits in which a line's first bytes are not those of its kind */
	__m256i marks;           /* bits that differ from a comma at its place, 0 elsewhere */
	__m256i digits;          /* where all have hexadecimal digits */
	__m256i count;           /* how many have */
};

AVX2 static INLINE __m128i load_two(const uint8_t *a, const uint8_t *b)
{
	return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64((const void *)a)), (const void *)b));
}

AVX2 static INLINE __m256i load_lanes(const uint8_t *a, const uint8_t *b)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)a)), _mm_loadu_si128((const void *)b), 1);
}

/* The pages of two lines: of each lane the first five words. */
AVX2 static INLINE __m256i pages_of(__m256i text, struct seen *seen)
{
	__m256i early = _mm256_shuffle_epi8(_mm256_cmpeq_epi8(text, CONSTANT(commas)), CONSTANT(twelve)), value, hex;

	text = _mm256_shuffle_epi8(text, _mm256_add_epi8(CONSTANT(as_it_is), early));
	value = _mm256_add_epi8(text, _mm256_and_si256(_mm256_cmpgt_epi8(text, CONSTANT(nine)), CONSTANT(letter)));
	hex = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(CONSTANT(digits), value), text);
	seen->marks = _mm256_or_si256(seen->marks, _mm256_xor_si256(text, CONSTANT(comma)));
	seen->digits = _mm256_and_si256(seen->digits, hex);
	seen->count = _mm256_sub_epi8(seen->count, hex);
	return _mm256_maddubs_epi16(_mm256_and_si256(_mm256_and_si256(value, CONSTANT(nibble)), hex), CONSTANT(weights));
}

/* The lines of a step: where from `text` their newlines are. `any`: there are so many. */
struct ends { const uint8_t *text; uint64_t at[LINES]; bool any; };

AVX2 static INLINE struct ends find_ends(const uint8_t *text, unsigned lines)
{
	__m256i low = _mm256_loadu_si256((const void *)text), high = _mm256_loadu_si256((const void *)(text + BLOCK / 2));
	uint64_t first = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, CONSTANT(newline))) |
			 (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, CONSTANT(newline))) << 32;
	uint64_t second = _blsr_u64(first), third = _blsr_u64(second), fourth = lines == LINES ? _blsr_u64(third) : third;

	__builtin_prefetch(text + AHEAD);
	return (struct ends) { text, { _tzcnt_u64(first), _tzcnt_u64(second), _tzcnt_u64(third), _tzcnt_u64(fourth) }, fourth != 0 };
}

AVX2 static INLINE void put(const struct ends *l, const struct kinds *kinds, uint64_t *out, struct seen *seen, unsigned lines)
{
	const uint8_t *lane = l->text - LANE + 1, *next = l->text + 1, *last = lines == LINES ? lane + l->at[3] : no_line;
	__m256i begin, kind, pages, refs;

	pages = _mm256_packus_epi16(pages_of(load_lanes(lane + l->at[0], lane + l->at[2]), seen),
				    pages_of(load_lanes(lane + l->at[1], last), seen));
	begin = _mm256_inserti128_si256(_mm256_castsi128_si256(load_two(l->text, next + l->at[0])),
					load_two(next + l->at[1], lines == LINES ? next + l->at[2] : l->text), 1);
	kind = _mm256_srli_epi32(begin, 8);
	refs = _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const void *)kinds->ref), kind);
	kind = _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const void *)kinds->start), kind);
	seen->begins = _mm256_or_si256(seen->begins, _mm256_xor_si256(begin, kind));
	_mm256_storeu_si256((void *)out, _mm256_or_si256(_mm256_shuffle_epi8(pages, CONSTANT(turned)), _mm256_slli_epi64(refs, 32)));
}

AVX2 static INLINE uint64_t sum(__m256i bytes)
{
	__m256i s = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
	__m128i two = _mm_add_epi64(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));

	return (uint64_t)_mm_extract_epi64(two, 0) + (uint64_t)_mm_extract_epi64(two, 1);
}

/* Whether all that was seen are lines, in which so many bytes are digits. */
AVX2 static INLINE bool is_plain(const struct seen *seen, uint64_t digits)
{
	return _mm256_testz_si256(seen->begins, CONSTANT(begin)) && _mm256_testz_si256(seen->marks, CONSTANT(marks)) &&
	       _mm256_testc_si256(seen->digits, CONSTANT(least)) && sum(_mm256_and_si256(seen->count, CONSTANT(may_be))) == digits;
}

AVX2 static INLINE bool take_group(const struct kinds *kinds, const uint8_t **at, uint64_t **to, unsigned lines)
{
	const __m256i zero = _mm256_setzero_si256();
	struct seen seen = { zero, zero, _mm256_set1_epi8(-1), zero };
	const uint8_t *text = *at;
	uint64_t *out = *to;
	struct ends now = find_ends(text, lines), next;
	unsigned n, others;

	for (n = 0; n < STEPS && now.any; n++) {
		next = find_ends(now.text + now.at[lines - 1] + 1, lines);
		put(&now, kinds, out, &seen, lines);
		out += lines;
		text = now.text + now.at[lines - 1] + 1;
		now = next;
	}
	others = 5 * lines - (lines < LINES ? NO_LINE_DIGITS : 0);
	if (n == 0 || !is_plain(&seen, (uint64_t)(text - *at) - n * others))
		return false;
	*to = out;
	*at = text;
	return true;
}

AVX2 static bool take_four(const struct kinds *k, const uint8_t **at, uint64_t **to) { return take_group(k, at, to, LINES); }
AVX2 static bool take_three(const struct kinds *k, const uint8_t **at, uint64_t **to) { return take_group(k, at, to, LINES - 1); }

size_t lackey_fast(const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space)
{
	uint64_t *to = out;
	struct kinds kinds;

	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
		return 0;
	kinds_init(&kinds, space);
	while (end - *at >= GROUP_BYTES && out + max - to >= STEPS * LINES)
		if (!take_four(&kinds, at, &to) && !take_three(&kinds, at, &to))
			break;
	return (size_t)(to - out);
}
#else
size_t lackey_fast(const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space)
{
	return 0;
}
#endif
