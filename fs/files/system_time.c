/*
 * system_time.c - /proc/stat, uptime, loadavg, cpuinfo, interrupts, softirqs: processors and their time.
 *
 * Time is virtual: a processor's line sums to the host's uptime in ticks, so tools that take differences print right
 * percentages at any speed. What processes did fills one processor after the other.
 */
#include "system.h"
#include "text.h"

#include <inttypes.h>

static unsigned cpu_count(const struct vm_host *vm)
{
	return MAX(vm_host_options(vm)->cpus, 1);
}

/* What all processors did for processes, living or dead, without what fixtures set, at least as far as the uptime allows. */
struct busy { uint64_t user, nice, system, idle; }; /* ticks */
enum { CPU_FIELDS = 10 };

static void add_process(struct busy *busy, const struct vm_proc_info *info, ns_t *user, ns_t *nice, ns_t *system)
{
	*(info->nice > 0 ? nice : user) += info->utime - info->set_utime;
	*user += info->cutime;
	*system += info->stime + info->cstime - info->set_stime;
}

static struct busy busy_time(const struct node *n, const struct vm_host *vm)
{
	uint64_t total = system_uptime(n) / NS_A_TICK * cpu_count(vm);
	ns_t user = 0, nice = 0, system = 0;
	struct vm_proc_info info;
	struct busy busy = { 0 };

	for (struct vm_proc *p = vm_proc_above(vm, 0); p; p = vm_proc_above(vm, info.pid)) {
		vm_proc_info(p, &info);
		add_process(&busy, &info, &user, &nice, &system);
	}
	/* Manual time charges processes without moving the clock: what does not fit is left out. */
	busy.user = MIN(user / NS_A_TICK, total);
	busy.nice = MIN(nice / NS_A_TICK, total - busy.user);
	busy.system = MIN(system / NS_A_TICK, total - busy.user - busy.nice);
	busy.idle = total - busy.user - busy.nice - busy.system;
	return busy;
}

static void put_cpu(GString *out, const char *name, const uint64_t *fields)
{
	put_text(out, name);
	for (unsigned i = 0; i < CPU_FIELDS; i++) {
		put_char(out, ' ');
		put_dec(out, fields[i]);
	}
	put_char(out, '\n');
}

/* `set cpu` gives the whole machine's line. False: nothing was set. */
static bool set_fields(const struct node *n, uint64_t *fields)
{
	g_auto(GStrv) words = g_strsplit(system_text(n, "cpu", ""), " ", -1);
	unsigned i;

	for (i = 0; words[i] && i < CPU_FIELDS; i++)
		fields[i] = g_ascii_strtoull(words[i], NULL, 10);
	return i > 0;
}

/* One processor's share of what all did: as much as its time has room for. */
static void take_time(struct busy *all, uint64_t total, uint64_t *one)
{
	uint64_t *from[] = { &all->user, &all->nice, &all->system };

	one[3] = total;
	for (unsigned i = 0; i < G_N_ELEMENTS(from); i++) {
		one[i] = MIN(*from[i], one[3]);
		*from[i] -= one[i];
		one[3] -= one[i];
	}
}

/* Of what was set for all, processor `cpu` of `count` had as much as any other: tools may look at some of them alone. */
static void take_share(const uint64_t *all, unsigned cpu, unsigned count, uint64_t *one)
{
	for (unsigned i = 0; i < CPU_FIELDS; i++)
		one[i] = all[i] / count + (cpu < all[i] % count);
}

static void put_cpus(const struct node *n, const struct vm_host *vm, GString *out)
{
	uint64_t total = system_uptime(n) / NS_A_TICK, one[CPU_FIELDS] = { 0 };
	struct busy busy = busy_time(n, vm);
	uint64_t all[CPU_FIELDS] = { busy.user, busy.nice, busy.system, busy.idle };
	bool set = set_fields(n, all);
	char name[24];

	put_cpu(out, "cpu ", all);
	for (unsigned cpu = 0; cpu < cpu_count(vm); cpu++) {
		if (set)
			take_share(all, cpu, cpu_count(vm), one);
		else
			take_time(&busy, total, one);
		g_snprintf(name, sizeof(name), "cpu%u", cpu);
		put_cpu(out, name, one);
	}
}

struct process_counts { uint64_t running, blocked, threads; int32_t newest; };

