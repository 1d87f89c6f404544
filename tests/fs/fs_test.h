/* fs_test.h - a world without a kernel: paths are read and written by their rows. */
#ifndef TEST_FS_TEST_H
#define TEST_FS_TEST_H

#include "job.h"
#include "tree.h"
#include "vm_host.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline struct world *world_with(const char *geometry, uint64_t ram_bytes)
{
	struct world_options o = { .ram_bytes = ram_bytes, .seed = 1, .cpus = 1,
				   .geometry = *vm_geometry_preset(geometry) };
	struct err e = { 0 };
	struct world *w = world_new(&o, &e);

	if (!w)
		print_error("%s\n", e.why);
	assert_non_null(w);
	return w;
}

static inline void print_contradiction(void *arg, bool poked, const char *line)
{
	if (!poked)
		print_error("%s\n", line);
}

/* Every host's books must balance. */
static inline void assert_checked(struct world *w)
{
	for (guint i = 0; i < w->hosts->len; i++) {
		struct host *h = w->hosts->pdata[i];

		assert_int_equal(vm_host_check(h->vm, print_contradiction, NULL), 0);
	}
}

static inline struct node at(struct world *w, const char *path)
{
	struct node n;
	int error = tree_path(w, path, &n);

	if (error)
		print_error("%s: %s\n", path, strerror(-error));
	assert_int_equal(error, 0);
	return n;
}

/* What a read gives; free with g_free(). */
static inline char *read_path(struct world *w, const char *path)
{
	struct node n = at(w, path);
	GString *out = g_string_new(NULL);
	struct err e = { 0 };

	if (node_show(&n, out, &e)) {
		print_error("%s: %s\n", path, e.why);
		assert_true(false);
	}
	return g_string_free(out, FALSE);
}

/* Carries out one line; 0 or -errno, the result in *result (which may be NULL; free with g_free()). */
static inline int write_line(struct world *w, const char *path, const char *line, char **result, struct err *e)
{
	struct node n = at(w, path);
	g_autofree char *copy = g_strdup(line);
	GString *out = g_string_new(NULL);
	struct job job = { 0 };
	int error;

	*e = (struct err){ .arg = -1 };
	assert_non_null(n.row->store);
	w->job = &job;
	error = n.row->store(&n, copy, out, e);
	w->job = NULL;
	job_clear(&job);
	assert_int_equal(error, -e->code);
	world_changed(w);
	assert_checked(w);
	if (result)
		*result = g_string_free(out, FALSE);
	else
		g_string_free(out, TRUE);
	return error;
}

/* Must succeed; the result, free with g_free(). */
static inline char *command(struct world *w, const char *path, const char *line)
{
	struct err e;
	char *result;
	int error = write_line(w, path, line, &result, &e);

	if (error)
		print_error("%s: %s: %s\n", path, line, e.why);
	assert_int_equal(error, 0);
	return result;
}

static inline void run_line(struct world *w, const char *path, const char *line)
{
	g_free(command(w, path, line));
}

/* Must fail with that errno; what is below the host stays as it was. */
static inline void refuse(struct world *w, const char *path, const char *line, int code)
{
	struct err e;
	int error = write_line(w, path, line, NULL, &e);

	if (error != -code)
		print_error("%s: '%s' gave %d (%s), not %d\n", path, line, error, e.why, -code);
	assert_int_equal(error, -code);
	assert_true(e.why[0] != '\0');
}

/* The rest of the line that starts with `name`; free with g_free(). */
static inline char *line_of(const char *text, const char *name)
{
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			return g_strndup(line + strlen(name), strcspn(line + strlen(name), "\n"));
	}
	print_error("no line '%s...'\n", name);
	assert_true(false);
	return NULL;
}

#endif
