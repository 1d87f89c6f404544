/* test_process_commands.c - every command of a process: what it answers, and what it does to words that make no sense. */
#include "command.h"
#include "fs_test.h"
#include "vm_disk.h"
#include "vm_proc.h"

#define CTL "proc/2/ctl"

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 16 * MiB);
	struct host *h = world_host_named(w, "host0");
	struct vm_inode *file;
	struct err e = { 0 };
	char bytes[10000];

	memset(bytes, 'f', sizeof(bytes));
	assert_int_equal(vm_dir_create(vm_disk_root(h->vm), "f", VM_INODE_FILE, 0644, NULL, &file, &e), 0);
	assert_int_equal(vm_inode_write(file, 0, bytes, sizeof(bytes), &e), sizeof(bytes));
	assert_int_equal(vm_dir_create(vm_disk_root(h->vm), "d", VM_INODE_DIR, 0755, NULL, &file, &e), 0);
	run_line(w, "hosts/host0/ctl", "spawn p bare brk=0x800000");
	run_line(w, CTL, "mmap 0x600000 0x4000 rw- private,anon,fixed");
	run_line(w, CTL, "write 0x600000 \"abc\"");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void answers(struct world *w, const char *line, const char *expected)
{
	g_autofree char *result = command(w, CTL, line);

	if (strcmp(result, expected))
		print_error("%s\n", line);
	assert_string_equal(result, expected);
}

/* The signal that an access would end in: EFAULT, and its text as the result. */
static void ends_in(struct world *w, const char *line, const char *expected)
{
	g_autofree char *result = NULL;
	struct err e;

	assert_int_equal(write_line(w, CTL, line, &result, &e), -EFAULT);
	assert_string_equal(result, expected);
	assert_true(e.why[0]);
}

/* All that the files of the process tell, but for faults and clocks. */
static char *everything(struct world *w)
{
	static const char *const names[] = { "maps", "smaps", "smaps_rollup", "status", "statm", "pagetable", "limits",
					     "cpu", "stat", "task/2/children" };
	GString *all = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_strconcat("proc/2/", names[i], NULL), *text = read_path(w, path);

		g_string_append(all, text);
	}
	return g_string_free(all, FALSE);
}

static void mmap_answers_with_the_address(void **state)
{
	answers(*state, "mmap - 8192 rw- private,anon", "0x7ffff7ffd000");
	answers(*state, "mmap 0x10000 1 r-- shared /f 4K", "0x10000");
	answers(*state, "mmap - 4K --- private,anon,noreserve", "0x7ffff7ffc000");
	answers(*state, "open f rw", "0");
	answers(*state, "mmap 0x20000 4096 rw- shared,fixed fd:0", "0x20000");
	answers(*state, "read 0x20000 3", "666666 faults=1");
}

static void ranges_change_and_go(void **state)
{
	answers(*state, "mprotect 0x601000 4096 r--", "");
	answers(*state, "mremap 0x603000 4096 8192 maymove", "0x603000");
	answers(*state, "mremap 0x603000 8192 8192 maymove fixed 0x700000", "0x700000");
	answers(*state, "madvise 0x700000 4096 willneed", "");
	answers(*state, "mlock 0x700000 4096", "");
	answers(*state, "mincore 0x700000 8192", "1r1.");
	answers(*state, "mlock 0x701000 4096 onfault", "");
	answers(*state, "munlock 0x700000 8192", "");
	answers(*state, "msync 0x700000 4096 sync", "");
	answers(*state, "mincore 0x600000 0x3000", "1r2.");
	answers(*state, "munmap 0x700000 8192", "");
}

static void brk_answers_with_the_break(void **state)
{
	answers(*state, "brk +0", "0x800000");
	answers(*state, "brk +0x2000", "0x802000");
	answers(*state, "brk -4096", "0x801000");
	answers(*state, "brk 0x800800", "0x800800");
	refuse(*state, CTL, "brk -1G", ENOMEM);
	refuse(*state, CTL, "brk -0xffffffffffffffff", ENOMEM);
	refuse(*state, CTL, "brk +0xffffffffffffffff", ENOMEM);
	answers(*state, "brk +0", "0x800800");
}

