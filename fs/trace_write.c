/* trace_write.c - traces being written. */
#include "text.h"
#include "trace_inside.h"
#include "vm_replay.h"

#include <inttypes.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

struct trace_writer {
	FILE    *to;
	enum trace_format format;
	const struct trace *from;
	GString *text;
	unsigned space;
	uint64_t refs;
	/* compact: the block being gathered */
	struct vm_pages *pages;
	uint64_t page_count;
	unsigned spaces;         /* whose process numbers are written */
	GArray  *fresh;          /* uint64_t: its new pages */
	GArray  *words;          /* uint32_t: its references */
};

struct trace_writer *trace_writer_new(FILE *to, enum trace_format f, const struct trace *from, uint64_t table_bytes, struct err *e)
{
	struct trace_writer *w = g_new0(struct trace_writer, 1);

	w->to = to;
	w->format = f;
	w->from = from;
	w->text = g_string_new(NULL);
	w->fresh = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	w->words = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	if (f != TRACE_COMPACT)
		return w;
	w->pages = vm_pages_new(table_bytes, e);
	g_string_append_len(w->text, compact_magic, sizeof(compact_magic));
	if (!w->pages) {
		trace_writer_drop(w);
		return NULL;
	}
	return w;
}

void trace_writer_drop(struct trace_writer *w)
{
	vm_pages_free(w->pages);
	g_string_free(w->text, TRUE);
	g_array_unref(w->fresh);
	g_array_unref(w->words);
	g_free(w);
}

static int flush(struct trace_writer *w, struct err *e)
{
	if (fwrite(w->text->str, 1, w->text->len, w->to) != w->text->len)
		return err_set(e, errno ? errno : EIO, -1, "%s", g_strerror(errno ? errno : EIO));
	g_string_truncate(w->text, 0);
	return 0;
}

/* Text. */

static void put_line(struct trace_writer *w, uint64_t ref)
{
	static const char *const lackey[] = { " L ", " S ", " M ", "I  " };
	static const char din[] = { '0', '1', '1', '2' };
	uint64_t page = vm_ref_page(ref);

	if (w->format == TRACE_PAGES) {
		put_dec(w->text, page);
	} else {
		if (page >= VM_REF_PAGES / 2)          /* the upper half's addresses begin with ones */
			page |= (uint64_t)0xffff << VM_REF_PAGE_BITS;
		if (w->format == TRACE_LACKEY) {
			put_text(w->text, lackey[vm_ref_kind(ref)]);
		} else {
			put_char(w->text, din[vm_ref_kind(ref)]);
			put_char(w->text, ' ');
		}
		put_hex_width(w->text, page << TRACE_PAGE_BITS, 8);
		if (w->format == TRACE_LACKEY)
			put_text(w->text, ",1");
	}
	put_char(w->text, '\n');
}

static int write_text(struct trace_writer *w, uint64_t ref, struct err *e)
{
	unsigned space = vm_ref_space(ref);

	if (space != w->space || (w->refs == 0 && trace_pid(w->from, space) != 0)) {
		put_text(w->text, "pid ");
		put_dec(w->text, trace_pid(w->from, space));
		put_char(w->text, '\n');
		w->space = space;
	}
	put_line(w, ref);
	return w->text->len > 1 << 16 ? flush(w, e) : 0;
}

/* Words. */

static void put_word(GString *out, uint64_t v, unsigned bytes)
{
	v = GUINT64_TO_LE(v);
	g_string_append_len(out, (const char *)&v, bytes);
}

static int write_bin64(struct trace_writer *w, uint64_t ref, struct err *e)
{
	if (vm_ref_space(ref))
		return err_set(e, ERANGE, -1, "bin64 has room for one process only; compact has for more");
	put_word(w->text, vm_ref_page(ref), 8);
	return w->text->len > 1 << 16 ? flush(w, e) : 0;
}

static int end_block(struct trace_writer *w, struct err *e)
{
	if (w->words->len == 0)
		return 0;
	put_word(w->text, w->words->len, 4);
	put_word(w->text, w->fresh->len, 4);
	put_word(w->text, w->from->pids->len - w->spaces, 4);
	put_word(w->text, 0, 4);
	for (; w->spaces < w->from->pids->len; w->spaces++)
		put_word(w->text, trace_pid(w->from, w->spaces), 8);
	for (unsigned i = 0; i < w->fresh->len; i++)
		put_word(w->text, g_array_index(w->fresh, uint64_t, i), 8);
	for (unsigned i = 0; i < w->words->len; i++)
		put_word(w->text, g_array_index(w->words, uint32_t, i), 4);
	g_array_set_size(w->fresh, 0);
	g_array_set_size(w->words, 0);
	return flush(w, e);
}

static int write_compact(struct trace_writer *w, uint64_t ref, struct err *e)
{
	uint64_t number, where = vm_ref_where(ref);
	uint32_t word;
	bool fresh;

	if (vm_pages_number(w->pages, ref, &number, &fresh, e))
		return -e->code;
	if (number >= 1 << 30)
		return err_set(e, ERANGE, -1, "more than 2^30 pages: bin64 has room for them");
	if (fresh) {
		g_array_append_val(w->fresh, where);
		w->page_count++;
	}
	word = (uint32_t)number << 2 | vm_ref_kind(ref);
	g_array_append_val(w->words, word);
	return w->words->len == BLOCK ? end_block(w, e) : 0;
}

static void put_end(struct trace_writer *w)
{
	put_word(w->text, 0, 8);
	put_word(w->text, 0, 8);
	put_word(w->text, w->refs, 8);
	put_word(w->text, w->page_count, 8);
}

int trace_write(struct trace_writer *w, const uint64_t *refs, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (w->format == TRACE_COMPACT)
			r = write_compact(w, refs[i], e);
		else if (w->format == TRACE_BIN64)
			r = write_bin64(w, refs[i], e);
		else
			r = write_text(w, refs[i], e);
		w->refs += r == 0;
	}
	return r;
}

int trace_writer_end(struct trace_writer *w, struct err *e)
{
	int r = 0;

	if (w->format == TRACE_COMPACT) {
		r = end_block(w, e);
		put_end(w);
	}
	if (r == 0)
		r = flush(w, e);
	if (r == 0 && fflush(w->to))
		r = err_set(e, errno, -1, "%s", g_strerror(errno));
	trace_writer_drop(w);
	return r;
}
