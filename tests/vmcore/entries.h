/* entries.h - single entries of a table under test: put, read back, and what the MMU makes of them. */
#ifndef TESTS_ENTRIES_H
#define TESTS_ENTRIES_H

#include "bare.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static inline void put_raw(struct table *t, vpn_t vpn, uint64_t raw)
{
	struct span s;

	assert_int_equal(table_make(t, vpn, &s, NULL), 0);
	entry_set(t, vpn, &s, 0, raw);
}

static inline uint64_t raw_at(struct table *t, vpn_t vpn)
{
	struct span s;

	table_span(t, vpn, vpn + 1, &s);
	return s.entry ? entry_os(t->host, &s, 0) : 0;
}

static inline enum vm_walk_fault access_to(struct table *t, vpn_t vpn, enum vm_access how)
{
	struct translation tr;

	mmu_walk(t->host, t->base, t->asid, vpn << 12, how, true, &tr);
	return tr.fault;
}

#endif
