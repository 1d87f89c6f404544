/* kernel_mount_views.c - processes looked at on a real mount: what is compared is read from proc/ as any program would. */
#include "kernel_mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void label_area(char *name, char *to, size_t size)
{
	static const char deleted[] = " (deleted)";
	bool gone = g_str_has_suffix(name, deleted);
	const char *slash = strrchr(name, '/');

	if (gone)
		name[strlen(name) - strlen(deleted)] = '\0';
	if (strcmp(name, "/dev/zero") == 0)
		g_strlcpy(to, "shm", size);
	else if (slash)
		g_snprintf(to, size, "%s%s", slash + 1, gone ? "~" : "");
	else
		g_strlcpy(to, name[0] ? name : "anon", size);
}

static void read_row(struct seen_area *a, const char *line)
{
	const struct { const char *name; uint64_t *to, unit; } rows[] = {
		{ "Rss:", &a->rss, 1024 }, { "Shared_Clean:", &a->shared_clean, 1024 }, { "Shared_Dirty:", &a->shared_dirty, 1024 },
		{ "Private_Clean:", &a->private_clean, 1024 }, { "Private_Dirty:", &a->private_dirty, 1024 },
		{ "Anonymous:", &a->anonymous, 1024 }, { "Swap:", &a->swap, 1024 }, { "Pss:", &a->pss, 1 },
		{ "SwapPss:", &a->swap_pss, 1 }, { "Locked:", &a->locked, 1 }, { "AnonHugePages:", &a->huge, 1024 },
		{ "Private_Hugetlb:", &a->own_huge, 1024 }, { "Shared_Hugetlb:", &a->shared_huge, 1024 },
		{ "KernelPageSize:", &a->page, 1024 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (g_str_has_prefix(line, rows[i].name))
			*rows[i].to = g_ascii_strtoull(line + strlen(rows[i].name), NULL, 10) * rows[i].unit;
	if (g_str_has_prefix(line, "VmFlags: ")) {
		g_strlcpy(a->flags, line + 9, sizeof a->flags);
		g_strchomp(a->flags);
		g_strdelimit(a->flags, " ", ',');
	}
}

/* The areas are asked for in order, from 0: then the text is read anew. */
bool mount_area_above(void *data, const char *p, uint64_t at, struct seen_area *out)
{
	struct mounted *w = data;
	int name = 0;

	if (at == 0) {
		g_autofree char *path = g_strdup_printf("proc/%d/smaps", proc(w, p)->pid);

		g_free(w->smaps);
		w->next = w->smaps = content(w, path);
	}
	*out = (struct seen_area){ 0 };
	for (bool first = true; *w->next; first = false) {
		char *line = w->next, *end = strchr(line, '\n');

		if (!first && g_ascii_isxdigit(line[0]) && !g_ascii_isupper(line[0]))
			return true;
		*end = '\0';
		w->next = end + 1;
		if (!first)
			read_row(out, line);
		else if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &out->start, &out->end, out->perms,
				&out->offset, &name) < 4)
			g_error("a line of smaps: %s", line);
		else
			label_area(line + name, out->label, sizeof out->label);
	}
	return out->end > 0;
}

static bool is_zero_page(const struct mounted *w, uint64_t pfn)
{
	g_autofree char *path = g_strdup_printf("mem/frame/%#" PRIx64, pfn), *text = content(w, path);

	return strstr(text, "\nuse=zero\n") != NULL;
}

void mount_pages(void *data, const char *p, uint64_t at, size_t n, struct seen_page *out)
{
	struct mounted *w = data;
	g_autofree char *path = in_mount(w, "proc/%d/pagemap", proc(w, p)->pid);
	g_autofree uint64_t *words = g_new0(uint64_t, n);
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, words, n * 8, at / PAGE * 8) != (ssize_t)(n * 8))
		g_error("%s cannot be read", path);
	close(fd);
	for (size_t i = 0; i < n; i++) {
		bool exclusive = words[i] >> 56 & 1, file = words[i] >> 61 & 1;

		out[i].frame = words[i] & ((1ull << 55) - 1);
		if (words[i] >> 62 & 1)
			out[i].code = 's';
		else if (!(words[i] >> 63))
			out[i].code = '.';
		else if (file)
			out[i].code = exclusive ? 'F' : 'f';
		else if (!exclusive && is_zero_page(w, out[i].frame))
			out[i].code = 'z';
		else
			out[i].code = exclusive ? 'A' : 'a';
	}
}

static uint64_t status_pages(const char *status, const char *name)
{
	const char *row = strstr(status, name);

	return row ? g_ascii_strtoull(row + strlen(name), NULL, 10) / 4 : 0;
}

void mount_counts(void *data, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked, uint64_t *huge)
{
	struct mounted *w = data;
	g_autofree char *path = g_strdup_printf("proc/%d/status", proc(w, p)->pid), *status = content(w, path);

	command(w, proc(w, p)->ctl, "brk +0\n");
	*brk = result_number(w);
	*tables = status_pages(status, "\nVmPTE:");
	*locked = status_pages(status, "\nVmLck:");
	*huge = status_pages(status, "\nHugetlbPages:");
}

void mount_pool(void *data, uint64_t counts[4])
{
	static const char *const names[] = { "HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:" };
	g_autofree char *meminfo = content(data, "proc/meminfo");

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		counts[i] = g_ascii_strtoull(strstr(meminfo, names[i]) + strlen(names[i]), NULL, 10);
}
