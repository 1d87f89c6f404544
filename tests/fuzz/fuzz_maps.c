/*
 * fuzz_maps.c - text for maps, or an ELF file to execute. Whatever it holds: an errno and nothing changed, or a process
 * whose files can be read, whose memory can be touched, and whose books balance.
 */
#include "tree.h"
#include "vm_access.h"
#include "vm_area.h"
#include "vm_disk.h"
#include "vm_host.h"
#include "vm_proc.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void contradiction(void *arg, bool poked, const char *line)
{
	if (poked)
		return;
	g_printerr("%s\n", line);
	abort();
}

static struct node file_of(struct world *w, int32_t pid, const char *name)
{
	g_autofree char *path = g_strdup_printf("proc/%d/%s", pid, name);
	struct node n;

	if (tree_path(w, path, &n))
		abort();
	return n;
}

static char *text_of(const struct node *n)
{
	GString *out = g_string_new(NULL);
	struct err e = { 0 };

	if (node_show(n, out, &e))
		abort();
	return g_string_free(out, FALSE);
}

static void read_files(struct world *w, int32_t pid)
{
	static const char *const names[] = { "maps", "smaps", "smaps_rollup", "status", "stat", "pagetable" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		struct node n = file_of(w, pid, names[i]);

		g_free(text_of(&n));
	}
}

static void touch_areas(struct vm_proc *p)
{
	struct vm_outcome o;
	struct vm_area a;
	unsigned n = 0;
	va_t at = 0;

	for (; vm_area_above(p, at, &a) && n < 8; at = a.end, n++) {
		vm_touch(p, a.start, 1, 1, VM_READ, &o, NULL);
		vm_touch(p, a.end - 1, 1, 1, VM_WRITE, &o, NULL);
	}
}

/* The same without device and inode: shared anonymous memory is a new object each time. */
static char *without_identity(char *maps)
{
	GString *out = g_string_new(NULL);

	for (char *line = strtok(maps, "\n"); line; line = strtok(NULL, "\n")) {
		g_auto(GStrv) words = g_strsplit(line, " ", 6);

		g_string_append_printf(out, "%s %s %s %s\n", words[0], words[1], words[2], strlen(line) > 73 ? line + 73 : "");
	}
	g_free(maps);
	return g_string_free(out, FALSE);
}

/* What could be written reads back, and what reads can be written again, with the same result. */
static void write_maps(struct world *w, int32_t pid, const uint8_t *data, size_t size)
{
	struct node n = file_of(w, pid, "maps");
	g_autofree char *text = g_strndup((const char *)data, size), *before = text_of(&n), *after = NULL, *again = NULL;
	g_autoptr(GString) result = g_string_new(NULL);
	struct err e = { 0 };

	if (n.row->store(&n, text, result, &e)) {
		after = text_of(&n);
		if (!e.why[0] || strcmp(before, after))
			abort();
		return;
	}
	after = text_of(&n);
	again = g_strdup(after);
	if (*again && n.row->store(&n, again, result, &e))
		abort();
	g_free(again);
	after = without_identity(after);
	again = without_identity(text_of(&n));
	if (strcmp(after, again))
		abort();
}

static void execute(struct vm_host *h, struct vm_proc *p, const uint8_t *data, size_t size)
{
	struct vm_inode *root = vm_disk_root(h), *file;
	const char *const argv[] = { "f", "x", NULL };
	struct err e = { 0 };

	if (vm_dir_create(root, "f", VM_INODE_FILE, 0755, NULL, &file, &e))
		abort();
	if (vm_inode_write(file, 0, data, size, &e) == (ssize_t)size && vm_execve(p, file, "/f", argv, &e) && !e.why[0])
		abort();
	if (vm_dir_unlink(root, "f", false, &e))
		abort();
}

/* One world for all inputs: making one costs more than most inputs do. */
static struct world *the_world(void)
{
	static struct world *w;
	struct world_options o = { .ram_bytes = MiB, .seed = 1, .cpus = 1, .geometry = *vm_geometry_preset("x86-64") };
	struct err e = { 0 };

	if (w)
		return w;
	w = world_new(&o, &e);
	/* A short ring of events: else each input leaves memory behind, and the fuzzer looks for a leak every time. */
	journal_clear(&w->journal);
	journal_init(&w->journal, 16, &w->clock.now);
	return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = the_world();
	struct vm_host *h = world_host_named(w, "host0")->vm;
	struct vm_spawn s = { .name = "p", .bare = true };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(h, &s, &e);
	struct vm_proc_info info;

	if (!p)
		abort();
	vm_proc_info(p, &info);
	if (size >= 4 && !memcmp(data, "\x7f" "ELF", 4))
		execute(h, p, data, size);
	else
		write_maps(w, info.pid, data, size);
	touch_areas(p);
	read_files(w, info.pid);
	vm_host_check(h, contradiction, NULL);
	vm_exit(p, 0, &e);
	vm_host_check(h, contradiction, NULL);
	return 0;
}
