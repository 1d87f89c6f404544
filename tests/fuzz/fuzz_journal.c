/* fuzz_journal.c - libFuzzer target: a journal's records, carried out in a small world whose counts must agree afterwards. */
#include "journal_file.h"
#include "lines.h"
#include "node.h"
#include "ops.h"
#include "record.h"
#include "repeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 8192, TURNS = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static void print_contradiction(void *arg, bool poked, const char *line)
{
	if (!poked)
		fprintf(stderr, "%s\n", line);
}

/*
 * Mutations: a journal is a list of records here, one a string. The bytes behind a `write` or an `answer` belong to it. What a
 * change has made untrue is put right, mostly: how many bytes there are, the number of an open file.
 */

/* Where the bytes of a record begin, by its words; 0: it has none. */
static size_t has_bytes(const char *line, size_t len, size_t *bytes)
{
	g_autofree char *text = g_strndup(line, len);
	const char *name = strstr(text, " write ") ?: strstr(text, " answer "), *last = strrchr(text, ' ');

	*bytes = 0;
	if (!name || !last)
		return 0;
	if (last[1] == 'q')
		last = g_strrstr_len(text, last - text, " ");
	*bytes = last ? strtoul(last, NULL, 10) : 0;
	return len + 1;
}

static GPtrArray *records_of(const uint8_t *data, size_t size)
{
	GPtrArray *lines = lines_of(data, size), *records = g_ptr_array_new();

	for (guint i = 0; i < lines->len; i++) {
		GString *record = lines->pdata[i];
		size_t bytes, head = has_bytes(record->str, record->len, &bytes);

		for (; head && i + 1 < lines->len && record->len < head + bytes; i++) {
			const GString *more = lines->pdata[i + 1];

			g_string_append_c(record, '\n');
			g_string_append_len(record, more->str, (gssize)more->len);
			g_string_free(lines->pdata[i + 1], TRUE);
		}
		g_ptr_array_add(records, record);
	}
	g_ptr_array_free(lines, TRUE);
	return records;
}

static void put_right(GString *record, unsigned *files)
{
	size_t line = strcspn(record->str, "\n"), bytes, head = has_bytes(record->str, line, &bytes);
	const char *name = strstr(record->str, " open ");
	g_autofree char *last = NULL;

	if (name && name < record->str + line) {
		const char *number = name + strlen(" open "), *end = number + strspn(number, "0123456789");
		g_autofree char *rest = g_strdup(end);

		g_string_truncate(record, (gsize)(number - record->str));
		g_string_append_printf(record, "%u%s", ++*files, rest);
	} else if (head && record->len >= head && record->len != head + bytes) {
		const char *blank = g_strrstr_len(record->str, (gssize)line, " ");

		if (!blank || blank[1] == 'q')
			return;
		last = g_strdup_printf("%zu", record->len - head);
		g_string_erase(record, blank + 1 - record->str, record->str + line - blank - 1);
		g_string_insert(record, blank + 1 - record->str, last);
	}
}

static const char *const nodes[] = { "clock", "ctl", "hosts", "wires", "hosts/host0/ctl", "hosts/host0/proc/2/ctl", "proc/3/ctl", "mem/ctl",
				     "bridge/rules", "bridge/limits", "events", "wires/lan0", "hosts/b", "hosts/host0/files", "hosts/host0/files/a",
				     "hosts/host0/net/ifs", "hosts/host0/net/ifs/eth0/wire", "hosts/host0/net/ifs/eth0/address",
				     "hosts/host0/net/ifs/eth0/up", "hosts/b/proc/2/ctl", "wires/lan0/loss", "wires/lan0/frames", "hosts/host0/net/nat" };
static const char *const texts[] = { "1\n", "lan0\n", "10.0.0.1/24\n", "10.0.0.2/24\n", "listen tcp 127.0.0.1:8080 to host0:80\n",
				     "listen udp 127.0.0.1:8080 to b:7\n", "allow tcp 127.0.0.1:9000 as 10.0.0.9:9000\n", "real\n", "auto\n",
				     "allow udp 127.0.0.1:9000 as 10.0.0.9:9000\n", "tun t wire lan0\n", "tap t wire lan0\n", "del 1\n", "manual\n",
				     "advance 1s\n", "listen tcp unix:/tmp/a to host0:80\n", "2 serve echo 7 &\n", "2 serve http &\n", "2 wait &\n" };
