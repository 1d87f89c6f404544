/* test_file.c - tests of vmcore/file.c */
#include "whole.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, whole_setup, whole_teardown)

static int open_of(struct vm_proc *p, struct vm_inode *i, unsigned mode)
{
	struct err e = { 0 };
	int fd = -1;

	if (vm_open(p, i, mode, &fd, &e) < 0)
		fail_msg("open: %s", e.why);
	return fd;
}

static void descriptors_are_the_lowest_free_numbers(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 10, 1);
	struct err e = { 0 };

	for (int fd = 0; fd < 5; fd++)
		assert_int_equal(open_of(p, f, VM_OPEN_READ), fd);
	assert_int_equal(vm_close(p, 3, &e), 0);
	assert_int_equal(vm_close(p, 1, &e), 0);
	assert_int_equal(vm_close(p, 1, &e), -EBADF);
	assert_int_equal(open_of(p, f, VM_OPEN_READ), 1);
	assert_int_equal(open_of(p, f, VM_OPEN_READ), 3);
	assert_int_equal(open_of(p, f, VM_OPEN_READ), 5);
	assert_int_equal(vm_close(p, -1, &e), -EBADF);
	assert_int_equal(vm_close(p, 1 << 30, &e), -EBADF);
	assert_checks(m->h);
}

static void the_number_of_descriptors_is_limited(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 10, 1);
	struct err e = { 0 };
	int fd = -1;

	vm_setrlimit(p, VM_RLIMIT_NOFILE, (struct vm_limit){ 2, 2 }, &e);
	open_of(p, f, VM_OPEN_READ);
	open_of(p, f, VM_OPEN_READ);
	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &fd, &e), -EMFILE);
	assert_int_equal(vm_dup(p, 0, &fd, &e), -EMFILE);
	assert_int_equal(fd, -1);
	assert_checks(m->h);
}

static void what_cannot_be_opened_is_refused(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *root = vm_disk_root(m->h), *link;
	struct err e = { 0 };
	int fd;

	assert_int_equal(vm_open(p, root, VM_OPEN_WRITE, &fd, &e), -EISDIR);
	assert_int_equal(vm_open(p, root, 0, &fd, &e), -EINVAL);
	assert_int_equal(vm_open(p, root, 7, &fd, &e), -EINVAL);
	assert_int_equal(vm_dir_create(root, "l", VM_INODE_LINK, 0, "x", &link, &e), 0);
	assert_int_equal(vm_open(p, link, VM_OPEN_READ, &fd, &e), -ELOOP);
	assert_int_equal(vm_open(p, root, VM_OPEN_READ, &fd, &e), 0);
	vm_kill(p, 9, &e);
}

static void dup_and_fork_share_the_position(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *child;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 0, 1);
	struct err e = { 0 };
	struct vm_fd a, b;
	uint64_t position;
	int fd = open_of(p, f, VM_OPEN_READ | VM_OPEN_WRITE), copy;
	int32_t pid;
	char bytes[8] = { 0 };
	size_t done;

	assert_int_equal(vm_dup(p, fd, &copy, &e), 0);
	assert_int_equal(vm_fork(p, &pid, &e), 0);
	child = vm_proc_at(m->h, pid);
	assert_int_equal(vm_fd_write(p, fd, "hel", 3, &done, &e), 0);
	assert_int_equal(vm_fd_write(child, copy, "lo", 2, &done, &e), 0);
	assert_true(vm_fd_above(p, 0, &a) && vm_fd_above(child, 1, &b));
	assert_int_equal(a.description, b.description);
	assert_int_equal(b.position, 5);
	assert_int_equal(vm_lseek(p, fd, -4, VM_SEEK_END, &position, &e), 0);
	assert_int_equal(position, 1);
	assert_int_equal(vm_fd_read(child, fd, bytes, 8, &done, &e), 0);
	assert_int_equal(done, 4);
	assert_string_equal(bytes, "ello");
	assert_int_equal(vm_fd_read(child, fd, bytes, 8, &done, &e), 0);
	assert_int_equal(done, 0);
	assert_checks(m->h);
	vm_exit(child, 0, &e);
	assert_checks(m->h);
}

static void positions_stay_within_reason(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	int fd = open_of(p, whole_file(m->h, NULL, "f", 10, 1), VM_OPEN_READ);
	struct err e = { 0 };
	uint64_t position = 77;
	size_t done;
	char byte;

	assert_int_equal(vm_lseek(p, fd, -1, VM_SEEK_SET, &position, &e), -EINVAL);
	assert_int_equal(vm_lseek(p, fd, INT64_MIN, VM_SEEK_END, &position, &e), -EINVAL);
	assert_int_equal(vm_lseek(p, fd, 0, 3, &position, &e), -EINVAL);
	assert_int_equal(position, 77);
	assert_int_equal(vm_lseek(p, fd, INT64_MAX, VM_SEEK_SET, &position, &e), 0);
	assert_int_equal(vm_lseek(p, fd, 1, VM_SEEK_CUR, &position, &e), -EINVAL);
	assert_int_equal(vm_fd_read(p, fd, &byte, 1, &done, &e), 0);
	assert_int_equal(done, 0);
	assert_int_equal(vm_fd_write(p, fd, "x", 1, &done, &e), -EBADF);
	assert_int_equal(vm_fd_read(p, 9, &byte, 1, &done, &e), -EBADF);
}

