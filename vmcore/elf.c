/*
 * elf.c - execve's view of an ELF file: its segments become areas, as Linux's binfmt_elf does it without randomisation.
 *
 * The file is looked at, never loaded: pages come in when they are touched. Only two things are stored at once, as by
 * the kernel: arguments and auxiliary vector on the stack, and zeros behind the end of a segment's file part.
 * Linux kills the process when something fails after the old image is gone; here everything is done in a new address space
 * first, so a failure is an errno and the old image goes on.
 * Every number in the file is hostile.
 */
#include "file.h"
#include "image.h"
#include "proc.h"

#include <elf.h>
#include <string.h>

static const struct event_kind event_no_interpreter = { "no_interpreter", "file:s" };

enum { HEADERS_BYTES_MOST = 65536, INTERPRETER_MOST = 4096, STACK_EXTRA = 128 * 1024, AUXV_MOST = 24 };

/* A program's headers in one width, whatever the file's. */
struct program {
	struct vm_inode *inode;
	struct file *file;
	bool     wide;              /* ELFCLASS64 */
	bool     dynamic;           /* ET_DYN */
	uint64_t entry, headers_at;
	unsigned n, header_bytes;
	Elf64_Phdr *header;
	char    *interpreter;       /* NULL: none */
	bool     stack_exec;
	va_t     bias;              /* where it lies: address - p_vaddr */
	va_t     headers_va;
};

struct image {
	struct mm *mm;
	struct program main, loader;
	bool     has_loader;
	va_t     start_code, end_code, start_data, end_data, brk;
	va_t     vdso;
};

static void program_clear(struct program *p)
{
	if (p->file)
		file_release(p->file);
	g_free(p->header);
	g_free(p->interpreter);
}

/* Reads exactly that much of the file, or says that it is too short. */
static int read_exactly(const struct program *p, uint64_t at, void *to, size_t len, const char *what, struct err *e)
{
	ssize_t n = at > INT64_MAX ? 0 : vm_inode_peek(p->inode, at, to, len);

	if (n != (ssize_t)len)
		return err_set(e, ENOEXEC, -1, "the file ends within its %s", what);
	return 0;
}

static int not_elf(struct err *e)
{
	return err_set(e, ENOEXEC, -1, "not an ELF file");
}

