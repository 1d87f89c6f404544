/*
 * test_elf.c - tests of vmcore/elf.c: what an ELF file becomes is compared with what the running kernel makes of it.
 *
 * The kernel's side is a child that asks to be traced, switches randomisation off and executes the file; it is stopped
 * before its first instruction, and its /proc/PID/maps read. Where tracing is not allowed those tests are skipped.
 */
#include "whole.h"

#include "inode.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, whole_setup, whole_teardown)

static const char *const arguments[] = { "victim", "one", "two", NULL };

/* Makes the directories of `path` as needed and puts the bytes there. */
static struct vm_inode *put_bytes(struct vm_host *h, const char *path, const void *bytes, size_t len)
{
	g_auto(GStrv) names = g_strsplit(path + 1, "/", -1);
	struct vm_inode *at = vm_disk_root(h), *next;
	struct err e = { 0 };

	for (char **n = names; *n; n++, at = next) {
		next = vm_dir_at(at, *n);
		if (!next && vm_dir_create(at, *n, n[1] ? VM_INODE_DIR : VM_INODE_FILE, 0755, NULL, &next, &e) < 0)
			fail_msg("%s: %s", path, e.why);
	}
	assert_int_equal(vm_inode_truncate(at, 0, &e), 0);
	assert_int_equal(vm_inode_write(at, 0, bytes, len, &e), len);
	return at;
}

static struct vm_inode *copy_in(struct vm_host *h, const char *path, const char *real)
{
	g_autofree char *bytes = NULL;
	gsize len;

	if (!g_file_get_contents(real, &bytes, &len, NULL))
		fail_msg("cannot read %s", real);
	return put_bytes(h, path, bytes, len);
}

/* What the kernel calls a mapping, cut down to what both sides agree on. */
static const char *kind_of(const char *name)
{
	if (name[0] == '[')
		return name;
	return name[0] ? "file" : "";
}

/* "start-end perms offset kind" lines; areas of the kernel's own are left out unless `special`. */
static void add_line(GString *s, va_t start, va_t end, const char *perms, uint64_t offset, const char *name, bool special)
{
	bool own = g_str_has_prefix(name, "[v");

	if (own && !special)
		return;
	g_string_append_printf(s, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x %s %" G_GINT64_MODIFIER "x %s\n", start, end,
			       perms, offset, kind_of(name));
}

static char *parse_real(FILE *f, bool *special)
{
	GString *s = g_string_new(NULL);
	char line[4096];

	*special = false;
	for (int pass = 0; pass < 2; pass++) {           /* the first finds out what kind of kernel it is */
		g_string_truncate(s, 0);
		rewind(f);
		while (fgets(line, sizeof line, f)) {
			unsigned long start, end, offset;
			char perms[5], name[4096] = "";

			assert_true(sscanf(line, "%lx-%lx %4s %lx %*s %*s %4095[^\n]", &start, &end, perms, &offset, name) >= 4);
			*special |= strcmp(name, "[vvar_vclock]") == 0;
			add_line(s, start, end, perms, offset, name, *special);
		}
	}
	return g_string_free(s, FALSE);
}

/* What the kernel remembers of an image, as proc/PID/stat shows it. */
struct marks { unsigned long start_code, end_code, start_stack, start_data, end_data, start_brk, arg_start, arg_end; size_t auxv; };

static void read_marks(pid_t pid, struct marks *m)
{
	char name[64];
	g_autofree char *text = NULL, *auxv = NULL;
	g_auto(GStrv) words = NULL;
	gsize len = 0;

	*m = (struct marks){ 0 };
	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	if (!g_file_get_contents(name, &text, NULL, NULL))
		return;
	words = g_strsplit(strrchr(text, ')') + 2, " ", -1);   /* from field 3 on */
	m->start_code = strtoul(words[26 - 3], NULL, 10);
	m->end_code = strtoul(words[27 - 3], NULL, 10);
	m->start_stack = strtoul(words[28 - 3], NULL, 10);
	m->start_data = strtoul(words[45 - 3], NULL, 10);
	m->end_data = strtoul(words[46 - 3], NULL, 10);
	m->start_brk = strtoul(words[47 - 3], NULL, 10);
	m->arg_start = strtoul(words[48 - 3], NULL, 10);
	m->arg_end = strtoul(words[49 - 3], NULL, 10);
	snprintf(name, sizeof name, "/proc/%d/auxv", pid);
	if (g_file_get_contents(name, &auxv, &len, NULL))
		m->auxv = len / 16;
}

