/* areas.h - short ways to say what the areas of a process are, and that a refused call has left them alone. */
#ifndef TESTS_AREAS_H
#define TESTS_AREAS_H

#include "whole.h"

#define KB4 ((uint64_t)4096)
#define AT  ((va_t)0x10000000000)

static inline void areas_are(const struct vm_proc *p, const char *expected)
{
	g_autofree char *areas = whole_areas(p);

	assert_string_equal(areas, expected);
	assert_checks(p->host);
}
#define assert_areas(p, expected) areas_are(p, expected)

/* The call gives -code, names the argument, says why (a part of it), and changes no area. */
#define assert_refused(p, call, errno_, arg_, why_) do { \
	g_autofree char *before_ = whole_areas(p); \
	struct err e = { 0 }; \
	assert_int_equal(call, -(errno_)); \
	assert_int_equal(e.code, errno_); \
	assert_int_equal(e.arg, arg_); \
	if (!strstr(e.why, why_)) \
		fail_msg("why: \"%s\" says nothing of \"%s\"", e.why, why_); \
	assert_areas(p, before_); \
} while (0)

static inline va_t map_fixed(struct vm_proc *p, va_t at, uint64_t len, unsigned prot)
{
	return whole_map(p, at, len, prot, PRIVATE_ANON | VM_MAP_FIXED, NULL, 0);
}

static inline struct vm_proc *fork_of(struct vm_proc *p)
{
	struct err e = { 0 };
	int32_t pid;

	if (vm_fork(p, &pid, &e) < 0)
		fail_msg("fork: %s", e.why);
	return vm_proc_at(p->host, pid);
}

static inline uint32_t flags_at(const struct vm_proc *p, va_t at)
{
	struct vm_area a;

	assert_true(vm_area_above(p, at, &a));
	assert_true(a.start <= at);
	return a.flags;
}

static inline void limit(struct vm_proc *p, enum vm_rlimit which, uint64_t n)
{
	struct err e = { 0 };

	assert_int_equal(vm_setrlimit(p, which, (struct vm_limit){ n, n }, &e), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, whole_setup, whole_teardown)

#endif
