/* replay.h - `vitrine replay` and `vitrine convert`: traces against policies, without a mount. */
#ifndef FS_REPLAY_H
#define FS_REPLAY_H

#include "trace.h"
#include "vm_replay.h"

/* The programs: an exit status, 0 1 2. */
int replay_main(int argc, char **argv);
int convert_main(int argc, char **argv);

/* One run of a trace: a policy with so many frames, or a whole curve. */
struct replay_job {
	unsigned trace;               /* index of the source */
	const char *policy;
	uint64_t frames;              /* 0: the LRU curve */
	enum replay_state { REPLAY_WAITS, REPLAY_DONE, REPLAY_FAILED } state;
	struct vm_replay_result result;
	bool     exact;               /* else misses are an estimate, */
	double   error;               /* with this standard error of the miss ratio */
	struct vm_curve *curve;
};

enum { REPLAY_BUCKETS = 1 << 16 };

/* How far a trace is from being ready for its runs. */
enum replay_phase { PHASE_WAITS, PHASE_READ, PHASE_COUNT, PHASE_AHEAD, PHASE_READY, REPLAY_PHASES };

/* A trace that is read as often as there are jobs for it. */
struct replay_source {
	const char *path;
	enum trace_format format;
	enum replay_phase phase;      /* with `failed`: where it was then */
	bool     failed;              /* with `err`: reported once */
	struct err err;
	uint64_t count;               /* of refs */
	uint64_t pages;               /* distinct; 0: not counted */
	uint32_t *spread;             /* the same by bucket of a hash; NULL */
	/* All references in a file without a name, or mapped as they are; NULL: each job reads the trace itself. */
	const uint64_t *refs;
	uint64_t bytes;               /* mapped; 0: refs are the trace's own */
	struct trace *keep;           /* open still: it knows the process numbers, and refs may be its array */
	uint32_t *next_use;           /* opt */
	bool     opt, many, count_pages; /* what its jobs want */
};

struct replay_batch {
	GPtrArray *jobs;              /* struct replay_job *, in the order of their sources */
	GPtrArray *sources;           /* struct replay_source * */
	enum vm_replay_path path;
	struct vm_tlb_shape tlb[2];
	uint64_t seed, table_bytes;
	double   sample;              /* rate of sampled curves; 0: as it fits */
	unsigned workers;
	bool     progress;            /* a bar on the standard error output */
	const volatile sig_atomic_t *stop;
	void    *owner;
	/* Adds the jobs of a source that has been prepared, or has failed; one call at a time. */
	void   (*add_jobs)(struct replay_batch *b, unsigned trace);
	unsigned awaited;             /* jobs to be added still: it counts them down */
	bool     at_least;            /* awaited, and perhaps more: how many sizes a curve will have is not known yet */
	/* its own */
	GMutex   lock;
	GCond    more;                /* there may be jobs, or all are taken */
	GThread *bar;
	gint     drawing;
	unsigned next, next_source, done;
	struct replay_source *preparing; /* one at a time; NULL */
	uint64_t refs_done;           /* over all jobs */
	double   jobs_done;           /* with parts of those that run */
	uint64_t prepared_done, prepared_total;
};

/* Reads a source into the form that its jobs want, and adds these; if that failed it says so. */
void replay_batch_prepare(struct replay_batch *b, unsigned trace);
/* Prepares all sources, and runs all jobs; those that were done or failed say so in their state. Joined when it returns. */
void replay_batch_run(struct replay_batch *b);
void replay_batch_clear(struct replay_batch *b);

/* replay_steps.c: a row a reference; several jobs are told apart. */
struct replay_steps {
	FILE    *to;
	uint8_t  format;              /* FORMAT_TEXT, _JSON, _CSV */
	bool     several;
	bool     begun;
	int      failed;              /* errno of writing */
};
int  replay_steps(struct replay_batch *b, const struct replay_job *j, struct replay_steps *out, struct err *e);
void replay_steps_end(struct replay_steps *out);

/* replay_signals.c: for the whole program. */
/*
 * From now on SIGINT and SIGTERM set what is given back, the third one ends the program at once, and so, with a word, does a
 * trace that gets shorter under us. `whole`: what is being written meanwhile is written to its end.
 */
const volatile sig_atomic_t *replay_catch_signals(bool whole);
int  replay_signalled(void);                   /* the exit status of a program that was told to stop */
/* This file, NULL for none, goes if the program ends at once. */
void replay_unfinished(const char *path);

/* What page tables of each of so many machines may take, if nobody says. */
uint64_t replay_table_share(unsigned workers);

#endif