static void be_traced(const char *path)
{
	char *env[] = { NULL };

	if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 || personality(ADDR_NO_RANDOMIZE) < 0)
		_exit(77);
	execve(path, (char *const *)arguments, env);
	_exit(77);
}

/* The real kernel's areas for the file; NULL where they cannot be had. */
static char *real_areas(const char *path, bool *special, struct marks *marks)
{
	char name[64], *areas = NULL;
	pid_t pid = fork();
	int status;
	FILE *f;

	if (pid == 0)
		be_traced(path);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return NULL;
	snprintf(name, sizeof name, "/proc/%d/maps", pid);
	f = fopen(name, "r");
	if (f) {
		areas = parse_real(f, special);
		read_marks(pid, marks);
		fclose(f);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return areas;
}

static char *simulated_areas(const struct vm_proc *p, bool special)
{
	GString *s = g_string_new(NULL);
	struct vm_area a;

	for (va_t at = 0; vm_area_above(p, at, &a); at = a.end) {
		const char *label = vm_area_special(p, a.start);
		char perms[5] = { a.flags & VM_F_READ ? 'r' : '-', a.flags & VM_F_WRITE ? 'w' : '-',
				  a.flags & VM_F_EXEC ? 'x' : '-', a.flags & VM_F_MAYSHARE ? 's' : 'p', '\0' };

		if (!label)
			label = a.heap ? "[heap]" : a.stack ? "[stack]" : a.inode ? "file" : "";
		add_line(s, a.start, a.end, perms, a.offset, label, special);
	}
	return g_string_free(s, FALSE);
}

static struct vm_proc *spawn_file(struct vm_host *h, struct vm_inode *file, const char *path, struct err *e)
{
	struct vm_spawn s = { .name = "victim", .file = file, .path = path, .argv = arguments };

	return vm_spawn(h, &s, e);
}

static void assert_marks(const struct vm_proc *p, const struct marks *m)
{
	struct vm_proc_info is;

	vm_proc_info(p, &is);
	if (!m->start_code)
		return;                                  /* proc/PID/stat does not tell */
	assert_int_equal(is.start_code, m->start_code);
	assert_int_equal(is.end_code, m->end_code);
	assert_int_equal(is.start_data, m->start_data);
	assert_int_equal(is.end_data, m->end_data);
	assert_int_equal(is.start_brk, m->start_brk);
	assert_int_equal(is.arg_start, m->arg_start);
	assert_int_equal(is.arg_end, m->arg_end);
	if (m->auxv == 23)                               /* as many entries as ours */
		assert_int_equal(is.start_stack, m->start_stack);
}

static void compare_with_kernel(struct vm_host *h, const char *real)
{
	g_autofree char *expected = NULL, *is = NULL;
	struct marks marks = { 0 };
	bool special = false;
	struct err e = { 0 };
	struct vm_proc *p;

	if (access(real, X_OK) < 0)
		skip();
	expected = real_areas(real, &special, &marks);
	if (!expected)
		skip();
	p = spawn_file(h, copy_in(h, real, real), real, &e);
	if (!p)
		fail_msg("%s", e.why);
	is = simulated_areas(p, special);
	assert_string_equal(is, expected);
	assert_marks(p, &marks);
	assert_checks(h);
}

static void add_loader(struct vm_host *h)
{
	copy_in(h, "/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2");
}

static void a_static_program_is_mapped_as_by_the_kernel(void **state)
{
	compare_with_kernel(((struct whole *)*state)->h, VICTIM_STATIC);
}

static void a_static_pie_is_mapped_as_by_the_kernel(void **state)
{
	compare_with_kernel(((struct whole *)*state)->h, VICTIM_STATIC_PIE);
}

static void a_dynamic_program_is_mapped_as_by_the_kernel(void **state)
{
	struct whole *m = *state;

	add_loader(m->h);
	compare_with_kernel(m->h, VICTIM_DYNAMIC);
}

static void a_dynamic_program_at_fixed_addresses_is_mapped_as_by_the_kernel(void **state)
{
	struct whole *m = *state;

	add_loader(m->h);
	compare_with_kernel(m->h, VICTIM_NO_PIE);
}

static void a_program_aligned_to_2_mib_is_mapped_as_by_the_kernel(void **state)
{
	struct whole *m = *state;

	add_loader(m->h);
	compare_with_kernel(m->h, VICTIM_ALIGNED);
}

static void bin_true_is_mapped_as_by_the_kernel(void **state)
{
	struct whole *m = *state;

	add_loader(m->h);
	compare_with_kernel(m->h, "/bin/true");
}

static void a_shell_is_mapped_as_by_the_kernel(void **state)
{
	struct whole *m = *state;

	add_loader(m->h);
	compare_with_kernel(m->h, "/bin/bash");
}

static void python_is_mapped_as_by_the_kernel(void **state)
{
	struct whole *m = *state;

	add_loader(m->h);
	compare_with_kernel(m->h, "/usr/bin/python3");
}

static void the_loader_itself_is_mapped_as_by_the_kernel(void **state)
{
	compare_with_kernel(((struct whole *)*state)->h, "/lib64/ld-linux-x86-64.so.2");
}

static uint64_t word_at(struct vm_proc *p, va_t at)
{
	uint64_t word = 0;

	assert_int_equal(vm_peek(p, at, &word, 8), 8);
	return word;
}

static void arguments_and_the_auxiliary_vector_are_on_the_stack(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_proc *p = spawn_file(m->h, copy_in(m->h, "/v", VICTIM_DYNAMIC), "/v", &e);
	struct vm_cpu cpu;
	struct vm_proc_info info;
	char text[8] = "";
	uint64_t entry = 0, headers = 0;

	assert_non_null(p);
	vm_cpu(p, &cpu);
	vm_proc_info(p, &info);
	assert_int_equal(cpu.sp % 16, 0);
	assert_int_equal(word_at(p, cpu.sp), 3);
	assert_int_equal(vm_peek(p, word_at(p, cpu.sp + 16), text, 4), 4);
	assert_string_equal(text, "one");
	assert_int_equal(word_at(p, cpu.sp + 8), info.arg_start);
	assert_int_equal(info.arg_end - info.arg_start, sizeof "victim" + sizeof "one" + sizeof "two");
	assert_int_equal(word_at(p, cpu.sp + 32), 0);
	for (va_t at = cpu.sp + 48; word_at(p, at) != AT_NULL; at += 16) {
		entry = word_at(p, at) == AT_ENTRY ? word_at(p, at + 8) : entry;
		headers = word_at(p, at) == AT_PHDR ? word_at(p, at + 8) : headers;
	}
	assert_true(entry >= info.start_code && entry < info.end_code);
	assert_int_equal(cpu.pc, entry);
	assert_int_equal(headers, 0x555555554040);
	assert_int_equal(info.start_stack, cpu.sp);
	assert_int_equal(info.rss_anon, 2 * 4096);               /* the stack's page and the one with data and zeros */
	assert_int_equal(info.rss_file, 0);
}

static void nothing_is_loaded_until_it_is_touched(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_inode *f = copy_in(m->h, "/v", VICTIM_STATIC);
	struct vm_proc *p, *q;
	struct vm_proc_info info;
	struct vm_page a, b;

	vm_writeback(m->h, &e);
	vm_drop_caches(m->h, &e);
	p = spawn_file(m->h, f, "/v", &e);
	assert_non_null(p);
	vm_proc_info(p, &info);
	assert_int_equal(info.rss_file, 0);
	q = spawn_file(m->h, f, "/v", &e);
	whole_load(p, info.start_code);
	whole_load(q, info.start_code);
	vm_page_at(p, info.start_code, &a);
	vm_page_at(q, info.start_code, &b);
	assert_int_equal(a.state, VM_PAGE_FILE);
	assert_int_equal(a.pfn, b.pfn);
	assert_checks(m->h);
}

static void without_its_loader_a_program_is_mapped_alone_and_an_event_says_so(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_proc *p = spawn_file(m->h, copy_in(m->h, "/v", VICTIM_DYNAMIC), "/v", &e);
	bool said = false;
	struct vm_area a;

	assert_non_null(p);
	for (va_t at = 0; vm_area_above(p, at, &a); at = a.end)
		assert_true(!a.inode || a.inode == vm_disk_lookup(m->h, "/v", &e));
	for (uint64_t k = journal_oldest(&m->journal); k < m->journal.next; k++)
		said |= strcmp(journal_at(&m->journal, k)->kind->name, "no_interpreter") == 0;
	assert_true(said);
	assert_true(vm_area_above(p, 0, &a));
	assert_int_equal(a.start, 0x555555554000);
}

static void execve_replaces_the_image_and_keeps_descriptors_and_pid(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "old", false);
	struct vm_inode *f = copy_in(m->h, "/bin/victim", VICTIM_STATIC);
	struct vm_proc_info info;
	struct vm_fd d;
	struct err e = { 0 };
	size_t len;
	int fd;
	int32_t tid;

	whole_store(p, 0x404000, 1);
	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &fd, &e), 0);
	assert_int_equal(vm_clone_thread(p, &tid, &e), 0);
	assert_int_equal(vm_execve(p, f, "/bin/victim", NULL, &e), 0);
	assert_checks(m->h);
	vm_proc_info(p, &info);
	assert_int_equal(info.pid, 2);
	assert_int_equal(info.threads, 1);
	assert_string_equal(info.comm, "victim");
	assert_string_equal(vm_proc_cmdline(p, &len), "/bin/victim");
	assert_string_equal(vm_proc_exe(p), "/bin/victim");
	assert_true(vm_fd_above(p, 0, &d));
}

