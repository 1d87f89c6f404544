/*
 * recorder.h - what the parts of the recorder share. recorder.c writes a script with its results; calls.c is the Linux
 * kernel as a struct backend; process.c runs its processes, files.c has its files, machine.c what is set for the whole
 * machine; look.c reads /proc, around.c takes out what the kernel maps by the way.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include "kernel_backend.h"
#include "worker.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { PROCS = 16 };

/* ---- recorder.c ---- */

/* Ends with `status`, everything put back: 77 not permitted here, 3 this one script cannot run here, 1 anything else. */
void fail(int status, const char *fmt, ...) G_GNUC_NORETURN G_GNUC_PRINTF(2, 3);

/* ---- process.c: each process of the script is a real one that runs worker.c ---- */

struct proc { char name[16]; pid_t pid; int fd; bool alive; uint64_t own_tables; };

void open_channels(void);             /* once, before the first process */
int be_worker(unsigned index);        /* in the new program's image: never returns but for a failure */
void start_proc(const char *name);
int fork_proc(struct proc *p, const char *name); /* 0 or an errno */
void end_proc(struct proc *p);
struct proc *proc_named(const char *name);      /* NULL: there is none */
struct proc *next_proc(const struct proc *p);   /* of those alive; the first for NULL */
void kill_procs(void);
/* One request, one answer; `in` and `out_bytes` are as long as the request says. */
struct answer ask(struct proc *p, struct request r, const void *in, void *out_bytes);
int64_t call(struct proc *p, struct request r);
#define CALL(P, ...) call(P, (struct request){ .op = DO_SYSCALL, .a = { __VA_ARGS__ } })
uint64_t current_break(struct proc *p);

/* ---- files.c ---- */

void make_directories(void);
void remove_files(void);              /* and the directories */
const char *disk_directory(void);     /* the one that is not tmpfs */
void make_file(const char *name, bool tmpfs, uint64_t size, int seed /* -1: sparse */);
/* Opens the files from the one numbered `first` on, at the descriptors that descriptor() gives. */
void open_files(struct proc *p, unsigned first);
/* The descriptor for f0, f0:ro, f0:wo; f0:new opens one (*fresh), until close_fresh(). */
int descriptor(struct proc *p, const char *text, bool *fresh);
void close_fresh(struct proc *p, int fd, bool fresh);
int unlink_file(const char *name);    /* 0 or an errno */

/* ---- machine.c ---- */

void make_swap(void);
void allow_thp(void);
bool thp_allowed(void);
void set_pool(uint64_t n);
void get_pool(uint64_t counts[4]);    /* total, free, reserved, surplus */
void put_machine_back(void);

/* ---- calls.c ---- */

extern const struct backend real_backend;

/* ---- look.c ---- */

#define PFN_MASK ((1ull << 55) - 1)   /* of a word of pagemap */

uint64_t read_status(pid_t pid, const char *field);
GArray *pagemap_words(pid_t pid, uint64_t start, uint64_t end); /* of uint64_t, one a page */
GArray *areas_of(const struct proc *p); /* of struct seen_area */
void find_zero_page(void);
void find_huge_zero_page(void);
char page_code(uint64_t word);        /* of pagemap, as in struct seen_page; knows the pages of zeros that have been found */

/* ---- around.c ---- */

/*
 * The kernel maps cached file pages around one that is read (fault-around), which depends on much that is not
 * recorded. Its effect is taken out: what a read, or a call that reads pages in, mapped besides [start, end) is dropped again.
 */
GHashTable *look_before(struct proc *p);   /* what there is before a call that may bring pages in */
/* These take the set of before. */
void drop_around(struct proc *p, GHashTable *before, uint64_t start, uint64_t end);
/* The same for a call that gives an address; one that fails reads nothing in, and may have moved pages elsewhere. */
void drop_around_result(struct proc *p, GHashTable *before, int64_t value, uint64_t len);
/* The pages of [from, from + len) are at `to` now. */
void moved(GHashTable *before, uint64_t from, uint64_t len, uint64_t to);

#endif
