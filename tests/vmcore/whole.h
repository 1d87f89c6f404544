/* whole.h - a whole host for the tests of processes, memory and files; every step can be followed by its check. */
#ifndef TESTS_WHOLE_H
#define TESTS_WHOLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc.h"
#include "vm_page.h"
#include "vm_disk.h"
#include "vm_file.h"

#include <string.h>

struct whole {
	struct clock clock;
	struct journal journal;
	struct vm_host *h;
};

static inline struct whole *whole_of(const struct vm_geometry *g, uint64_t ram, uint64_t swap)
{
	struct whole *m = g_new0(struct whole, 1);
	struct vm_options o = { .geometry = *g, .ram_bytes = ram, .swap_bytes = swap,
				.cpus = 1, .seed = 1, .serial = 1 };
	struct err e = { 0 };

	clock_init(&m->clock);
	journal_init(&m->journal, 4096, &m->clock.now);
	m->h = vm_host_new(&o, &m->clock, &m->journal, &e);
	if (!m->h)
		fail_msg("%s", e.why);
	return m;
}

static inline struct whole *whole_with(const char *geometry, uint64_t ram, uint64_t swap)
{
	return whole_of(vm_geometry_preset(geometry), ram, swap);
}

static inline struct whole *whole_new(void) { return whole_with("x86-64", 16 * MiB, 0); }

static inline void whole_report(void *arg, bool poked, const char *line)
{
	if (!poked)
		g_string_append_printf(arg, "  %s\n", line);
}

/* The contradictions, a line each; "" when there are none. Free with g_free(). */
static inline char *whole_complaints(struct vm_host *h)
{
	GString *lines = g_string_new(NULL);
	uint64_t n = vm_host_check(h, whole_report, lines);

	if (n == 0)
		assert_string_equal(lines->str, "");
	else
		assert_int_not_equal(lines->len, 0);
	return g_string_free(lines, FALSE);
}

static inline void whole_check_at(struct vm_host *h, const char *file, int line)
{
	g_autofree char *lines = whole_complaints(h);

	if (*lines)
		fail_msg("%s:%d: the host contradicts itself:\n%s", file, line, lines);
}
#define assert_checks(h) whole_check_at(h, __FILE__, __LINE__)

static inline void whole_free(struct whole *m)
{
	assert_checks(m->h);
	vm_host_free(m->h);
	journal_clear(&m->journal);
	clock_clear(&m->clock);
	g_free(m);
}

static inline int whole_setup(void **state)
{
	*state = whole_new();
	return 0;
}

static inline int whole_teardown(void **state)
{
	whole_free(*state);
	return 0;
}

static inline struct vm_proc *whole_spawn(struct vm_host *h, const char *name, bool bare)
{
	struct vm_spawn s = { .name = name, .bare = bare };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(h, &s, &e);

	if (!p)
		fail_msg("spawn: %s", e.why);
	return p;
}

/* A file with `size` bytes, byte k being (seed + k / 4096) as in the recorded scripts; in `dir`, NULL the root. */
static inline struct vm_inode *whole_file(struct vm_host *h, struct vm_inode *dir, const char *name, uint64_t size,
					    unsigned seed)
{
	struct vm_inode *i;
	struct err e = { 0 };
	g_autofree uint8_t *bytes = g_malloc(size + 1);

	for (uint64_t k = 0; k < size; k++)
		bytes[k] = (uint8_t)(seed + k / 4096);
	if (vm_dir_create(dir ? dir : vm_disk_root(h), name, VM_INODE_FILE, 0644, NULL, &i, &e) < 0)
		fail_msg("%s", e.why);
	assert_int_equal(vm_inode_write(i, 0, bytes, size, &e), size);
	return i;
}

/* The process's areas as "start-end rwxp label" lines would be too long: start-end perms, joined by blanks. */
static inline char *whole_areas(const struct vm_proc *p)
{
	GString *s = g_string_new(NULL);
	struct vm_area a;

	for (va_t at = 0; vm_area_above(p, at, &a); at = a.end)
		g_string_append_printf(s, "%s%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x %c%c%c%c", s->len ? "\n" : "",
				       a.start, a.end, a.flags & VM_F_READ ? 'r' : '-', a.flags & VM_F_WRITE ? 'w' : '-',
				       a.flags & VM_F_EXEC ? 'x' : '-', a.flags & VM_F_MAYSHARE ? 's' : 'p');
	return g_string_free(s, FALSE);
}

/* Maps; fails the test if that fails. */
static inline va_t whole_map(struct vm_proc *p, va_t addr, uint64_t len, unsigned prot, unsigned flags,
			       struct vm_inode *file, uint64_t offset)
{
	struct vm_map_request r = { .addr = addr, .len = len, .prot = prot, .flags = flags, .fd = -1, .inode = file,
				    .offset = offset };
	struct err e = { 0 };
	va_t at = 0;

	if (vm_mmap(p, &r, &at, &e) < 0)
		fail_msg("mmap: %s", e.why);
	return at;
}

static inline uint8_t whole_load(struct vm_proc *p, va_t at)
{
	struct vm_outcome o;
	struct err e = { 0 };
	uint8_t byte = 0;

	if (vm_load(p, at, &byte, 1, &o, &e) < 0)
		fail_msg("load of 0x%" G_GINT64_MODIFIER "x: %s", at, e.why);
	return byte;
}

static inline void whole_store(struct vm_proc *p, va_t at, uint8_t byte)
{
	struct vm_outcome o;
	struct err e = { 0 };

	if (vm_store(p, at, &byte, 1, &o, &e) < 0)
		fail_msg("store at 0x%" G_GINT64_MODIFIER "x: %s", at, e.why);
}

#define RW (VM_PROT_READ | VM_PROT_WRITE)
#define PRIVATE_ANON (VM_MAP_PRIVATE | VM_MAP_ANON)

#endif