static void io_is_charged_to_the_process(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 10000, 1);
	int fd = open_of(p, f, VM_OPEN_READ | VM_OPEN_WRITE);
	struct vm_proc_info info;
	struct err e = { 0 };
	uint8_t bytes[10000];
	size_t done;

	vm_writeback(m->h, &e);
	vm_drop_caches(m->h, &e);
	assert_int_equal(vm_fd_read(p, fd, bytes, 5000, &done, &e), 0);
	assert_int_equal(vm_fd_write(p, fd, bytes, 10, &done, &e), 0);
	vm_proc_info(p, &info);
	assert_int_equal(info.rchar, 5000);
	assert_int_equal(info.syscr, 1);
	assert_int_equal(info.read_bytes, 8192);
	assert_int_equal(info.wchar, 10);
	assert_int_equal(info.write_bytes, 4096);
	assert_true(info.stime > 0);
	assert_checks(m->h);
}

static void a_file_size_limit_cuts_writes(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	int fd = open_of(p, whole_file(m->h, NULL, "f", 0, 1), VM_OPEN_WRITE);
	struct err e = { 0 };
	size_t done;

	vm_setrlimit(p, VM_RLIMIT_FSIZE, (struct vm_limit){ 3, 3 }, &e);
	assert_int_equal(vm_fd_write(p, fd, "hello", 5, &done, &e), 0);
	assert_int_equal(done, 3);
	assert_int_equal(vm_fd_write(p, fd, "lo", 2, &done, &e), -EFBIG);
}

struct object { int refs; };
static void retain(void *object) { ((struct object *)object)->refs++; }
static void release(void *object) { ((struct object *)object)->refs--; }
static const struct vm_file_ops ops = { .kind = "socket", .retain = retain, .release = release };

static void objects_of_others_are_retained_by_each_descriptor(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct object o = { 1 };
	struct err e = { 0 };
	int fd, copy;
	int32_t pid;
	uint64_t position;
	size_t done;

	assert_int_equal(vm_open_object(p, &ops, &o, VM_OPEN_READ | VM_OPEN_WRITE, &fd, &e), 0);
	assert_int_equal(o.refs, 1);
	assert_int_equal(vm_dup(p, fd, &copy, &e), 0);
	assert_int_equal(o.refs, 2);
	assert_int_equal(vm_fork(p, &pid, &e), 0);
	assert_int_equal(o.refs, 4);
	assert_int_equal(vm_lseek(p, fd, 0, VM_SEEK_SET, &position, &e), -ESPIPE);
	assert_int_equal(vm_fd_write(p, fd, "x", 1, &done, &e), -EINVAL);
	assert_checks(m->h);
	assert_int_equal(vm_close(p, fd, &e), 0);
	assert_int_equal(o.refs, 3);
	assert_int_equal(vm_exit(vm_proc_at(m->h, pid), 0, &e), 0);
	assert_int_equal(o.refs, 1);
	assert_int_equal(vm_exit(p, 0, &e), 0);
	assert_int_equal(o.refs, 0);
}

static void a_mapping_outlives_its_descriptor(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4096, 8);
	int fd = open_of(p, f, VM_OPEN_READ);
	struct vm_map_request r = { .len = 4096, .prot = VM_PROT_READ, .flags = VM_MAP_PRIVATE, .fd = fd };
	struct err e = { 0 };
	va_t at;

	assert_int_equal(vm_mmap(p, &r, &at, &e), 0);
	assert_int_equal(vm_close(p, fd, &e), 0);
	assert_int_equal(vm_dir_unlink(vm_disk_root(m->h), "f", false, &e), 0);
	assert_int_equal(whole_load(p, at), 8);
	assert_checks(m->h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(descriptors_are_the_lowest_free_numbers),
		TEST(the_number_of_descriptors_is_limited),
		TEST(what_cannot_be_opened_is_refused),
		TEST(dup_and_fork_share_the_position),
		TEST(positions_stay_within_reason),
		TEST(io_is_charged_to_the_process),
		TEST(a_file_size_limit_cuts_writes),
		TEST(objects_of_others_are_retained_by_each_descriptor),
		TEST(a_mapping_outlives_its_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
