/*
 * program.c - the program of `spawn NAME` without a file: the areas of a small Linux program, scaled to the space.
 *
 *   text   2 pages r-xp of the file /NAME, from 4 MiB on; the file is unlisted and holds zeros
 *   data   2 pages rw-p of the same file, behind the text
 *   heap   4 pages behind the data, up to the break
 *   stack  132 KiB (at most an eighth of a small space) up to the end of user addresses, growing down
 *
 * All processes of one name run the same file, so they share the frames of its text.
 */
#include "file.h"
#include "image.h"
#include "proc.h"

enum { TEXT_PAGES = 2, DATA_PAGES = 2, HEAP_PAGES = 4 };
static const uint64_t text_at = 4 * MiB, stack_bytes = 132 * KiB;

static va_t text_base(const struct vm_host *h)
{
	va_t low = MAX(mm_bottom(h), page_size(h));

	return mm_top(h) / 4 > text_at ? page_align(h, MAX(low, text_at)) : low;
}

static uint64_t stack_pages(const struct vm_host *h)
{
	unsigned bits = h->geometry.page_bits;

	uint64_t most = MIN(stack_bytes >> bits, mm_top(h) >> bits >> 3);

	return MAX(most, 1);
}

/* Maps `pages` of the file, or of memory when there is none, at *at, and moves *at behind them. */
static int map_pages(struct mm *mm, va_t *at, uint64_t pages, unsigned prot, struct file *f, uint64_t pgoff,
		     struct err *e)
{
	uint64_t len = pages << mm->host->geometry.page_bits;
	int r = image_map(mm, *at, len, prot, f, pgoff, e);

	*at += len;
	return r;
}

int small_program_load(struct mm *mm, const char *name, struct err *e)
{
	struct vm_host *h = mm->host;
	unsigned bits = h->geometry.page_bits;
	uint64_t stack = stack_pages(h), needed = TEXT_PAGES + DATA_PAGES + HEAP_PAGES + 1 + stack;
	va_t at = text_base(h), top = mm_top(h);
	g_autofree char *path = g_strdup_printf("/%s", name);
	struct file *f;
	int r;

	if (at >= top || (top - at) >> bits < needed)
		return err_set(e, ENOMEM, -1, "a program needs %" G_GUINT64_FORMAT " pages, the address space has %"
			       G_GUINT64_FORMAT ": spawn it bare", needed, at < top ? (top - at) >> bits : 0);
	f = file_new(vm_disk_unlisted(h, path, (uint64_t)(TEXT_PAGES + DATA_PAGES) << bits), VM_OPEN_READ);
	mm->start_code = mm->entry = at;
	r = map_pages(mm, &at, TEXT_PAGES, VM_PROT_READ | VM_PROT_EXEC, f, 0, e);
	mm->end_code = mm->start_data = at;
	if (r == 0)
		r = map_pages(mm, &at, DATA_PAGES, VM_PROT_READ | VM_PROT_WRITE, f, TEXT_PAGES, e);
	mm->end_data = mm->start_brk = at;
	if (r == 0)
		r = map_pages(mm, &at, HEAP_PAGES, VM_PROT_READ | VM_PROT_WRITE, NULL, 0, e);
	mm->brk = at;
	if (r == 0)
		r = image_map_stack(mm, stack << bits, false, e);
	mm->start_stack = mm->arg_start = mm->arg_end = mm->env_start = mm->env_end = top;
	file_release(f);
	return r;
}
