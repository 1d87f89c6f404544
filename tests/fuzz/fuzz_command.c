/*
 * fuzz_command.c - libFuzzer target: command lines to a process, its host, its memory, the clock and the world.
 *
 * The input's first byte chooses how it is written (in one piece, or cut at a place), the next the file; then come
 * lines. One that is '@' and a letter goes on with another file. Each input has a world of its own, whose counts must all
 * agree afterwards.
 */
#include "lines.h"
#include "node.h"
#include "open.h"
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITER = 1, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const paths[] = { "proc/2/ctl", "hosts/host0/ctl", "mem/ctl", "clock", "ctl", "mem/config", "mem/tlb",
				     "proc/2/task/2/ctl", "mem/size", "mem/geometry", "swap/ctl", "hosts/host0/net/routes",
				     "hosts/host0/net/neighbours", "hosts/host0/net/nat", "proc/3/ctl", "proc/2/maps" };

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

/* The next line that is '@' and a letter; `end`: there is none. */
static const char *next_part(const char *text, const char *end)
{
	for (const char *p = text; p + 2 < end; p++)
		if (p[0] == '@' && p[2] == '\n' && (p == text || p[-1] == '\n'))
			return p;
	return end;
}

static void write_parts(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 2, *end = text + size - 2, *to;
	size_t cut = data[0] % (size - 1);
	unsigned path = data[1];
	struct node n;

	for (; text < end; text = to + 3) {
		to = next_part(text, end);
		if (to > text && tree_path(world, paths[path % G_N_ELEMENTS(paths)], &n) == 0)
			write_to(&n, text, (size_t)(to - text), MIN(cut, (size_t)(to - text)));
		if (to == end)
			return;
		path = (unsigned)(to[1] - 'a') % 64;
	}
}

/* A command for a process, its host, or the other files that have some. */
static void put_line(GString *out, uint32_t *dice)
{
	switch (draw(dice, 6)) {
	case 0:
		g_string_append_printf(out, "@%c", 'a' + (int)draw(dice, G_N_ELEMENTS(paths)));
		break;
	case 1:
		g_string_append(out, "2 ");
		put_command(out, dice);
		g_string_append(out, draw(dice, 2) ? " &" : "");
		break;
	default:
		put_command(out, dice);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint32_t dice = seed;
	GPtrArray *lines;

	if (size < 2 || max < 64 || draw(&dice, 4) == 0)
		return LLVMFuzzerMutate(data, size, max);
	lines = lines_of(data + 2, size - 2);
	for (unsigned n = 1 + draw(&dice, 3); n > 0; n--)
		mutate_lines(lines, &dice, put_line);
	size = 2 + lines_copy(lines, data + 2, max - 2);
	if (draw(&dice, 8) == 0)
		data[1] = (uint8_t)draw(&dice, G_N_ELEMENTS(paths));
	lines_free(lines);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > INPUT_MAX || takes_long((const char *)data + 2, size - 2))
		return 0;
	begin();
	write_parts(data, size);
	for (guint i = 0; i < world->hosts->len; i++) {
		struct host *h = world->hosts->pdata[i];

		if (vm_host_check(h->vm, print_contradiction, NULL))
			abort();
	}
	world_free(world);
	return 0;
}
