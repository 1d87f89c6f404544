/* look.c - what /proc says of a process: its status, its areas, their pages. */
#include "recorder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

static uint64_t zero_pfn, huge_zero_pfn;

uint64_t read_status(pid_t pid, const char *field)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoull(line + strlen(field), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

GArray *pagemap_words(pid_t pid, uint64_t start, uint64_t end)
{
	GArray *words = g_array_new(FALSE, TRUE, 8);
	char path[64];
	int fd;

	g_array_set_size(words, (guint)((end - start) / PAGE));
	snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || pread(fd, words->data, words->len * 8, (off_t)(start / PAGE * 8)) < 0)
		fail(77, "cannot read pagemap");
	close(fd);
	return words;
}

static void set_label(struct view_row *v, const char *name)
{
	char *end;
	bool deleted = g_str_has_suffix(name, " (deleted)");

	if (!name[0] || strcmp(name, "[stack]") == 0) {
		strcpy(v->label, v->start <= BASE_S - PAGE && v->end > BASE_S - PAGE ? "[stack]" : "anon");
		return;
	}
	if (strstr(name, "/dev/zero")) {
		strcpy(v->label, "shm");
	} else if (name[0] == '[') {
		g_strlcpy(v->label, name, sizeof v->label);
	} else {
		const char *slash = strrchr(name, '/');

		g_strlcpy(v->label, slash ? slash + 1 : name, sizeof v->label - 2);
		end = strstr(v->label, " (deleted)");
		if (end)
			*end = 0;
		if (deleted)
			strcat(v->label, "~");
	}
}

GPtrArray *view(struct proc *p)
{
	GPtrArray *rows = g_ptr_array_new();
	struct view_row *v = NULL;
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps", p->pid);
	f = fopen(path, "r");
	if (!f)
		fail(77, "cannot read %s", path);
	while (fgets(line, sizeof line, f)) {
		uint64_t start, end, offset, value;
		char perms[8], field[64];
		int at = 0;

		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s%n", &start, &end, perms, &offset, &at) == 4 &&
		    at > 0) {
			v = NULL;
			if (start >= REGION && start < REGION + REGION_SIZE)
				continue;
			if (strstr(line, "[vsyscall]"))
				continue;
			v = g_new0(struct view_row, 1);
			v->start = start;
			v->end = end;
			v->offset = offset;
			g_strlcpy(v->perms, perms, sizeof v->perms);
			set_label(v, line + at + strspn(line + at, " "));
			v->words = pagemap_words(p->pid, start, end);
			g_ptr_array_add(rows, v);
		} else if (v && strncmp(line, "VmFlags:", 8) == 0) {
			g_auto(GStrv) words = g_strsplit_set(line + 8, " ", -1);

			for (char **w = words; *w; w++)
				if (**w && strstr("rd wr ex sh mr mw me ms gd lo lf ac nr dc wf rr sr dd de ht hg nh", *w)) {
					if (v->flags[0])
						strcat(v->flags, ",");
					strcat(v->flags, *w);
				}
		} else if (v && sscanf(line, "%63[^:]: %" SCNu64, field, &value) == 2) {
			struct { const char *name; uint64_t *at, unit; } known[] = {
				{ "Rss", &v->rss, 4 }, { "Shared_Clean", &v->sc, 4 }, { "Shared_Dirty", &v->sd, 4 },
				{ "Private_Clean", &v->pc, 4 }, { "Private_Dirty", &v->pd, 4 }, { "Anonymous", &v->an, 4 },
				{ "Swap", &v->sw, 4 }, { "Pss", &v->pss, 1 }, { "SwapPss", &v->spss, 1 },
				{ "Locked", &v->locked, 1 }, { "AnonHugePages", &v->huge, 4 },
				{ "Private_Hugetlb", &v->own_huge, 4 }, { "Shared_Hugetlb", &v->shared_huge, 4 },
				{ "KernelPageSize", &v->page, 4 },
			};
			for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
				if (strcmp(known[i].name, field) == 0)
					*known[i].at = value / known[i].unit;
		}
	}
	fclose(f);
	return rows;
}

void free_view(GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		struct view_row *v = rows->pdata[i];

		g_array_free(v->words, TRUE);
		g_free(v);
	}
	g_ptr_array_free(rows, TRUE);
}

bool is_zero(uint64_t pfn)
{
	return pfn == zero_pfn || (huge_zero_pfn && pfn - huge_zero_pfn < 512);
}

void find_zero_page(void)
{
	volatile char *at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	GArray *words;

	(void)*at;
	words = pagemap_words(getpid(), (uint64_t)(uintptr_t)at, (uint64_t)(uintptr_t)at + PAGE);
	zero_pfn = g_array_index(words, uint64_t, 0) & PFN_MASK;
	if (zero_pfn == 0)
		fail(77, "frame numbers are hidden here");
	g_array_free(words, TRUE);
}

/* A read of advised memory; the mapping stays, so that the page does. */
void find_huge_zero_page(void)
{
	enum { HUGE = 2 << 20 };
	char *at = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t first = ((uint64_t)(uintptr_t)at + HUGE - 1) & -(uint64_t)HUGE;
	GArray *words;

	madvise((void *)(uintptr_t)first, HUGE, MADV_HUGEPAGE);
	(void)*(volatile char *)(uintptr_t)first;
	words = pagemap_words(getpid(), first, first + PAGE);
	huge_zero_pfn = g_array_index(words, uint64_t, 0) & PFN_MASK;
	g_array_free(words, TRUE);
	if (huge_zero_pfn == zero_pfn || huge_zero_pfn % 512)
		fail(77, "no huge page of zeros can be had here");
}
