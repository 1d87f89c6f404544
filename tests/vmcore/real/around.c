/* around.c - file pages before a call and after it: what the kernel mapped by the way is dropped again. */
#include "recorder.h"

static uint64_t tables_before;    /* page tables of the process that was looked at */

static GHashTable *file_pages(struct proc *p)
{
	GHashTable *set = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/maps", p->pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		uint64_t start, end;
		GArray *words;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 || strstr(line, " 00:00 0 ") ||
		    strstr(line, "[vsyscall]"))
			continue;
		words = pagemap_words(p->pid, start, end);
		for (guint i = 0; i < words->len; i++)
			if ((g_array_index(words, uint64_t, i) >> 61 & 5) == 5) {
				uint64_t at = start + (uint64_t)i * PAGE;

				g_hash_table_add(set, g_memdup2(&at, sizeof at));
			}
		g_array_free(words, TRUE);
	}
	if (f)
		fclose(f);
	return set;
}

GHashTable *look_before(struct proc *p)
{
	tables_before = read_status(p->pid, "VmPTE:");
	return file_pages(p);
}

void drop_around(struct proc *p, GHashTable *before, uint64_t start, uint64_t end)
{
	GHashTable *after = file_pages(p);
	bool made = read_status(p->pid, "VmPTE:") != tables_before, asked = false, around = false;
	GHashTableIter i;
	gpointer key;

	g_hash_table_iter_init(&i, after);
	while (g_hash_table_iter_next(&i, &key, NULL)) {
		uint64_t at = *(uint64_t *)key;

		asked |= at >= start && at < end;
		if ((at < start || at >= end) && !g_hash_table_contains(before, key)) {
			CALL(p, SYS_madvise, at, PAGE, 24); /* MADV_DONTNEED_LOCKED */
			around = true;
		}
	}
	if (made && around && !asked)
		fail(3, "fault-around made a table for a page that does not exist");
	g_hash_table_unref(after);
	g_hash_table_unref(before);
}

void drop_around_result(struct proc *p, GHashTable *before, int64_t value, uint64_t len)
{
	if (value < 0)
		g_hash_table_unref(before);
	else
		drop_around(p, before, (uint64_t)value, (uint64_t)value + len);
}

void moved(GHashTable *before, uint64_t from, uint64_t len, uint64_t to)
{
	for (uint64_t done = 0; from != to && done < len; done += PAGE) {
		uint64_t old = from + done, new = to + done;

		if (g_hash_table_remove(before, &old))
			g_hash_table_add(before, g_memdup2(&new, sizeof new));
	}
}