static struct process_counts count_processes(const struct vm_host *vm)
{
	struct process_counts c = { 0 };
	struct vm_proc_info info;

	for (struct vm_proc *p = vm_proc_above(vm, 0); p; p = vm_proc_above(vm, info.pid)) {
		vm_proc_info(p, &info);
		c.running += info.state == VM_RUNNING;
		c.blocked += info.state == VM_DISK;
		c.threads += (uint64_t)MAX(info.threads, 1);
		c.newest = info.pid;
	}
	return c;
}

static void put_line(GString *out, const char *name, uint64_t value)
{
	put_text(out, name);
	put_char(out, ' ');
	put_dec(out, value);
	put_char(out, '\n');
}

int show_system_stat(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct process_counts c;
	uint64_t interrupts = 0, switches, forks, boot_date = 1735689600;

	if (!vm)
		return -e->code;
	c = count_processes(vm);
	switches = vm_stats(vm)->context_switches;
	interrupts = vm_stats(vm)->interrupts;
	forks = vm_stats(vm)->forks;
	system_override(n, "intr", &interrupts);
	system_override(n, "ctxt", &switches);
	system_override(n, "forks", &forks);
	system_override(n, "btime", &boot_date);
	put_cpus(n, vm, out);
	put_line(out, "intr", interrupts);
	put_line(out, "ctxt", switches);
	put_line(out, "btime", boot_date);
	put_line(out, "processes", forks);
	put_line(out, "procs_running", MAX(c.running, 1));
	put_line(out, "procs_blocked", c.blocked);
	put_text(out, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}

/* Seconds and hundredths, cut off. */
static void put_hundredths(GString *out, uint64_t ticks)
{
	put_dec(out, ticks / 100);
	put_char(out, '.');
	put_dec(out, ticks / 10 % 10);
	put_dec(out, ticks % 10);
}

int show_uptime(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	uint64_t all[CPU_FIELDS] = { 0 };

	if (!vm)
		return -e->code;
	all[3] = busy_time(n, vm).idle;
	set_fields(n, all);
	put_hundredths(out, system_uptime(n) / NS_A_TICK);
	put_char(out, ' ');
	put_hundredths(out, all[3]);
	put_char(out, '\n');
	return 0;
}

/* Nothing queues for a processor here, so the averages are 0 unless a fixture sets them. */
int show_loadavg(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct process_counts c;

	if (!vm)
		return -e->code;
	c = count_processes(vm);
	g_string_append_printf(out, "%s %" PRIu64 "/%" PRIu64 " %" PRId32 "\n", system_text(n, "loadavg", "0.00 0.00 0.00"),
			       MAX(c.running, 1), c.threads, c.newest);
	return 0;
}

int show_cpuinfo(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	for (unsigned cpu = 0; cpu < cpu_count(vm); cpu++)
		g_string_append_printf(out, "processor\t: %u\nvendor_id\t: Vitrine\ncpu family\t: 1\nmodel\t\t: 1\n"
				       "model name\t: Simulated processor, %s\nstepping\t: 1\ncpu MHz\t\t: 1000.000\n"
				       "cache size\t: 0 KB\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n"
				       "flags\t\t: fpu\nbogomips\t: 2000.00\n\n",
				       cpu, vm_host_options(vm)->geometry.name, cpu_count(vm), cpu, cpu_count(vm));
	return 0;
}

int show_interrupts(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	put_text(out, "           ");
	for (unsigned cpu = 0; cpu < cpu_count(vm); cpu++)
		g_string_append_printf(out, "CPU%-8u", cpu);
	put_text(out, "\n  0:");
	for (unsigned cpu = 0; cpu < cpu_count(vm); cpu++)
		g_string_append_printf(out, "%11u", 0);
	put_text(out, "  timer      timer\n");
	return 0;
}

int show_softirqs(const struct node *n, GString *out, struct err *e)
{
	static const char *const names[] = { "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED",
					     "HRTIMER", "RCU" };
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	put_text(out, "                    ");
	for (unsigned cpu = 0; cpu < cpu_count(vm); cpu++)
		g_string_append_printf(out, "CPU%-8u", cpu);
	put_char(out, '\n');
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_string_append_printf(out, "%12s:", names[i]);
		for (unsigned cpu = 0; cpu < cpu_count(vm); cpu++)
			g_string_append_printf(out, " %10u", 0);
		put_char(out, '\n');
	}
	return 0;
}