static void a_failing_execve_leaves_the_old_image(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "old", false);
	struct vm_inode *f = put_bytes(m->h, "/script", "#!/bin/sh\n", 10);
	g_autofree char *before = whole_areas(p), *after = NULL;
	struct err e = { 0 };
	uint64_t frames = m->h->frames_free;

	assert_int_equal(vm_execve(p, f, "/script", NULL, &e), -ENOEXEC);
	assert_int_equal(vm_execve(p, vm_disk_root(m->h), "/", NULL, &e), -EACCES);
	f = copy_in(m->h, "/v", VICTIM_DYNAMIC);
	put_bytes(m->h, "/lib64/ld-linux-x86-64.so.2", "junk", 4);
	frames = m->h->frames_free;
	assert_int_equal(vm_execve(p, f, "/v", NULL, &e), -ELIBBAD);
	assert_int_equal(m->h->frames_free, frames);
	after = whole_areas(p);
	assert_string_equal(before, after);
	assert_string_equal(p->comm, "old");
	assert_checks(m->h);
}

static void out_of_frames_an_execve_fails_and_leaves_the_old_image(void **state)
{
	struct whole *m = whole_with("x86-64", 24 * 4096, 0);
	struct vm_inode *f = copy_in(m->h, "/v", VICTIM_STATIC);
	struct vm_proc *p = whole_spawn(m->h, "old", true);
	va_t at = whole_map(p, 0, 20 * 4096, RW, PRIVATE_ANON, NULL, 0);
	struct vm_outcome o;
	struct err e = { 0 };
	uint64_t n = 0;

	while (n < 20 && vm_touch(p, at + n * 4096, 1, 1, VM_WRITE, &o, &e) == 0)
		n++;
	assert_int_equal(vm_execve(p, f, "/v", NULL, &e), -ENOMEM);
	assert_checks(m->h);
	assert_int_equal(vm_area_count(p), 1);
	for (uint64_t k = 0; k < n; k++)
		whole_store(p, at + k * 4096, 1);
	assert_null(spawn_file(m->h, f, "/v", &e));
	assert_int_equal(vm_proc_count(m->h), 2);
	whole_free(m);
}