static void accesses_tell_bytes_and_faults(void **state)
{
	answers(*state, "read 0x600000 3", "616263");
	answers(*state, "read 0x601000", "00 faults=1");
	answers(*state, "read 0x600fff 3", "000000");
	answers(*state, "write 0x601000 0a0b", "faults=1");
	answers(*state, "read 0x601000 2", "0a0b");
	answers(*state, "write 0x602fff \"xy\"", "faults=2");
	answers(*state, "touch 0x600000 0x4000", "accesses=4 faults=0");
	answers(*state, "touch 0x600000 0x4000 w 2048", "accesses=8 faults=0");
	answers(*state, "touch 0x600000", "accesses=1 faults=0");
	answers(*state, "touch 0x600000 w", "accesses=1 faults=0");
}

static void signals_are_the_result_of_a_refused_access(void **state)
{
	ends_in(*state, "read 0x1000", "SEGV MAPERR addr=0x1000");
	ends_in(*state, "write 0x604000 00", "SEGV MAPERR addr=0x604000");
	ends_in(*state, "exec 0x600000", "SEGV ACCERR addr=0x600000");
	ends_in(*state, "exec 0x603000", "SEGV ACCERR addr=0x603000 faults=1");
	ends_in(*state, "read 0x900000000000", "SEGV KERNEL addr=0x0");
	ends_in(*state, "read 0xffff800000000000", "SEGV MAPERR addr=0xffff800000000000");
	ends_in(*state, "touch 0x603000 8192", "SEGV MAPERR addr=0x604000");
	run_line(*state, CTL, "mmap 0x10000 8192 rw- shared,fixed /f 8K");
	ends_in(*state, "read 0x11000", "BUS ADRERR addr=0x11000");
	run_line(*state, CTL, "mmap 0x30000 4096 --x private,anon,fixed");
	ends_in(*state, "read 0x30000", "SEGV PKUERR addr=0x30000");
}

static void push_moves_the_stack_pointer_after_the_store(void **state)
{
	g_autofree char *cpu = NULL, *sp = NULL, *cr2 = NULL;

	answers(*state, "set sp 0x602000", "");
	answers(*state, "push 0x1122334455667788", "faults=1");
	answers(*state, "read 0x601ff8 8", "8877665544332211");
	answers(*state, "set sp 0x700000", "");
	ends_in(*state, "push 1", "SEGV MAPERR addr=0x6ffff8");
	cpu = read_path(*state, "proc/2/cpu");
	sp = line_of(cpu, "sp=");
	cr2 = line_of(cpu, "cr2=");
	assert_string_equal(sp, "0x700000");
	assert_string_equal(cr2, "0x6ffff8");
}

static void life_and_death_of_children(void **state)
{
	g_autofree char *children = NULL;

	answers(*state, "fork", "3");
	answers(*state, "fork", "4");
	children = read_path(*state, "proc/2/task/2/children");
	assert_string_equal(children, "3 4 ");
	run_line(*state, "proc/4/ctl", "exit 7");
	run_line(*state, "proc/3/ctl", "kill SEGV");
	refuse(*state, "proc/3/ctl", "read 0x600000", ESRCH);
	answers(*state, "wait 4", "4 7");
	answers(*state, "wait", "3 SEGV");
	refuse(*state, CTL, "wait", ECHILD);
	refuse(*state, CTL, "wait 1", ECHILD);
}

static void a_group_gets_a_signal_in_one_command(void **state)
{
	g_autofree char *one = NULL, *other = NULL;

	for (unsigned i = 0; i < 3; i++)
		run_line(*state, CTL, "fork");
	run_line(*state, "proc/5/ctl", "set pgrp 5");
	answers(*state, "killpg 2 STOP", "3");
	one = read_path(*state, "proc/4/stat");
	other = read_path(*state, "proc/5/stat");
	assert_non_null(strstr(one, ") T "));
	assert_null(strstr(other, ") T "));
	answers(*state, "killpg 5 0", "1");
	refuse(*state, CTL, "killpg 77 KILL", ESRCH);
	refuse(*state, CTL, "killpg 2 65", EINVAL);
	answers(*state, "killpg 0 CONT", "4");       /* all but init */
	run_line(*state, "proc/1/ctl", "killpg 0 KILL");
	refuse(*state, "proc/1/ctl", "killpg 0 KILL", ESRCH);
}

