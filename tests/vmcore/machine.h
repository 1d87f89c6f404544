/* machine.h - a whole host for tests of processes and pages, and short ways to make them act. */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

#include "vm_access.h"
#include "vm_area.h"
#include "vm_disk.h"
#include "vm_host.h"
#include "vm_page.h"
#include "vm_proc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define PAGE ((uint64_t)4096)

struct machine {
	struct clock clock;
	struct journal journal;
	struct vm_host *host;
};

static inline struct machine *machine_with(struct vm_options o)
{
	struct machine *m = g_new0(struct machine, 1);
	struct err e = { 0 };

	clock_init(&m->clock);
	journal_init(&m->journal, 4096, &m->clock.now);
	m->host = vm_host_new(&o, &m->clock, &m->journal, &e);
	if (!m->host)
		fail_msg("no host: %s", e.why);
	return m;
}

static inline struct machine *machine_new(const char *geometry, uint64_t ram_bytes, uint64_t swap_bytes)
{
	return machine_with((struct vm_options){ .geometry = *vm_geometry_preset(geometry), .ram_bytes = ram_bytes,
						 .swap_bytes = swap_bytes, .cpus = 1, .seed = 1, .serial = 1 });
}

static inline void machine_free(struct machine *m)
{
	vm_host_free(m->host);
	journal_clear(&m->journal);
	clock_clear(&m->clock);
	g_free(m);
}

static inline void machine_complain(void *arg, bool poked, const char *line)
{
	if (!poked)
		fprintf(stderr, "check: %s\n", line);
}

#define check_machine(m) assert_int_equal(vm_host_check((m)->host, machine_complain, NULL), 0)

/* A row of mem/config. */
static inline void configure(struct machine *m, const char *name, uint64_t value)
{
	const struct vm_config_row *r = vm_config_rows;
	struct err e = { 0 };

	while (r->name && strcmp(r->name, name) != 0)
		r++;
	assert_non_null(r->name);
	if (vm_config_set(m->host, r, value, &e))
		fail_msg("%s: %s", name, e.why);
}

static inline struct vm_proc *machine_spawn(struct machine *m, const char *name)
{
	struct vm_spawn s = { .name = name, .bare = true };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(m->host, &s, &e);

	if (!p)
		fail_msg("no process: %s", e.why);
	return p;
}

static inline struct vm_proc *machine_fork(struct vm_proc *p)
{
	struct err e = { 0 };
	int32_t pid;

	if (vm_fork(p, &pid, &e) < 0)
		fail_msg("fork: %s", e.why);
	return vm_proc_at(vm_proc_host(p), pid);
}

/* Ends a process and lets its parent see it. */
static inline void machine_end(struct vm_proc *p)
{
	struct vm_host *h = vm_proc_host(p);
	struct vm_proc_info info;
	struct vm_ended ended;
	struct err e = { 0 };

	vm_proc_info(p, &info);
	assert_int_equal(vm_exit(p, 0, &e), 0);
	vm_wait(vm_proc_at(h, info.ppid), info.pid, &ended, &e);
}

static inline va_t map_anon(struct vm_proc *p, va_t at, uint64_t len, unsigned prot, unsigned flags)
{
	struct vm_map_request r = { .addr = at, .len = len, .prot = prot, .flags = flags | VM_MAP_ANON | (at ? VM_MAP_FIXED : 0),
				    .fd = -1 };
	struct err e = { 0 };
	va_t result = 0;

	if (vm_mmap(p, &r, &result, &e) < 0)
		fail_msg("mmap: %s", e.why);
	return result;
}

static inline va_t map_file(struct vm_proc *p, va_t at, uint64_t len, unsigned prot, unsigned flags, struct vm_inode *i,
			    uint64_t offset)
{
	struct vm_map_request r = { .addr = at, .len = len, .prot = prot, .flags = flags | (at ? VM_MAP_FIXED : 0), .fd = -1,
				    .inode = i, .offset = offset };
	struct err e = { 0 };
	va_t result = 0;

	if (vm_mmap(p, &r, &result, &e) < 0)
		fail_msg("mmap: %s", e.why);
	return result;
}

/* Stores one byte: the number of faults, or -1 for a signal. */
static inline int put(struct vm_proc *p, va_t at, uint8_t byte)
{
	struct vm_outcome out;
	struct err e = { 0 };

	return vm_store(p, at, &byte, 1, &out, &e) < 0 ? -1 : (int)out.faults;
}

/* Loads one byte; -1 for a signal. */
static inline int get(struct vm_proc *p, va_t at)
{
	struct vm_outcome out;
	struct err e = { 0 };
	uint8_t byte;

	return vm_load(p, at, &byte, 1, &out, &e) < 0 ? -1 : byte;
}

static inline struct vm_page page_at(struct vm_proc *p, va_t at)
{
	struct vm_page page;

	vm_page_at(p, at, &page);
	return page;
}

static inline struct vm_usage usage_at(struct vm_proc *p, va_t at)
{
	struct vm_usage u = { 0 };

	vm_usage_area(p, at, &u);
	return u;
}

/* A file of `pages` pages; byte at offset o is seed + o / 4096. */
static inline struct vm_inode *make_file(struct machine *m, const char *dir, const char *name, unsigned pages, uint8_t seed)
{
	struct err e = { 0 };
	struct vm_inode *d = vm_disk_lookup(m->host, dir, &e), *i = NULL;
	uint8_t bytes[4096];

	if (!d || vm_dir_create(d, name, VM_INODE_FILE, 0644, NULL, &i, &e) < 0)
		fail_msg("file: %s", e.why);
	for (unsigned k = 0; k < pages; k++) {
		memset(bytes, seed + k, sizeof bytes);
		assert_int_equal(vm_inode_write(i, k * PAGE, bytes, sizeof bytes, &e), sizeof bytes);
	}
	return i;
}

#endif