static const char *const calls[] = { "listen", "accept", "connect", "connected", "read", "write", "receive", "send", "delivered", "leads", "file",
				     "device", "addresses", "frame/1", "lost/1" };

#define DRAW(dice, array) ((array)[draw(dice, G_N_ELEMENTS(array))])

static void put_write(GString *out, uint32_t *dice)
{
	g_string_append_printf(out, "write %u 0 0\n", 1 + draw(dice, 8));
	if (draw(dice, 2)) {
		g_string_append(out, DRAW(dice, texts));
		return;
	}
	g_string_append(out, draw(dice, 2) ? "2 " : "");
	put_command(out, dice);
	g_string_append(out, draw(dice, 4) ? "\n" : " &\n");
}

static void put_record(GString *out, uint32_t *dice)
{
	static const char *const flags[] = { "w", "wt", "r", "rw", "rwn", "wa" };
	static const char *const names[] = { "lan0", "b", "eth0", "a", "c" };
	unsigned file = 1 + draw(dice, 8);

	g_string_append(out, "0.000000000 0 1 ");
	switch (draw(dice, 16)) {
	case 0:  g_string_append_printf(out, "mkdir %s %s 493", DRAW(dice, nodes), DRAW(dice, names)); break;
	case 1:  g_string_append_printf(out, "create %s %s 420", DRAW(dice, nodes), DRAW(dice, names)); break;
	case 2:  g_string_append_printf(out, "symlink %s %s %s", DRAW(dice, nodes), DRAW(dice, names), DRAW(dice, nodes)); break;
	case 3:  g_string_append_printf(out, "link %s %s %s", DRAW(dice, nodes), DRAW(dice, names), DRAW(dice, nodes)); break;
	case 4:  g_string_append_printf(out, "%s %s %s", draw(dice, 2) ? "unlink" : "rmdir", DRAW(dice, nodes), DRAW(dice, names)); break;
	case 5:  g_string_append_printf(out, "rename %s %s %s %s 0", DRAW(dice, nodes), DRAW(dice, names), DRAW(dice, nodes), DRAW(dice, names)); break;
	case 6:  g_string_append_printf(out, "attr %s %u 420 0 0 %u 1 0", DRAW(dice, nodes), draw(dice, 256), draw(dice, 9999)); break;
	case 7:
	case 8:  g_string_append_printf(out, "open 1 %s %s", DRAW(dice, nodes), DRAW(dice, flags)); break;
	case 9:
	case 10: put_write(out, dice); break;
	case 11: g_string_append_printf(out, "%s %u%s", draw(dice, 2) ? "flush" : "release", file, draw(dice, 4) ? "" : " q"); break;
	case 12: g_string_append_printf(out, "%s %u 4096", draw(dice, 2) ? "read" : "poll", file); break;
	case 13: g_string_append_printf(out, "time %u.000000000 %u.000000000", draw(dice, 9), draw(dice, 9)); break;
	case 14: g_string_append_printf(out, "ready %u.000000000 %u %u", draw(dice, 99), 5 + draw(dice, 5), draw(dice, 32)); break;
	default: g_string_append_printf(out, "answer %s %d 0\n%.*s", DRAW(dice, calls), (int)draw(dice, 12) - 2, (int)draw(dice, 19), "\020\0\0\0\002\0\0\0AAAAAAAAAA"); break;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint32_t dice = seed;
	unsigned files = 0;
	GPtrArray *records;

	if (max < 256 || draw(&dice, 4) == 0)
		return LLVMFuzzerMutate(data, size, max);
	records = records_of(data, size);
	for (unsigned n = 1 + draw(&dice, 4); n > 0; n--)
		mutate_lines(records, &dice, put_record);
	for (guint i = 0; i < records->len; i++)
		put_right(records->pdata[i], &files);
	size = lines_copy(records, data, max);
	lines_free(records);
	return size;
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
	if (takes_long(text->str, text->len)) {
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