/* Every prefix of a program is refused, or mapped as the kernel would: never more. */
static void a_program_truncated_at_any_byte_is_refused_or_mapped(void **state)
{
	struct whole *m = *state;
	g_autofree char *bytes = NULL;
	struct err e = { 0 };
	struct vm_inode *f;
	gsize len, refused = 0;

	assert_true(g_file_get_contents(VICTIM_STATIC, &bytes, &len, NULL));
	f = put_bytes(m->h, "/v", bytes, len);
	for (gsize n = len; n-- > 0;) {
		struct vm_proc *p;

		assert_int_equal(vm_inode_truncate(f, n, &e), 0);
		p = spawn_file(m->h, f, "/v", &e);
		if (p) {
			assert_int_equal(vm_exit(p, 0, &e), 0);
			continue;
		}
		assert_true(e.code == ENOEXEC || e.code == EINVAL);
		assert_int_not_equal(e.why[0], '\0');
		refused++;
	}
	assert_true(refused >= sizeof(Elf64_Ehdr));
	assert_int_equal(vm_proc_count(m->h), 1);
	assert_checks(m->h);
}

/* Headers with random words in them never do harm. */
static void hostile_headers_are_refused_or_mapped(void **state)
{
	static const uint64_t words[] = { 0, 1, 4095, 4096, 0x1000000, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX,
					  UINT64_MAX - 4095, 0x7ffffffff000, 0x7fffffffe000, 0x555555554000, 0x8000000000000000 };
	struct whole *m = *state;
	g_autofree char *bytes = NULL;
	struct vm_inode *f;
	struct err e = { 0 };
	struct rng r;
	gsize len;
	int made = 0;

	rng_seed(&r, 3, "elf");
	assert_true(g_file_get_contents(VICTIM_DYNAMIC, &bytes, &len, NULL));
	f = put_bytes(m->h, "/v", bytes, len);
	for (int k = 0; k < 4000; k++) {
		g_autofree char *bad = g_memdup2(bytes, len);
		struct vm_proc *p;

		for (uint64_t n = 1 + rng_below(&r, 3); n > 0; n--) {
			uint64_t word = rng_below(&r, 3) ? words[rng_below(&r, G_N_ELEMENTS(words))] : rng_next(&r);
			size_t width = (size_t)1 << rng_below(&r, 4), at = 16 + rng_below(&r, 64 + 10 * 56 - 24);

			memcpy(bad + (at & -width), &word, width);
		}
		assert_int_equal(vm_inode_write(f, 0, bad, 1024, &e), 1024);
		p = spawn_file(m->h, f, "/v", &e);
		if (!p)
			continue;
		made++;
		if (made % 16 == 0)
			assert_checks(m->h);
		vm_exit(p, 0, &e);
	}
	assert_true(made > 100);
	assert_checks(m->h);
}