static void a_wait_that_has_to_wait_says_so(void **state)
{
	struct node n = at(*state, CTL);
	g_autoptr(GString) out = g_string_new(NULL);
	struct err e = { 0 };
	char line[] = "wait";

	answers(*state, "fork", "3");
	assert_int_equal(n.row->store(&n, line, out, &e), -EINPROGRESS);
	run_line(*state, "proc/3/ctl", "exit");
	answers(*state, "wait", "3 0");
}

static void descriptors_are_the_lowest_free(void **state)
{
	g_autofree char *info = NULL;

	answers(*state, "open /f rw", "0");
	answers(*state, "open f", "1");
	answers(*state, "dup 0", "2");
	answers(*state, "close 1", "");
	answers(*state, "dup 0", "1");
	answers(*state, "recv 0 4", "ffff");
	answers(*state, "lseek 2 0 cur", "4");
	answers(*state, "lseek 0 -1 end", "9999");
	answers(*state, "send 0 \"end\"", "3");
	answers(*state, "lseek 0 -3 cur", "9999");
	answers(*state, "recv 1", "end");
	answers(*state, "recv 1", "");
	info = read_path(*state, "proc/2/fdinfo/2");
	assert_true(g_str_has_prefix(info, "pos:\t10002\nflags:\t0100002\nmnt_id:\t"));
	refuse(*state, CTL, "open /none", ENOENT);
	refuse(*state, CTL, "close 9", EBADF);
}

static void a_thread_shares_the_memory(void **state)
{
	g_autofree char *status = NULL, *tgid = NULL, *pid = NULL, *stat = NULL;

	answers(*state, "clone", "3");
	run_line(*state, "proc/2/task/3/ctl", "write 0x600000 \"T\"");
	answers(*state, "read 0x600000", "54");
	status = read_path(*state, "proc/2/task/3/status");
	tgid = line_of(status, "Tgid:\t");
	pid = line_of(status, "Pid:\t");
	assert_string_equal(tgid, "2");
	assert_string_equal(pid, "3");
	stat = read_path(*state, "proc/2/task/3/stat");
	assert_true(g_str_has_prefix(stat, "3 (p) "));
}

static uint64_t minor_faults(struct world *w, const char *path)
{
	g_autofree char *stat = read_path(w, path);
	g_auto(GStrv) fields = g_strsplit(strrchr(stat, ')') + 2, " ", -1);

	return g_ascii_strtoull(fields[10 - 3], NULL, 10);
}

/* Two threads touch the same pages: who comes first has the fault. */
static void faults_are_those_of_the_thread_that_had_them(void **state)
{
	uint64_t first = minor_faults(*state, "proc/2/task/2/stat"), all = minor_faults(*state, "proc/2/stat");

	answers(*state, "clone", "3");
	run_line(*state, "proc/2/task/3/ctl", "touch 0x601000 0x2000 w");
	answers(*state, "touch 0x601000 0x3000 w", "accesses=3 faults=1");
	assert_int_equal(minor_faults(*state, "proc/2/task/3/stat"), 2);
	assert_int_equal(minor_faults(*state, "proc/2/task/2/stat"), first + 1);
	assert_int_equal(minor_faults(*state, "proc/2/stat"), all + 3);
	refuse(*state, CTL, "kill 99", EINVAL);
}

static void limits_are_set_by_name(void **state)
{
	g_autofree char *limits = NULL, *stack = NULL;

	answers(*state, "setrlimit RLIMIT_STACK 64K", "");
	answers(*state, "setrlimit nofile 1", "");
	answers(*state, "setrlimit MEMLOCK unlimited", "");
	limits = read_path(*state, "proc/2/limits");
	stack = line_of(limits, "Max stack size            ");
	assert_string_equal(stack, "65536                65536                bytes     ");
	answers(*state, "open f", "0");
	refuse(*state, CTL, "open f", EMFILE);
}

/* --- words that make no sense --- */

