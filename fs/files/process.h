/* process.h - what the files of proc/PID share with each other. */
#ifndef FS_FILES_PROCESS_H
#define FS_FILES_PROCESS_H

#include "tree.h"
#include "vm_area.h"
#include "vm_page.h"
#include "vm_proc.h"
#include "world.h"

#include <assert.h>
#include <inttypes.h>

/* The process while it has an address space; NULL with ESRCH when it is gone or a zombie. */
struct vm_proc *process_alive(const struct node *n, struct err *e);
const struct vm_geometry *process_geometry(const struct vm_proc *p);

/*
 * All areas in order, and what maps calls each. Areas are fetched in batches and the path of a file is made once
 * for each run of areas of it, so that a line costs tens of nanoseconds.
 */
struct area_reader {
	const struct node *n;
	const struct vm_proc *p;
	struct vm_area area[256];
	size_t   count, used;
	va_t     at;
	/* Direct-mapped by inode: names of the files met so far. */
	struct area_name {
		const struct vm_inode *inode;
		char    *path;       /* as maps shows it, " (deleted)" included */
		size_t   path_len;
		bool     plain;      /* nothing in it needs an escape */
		char     identity[32]; /* "08:01 1234 ": device and inode */
		size_t   identity_len;
	} name[64];
};
void area_reader_init(struct area_reader *r, const struct node *n, const struct vm_proc *p);
void area_reader_clear(struct area_reader *r);
/* NULL at the end; good until the next call. */
const struct vm_area *area_reader_next(struct area_reader *r);
/* The line of maps, with its newline. */
void put_area(GString *out, struct area_reader *r, const struct vm_area *a);
/* The last column of maps, or NULL for an unnamed area. */
const char *area_label(struct area_reader *r, const struct vm_area *a);

/* maps.c */
/* One line of maps becomes an area more. EEXIST something is mapped there. */
int add_area_line(struct vm_proc *p, char *line, struct err *e);
int show_maps(const struct node *n, GString *out, struct err *e);
int store_maps(const struct node *n, char *text, GString *result, struct err *e);
/* smaps.c */
int show_smaps(const struct node *n, GString *out, struct err *e);
int show_smaps_rollup(const struct node *n, GString *out, struct err *e);
int show_numa_maps(const struct node *n, GString *out, struct err *e);
/* status.c: of the process, or of the thread n->arg. */
extern const struct row task_rows[];
int show_stat(const struct node *n, GString *out, struct err *e);
int show_status(const struct node *n, GString *out, struct err *e);
int show_statm(const struct node *n, GString *out, struct err *e);
int show_cmdline(const struct node *n, GString *out, struct err *e);
int show_comm(const struct node *n, GString *out, struct err *e);
int show_limits(const struct node *n, GString *out, struct err *e);
int show_io(const struct node *n, GString *out, struct err *e);
int show_oom_adj(const struct node *n, GString *out, struct err *e);
int show_oom_score_adj(const struct node *n, GString *out, struct err *e);
int store_oom_score_adj(const struct node *n, char *line, GString *result, struct err *e);
int show_oom_score(const struct node *n, GString *out, struct err *e);
int show_wchan(const struct node *n, GString *out, struct err *e);
int show_schedstat(const struct node *n, GString *out, struct err *e);
int show_children(const struct node *n, GString *out, struct err *e);
/* pagemap.c */
extern const struct bytes_ops pagemap_ops, process_mem_ops;
/* stream.c */
extern const struct dir_ops streams_ops;
/* fd.c */
/* A descriptor of a fixture: its link shows the text. EBUSY, EBADF. */
int place_label(struct vm_proc *p, const char *text, unsigned mode, int fd, struct err *e);
bool parse_descriptor(const char *name, int *fd);
extern const struct dir_ops fd_ops, fdinfo_ops, ns_ops;
extern const struct row ns_rows[];
/* pagetable.c */
extern const struct column pagetable_columns[], fault_columns[];
int fill_pagetable(const struct node *n, struct table_out *t, struct err *e);
int fill_faults(const struct node *n, struct table_out *t, struct err *e);
/* pt.c */
extern const struct row pt_rows[];
extern const struct dir_ops pt_ops;
/* walk.c */
extern const struct dir_ops walk_ops, page_ops;
int show_cpu(const struct node *n, GString *out, struct err *e);
/* process_ctl_set.c: values, a line each, of the bits 1 << enum vm_setting: `prefix`, then FIELD VALUE as `set` takes them. */
void put_process_settings(const struct vm_proc *p, const char *prefix, uint32_t which, GString *out);
/* process_ctl_life.c: as setrlimit takes them, by enum vm_rlimit. */
extern const char *const limit_names[VM_RLIMITS];
/* process_ctl_replay.c: the file replay */
int show_replay(const struct node *n, GString *out, struct err *e);
int store_replay(const struct node *n, char *line, GString *result, struct err *e);
/* process_ctl.c */
int store_process_ctl(const struct node *n, char *line, GString *result, struct err *e);

#endif