static void a_32_bit_geometry_runs_32_bit_programs(void **state)
{
	struct whole *m = whole_with("x86-32", 16 * MiB, 0);
	struct {
		Elf32_Ehdr h;
		Elf32_Phdr p;
	} small = {
		.h = { .e_ident = ELFMAG "\1\1\1", .e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1,
		       .e_entry = 0x8048054, .e_phoff = sizeof(Elf32_Ehdr), .e_ehsize = sizeof(Elf32_Ehdr),
		       .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1 },
		.p = { .p_type = PT_LOAD, .p_vaddr = 0x8048000, .p_filesz = sizeof small, .p_memsz = 0x3000,
		       .p_flags = PF_R | PF_W | PF_X, .p_align = 4096 },
	};
	struct vm_inode *f = put_bytes(m->h, "/v", &small, sizeof small), *wide = copy_in(m->h, "/w", VICTIM_STATIC);
	struct err e = { 0 };
	struct vm_proc *p = spawn_file(m->h, f, "/v", &e);
	struct vm_area a;

	if (!p)
		fail_msg("%s", e.why);
	assert_true(vm_area_above(p, 0, &a));
	assert_int_equal(a.start, 0x8048000);
	assert_int_equal(a.end, 0x8049000);
	assert_checks(m->h);
	assert_null(spawn_file(m->h, wide, "/w", &e));
	assert_int_equal(e.code, ENOEXEC);
	whole_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_static_program_is_mapped_as_by_the_kernel),
		TEST(a_static_pie_is_mapped_as_by_the_kernel),
		TEST(a_dynamic_program_is_mapped_as_by_the_kernel),
		TEST(a_dynamic_program_at_fixed_addresses_is_mapped_as_by_the_kernel),
		TEST(a_program_aligned_to_2_mib_is_mapped_as_by_the_kernel),
		TEST(bin_true_is_mapped_as_by_the_kernel),
		TEST(a_shell_is_mapped_as_by_the_kernel),
		TEST(python_is_mapped_as_by_the_kernel),
		TEST(the_loader_itself_is_mapped_as_by_the_kernel),
		TEST(arguments_and_the_auxiliary_vector_are_on_the_stack),
		TEST(nothing_is_loaded_until_it_is_touched),
		TEST(without_its_loader_a_program_is_mapped_alone_and_an_event_says_so),
		TEST(execve_replaces_the_image_and_keeps_descriptors_and_pid),
		TEST(a_failing_execve_leaves_the_old_image),
		cmocka_unit_test(out_of_frames_an_execve_fails_and_leaves_the_old_image),
		TEST(a_program_truncated_at_any_byte_is_refused_or_mapped),
		TEST(hostile_headers_are_refused_or_mapped),
		cmocka_unit_test(a_32_bit_geometry_runs_32_bit_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
