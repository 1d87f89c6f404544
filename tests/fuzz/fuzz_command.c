/*
 * fuzz_command.c - libFuzzer target: command lines to a process, its host, its memory, the clock and the world.
 *
 * The input's first byte chooses how it is written (in one piece, or cut at a place), the next the file; then come
 * lines. Each input has a world of its own, whose counts must all agree afterwards.
 */
#include "node.h"
#include "open.h"
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITER = 1, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = { "proc/2/ctl", "hosts/host0/ctl", "mem/ctl", "clock", "ctl", "mem/config", "mem/tlb",
				     "proc/2/task/2/ctl", "mem/size", "mem/geometry" };

static struct world *world;

static void print_contradiction(void *arg, bool poked, const char *line)
{
	if (!poked)
		fprintf(stderr, "%s\n", line);
}

static void begin(void)
{
	struct world_options o = { .ram_bytes = 1 * MiB, .seed = 1, .cpus = 1, .events = 256,
				   .geometry = *vm_geometry_preset("x86-64") };
	struct host *h;
	struct node root, n;
	GString *result = g_string_new(NULL);
	char line[] = "spawn demo";

	world = world_new(&o, NULL);
	root = tree_root(world);
	world->knowns = knowns_new(world, &root, "");
	h = world->hosts->pdata[0];
	if (tree_path(world, "hosts/host0/ctl", &n) || n.row->store(&n, line, result, NULL) || vm_proc_count(h->vm) != 2)
		abort();
	g_string_free(result, TRUE);
}

static void write_to(const struct node *n, const char *text, size_t len, size_t cut)
{
	struct known *k = known_lookup(world, known_root(world), "fuzzed", n);
	struct open_file *f = file_open(world, k, O_RDWR | O_NONBLOCK, NULL);
	const char *bytes;

	if (f) {
		struct write_call a = { .file = f, .data = text, .len = cut, .writer = WRITER },
				  b = { .file = f, .data = text + cut, .len = len - cut, .writer = WRITER };

		if (cut)
			file_write(&a, NULL);
		if (len > cut)
			file_write(&b, NULL);
		file_read(f, 0, 4096, &bytes, NULL);
		if (file_end(f) == -EINPROGRESS)
			abort();  /* opened O_NONBLOCK, nothing may wait */
	}
	known_forget(world, k, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = NULL;
	struct node n;
	size_t cut;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	text = g_strndup((const char *)data + 2, size - 2);
	if (strstr(text, "-n"))
		return 0;  /* a million processes only take time */
	begin();
	cut = data[0] % (size - 1);
	if (tree_path(world, paths[data[1] % G_N_ELEMENTS(paths)], &n) == 0)
		write_to(&n, (const char *)data + 2, size - 2, cut);
	for (guint i = 0; i < world->hosts->len; i++) {
		struct host *h = world->hosts->pdata[i];

		if (vm_host_check(h->vm, print_contradiction, NULL))
			abort();
	}
	world_free(world);
	return 0;
}
