/* machine.c - what a script sets for the whole machine, put back afterwards: swap, huge pages. */
#include "recorder.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/swap.h>

static char swap_path[160];
static bool thp, pool;            /* have been set */

static void put_back(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(value, f);
		fclose(f);
	}
}

/*
 * Huge pages, which recorded scripts go without: `thp` lets advice bring them at once, `hugepages N` sets N aside. While
 * such a script runs nothing collapses pages in the background.
 */
static void write_setting(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(value, f) < 0 || fclose(f) != 0)
		fail(77, "cannot set %s", path);
}

void allow_thp(void)
{
	thp = true;
	write_setting("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "4000000000");
	find_huge_zero_page();
	for (struct proc *p = NULL; (p = next_proc(p));)
		CALL(p, SYS_prctl, PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

bool thp_allowed(void)
{
	return thp;
}

static unsigned pool_count(const char *field)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[256];
	unsigned n = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, field, strlen(field)) == 0)
			n = (unsigned)atoi(line + strlen(field) + 1);
	if (f)
		fclose(f);
	return n;
}

/* Linux loses reservations now and then (a part of a private mapping that moves): until it is booted anew nothing fits. */
void set_pool(uint64_t n)
{
	char text[24];

	if (!pool && (pool_count("HugePages_Total") || pool_count("HugePages_Rsvd")))
		fail(3, "huge pages are set aside already");
	pool = true;
	snprintf(text, sizeof text, "%" PRIu64, n);
	write_setting("/proc/sys/vm/nr_hugepages", text);
}

void get_pool(uint64_t counts[4])
{
	static const char *const fields[] = { "HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp" };

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		counts[i] = pool_count(fields[i]);
}

void make_swap(void)
{
	g_autofree char *command = NULL;

	snprintf(swap_path, sizeof swap_path, "%s/swap", disk_directory());
	command = g_strdup_printf("dd if=/dev/zero of=%s bs=1M count=64 status=none && chmod 600 %s && mkswap %s >/dev/null",
				  swap_path, swap_path, swap_path);
	if (system(command) != 0 || swapon(swap_path, 0) != 0)
		fail(77, "no swap area can be had here");
}

void put_machine_back(void)
{
	if (swap_path[0]) {
		swapoff(swap_path);
		unlink(swap_path);
	}
	if (pool)
		put_back("/proc/sys/vm/nr_hugepages", "0");
	if (thp)
		put_back("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "10000");
}
