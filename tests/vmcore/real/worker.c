/*
 * worker.c - the code that runs in the region, without libc: it is copied there, so it may refer to nothing
 * but itself and the fixed addresses of worker.h.
 */
#include "worker.h"

#include <stddef.h>

#define HERE __attribute__((section("worker"), used, noinline))

enum { SYS_read = 0, SYS_write = 1, SYS_munmap = 11, SYS_rt_sigaction = 13, SYS_fork = 57, SYS_exit_group = 231,
       SYS_getrusage = 98, SYS_sigaltstack = 131, SYS_prctl = 157, SYS_set_tid_address = 218,
       SYS_set_robust_list = 273, SYS_setresuid = 117, SYS_setresgid = 119, SYS_setgroups = 116 };

struct state {
	uint64_t recover;   /* where a fault goes on */
	uint64_t exec_at;   /* address of the fetch under way */
	uint64_t stack;     /* rsp of the interrupted code */
	uint64_t fetching;  /* a fetch is under way */
	int32_t  signal, code;
	uint64_t addr;
	uint64_t index;     /* which worker */
	struct request request;
	struct answer answer;
};
#define STATE ((volatile struct state *)STATE_AT)

__attribute__((section("worker"), always_inline)) static inline int64_t
sys(uint64_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	int64_t result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The first code of the section: called on the new stack with the worker's number. */
HERE static void worker_main(uint64_t index);

__asm__(".pushsection worker,\"ax\",@progbits\n"
	".globl worker_restorer\n"
	"worker_restorer: mov $15, %eax\n syscall\n"
	".popsection");
extern char worker_restorer[] __attribute__((visibility("hidden")));

/* Registers of the interrupted code in ucontext: uc_flags 8, uc_link 8, stack 24, then r8.. in this order. */
enum { R8, R9, R10, R11, R12, R13, R14, R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP, EFL };

HERE static void on_signal(int signal, const char *info, char *context)
{
	uint64_t *reg = (uint64_t *)(context + 40);
	uint64_t at = STATE->exec_at;
	int32_t code = *(const int32_t *)(info + 8);
	uint64_t addr = *(const uint64_t *)(info + 16);

	if (STATE->fetching) {
		if (signal == 5 && reg[RIP] == at && STATE->signal == 0) {
			STATE->signal = -1; /* the jump has been done: now the instruction itself, still in single step */
			return;
		}
		/* Only a fault on the fetch counts: what the bytes there do when executed is of no interest. */
		if (!((signal == 11 || signal == 7) &&
		      ((reg[RIP] == at && addr == at && code != 128) || (int64_t)(at << 16) >> 16 != (int64_t)at)))
			signal = 0;
		STATE->fetching = 0;
	}
	reg[EFL] &= ~(uint64_t)0x100;
	STATE->signal = signal;
	STATE->code = code;
	STATE->addr = addr;
	reg[RIP] = STATE->recover;
	reg[RSP] = STATE->stack;
}

HERE static uint64_t fault_count(void)
{
	uint64_t *usage = (uint64_t *)(BUFFER_AT + BUFFER_SIZE - 256);

	sys(SYS_getrusage, 0, (uint64_t)usage, 0, 0, 0, 0);
	return usage[8] + usage[9]; /* ru_minflt, ru_majflt */
}

#define RECOVERABLE(BODY, ...) \
	__asm__ volatile("lea 9f(%%rip), %%rax\n mov %%rax, (%[state])\n mov %%rsp, 16(%[state])\n" BODY "\n9:\n" \
			 __VA_ARGS__)

/* Copies into the buffer, byte by byte. */
HERE static void load(uint64_t at, uint64_t len)
{
	uint64_t to = BUFFER_AT, end = at + len;

	RECOVERABLE("1: movb (%[at]), %%al\n movb %%al, (%[to])\n inc %[at]\n inc %[to]\n cmp %[at], %[end]\n jne 1b",
		    : [at] "+&r"(at), [to] "+&r"(to) : [end] "r"(end), [state] "r"(STATE_AT) : "rax", "memory", "cc");
}

HERE static void store(uint64_t at, uint64_t byte)
{
	RECOVERABLE("movb %b[byte], (%[at])", : : [byte] "q"(byte), [at] "r"(at), [state] "r"(STATE_AT)
		    : "rax", "memory");
}

HERE static void fetch(uint64_t at)
{
	STATE->exec_at = at;
	STATE->fetching = 1;
	__asm__ volatile("push %%rbp\n push %%rbx\n push %%r12\n push %%r13\n push %%r14\n push %%r15\n"
			 "lea 9f(%%rip), %%rax\n mov %%rax, (%[state])\n mov %%rsp, 16(%[state])\n"
			 "mov %[scratch], %%rsp\n"
			 "mov %[at], %%r11\n mov %%rsp, %%rax\n mov %%rsp, %%rbx\n mov %%rsp, %%rcx\n mov %%rsp, %%rdx\n"
			 "mov %%rsp, %%rsi\n mov %%rsp, %%rdi\n mov %%rsp, %%rbp\n mov %%rsp, %%r8\n mov %%rsp, %%r9\n"
			 "mov %%rsp, %%r10\n mov %%rsp, %%r12\n mov %%rsp, %%r13\n mov %%rsp, %%r14\n mov %%rsp, %%r15\n"
			 "pushf\n orl $0x100, (%%rsp)\n popf\n jmp *%%r11\n"
			 "9:\n pop %%r15\n pop %%r14\n pop %%r13\n pop %%r12\n pop %%rbx\n pop %%rbp\n"
			 : : [state] "r"(STATE_AT), [at] "r"(at), [scratch] "r"(SCRATCH_AT + 0x8000)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	STATE->fetching = 0;
	if (STATE->signal < 0)
		STATE->signal = 0;
}

/* Own pages must fault before, not during, what is measured. */
HERE static void touch_region(void)
{
	for (uint64_t at = REGION; at < REGION + REGION_SIZE; at += 4096) {
		volatile char *byte = (volatile char *)at;

		*byte = *byte;
	}
}

HERE static void transfer(uint64_t call, uint64_t at, uint64_t len)
{
	while (len > 0) {
		int64_t n = sys(call, WORKER_FD + STATE->index, at, len, 0, 0, 0);

		if (n <= 0)
			sys(SYS_exit_group, 0, 0, 0, 0, 0, 0);
		at += (uint64_t)n;
		len -= (uint64_t)n;
	}
}

HERE static void serve(void)
{
	volatile struct request *r = &STATE->request;
	volatile struct answer *a = &STATE->answer;
	uint64_t before;

	transfer(SYS_read, (uint64_t)r, sizeof *r);
	if (r->in)
		transfer(SYS_read, BUFFER_AT, r->in);
	touch_region();
	STATE->signal = 0;
	a->value = 0;
	before = fault_count();
	if (r->op == DO_SYSCALL) {
		a->value = sys(r->a[0], r->a[1], r->a[2], r->a[3], r->a[4], r->a[5], r->a[6]);
	} else if (r->op == DO_LOAD) {
		load(r->a[0], r->out);
	} else if (r->op == DO_STORE) {
		store(r->a[0], r->a[1]);
	} else if (r->op == DO_EXEC) {
		fetch(r->a[0]);
	} else if (r->op == DO_FORK) {
		uint64_t child = r->a[0];

		a->value = sys(SYS_fork, 0, 0, 0, 0, 0, 0);
		touch_region();
		if (a->value == 0)
			STATE->index = child;
	}
	a->faults = fault_count() - before;
	a->signal = STATE->signal;
	a->code = STATE->code;
	a->addr = STATE->addr;
	transfer(SYS_write, (uint64_t)a, sizeof *a);
	if (r->out)
		transfer(SYS_write, BUFFER_AT, r->out);
}

HERE static void handle(int signal)
{
	volatile uint64_t *action = (volatile uint64_t *)BUFFER_AT;

	action[0] = (uint64_t)on_signal;
	action[1] = 0x4u | 0x04000000u | 0x08000000u | 0x40000000u; /* SIGINFO RESTORER ONSTACK NODEFER */
	action[2] = (uint64_t)worker_restorer;
	action[3] = 0;
	sys(SYS_rt_sigaction, (uint64_t)signal, BUFFER_AT, 0, 8, 0, 0);
}

/* The break starts at H (PR_SET_MM_MAP: struct prctl_mm_map, eleven addresses, auxv, its size, no file). */
HERE static void set_break(void)
{
	volatile uint64_t *map = (volatile uint64_t *)BUFFER_AT;

	for (int i = 0; i < 13; i++)
		map[i] = i < 4 ? REGION + (uint64_t)i * 4096 : 0x7fffffffe000; /* code, data; stack, arguments, environment */
	map[4] = map[5] = 0x18000000000;                  /* start_brk, brk */
	map[11] = 0;
	map[12] = 0xffffffffull << 32;
	sys(SYS_prctl, 35, 14, BUFFER_AT, 104, 0, 0);
}

HERE static void worker_main(uint64_t index)
{
	volatile uint64_t *stack = (volatile uint64_t *)BUFFER_AT;

	STATE->index = index;
	sys(SYS_munmap, 0x1000, REGION - 0x1000, 0, 0, 0, 0);
	sys(SYS_munmap, REGION + REGION_SIZE, 0x7ffffffff000 - (REGION + REGION_SIZE), 0, 0, 0, 0);
	sys(SYS_set_tid_address, 0, 0, 0, 0, 0, 0);
	sys(SYS_set_robust_list, 0, 24, 0, 0, 0, 0);
	set_break();
	sys(SYS_setgroups, 0, 0, 0, 0, 0, 0);
	sys(SYS_setresgid, 65534, 65534, 65534, 0, 0, 0);
	sys(SYS_setresuid, 65534, 65534, 65534, 0, 0, 0);
	stack[0] = SIGSTACK_AT;
	stack[1] = 0;
	stack[2] = 0x10000;
	sys(SYS_sigaltstack, BUFFER_AT, 0, 0, 0, 0, 0);
	handle(4);
	handle(5);
	handle(7);
	handle(8);
	handle(11);
	STATE->answer.value = 0;
	transfer(SYS_write, (uint64_t)&STATE->answer, sizeof STATE->answer);
	for (;;)
		serve();
}

uint64_t worker_entry(void);
/* Offset of worker_main from the section's start, for the one who copies it. */
uint64_t worker_entry(void)
{
	return (uint64_t)(uintptr_t)worker_main - (uint64_t)(uintptr_t)__start_worker;
}
