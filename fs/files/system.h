/* system.h - the files of /proc about the whole machine, and the values that a fixture may set for them. */
#ifndef FS_SYSTEM_H
#define FS_SYSTEM_H

#include "tree.h"
#include "world.h"

/* Host `set`: numbers; *v is left alone when nothing was set. */
void system_override(const struct node *n, const char *name, uint64_t *v);
/* The text that was set, or `otherwise`; valid until the next command. */
const char *system_text(const struct node *n, const char *name, const char *otherwise);

/* Since the host was made (or as set), and in ticks of 1/100 s. */
ns_t system_uptime(const struct node *n);
enum { NS_A_TICK = 10000000 };

/* system_memory.c */
int show_meminfo(const struct node *n, GString *out, struct err *e);
int show_vmstat(const struct node *n, GString *out, struct err *e);
int show_swaps(const struct node *n, GString *out, struct err *e);
int show_buddyinfo(const struct node *n, GString *out, struct err *e);
int show_zoneinfo(const struct node *n, GString *out, struct err *e);
extern const struct bytes_ops kpagecount_bytes, kpageflags_bytes, kpagecgroup_bytes;
bool kpages_listed(const struct node *n);
/* system_time.c */
int show_system_stat(const struct node *n, GString *out, struct err *e);
int show_uptime(const struct node *n, GString *out, struct err *e);
int show_loadavg(const struct node *n, GString *out, struct err *e);
int show_cpuinfo(const struct node *n, GString *out, struct err *e);
int show_interrupts(const struct node *n, GString *out, struct err *e);
int show_softirqs(const struct node *n, GString *out, struct err *e);
/* system_about.c: what the machine is. */
int show_version(const struct node *n, GString *out, struct err *e);
int show_filesystems(const struct node *n, GString *out, struct err *e);
int show_boot_cmdline(const struct node *n, GString *out, struct err *e);
int show_devices(const struct node *n, GString *out, struct err *e);
int show_partitions(const struct node *n, GString *out, struct err *e);
int show_diskstats(const struct node *n, GString *out, struct err *e);
int show_slabinfo(const struct node *n, GString *out, struct err *e);
int show_nothing(const struct node *n, GString *out, struct err *e);
extern const struct row sys_rows[], tty_rows[], pressure_rows[];

#endif
