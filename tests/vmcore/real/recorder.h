/*
 * recorder.h - what the parts of the recorder share. recorder.c reads the script; notation.c knows its words; process.c
 * runs its processes, files.c has its files, machine.c what is set for the whole machine; calls.c carries out its lines;
 * look.c reads /proc, around.c takes out what the kernel maps by the way, check.c writes what a script wants to see.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include "worker.h"

#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { PROCS = 16, PAGE = 4096 };
#define BASE_A 0x10000000000u
#define BASE_H 0x18000000000u
#define BASE_M 0x7ffff7fff000u
#define BASE_S 0x7ffffffff000u

extern FILE *out;                     /* where the script goes with its results */
/* Puts everything back and ends with `status`: 77 not permitted here, 3 this one script cannot run here, 1 anything else. */
void fail(int status, const char *fmt, ...) G_GNUC_NORETURN G_GNUC_PRINTF(2, 3);

/* ---- process.c: each process of the script is a real one that runs worker.c ---- */

struct proc { char name[16]; pid_t pid; int fd; bool alive; uint64_t own_tables; };

void open_channels(void);             /* once, before the first process */
int be_worker(unsigned index);        /* in the new program's image: never returns but for a failure */
struct proc *start(const char *name);
void do_fork(struct proc *p, char **w, const char *name);
void do_exit(struct proc *p, char **w, const char *label);
struct proc *proc_named(const char *name);      /* NULL: there is none */
struct proc *next_proc(const struct proc *p);   /* of those alive; the first for NULL */
unsigned sorted_procs(struct proc **list);      /* by name, into PROCS places */
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
void declare_file(char **w);
/* Opens the files from the one numbered `first` on, at the descriptors that descriptor() gives. */
void open_files(struct proc *p, unsigned first);
/* The descriptor for f0, f0:ro, f0:wo; f0:new opens one, to be closed by the caller (*fresh). */
int descriptor(struct proc *p, const char *text, bool *fresh);
void do_truncate(struct proc *p, char **w, const char *label);
void do_fwrite(struct proc *p, char **w, const char *label);
void do_fread(struct proc *p, char **w, const char *label);
void do_unlink(struct proc *p, char **w, const char *label);

/* ---- machine.c ---- */

void make_swap(void);
void allow_thp(void);
bool thp_allowed(void);
void set_pool(const char *n);
void show_pool(void);
void put_machine_back(void);

/* ---- notation.c ---- */

int64_t number(const char *text);
uint64_t address(const char *text);
unsigned prot_of(const char *t);
struct word_value { const char *word; uint64_t value; };
uint64_t flags_of(const char *text, const struct word_value *known);  /* words with commas between */
/* A generated script may use a label whose call failed: such a line is left out of what is recorded. */
bool uses_unbound_label(const char *text);
void put_address(uint64_t at);
void put_result(int64_t value);
void put_address_result(int64_t value, const char *label);            /* and binds the label, unless NULL */
void put_fault(const struct answer *a, uint64_t at, char separator);

/* ---- calls.c ---- */

/* One line of process `p`, without its name and label; NULL ends the words. */
void run_call(struct proc *p, char **a, const char *label);

/* ---- look.c ---- */

#define PFN_MASK ((1ull << 55) - 1)   /* of a word of pagemap */
struct view_row {
	uint64_t start, end, offset;
	char perms[8], label[64], flags[256];
	uint64_t rss, sc, sd, pc, pd, an, sw, pss, spss, locked, huge, own_huge, shared_huge, page;
	GArray *words;                /* of pagemap, one a page */
};

uint64_t read_status(pid_t pid, const char *field);
GArray *pagemap_words(pid_t pid, uint64_t start, uint64_t end);
GPtrArray *view(struct proc *p);      /* of struct view_row *, one an area; free_view() */
void free_view(GPtrArray *rows);
void find_zero_page(void);
void find_huge_zero_page(void);
bool is_zero(uint64_t pfn);           /* one of those that have been found */

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

/* ---- check.c ---- */

void check(struct proc *p);
void check_all(void);
void share(void);

#endif