/* The ELF header, widened. */
static int read_header(struct program *p, bool want_wide, Elf64_Ehdr *h, struct err *e)
{
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr narrow;

	if (p->inode->kind != VM_INODE_FILE)
		return err_set(e, EACCES, -1, "only a regular file can be executed");
	if (read_exactly(p, 0, ident, sizeof ident, "first bytes", e) < 0 || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return not_elf(e);
	p->wide = ident[EI_CLASS] == ELFCLASS64;
	if (p->wide != want_wide || (!p->wide && ident[EI_CLASS] != ELFCLASS32) || ident[EI_DATA] != ELFDATA2LSB)
		return err_set(e, ENOEXEC, -1, "not a %d-bit little-endian ELF file, which this geometry runs",
			       want_wide ? 64 : 32);
	if (p->wide)
		return read_exactly(p, 0, h, sizeof *h, "header", e);
	if (read_exactly(p, 0, &narrow, sizeof narrow, "header", e) < 0)
		return -ENOEXEC;
	*h = (Elf64_Ehdr){ .e_type = narrow.e_type, .e_machine = narrow.e_machine, .e_entry = narrow.e_entry,
			   .e_phoff = narrow.e_phoff, .e_phentsize = narrow.e_phentsize, .e_phnum = narrow.e_phnum };
	return 0;
}

static int check_header(const struct program *p, const Elf64_Ehdr *h, struct err *e)
{
	size_t bytes = p->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return err_set(e, ENOEXEC, -1, "ELF type %u is neither an executable nor position-independent", h->e_type);
	if (h->e_machine != (p->wide ? EM_X86_64 : EM_386))
		return err_set(e, ENOEXEC, -1, "ELF machine %u is not x86", h->e_machine);
	if (h->e_phentsize != bytes)
		return err_set(e, ENOEXEC, -1, "program headers of %u bytes, not %zu", h->e_phentsize, bytes);
	if (h->e_phnum == 0 || h->e_phnum * bytes > HEADERS_BYTES_MOST)
		return err_set(e, ENOEXEC, -1, "%u program headers", h->e_phnum);
	return 0;
}

static int read_program_headers(struct program *p, struct err *e)
{
	p->header = g_new0(Elf64_Phdr, p->n);
	if (p->wide)
		return read_exactly(p, p->headers_at, p->header, p->n * sizeof *p->header, "program headers", e);
	for (unsigned k = 0; k < p->n; k++) {
		Elf32_Phdr narrow;

		if (read_exactly(p, p->headers_at + k * sizeof narrow, &narrow, sizeof narrow, "program headers", e) < 0)
			return -ENOEXEC;
		p->header[k] = (Elf64_Phdr){ .p_type = narrow.p_type, .p_flags = narrow.p_flags,
					     .p_offset = narrow.p_offset, .p_vaddr = narrow.p_vaddr,
					     .p_filesz = narrow.p_filesz, .p_memsz = narrow.p_memsz,
					     .p_align = narrow.p_align };
	}
	return 0;
}

static int read_interpreter(struct program *p, const Elf64_Phdr *h, struct err *e)
{
	if (h->p_filesz > INTERPRETER_MOST || h->p_filesz < 2)
		return err_set(e, ENOEXEC, -1, "an interpreter's name of %" G_GUINT64_FORMAT " bytes",
			       (guint64)h->p_filesz);
	p->interpreter = g_malloc(h->p_filesz);
	if (read_exactly(p, h->p_offset, p->interpreter, h->p_filesz, "interpreter's name", e) < 0)
		return -ENOEXEC;
	if (p->interpreter[h->p_filesz - 1] != '\0')
		return err_set(e, ENOEXEC, -1, "the interpreter's name has no end");
	return 0;
}

/* Everything in the headers that is wrong by itself is found here. */
static int program_open(struct program *p, struct vm_inode *inode, bool want_wide, struct err *e)
{
	Elf64_Ehdr h;
	int r;

	p->inode = inode;
	r = read_header(p, want_wide, &h, e);
	if (r == 0)
		r = check_header(p, &h, e);
	if (r < 0)
		return r;
	p->dynamic = h.e_type == ET_DYN;
	p->entry = h.e_entry;
	p->headers_at = h.e_phoff;
	p->n = h.e_phnum;
	p->header_bytes = h.e_phentsize;
	p->file = file_new(inode, VM_OPEN_READ);
	r = read_program_headers(p, e);
	for (unsigned k = 0; r == 0 && k < p->n; k++) {
		if (p->header[k].p_type == PT_INTERP && !p->interpreter)
			r = read_interpreter(p, &p->header[k], e);
		else if (p->header[k].p_type == PT_GNU_STACK)
			p->stack_exec = p->header[k].p_flags & PF_X;
	}
	return r;
}

/* Segments. */

static unsigned prot_of(const Elf64_Phdr *h)
{
	return (h->p_flags & PF_R ? VM_PROT_READ : 0) | (h->p_flags & PF_W ? VM_PROT_WRITE : 0) |
	       (h->p_flags & PF_X ? VM_PROT_EXEC : 0);
}

/* From the first segment's page to the last one's end; 0: no segment, or they are out of order. */
static uint64_t total_size(const struct vm_host *h, const struct program *p)
{
	uint64_t low = UINT64_MAX, high = 0;
	bool any = false;

	for (unsigned k = 0; k < p->n; k++) {
		if (p->header[k].p_type != PT_LOAD)
			continue;
		low = MIN(low, p->header[k].p_vaddr & -page_size(h));
		high = MAX(high, p->header[k].p_vaddr + p->header[k].p_memsz);
		any = true;
	}
	return any && high > low ? high - low : 0;
}

static uint64_t largest_alignment(const struct program *p)
{
	uint64_t most = 0;

	for (unsigned k = 0; k < p->n; k++) {
		uint64_t align = p->header[k].p_align;

		if (p->header[k].p_type == PT_LOAD && align && (align & (align - 1)) == 0)
			most = MAX(most, align);
	}
	return most;
}

static int check_segment(const struct vm_host *h, const Elf64_Phdr *s, struct err *e)
{
	uint64_t top = mm_top(h);

	if (s->p_filesz > s->p_memsz)
		return err_set(e, EINVAL, -1, "a segment has more bytes in the file than in memory");
	if (s->p_vaddr >= top || s->p_memsz > top || top - s->p_memsz < s->p_vaddr)
		return err_set(e, EINVAL, -1, "a segment at 0x%" G_GINT64_MODIFIER "x of 0x%" G_GINT64_MODIFIER
			       "x bytes ends beyond the address space", (guint64)s->p_vaddr, (guint64)s->p_memsz);
	if ((s->p_offset ^ s->p_vaddr) & (page_size(h) - 1))
		return err_set(e, EINVAL, -1, "a segment at offset 0x%" G_GINT64_MODIFIER "x does not fit pages at 0x%"
			       G_GINT64_MODIFIER "x", (guint64)s->p_offset, (guint64)s->p_vaddr);
	if (s->p_offset > INT64_MAX || s->p_filesz > INT64_MAX - s->p_offset)
		return err_set(e, EINVAL, -1, "a segment at offset 0x%" G_GINT64_MODIFIER "x is beyond any file's end",
			       (guint64)s->p_offset);
	return 0;
}

/* [at, at + len) may be mapped there (get_unmapped_area with MAP_FIXED). */
static int check_place(struct mm *mm, va_t at, uint64_t len, struct err *e)
{
	struct hole_request hole = { .hint = at, .len = len, .fixed = true };
	va_t got;

	if (len == 0)
		return 0;
	if (at + len < at || at + len > mm_top(mm->host))
		return err_set(e, ENOMEM, -1, "a segment ends beyond the address space");
	return hole_find(mm, &hole, &got, e);
}

/* Zeros to the end of the page behind a segment's file part. */
static int pad_with_zeros(struct mm *mm, va_t at, bool must, struct err *e)
{
	uint64_t page = page_size(mm->host), n = -at & (page - 1);
	g_autofree uint8_t *zeros = g_malloc0(MAX(n, 1));
	struct err why = { 0 };
	int r = image_store(mm, at, zeros, n, &why);

	if (r == -ENOMEM)
		return err_set(e, ENOMEM, -1, "%s", why.why);
	if (r < 0 && must)
		return err_set(e, EINVAL, -1, "the file ends before its segment");
	return 0;
}

/* One PT_LOAD at its place. */
static int map_segment(struct mm *mm, const struct program *p, const Elf64_Phdr *s, struct err *e)
{
	struct vm_host *h = mm->host;
	uint64_t page = page_size(h), skip = s->p_vaddr & (page - 1);
	va_t at = p->bias + s->p_vaddr, start = at & -page;
	va_t file_end = s->p_filesz ? page_align(h, at + s->p_filesz) : start;
	va_t end = page_align(h, at + s->p_memsz);
	unsigned prot = prot_of(s);
	int r = check_place(mm, start, MAX(end, file_end) - start, e);

	if (r == 0 && file_end > start)
		r = image_map(mm, start, file_end - start, prot, p->file, (s->p_offset - skip) >> h->geometry.page_bits, e);
	if (r == 0 && s->p_filesz && s->p_memsz > s->p_filesz)
		r = pad_with_zeros(mm, at + s->p_filesz, prot & VM_PROT_WRITE, e);
	if (r == 0 && end > file_end)
		r = image_map(mm, file_end, end - file_end, VM_PROT_READ | VM_PROT_WRITE | (prot & VM_PROT_EXEC), NULL, 0, e);
	return r;
}

/* Where a position-independent program without a fixed place goes: the mmap area, as a whole. */
static int place_in_hole(struct mm *mm, struct program *p, uint64_t align, struct err *e)
{
	struct vm_host *h = mm->host;
	uint64_t page = page_size(h), size = total_size(h, p);
	struct hole_request hole = { .len = page_align(h, size), .huge = true };
	uint64_t extra = align > page ? align : 0;
	va_t at, first = UINT64_MAX;
	int r;

	if (hole.len == 0 || hole.len + extra < hole.len)
		return err_set(e, EINVAL, -1, "the program's segments make no sense together");
	hole.len += extra;
	r = hole_find(mm, &hole, &at, e);
	if (r < 0)
		return r;
	if (extra)
		at = (at + extra - 1) & -align;
	for (unsigned k = 0; k < p->n && first == UINT64_MAX; k++)
		if (p->header[k].p_type == PT_LOAD)
			first = p->header[k].p_vaddr & -page;
	p->bias = at - first;
	return 0;
}

/* 2/3 of the space: 0x555555554000 on x86-64. */
static va_t dynamic_base(const struct vm_host *h)
{
	return mm_top(h) / 3 * 2;
}

static int choose_place(struct image *i, struct program *p, bool main, struct err *e)
{
	struct vm_host *h = i->mm->host;
	uint64_t align = largest_alignment(p), page = page_size(h);

	p->bias = 0;
	if (total_size(h, p) == 0)
		return err_set(e, EINVAL, -1, "no segment is to be loaded, or they are out of order");
	if (!p->dynamic)
		return 0;
	if (!main)
		return place_in_hole(i->mm, p, 0, e);
	if (!p->interpreter)
		return place_in_hole(i->mm, p, align, e);
	for (unsigned k = 0; k < p->n; k++) {
		if (p->header[k].p_type != PT_LOAD)
			continue;
		p->bias = ((dynamic_base(h) & -MAX(align, 1)) - p->header[k].p_vaddr) & -page;
		break;
	}
	return 0;
}

/* What load_elf_binary() remembers of a segment for ps: where code, data and break are. */
static void note_segment(struct image *i, const Elf64_Phdr *s)
{
	uint64_t at = s->p_vaddr, file_end = at + s->p_filesz;

	if (s->p_flags & PF_X) {
		i->start_code = MIN(i->start_code, at);
		i->end_code = MAX(i->end_code, file_end);
	}
	i->start_data = MAX(i->start_data, at);
	i->end_data = MAX(i->end_data, file_end);
	i->brk = MAX(i->brk, at + s->p_memsz);
}

static int map_program(struct image *i, struct program *p, bool main, struct err *e)
{
	struct vm_host *h = i->mm->host;
	int r = 0;

	for (unsigned k = 0; r == 0 && k < p->n; k++)
		if (p->header[k].p_type == PT_LOAD)
			r = check_segment(h, &p->header[k], e);
	if (r == 0)
		r = choose_place(i, p, main, e);
	for (unsigned k = 0; r == 0 && k < p->n; k++) {
		const Elf64_Phdr *s = &p->header[k];

		if (s->p_type != PT_LOAD)
			continue;
		r = map_segment(i->mm, p, s, e);
		if (main)
			note_segment(i, s);
		if (s->p_offset <= p->headers_at && p->headers_at < s->p_offset + s->p_filesz)
			p->headers_va = p->bias + p->headers_at - s->p_offset + s->p_vaddr;
	}
	return r;
}

/* The stack. */

struct strings { GString *bytes; uint64_t args, n; };

/* Arguments as they lie on the stack, ascending, and behind them the file's name. */
static struct strings gather_strings(const char *path, const char *const *argv)
{
	struct strings s = { .bytes = g_string_new(NULL) };

	for (; argv[s.n]; s.n++)
		g_string_append_len(s.bytes, argv[s.n], (gssize)strlen(argv[s.n]) + 1);
	s.args = s.bytes->len;
	g_string_append_len(s.bytes, path, (gssize)strlen(path) + 1);
	return s;
}

static void put_word(GByteArray *a, bool wide, uint64_t value)
{
	g_byte_array_append(a, (const guint8 *)&value, wide ? 8 : 4);
}

/* As Linux 6.18 fills it on a plain x86-64: what depends on the processor has fixed values here. */
static unsigned fill_auxv(const struct image *i, Elf64_auxv_t *v, va_t name, va_t platform, va_t random)
{
	const struct vm_proc *p = i->mm->owner;
	const struct program *m = &i->main;
	const uint64_t pairs[][2] = {
		{ AT_SYSINFO_EHDR, i->vdso }, { AT_MINSIGSTKSZ, 3632 }, { AT_HWCAP, 0x1f8bfbff },
		{ AT_PAGESZ, page_size(i->mm->host) }, { AT_CLKTCK, 100 },
		{ AT_PHDR, m->headers_va }, { AT_PHENT, m->header_bytes }, { AT_PHNUM, m->n },
		{ AT_BASE, i->has_loader ? i->loader.bias : 0 }, { AT_FLAGS, 0 }, { AT_ENTRY, m->bias + m->entry },
		{ AT_UID, p->uid }, { AT_EUID, p->uid }, { AT_GID, p->gid }, { AT_EGID, p->gid }, { AT_SECURE, 0 },
		{ AT_RANDOM, random }, { AT_HWCAP2, 2 }, { AT_EXECFN, name }, { AT_PLATFORM, platform },
		{ AT_RSEQ_FEATURE_SIZE, 28 }, { AT_RSEQ_ALIGN, 32 }, { AT_NULL, 0 },
	};

	static_assert(G_N_ELEMENTS(pairs) <= AUXV_MOST, "auxv");
	for (unsigned k = 0; k < G_N_ELEMENTS(pairs); k++)
		v[k] = (Elf64_auxv_t){ .a_type = pairs[k][0], .a_un = { pairs[k][1] } };
	return G_N_ELEMENTS(pairs);
}

/* argc, argv, envp, auxv. */
static GByteArray *gather_vectors(const struct image *i, const struct strings *s, va_t strings, va_t platform,
				  va_t random)
{
	GByteArray *a = g_byte_array_new();
	bool wide = i->main.wide;
	Elf64_auxv_t auxv[AUXV_MOST];
	unsigned n = fill_auxv(i, auxv, strings + s->args, platform, random);

	put_word(a, wide, s->n);
	for (uint64_t at = 0; at < s->args; at += strlen(s->bytes->str + at) + 1)
		put_word(a, wide, strings + at);
	put_word(a, wide, 0);
	put_word(a, wide, 0);
	for (unsigned k = 0; k < n; k++) {
		put_word(a, wide, auxv[k].a_type);
		put_word(a, wide, auxv[k].a_un.a_val);
	}
	return a;
}

static int map_stack(struct image *i, uint64_t strings, struct err *e)
{
	struct vm_host *h = i->mm->host;
	uint64_t page = page_size(h), limit = mm_limit(i->mm, VM_RLIMIT_STACK) & -page;
	uint64_t len = MIN(page_align(h, strings) + page_align(h, STACK_EXTRA), MAX(limit, page));

	if (strings > MIN(mm_limit(i->mm, VM_RLIMIT_STACK), mm_top(h)) / 4)
		return err_set(e, E2BIG, -1, "%" G_GUINT64_FORMAT " bytes of arguments are more than a quarter of the stack",
			       strings);
	if (len > mm_top(h) / 2)
		len = page_align(h, mm_top(h) / 8);      /* a tiny space */
	return image_map_stack(i->mm, len, i->main.stack_exec, e);
}

/* What create_elf_tables() leaves on the stack. */
static int fill_stack(struct image *i, const struct strings *s, struct err *e)
{
	static const char platform[] = "x86_64";
	struct mm *mm = i->mm;
	const struct rng before = mm->host->rng;
	va_t strings = mm_top(mm->host) - (i->main.wide ? 8 : 4) - s->bytes->len;
	va_t platform_at = (strings & -(va_t)16) - sizeof platform, random_at = platform_at - 16, sp;
	uint64_t random[2] = { rng_next(&mm->host->rng), rng_next(&mm->host->rng) };
	g_autoptr(GByteArray) vectors = gather_vectors(i, s, strings, platform_at, random_at);
	int r = image_store(mm, strings, s->bytes->str, s->bytes->len, e);

	sp = (random_at - vectors->len) & -(va_t)16;
	if (r == 0)
		r = image_store(mm, platform_at, platform, sizeof platform, e);
	if (r == 0)
		r = image_store(mm, random_at, random, sizeof random, e);
	if (r == 0)
		r = image_store(mm, sp, vectors->data, vectors->len, e);
	if (r < 0)
		mm->host->rng = before;
	mm->start_stack = sp;
	mm->arg_start = strings;
	mm->arg_end = mm->env_start = mm->env_end = strings + s->args;
	return r;
}

/* The program that the file names to load it: missing in files/, it is left out. */
static int open_loader(struct image *i, struct err *e)
{
	struct vm_host *h = i->mm->host;
	const char *path = i->main.interpreter;
	struct vm_inode *inode = path ? vm_disk_lookup(h, path, NULL) : NULL;
	int r;

	if (!inode)
		return 0;
	i->has_loader = true;
	r = program_open(&i->loader, inode, i->main.wide, e);
	return r == -ENOEXEC ? err_set(e, ELIBBAD, -1, "%s cannot load programs: not an ELF file for it", path) : r;
}

static void note_missing_loader(const struct image *i)
{
	struct vm_host *h = i->mm->host;

	journal_add(h->journal, &event_no_interpreter, h->options.serial, i->mm->owner->pid)->text =
		g_strescape(i->main.interpreter, NULL);
}

/* The break: behind the last segment; a program loaded into the mmap area gets it below, where it can grow. */
static void set_break(struct image *i)
{
	struct vm_host *h = i->mm->host;
	bool low = i->main.dynamic && !i->main.interpreter;

	i->mm->start_brk = i->mm->brk = low ? page_align(h, dynamic_base(h)) : page_align(h, i->main.bias + i->brk);
}

static int build(struct image *i, const struct strings *s, struct err *e)
{
	struct mm *mm = i->mm;
	int r = map_stack(i, s->bytes->len + 8, e);

	if (r == 0)
		r = map_program(i, &i->main, true, e);
	if (r == 0)
		set_break(i);
	if (r == 0 && i->has_loader)
		r = map_program(i, &i->loader, false, e);
	if (r == 0)
		r = image_map_vdso(mm, &i->vdso, e);
	if (r == 0)
		r = fill_stack(i, s, e);
	mm->entry = i->has_loader ? i->loader.bias + i->loader.entry : i->main.bias + i->main.entry;
	mm->start_code = i->main.bias + i->start_code;
	mm->end_code = i->main.bias + i->end_code;
	mm->start_data = i->main.bias + i->start_data;
	mm->end_data = i->main.bias + i->end_data;
	return r;
}

int elf_load(struct mm *mm, struct vm_inode *file, const char *path, const char *const *argv, struct err *e)
{
	const char *const only[] = { path, NULL };
	struct image i = { .mm = mm, .start_code = UINT64_MAX };
	struct strings s = gather_strings(path, argv ? argv : only);
	int r = program_open(&i.main, file, mm->host->geometry.va_bits > 32, e);

	if (r == 0)
		r = open_loader(&i, e);
	if (r == 0)
		r = build(&i, &s, e);
	if (r == 0 && i.main.interpreter && !i.has_loader)
		note_missing_loader(&i);
	program_clear(&i.main);
	program_clear(&i.loader);
	g_string_free(s.bytes, TRUE);
	return r;
}
