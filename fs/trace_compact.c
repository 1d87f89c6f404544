/*
 * trace_compact.c - our own format: small, quick to read, written as it comes and read from pipes.
 *
 * All numbers are little-endian.
 *
 *   16 bytes  "VITRINE TRACE 1\n"
 *   blocks    u32 n, the references in it, 1 to 65536; u32 k, the pages in it that are new; u32 s, the processes that
 *             are; u32 0
 *             s times u64: process numbers; processes are counted from 0 through the whole trace
 *             k times u64: page number | process << 52; pages are counted from 0 through the whole trace
 *             n times u32: page << 2 | kind: 0 load, 1 store, 2 modify, 3 fetch
 *   end       a block of nothing, then u64 all references, u64 all pages
 *
 * So a reference takes four bytes, and zstd makes a byte or less of it; what breaks off is noticed.
 */
#include "trace_inside.h"
#include "vm_replay.h"

#include <inttypes.h>
#include <string.h>

const char compact_magic[16] = "VITRINE TRACE 1\n";

enum { BLOCK = 1 << 16, PAGE_MAX = 1 << 30 };

static uint32_t get32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return GUINT32_FROM_LE(v);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, 8);
	return GUINT64_FROM_LE(v);
}

static int need(struct trace *t, size_t n, struct err *e)
{
	int r = input_want(&t->in, n, e);

	if (r)
		return r;
	if ((size_t)(t->in.end - t->in.at) < n)
		return err_set(e, EINVAL, -1, "it breaks off after %" PRIu64 " bytes, behind reference %" PRIu64,
			       t->in.passed + (uint64_t)(t->in.end - t->in.at), t->refs);
	return 0;
}

int compact_start(struct trace *t, struct err *e)
{
	if (need(t, sizeof(compact_magic), e))
		return -e->code;
	if (memcmp(t->in.at, compact_magic, sizeof(compact_magic)))
		return err_set(e, EINVAL, -1, "it does not begin as a compact trace does");
	input_take(&t->in, sizeof(compact_magic));
	g_array_set_size(t->pids, 0);
	return 0;
}

static int read_pages(struct trace *t, uint32_t k, struct err *e)
{
	if (k > BLOCK || t->dictionary_len + k > PAGE_MAX)
		return err_set(e, EINVAL, -1, "byte %" PRIu64 ": %" PRIu32 " new pages in one block", t->in.passed, k);
	if (need(t, (size_t)k * 8, e))
		return -e->code;
	if (t->dictionary_len + k > t->dictionary_room) {
		t->dictionary_room = MAX(2 * t->dictionary_room, t->dictionary_len + k);
		t->dictionary = g_renew(uint64_t, t->dictionary, t->dictionary_room);
	}
	for (uint32_t i = 0; i < k; i++, input_take(&t->in, 8)) {
		uint64_t page = get64(t->in.at);

		if (page & (VM_REF_NONSENSE | (uint64_t)3 << VM_REF_KIND_SHIFT) || vm_ref_space(page) >= t->pids->len)
			return err_set(e, ERANGE, -1, "byte %" PRIu64 ": 0x%" PRIx64 " is no page of the space", t->in.passed, page);
		t->dictionary[t->dictionary_len++] = page;
	}
	return 0;
}

static int read_processes(struct trace *t, uint32_t s, struct err *e)
{
	if (s > VM_REF_SPACES - t->pids->len)
		return err_set(e, EINVAL, -1, "byte %" PRIu64 ": %" PRIu32 " more processes", t->in.passed, s);
	if (need(t, (size_t)s * 8, e))
		return -e->code;
	for (uint32_t i = 0; i < s; i++, input_take(&t->in, 8)) {
		uint64_t pid = get64(t->in.at);

		g_array_append_val(t->pids, pid);
	}
	return 0;
}

static int read_end(struct trace *t, struct err *e)
{
	if (need(t, 16, e))
		return -e->code;
	if (get64(t->in.at) != t->refs || get64(t->in.at + 8) != t->dictionary_len)
		return err_set(e, EINVAL, -1, "byte %" PRIu64 ": the end counts %" PRIu64 " references, there are %" PRIu64,
			       t->in.passed, get64(t->in.at), t->refs);
	input_take(&t->in, 16);
	if (input_want(&t->in, 1, e))
		return -e->code;
	if (t->in.at != t->in.end)
		return err_set(e, EINVAL, -1, "byte %" PRIu64 ": something follows the end", t->in.passed);
	t->ended = true;
	return 0;
}

static int read_block(struct trace *t, struct err *e)
{
	uint32_t n, k, s, zero;

	if (need(t, 16, e))
		return -e->code;
	n = get32(t->in.at);
	k = get32(t->in.at + 4);
	s = get32(t->in.at + 8);
	zero = get32(t->in.at + 12);
	input_take(&t->in, 16);
	if ((n | k | s | zero) == 0)
		return read_end(t, e);
	if (n == 0 || n > BLOCK || zero)
		return err_set(e, EINVAL, -1, "byte %" PRIu64 ": a block of %" PRIu32 " references", t->in.passed - 16, n);
	if (read_processes(t, s, e) || read_pages(t, k, e))
		return -e->code;
	t->block_left = n;
	return 0;
}

/* Decodes; gives the first index that is no page, or n. */
static size_t decode(const struct trace *t, uint64_t *out, size_t n)
{
	const uint8_t *at = t->in.at;

	for (size_t i = 0; i < n; i++) {
		uint32_t word = get32(at + 4 * i);

		if (word >> 2 >= t->dictionary_len)
			return i;
		out[i] = t->dictionary[word >> 2] | (uint64_t)word << VM_REF_KIND_SHIFT;
	}
	return n;
}

int compact_next(struct trace *t, size_t *n, struct err *e)
{
	size_t want, got;

	*n = 0;
	while (t->block_left == 0 && !t->ended)
		if (read_block(t, e))
			return -e->code;
	want = MIN(t->block_left, (uint32_t)BATCH);
	if (want == 0)
		return 0;
	if (need(t, want * 4, e))
		return -e->code;
	got = decode(t, t->batch, want);
	if (got < want)
		return err_set(e, EINVAL, -1, "byte %" PRIu64 ": page %" PRIu32 " of %" PRIu64, t->in.passed + 4 * got,
			       get32(t->in.at + 4 * got) >> 2, t->dictionary_len);
	input_take(&t->in, want * 4);
	t->block_left -= (uint32_t)want;
	*n = want;
	return 0;
}
