/* fuzz_journal.c - libFuzzer target: a journal's records, carried out in a small world whose counts must agree afterwards. */
#include "journal_file.h"
#include "node.h"
#include "ops.h"
#include "record.h"
#include "repeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 8192, TURNS = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_contradiction(void *arg, bool poked, const char *line)
{
	if (!poked)
		fprintf(stderr, "%s\n", line);
}

/* Some commands only take time: a million processes, a million events. */
static bool takes_long(const GString *text)
{
	static const char *const words[] = { "-n", "run", "step", "advance", "time", "load", "ping", "real" };

	for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
		if (memmem(text->str, text->len, words[i], strlen(words[i])))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_options o = { .ram_bytes = 1 * MiB, .seed = 1, .cpus = 1, .events = 256,
				   .geometry = *vm_geometry_preset("x86-64") };
	GString *text = g_string_new(RECORD_MAGIC "\n\n");
	struct journal_file *j;
	struct err e = { 0 };
	struct world *w;
	struct node root;
	struct fs *fs;

	g_string_append_len(text, (const char *)data, (gssize)MIN(size, INPUT_MAX));
	if (takes_long(text)) {
		g_string_free(text, TRUE);
		return 0;
	}
	j = journal_file_of("fuzz", g_string_free_to_bytes(text), &e);
	w = world_new(&o, NULL);
	root = tree_root(w);
	w->knowns = knowns_new(w, &root, "");
	fs = fs_new(w, "fsname=fuzz");
	journal_repeat(fs, j, TURNS, &e);
	for (guint i = 0; i < w->hosts->len; i++)
		if (vm_host_check(((struct host *)w->hosts->pdata[i])->vm, print_contradiction, NULL))
			abort();
	fs_end_waits(fs);
	fs_free(fs);
	journal_file_free(j);
	world_free(w);
	return 0;
}
