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

static void set_label(struct seen_area *v, const char *name)
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

/* A line of smaps that begins an area; false: the area is none of the script's. */
static bool begin_area(const char *line, struct seen_area *a)
{
	char perms[8];
	int at = 0;

	*a = (struct seen_area){ 0 };
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s%n", &a->start, &a->end, perms, &a->offset, &at) != 4)
		return false;
	if ((a->start >= REGION && a->start < REGION + REGION_SIZE) || strstr(line, "[vsyscall]"))
		return false;
	g_strlcpy(a->perms, perms, sizeof a->perms);
	set_label(a, line + at + strspn(line + at, " "));
	return true;
}

static void set_flags(struct seen_area *a, const char *line)
{
	g_auto(GStrv) words = g_strsplit_set(line, " ", -1);

	for (char **w = words; *w; w++)
		if (**w && strstr("rd wr ex sh mr mw me ms gd lo lf ac nr dc wf rr sr dd de ht hg nh", *w)) {
			if (a->flags[0])
				g_strlcat(a->flags, ",", sizeof a->flags);
			g_strlcat(a->flags, *w, sizeof a->flags);
		}
}

static void set_count(struct seen_area *a, const char *field, uint64_t kib)
{
	const struct { const char *name; uint64_t *at, unit; } known[] = {
		{ "Rss", &a->rss, 1024 }, { "Shared_Clean", &a->shared_clean, 1024 },
		{ "Shared_Dirty", &a->shared_dirty, 1024 }, { "Private_Clean", &a->private_clean, 1024 },
		{ "Private_Dirty", &a->private_dirty, 1024 }, { "Anonymous", &a->anonymous, 1024 },
		{ "Swap", &a->swap, 1024 }, { "Pss", &a->pss, 1 }, { "SwapPss", &a->swap_pss, 1 },
		{ "Locked", &a->locked, 1 }, { "AnonHugePages", &a->huge, 1024 }, { "Private_Hugetlb", &a->own_huge, 1024 },
		{ "Shared_Hugetlb", &a->shared_huge, 1024 }, { "KernelPageSize", &a->page, 1024 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp(known[i].name, field) == 0)
			*known[i].at = kib * known[i].unit;
}

GArray *areas_of(const struct proc *p)
{
	GArray *areas = g_array_new(FALSE, FALSE, sizeof(struct seen_area));
	struct seen_area *a = NULL;
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps", p->pid);
	f = fopen(path, "r");
	if (!f)
		fail(77, "cannot read %s", path);
	while (fgets(line, sizeof line, f)) {
		uint64_t kib;
		char field[64];

		line[strcspn(line, "\n")] = 0;
		if (g_ascii_isxdigit(line[0]) && !g_ascii_isupper(line[0])) {
			struct seen_area next;

			a = NULL;
			if (begin_area(line, &next)) {
				g_array_append_val(areas, next);
				a = &g_array_index(areas, struct seen_area, areas->len - 1);
			}
		} else if (a && g_str_has_prefix(line, "VmFlags:")) {
			set_flags(a, line + strlen("VmFlags:"));
		} else if (a && sscanf(line, "%63[^:]: %" SCNu64, field, &kib) == 2) {
			set_count(a, field, kib);
		}
	}
	fclose(f);
	return areas;
}

static bool is_zero(uint64_t pfn)
{
	return pfn == zero_pfn || (huge_zero_pfn && pfn - huge_zero_pfn < 512);
}

char page_code(uint64_t word)
{
	bool exclusive = word >> 56 & 1;

	if (word >> 62 & 1)
		return 's';
	if (!(word >> 63))
		return '.';
	if (is_zero(word & PFN_MASK))
		return 'z';
	if (word >> 61 & 1)
		return exclusive ? 'F' : 'f';
	return exclusive ? 'A' : 'a';
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