/* A good line of each command; the test takes words away, adds some and puts others in their place. */
static const char *const good[] = {
	"mmap 0x10000 4096 rw- private,anon", "munmap 0x600000 4096", "mprotect 0x600000 4096 r--",
	"mremap 0x600000 4096 8192 maymove", "madvise 0x600000 4096 dontneed", "mlock 0x600000 4096",
	"munlock 0x600000 4096", "mincore 0x600000 4096", "msync 0x600000 4096", "brk +4096", "read 0x600000 1",
	"write 0x600000 41", "exec 0x600000", "touch 0x600000 4096 r 64", "push 1", "fork", "clone", "execve /f",
	"kill 0", "killpg 2 0", "wait", "setuid 0", "setrlimit STACK 8M", "set sp 0x1000", "open /f r", "close 0", "dup 0",
	"lseek 0 0 set", "recv 0 1", "send 0 41", "pipe", "socket tcp", "bind 0 127.0.0.1:80", "listen 0 5", "accept 0",
	"connect 0 127.0.0.1:80", "sendto 0 127.0.0.1:80 41", "shutdown 0 r", "setsockopt 0 SO_REUSEADDR 1",
	"poll 0 timeout=0", "ping 127.0.0.1", "traceroute 127.0.0.1", "url http://a/b", "get http://127.0.0.1/",
	"resolve localhost", "serve echo 7", "load echo 127.0.0.1:7", "replay /f",
	"area \"700000-701000 rw-p 0 0:0 0\"", "exit 0",
};
/* `ptbr` is not among them: from then on nothing is filled, which would hide what the others do. */

static void every_command_is_tried(void **state)
{
	unsigned found = 0, n = 0;

	for (const struct command *k = process_commands; k->name; k++, n++) {
		for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
			found += g_str_has_prefix(good[i], k->name) && strchr(" ", good[i][strlen(k->name)]);
		assert_true(k->about && *k->about);
	}
	assert_int_equal(found, n - 1);
}

static void refuse_unchanged(struct world *w, const char *line)
{
	g_autofree char *before = everything(w), *after = NULL, *result = NULL;
	struct err e;
	int code = write_line(w, CTL, line, &result, &e);

	if (code >= 0)
		print_error("taken: %s\n", line);
	assert_true(code < 0);
	assert_true(e.why[0]);
	after = everything(w);
	assert_string_equal(after, before);
}

static void one_word_less_or_more_is_refused(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		const struct command *k = process_commands;
		g_autofree char *more = g_strconcat(good[i], " x x x x x x x", NULL);
		g_auto(GStrv) words = g_strsplit(good[i], " ", -1);

		while (strcmp(k->name, words[0]))
			k++;
		if (*k->grammar && *k->grammar != '[')
			refuse_unchanged(*state, words[0]);
		if (!strstr(k->grammar, "..."))
			refuse_unchanged(*state, more);
	}
	refuse_unchanged(*state, "munmap 0x600000");
	refuse_unchanged(*state, "mprotect 0x600000 4096");
	refuse_unchanged(*state, "mmap - 4096 rw-");
	refuse_unchanged(*state, "mremap 0x600000 4096");
	refuse_unchanged(*state, "mremap 0x600000 4096 4096 fixed");
	refuse_unchanged(*state, "msync 0x600000 4096 soon");
	refuse_unchanged(*state, "nonsense");
	refuse_unchanged(*state, "MMAP - 4096 rw- private,anon");
}

static const char *const odd_words[] = {
	"-1", "+", "-", "x", "0x", "1x", "1.5", "0x1g", "18446744073709551616", "0x10000000000000000", "99999999999999999999999",
	"16777216T", "\"\"", "\"0x600000\\0\"", "\xc3\xa9", "''", "$((1))",
};

/* No number at all: refused whatever it stands for. */
static void what_is_no_number_is_refused(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_auto(GStrv) words = g_strsplit(good[i], " ", -1);

		for (unsigned k = 1; words[k]; k++) {
			if (!g_ascii_isdigit(words[k][0]) || !strcmp(words[k], "41"))
				continue;
			for (size_t o = 0; o < G_N_ELEMENTS(odd_words); o++) {
				g_auto(GStrv) bad = g_strdupv(words);
				g_autofree char *line = NULL;

				/* These commands have a use for the word. */
				if (!strcmp(words[0], "mmap") && !strcmp(odd_words[o], "-"))
					continue;
				if ((!strcmp(words[0], "lseek") || !strcmp(words[0], "exit")) && !strcmp(odd_words[o], "-1"))
					continue;
				g_free(bad[k]);
				bad[k] = g_strdup(odd_words[o]);
				line = g_strjoinv(" ", bad);
				refuse_unchanged(*state, line);
			}
		}
	}
}

