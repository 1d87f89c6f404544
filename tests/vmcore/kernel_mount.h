/*
 * kernel_mount.h - a mount that scripts are executed on. kernel_mount_world.c makes it, its files and processes;
 * kernel_mount.c makes calls, kernel_mount_views.c looks.
 */
#ifndef KERNEL_MOUNT_H
#define KERNEL_MOUNT_H

#include "kernel_backend.h"

enum { RESULT_MAX = 1 << 16 };
struct mount_file { char *name, *path; /* in files/ */ };
struct mount_proc { int pid, ctl; GArray *fds; };
struct mounted {
	char dir[64];
	GPtrArray *files;
	GHashTable *procs;
	char *smaps, *next;           /* of the process whose areas are being listed */
	char result[RESULT_MAX];      /* of the last command */
};

char *in_mount(const struct mounted *w, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
char *content(const struct mounted *w, const char *path);
/* One line; its result goes to w->result. 0 or an errno. */
int command(struct mounted *w, int ctl, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
uint64_t result_number(const struct mounted *w);
struct mount_proc *proc(struct mounted *w, const char *name);
/* The descriptor that a script's file name stands for in a process; -1 for ":new". */
int descriptor(struct mounted *w, const char *p, const char *file, const struct mount_file **found);
/* The same, but f0:new opens one: a description of its own, for this call alone, which close_fresh() ends. */
int descriptor_for_call(struct mounted *w, const char *p, const char *file, bool *fresh);
void close_fresh(struct mounted *w, const char *p, int fd, bool fresh);

/* Parts of mount_backend. */
void *mount_start(bool swap);
void mount_stop(void *data);
int mount_file(void *data, const char *name, bool tmpfs, uint64_t size, int seed);
int mount_spawn(void *data, const char *p);
int mount_fork(void *data, const char *p, const char *child);
int mount_exit(void *data, const char *p);
bool mount_area_above(void *data, const char *p, uint64_t at, struct seen_area *out);
void mount_pages(void *data, const char *p, uint64_t at, size_t n, struct seen_page *out);
void mount_counts(void *data, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked, uint64_t *huge);
void mount_pool(void *data, uint64_t counts[4]);

#endif
