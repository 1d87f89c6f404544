/*
 * worker.h - a process that does what it is told, in an address space of which it hides only one region.
 * The recorder (recorder.c) talks to it over a socket: one request, one answer.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdint.h>

/*
 * The worker's own pages: code, state, stacks, all in one 2 MiB span, under a top-level entry of their own, and below
 * all that scripts use: an address that nothing is at must not find them above it. So scripts map nothing below 512 GiB.
 */
#define REGION       0x100000ul
#define REGION_SIZE  0x60000u
#define STATE_AT     (REGION + 0x10000)
#define BUFFER_AT    (REGION + 0x12000)
#define BUFFER_SIZE  0x8000u
#define SCRATCH_AT   (REGION + 0x20000) /* where registers point while foreign bytes are executed */
#define SIGSTACK_AT  (REGION + 0x30000)
#define STACK_TOP    (REGION + 0x60000)

enum { WORKER_FD = 200 }; /* worker i reads requests from and answers to WORKER_FD + i */

enum worker_op { DO_SYSCALL, DO_LOAD, DO_STORE, DO_EXEC, DO_FORK };

struct request {
	uint32_t op;
	uint32_t in, out;    /* bytes that follow the request into the buffer; bytes of it that follow the answer */
	uint64_t a[7];       /* syscall: number and arguments; load: the address, of `out` bytes; store: and the byte */
};
struct answer {
	int64_t  value;
	int32_t  signal, code; /* of the fault, or 0 */
	uint64_t addr;
	uint64_t faults;
};

void worker_start(void); /* first byte of the code that is copied */
extern char __start_worker[], __stop_worker[];

#endif