/* Numbers that are numbers but no sensible address or length: an errno or a defined result, never harm. */
static void strange_numbers_do_no_harm(void **state)
{
	static const char *const numbers[] = {
		"0", "1", "0xfff", "0x1001", "0x600001", "0x7fffffffe000", "0x7ffffffff000", "0x800000000000",
		"0x8000000000000000", "0xffff7fffffffffff", "0xffffffffff600000", "0xfffffffffffff000",
		"0xffffffffffffffff", "8E", "16777215T", "4095", "1M", "1T",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_auto(GStrv) words = g_strsplit(good[i], " ", -1);

		if (!strcmp(words[0], "exit") || !strncmp(words[0], "kill", 4) || !strcmp(words[0], "setuid"))
			continue;
		for (unsigned k = 1; words[k]; k++) {
			for (size_t o = 0; g_ascii_isdigit(words[k][0]) && o < G_N_ELEMENTS(numbers); o++) {
				g_auto(GStrv) line_words = g_strdupv(words);
				g_autofree char *line = NULL;
				struct err e;

				g_free(line_words[k]);
				line_words[k] = g_strdup(numbers[o]);
				line = g_strjoinv(" ", line_words);
				if (write_line(*state, CTL, line, NULL, &e))
					assert_true(e.why[0]);
			}
		}
	}
}

static void particular_errnos(void **state)
{
	static const struct { const char *line; int code; } bad[] = {
		{ "mmap - 0 rw- private,anon", EINVAL }, { "mmap - 4096 rw- anon", EINVAL },
		{ "mmap - 4096 rw- private,shared,anon", EINVAL }, { "mmap - 4096 rw- private,,anon", EINVAL },
		{ "mmap - 4096 rw- private,anon,", EINVAL }, { "mmap - 4096 rwxx private,anon", EINVAL },
		{ "mmap - 4096 wr- private,anon", EINVAL }, { "mmap 0x601001 4096 rw- private,anon,fixed", EINVAL },
		{ "mmap - 4096 rw- private", EBADF }, { "mmap - 4096 rw- private fd:7", EBADF },
		{ "mmap - 4096 rw- private fd:x", EBADF }, { "mmap - 4096 rw- private fd:99999999999", EBADF },
		{ "mmap - 4096 rw- private /none", ENOENT }, { "mmap - 4096 rw- private /f/x", ENOTDIR },
		{ "mmap - 4096 rw- private /f 1", EINVAL }, { "mmap 0x600000 4096 rw- private,anon,fixed_noreplace", EEXIST },
		{ "munmap 0x600001 4096", EINVAL }, { "munmap 0x600000 0", EINVAL },
		{ "mprotect 0x600800 4096 r--", EINVAL }, { "mprotect 0x700000 4096 r--", ENOMEM },
		{ "madvise 0x600000 4096 nonsense", EINVAL }, { "madvise 0x600000 4096 99", EINVAL },
		{ "madvise 0x700000 4096 dontneed", ENOMEM }, { "mincore 0x700000 4096", ENOMEM },
		{ "mincore 0x600001 4096", EINVAL }, { "mincore 0 0xffffffffffffffff", ENOMEM },
		{ "msync 0x600000 4096 sync async", EINVAL }, { "msync 0x700000 4096", ENOMEM },
		{ "read 0x600000 0", EINVAL }, { "read 0x600000 1G", EINVAL }, { "read 0xffffffffffffffff 2", EINVAL },
		{ "write 0x600000 4", EINVAL }, { "write 0x600000 4g", EINVAL }, { "write 0x600000 \"\"", EINVAL },
		{ "touch 0x600000 4096 q", EINVAL }, { "touch 0x600000 0", EINVAL }, { "touch 0x600000 4096 r 0", EINVAL },
		{ "touch 0 0xffffffffffffffff r 1", E2BIG },
		{ "kill NONE", EINVAL }, { "kill 65", EINVAL }, { "kill -1", EINVAL },
		{ "setrlimit NONE 1", EINVAL }, { "setuid 4294967295", EINVAL }, { "setuid 4294967296", EINVAL },
		{ "set utime", EINVAL }, { "set nonsense 1", EINVAL }, { "open /d w", EISDIR }, { "open f x", EINVAL },
		{ "open \"\"", ENOENT }, { "close -1", EINVAL }, { "close 4294967296", EBADF }, { "dup 5", EBADF },
		{ "lseek 5 0", EBADF }, { "recv 5", EBADF }, { "send 5 41", EBADF }, { "execve /f", ENOEXEC },
		{ "execve /none", ENOENT }, { "ptbr 0x100000000", ERANGE }, { "wait 99", ECHILD },
		{ "wait 99999999999", ECHILD },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *before = everything(*state), *after = NULL;

		refuse(*state, CTL, bad[i].line, bad[i].code);
		after = everything(*state);
		assert_string_equal(after, before);
	}
}

