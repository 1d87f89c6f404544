/* image.c - pieces of a process's image: mappings, the stack, the kernel's own areas, bytes stored by the kernel. */
#include "image.h"
#include "file.h"

#include <string.h>

/* Linux shows this page of the kernel's half in every 64-bit process. */
#define VSYSCALL ((va_t)0xffffffffff600000)

enum { MAY_ALL = VM_F_MAYREAD | VM_F_MAYWRITE | VM_F_MAYEXEC };

int image_map(struct mm *mm, va_t at, uint64_t len, unsigned prot, struct file *f, uint64_t pgoff, struct err *e)
{
	struct area *a;

	return map_region(mm, at, len, prot_to_flags(prot) | MAY_ALL,
			  f ? pgoff : at >> mm->host->geometry.page_bits, f, f ? f->inode : NULL, &a, e);
}

int image_map_stack(struct mm *mm, uint64_t len, bool exec, struct err *e)
{
	va_t at = mm_top(mm->host) - len;
	unsigned prot = VM_PROT_READ | VM_PROT_WRITE | (exec ? VM_PROT_EXEC : 0);
	struct area *a;

	return map_region(mm, at, len, prot_to_flags(prot) | MAY_ALL | VM_F_GROWSDOWN,
			  at >> mm->host->geometry.page_bits, NULL, NULL, &a, e);
}

static va_t map_special(struct mm *mm, va_t at, uint64_t len, uint32_t flags, const char *label)
{
	struct area *a = area_new(mm, at, at + len, flags, at >> mm->host->geometry.page_bits, NULL, NULL);

	a->special = g_intern_static_string(label);
	area_link(a);
	return at + len;
}

int image_map_vdso(struct mm *mm, va_t *vdso, struct err *e)
{
	struct vm_host *h = mm->host;
	uint64_t vvar = page_align(h, 4 * 4 * KiB), clocks = page_align(h, 2 * 4 * KiB), code = page_align(h, 2 * 4 * KiB);
	struct hole_request hole = { .len = vvar + clocks + code };
	uint32_t data_flags = VM_F_READ | VM_F_MAYREAD | VM_F_DONTEXPAND | VM_F_DONTDUMP;
	va_t at;
	int r = hole_find(mm, &hole, &at, e);

	if (r < 0)
		return r;
	at = map_special(mm, at, vvar, data_flags, "[vvar]");
	at = map_special(mm, at, clocks, data_flags, "[vvar_vclock]");
	*vdso = at;
	map_special(mm, at, code, VM_F_READ | VM_F_EXEC | MAY_ALL | VM_F_DONTEXPAND, "[vdso]");
	if (g_str_has_prefix(h->geometry.name, "x86-64"))
		map_special(mm, VSYSCALL, 4 * KiB, VM_F_EXEC | VM_F_ONLY_SHOWN, "[vsyscall]");
	return 0;
}

/* Where `len` bytes can be stored at `at`, all in one page, after a store's fault; NULL: *r says why not. */
static uint8_t *room_for_store(struct mm *mm, va_t at, uint64_t len, int *r, struct err *e)
{
	struct vm_host *h = mm->host;
	unsigned bits = h->geometry.page_bits;
	va_t start = at & -page_size(h);
	uint64_t done;
	struct span s;

	*r = pages_populate(mm, start, start + page_size(h), true, &done, e);
	if (*r < 0)
		return NULL;
	table_span(&mm->table, start >> bits, (start >> bits) + 1, &s);
	if (!s.entry || entry_kind(&h->geometry, entry_os(h, &s, 0)) != ENTRY_PRESENT) {
		*r = err_set(e, EFAULT, -1, "nothing can be stored at 0x%" G_GINT64_MODIFIER "x", at);
		return NULL;
	}
	return frame_store(h, entry_number(&h->geometry, entry_os(h, &s, 0)), at - start, len);
}

int image_store(struct mm *mm, va_t at, const void *from, uint64_t len, struct err *e)
{
	uint64_t page = page_size(mm->host);
	const uint8_t *in = from;
	int r = 0;

	for (uint64_t n; len > 0; at += n, in += n, len -= n) {
		uint8_t *bytes = room_for_store(mm, at, n = MIN(len, page - (at & (page - 1))), &r, e);

		if (!bytes)
			return r;
		memcpy(bytes, in, n);
	}
	return 0;
}
