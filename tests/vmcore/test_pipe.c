/* test_pipe.c - tests of vmcore/pipe.c */
#include "whole.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, whole_setup, whole_teardown)

enum { SIZE = 65536 };

static struct vm_proc *with_pipe(struct whole *m, int fds[2])
{
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	assert_int_equal(vm_pipe(p, fds, &e), 0);
	return p;
}

static void writes(struct vm_proc *p, int fd, const char *bytes)
{
	struct err e = { 0 };
	size_t done;

	assert_int_equal(vm_fd_write(p, fd, bytes, strlen(bytes), &done, &e), 0);
	assert_int_equal(done, strlen(bytes));
}

static void reads(struct vm_proc *p, int fd, size_t len, const char *expected)
{
	struct err e = { 0 };
	char bytes[100] = { 0 };
	size_t done;

	assert_int_equal(vm_fd_read(p, fd, bytes, len, &done, &e), 0);
	assert_int_equal(done, strlen(expected));
	assert_memory_equal(bytes, expected, done);
}

static unsigned ready(struct vm_proc *p, int fd)
{
	struct err e = { 0 };
	unsigned r = 0;

	assert_int_equal(vm_fd_poll(p, fd, &r, &e), 0);
	return r;
}

static void what_goes_in_comes_out_in_order(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	char byte;
	size_t done;
	int fds[2];
	struct vm_proc *p = with_pipe(m, fds);

	assert_int_equal(fds[0], 0);
	assert_int_equal(fds[1], 1);
	assert_int_equal(vm_fd_read(p, fds[0], &byte, 1, &done, &e), -EAGAIN);
	writes(p, fds[1], "hello ");
	writes(p, fds[1], "world");
	reads(p, fds[0], 8, "hello wo");
	reads(p, fds[0], 100, "rld");
	assert_int_equal(vm_fd_read(p, fds[0], &byte, 1, &done, &e), -EAGAIN);
	assert_int_equal(vm_fd_write(p, fds[0], "x", 1, &done, &e), -EBADF);
	assert_int_equal(vm_fd_read(p, fds[1], &byte, 1, &done, &e), -EBADF);
	assert_checks(m->h);
}

/* Every length through a ring that wraps around everywhere. */
static void nothing_is_lost_at_any_place_of_the_ring(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	uint8_t in[997], out[997];
	unsigned sent = 0, seen = 0;
	size_t done;
	int fds[2];
	struct vm_proc *p = with_pipe(m, fds);

	for (unsigned round = 0; round < 2000; round++) {
		size_t len = 1 + round * 31 % sizeof(in);

		for (size_t i = 0; i < len; i++)
			in[i] = (uint8_t)(sent++ * 7 >> 3);
		assert_int_equal(vm_fd_write(p, fds[1], in, len, &done, &e), 0);
		assert_int_equal(done, len);
		assert_int_equal(vm_fd_read(p, fds[0], out, 1 + round * 17 % sizeof(out), &done, &e), 0);
		for (size_t i = 0; i < done; i++)
			assert_int_equal(out[i], (uint8_t)(seen++ * 7 >> 3));
		while (sent - seen > 40000) {
			assert_int_equal(vm_fd_read(p, fds[0], out, sizeof(out), &done, &e), 0);
			for (size_t i = 0; i < done; i++)
				assert_int_equal(out[i], (uint8_t)(seen++ * 7 >> 3));
		}
	}
}

static void a_full_pipe_takes_no_more(void **state)
{
	struct whole *m = *state;
	g_autofree char *many = g_malloc0(2 * SIZE);
	struct err e = { 0 };
	size_t done;
	int fds[2];
	struct vm_proc *p = with_pipe(m, fds);

	assert_int_equal(vm_fd_write(p, fds[1], many, 2 * SIZE, &done, &e), 0);
	assert_int_equal(done, SIZE);
	assert_int_equal(vm_fd_write(p, fds[1], many, 1, &done, &e), -EAGAIN);
	assert_int_equal(ready(p, fds[1]), 0);
	assert_int_equal(vm_fd_read(p, fds[0], many, 100, &done, &e), 0);
	assert_int_equal(vm_fd_write(p, fds[1], many, 101, &done, &e), -EAGAIN);   /* PIPE_BUF: whole or not at all */
	assert_int_equal(vm_fd_write(p, fds[1], many, 4096, &done, &e), -EAGAIN);
	assert_int_equal(vm_fd_write(p, fds[1], many, 4097, &done, &e), 0);
	assert_int_equal(done, 100);
}

static void the_end_comes_with_the_last_writer(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	char byte;
	int32_t pid;
	size_t done;
	int fds[2];
	struct vm_proc *p = with_pipe(m, fds);

	writes(p, fds[1], "x");
	assert_int_equal(vm_fork(p, &pid, &e), 0);
	assert_int_equal(vm_close(p, fds[1], &e), 0);
	reads(p, fds[0], 10, "x");
	assert_int_equal(vm_fd_read(p, fds[0], &byte, 1, &done, &e), -EAGAIN);
	assert_int_equal(ready(p, fds[0]), 0);
	assert_int_equal(vm_exit(vm_proc_at(m->h, pid), 0, &e), 0);
	reads(p, fds[0], 10, "");
	assert_int_equal(ready(p, fds[0]), VM_POLL_HUP);
	assert_checks(m->h);
}

static void nobody_writes_to_nobody(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	size_t done;
	int fds[2];
	struct vm_proc *p = with_pipe(m, fds);

	assert_int_equal(ready(p, fds[1]), VM_POLL_OUT);
	assert_int_equal(vm_close(p, fds[0], &e), 0);
	assert_int_equal(vm_fd_write(p, fds[1], "x", 1, &done, &e), -EPIPE);
	assert_int_equal(done, 0);
	assert_int_equal(ready(p, fds[1]), VM_POLL_OUT | VM_POLL_ERR);
}

static void both_ends_or_none(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	int fds[2] = { 7, 8 };
	struct err e = { 0 };
	struct vm_fd f;

	vm_setrlimit(p, VM_RLIMIT_NOFILE, (struct vm_limit){ 1, 1 }, &e);
	assert_int_equal(vm_pipe(p, fds, &e), -EMFILE);
	assert_false(vm_fd_above(p, 0, &f));
	assert_int_equal(fds[0], 7);
}

static void a_fixture_takes_the_number_it_wants(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_fd f;
	int fds[2], fd;
	struct vm_proc *p = with_pipe(m, fds), *q = whole_spawn(m->h, "q", true);

	assert_int_equal(vm_fd_at(p, fds[0], &f, &e), 0);
	assert_int_equal(vm_place_object(q, f.ops, f.object, f.mode, 5000, &e), 0);
	f.ops->retain(f.object);
	assert_int_equal(vm_place_object(q, f.ops, f.object, f.mode, 5000, &e), -EBUSY);
	assert_int_equal(vm_place_object(q, f.ops, f.object, f.mode, 1 << 30, &e), -EBADF);
	assert_int_equal(vm_dup(q, 5000, &fd, &e), 0);
	assert_int_equal(fd, 0);
	writes(p, fds[1], "x");
	reads(q, 5000, 1, "x");
	assert_checks(m->h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_goes_in_comes_out_in_order),
		TEST(nothing_is_lost_at_any_place_of_the_ring),
		TEST(a_full_pipe_takes_no_more),
		TEST(the_end_comes_with_the_last_writer),
		TEST(nobody_writes_to_nobody),
		TEST(both_ends_or_none),
		TEST(a_fixture_takes_the_number_it_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