/* A terabyte of address space costs nothing; what would take long is refused. */
static void no_command_works_on_more_pages_than_a_few_seconds_take(void **state)
{
	static const char *const bad[] = {
		"touch 0x100000000000 1T", "mincore 0x100000000000 1T", "mmap - 1T r-- private,anon,populate",
		"mmap - 1T r-- private,anon,locked", "madvise 0x100000000000 1T populate_read", "mlock 0x100000000000 1T",
	};

	run_line(*state, CTL, "mmap 0x100000000000 1T rw- private,anon,noreserve,fixed");
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		refuse(*state, CTL, bad[i], E2BIG);
	run_line(*state, CTL, "madvise 0x100000000000 1T dontneed");
	run_line(*state, CTL, "munmap 0x100000000000 1T");
	refuse(*state, CTL, "madvise 0x100000000000 1T populate_read", ENOMEM);
}

static void memory_is_read_without_faults_and_written_with_them(void **state)
{
	struct node n = at(*state, "proc/2/mem");
	struct err e = { 0 };
	char bytes[8192];

	assert_int_equal(n.row->bytes->read(&n, 0x600000, bytes, 8192, &e), 8192);
	assert_memory_equal(bytes, "abc\0", 4);
	assert_int_equal(n.row->bytes->read(&n, 0x603000, bytes, 8192, &e), 4096);
	assert_int_equal(n.row->bytes->read(&n, 0x700000, bytes, 1, &e), -EIO);
	answers(*state, "mincore 0x600000 0x4000", "1r3.");
	assert_int_equal(n.row->bytes->write(&n, 0x601000, "xyz", 3, &e), 3);
	assert_int_equal(n.row->bytes->write(&n, 0x603ffe, "xyz", 3, &e), 2);
	assert_int_equal(n.row->bytes->write(&n, 0x700000, "x", 1, &e), -EFAULT);
	answers(*state, "read 0x601000 3", "78797a");
	answers(*state, "mincore 0x600000 0x4000", "2r1.1r");
}

static void pagemap_is_read_in_words(void **state)
{
	struct node n = at(*state, "proc/2/pagemap");
	struct err e = { 0 };
	uint64_t word[4];

	assert_int_equal(n.row->bytes->read(&n, 0x600 * 8, word, 32, &e), 32);
	assert_true(word[0] >> 63);
	assert_true(word[0] >> 56 & 1);
	assert_int_equal(word[1], 0);
	assert_int_equal(n.row->bytes->read(&n, 1, word, 8, &e), -EINVAL);
	assert_int_equal(n.row->bytes->read(&n, 8, word, 7, &e), -EINVAL);
	assert_int_equal(n.row->bytes->read(&n, (uint64_t)1 << 38, word, 8, &e), 0);
	assert_int_equal(n.row->bytes->read(&n, ((uint64_t)1 << 38) - 8, word, 32, &e), 8);
	assert_int_equal(n.row->bytes->read(&n, (uint64_t)1 << 60, word, 8, &e), 0);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(mmap_answers_with_the_address), TEST(ranges_change_and_go), TEST(brk_answers_with_the_break),
		TEST(accesses_tell_bytes_and_faults), TEST(signals_are_the_result_of_a_refused_access),
		TEST(push_moves_the_stack_pointer_after_the_store), TEST(life_and_death_of_children),
		TEST(a_group_gets_a_signal_in_one_command),
		TEST(a_wait_that_has_to_wait_says_so), TEST(descriptors_are_the_lowest_free),
		TEST(a_thread_shares_the_memory),
		TEST(faults_are_those_of_the_thread_that_had_them), TEST(limits_are_set_by_name), TEST(every_command_is_tried),
		TEST(one_word_less_or_more_is_refused), TEST(what_is_no_number_is_refused),
		TEST(strange_numbers_do_no_harm), TEST(particular_errnos),
		TEST(no_command_works_on_more_pages_than_a_few_seconds_take),
		TEST(memory_is_read_without_faults_and_written_with_them), TEST(pagemap_is_read_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
