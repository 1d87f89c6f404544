/* test_streams.c - sockets and pipes by stream/FD, without a kernel. */
#include "socket_test.h"

#include <fcntl.h>

static struct open_file *open_stream(struct world *w, const char *path, int flags)
{
	struct known *k = known_root(w);
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	struct err e = { 0 };

	for (unsigned i = 0; names[i]; i++) {
		struct node child;

		assert_int_equal(tree_find(&k->n, names[i], &child), 0);
		k = known_lookup(w, k, names[i], &child);
	}
	return file_open(w, k, flags, &e);
}

static void reads(struct open_file *f, struct world *w, size_t size, const char *expected)
{
	const char *bytes;
	ssize_t n;

	while ((n = file_read(f, 0, size, &bytes, NULL)) == -EINPROGRESS && step(w))
		;
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(bytes, expected, strlen(expected));
}

static void writes(struct open_file *f, const char *text)
{
	struct write_call c = { .file = f, .data = text, .len = strlen(text), .writer = 1 };

	assert_int_equal(file_write(&c, NULL), strlen(text));
}

static void a_stream_is_the_data_alone(void **state)
{
	struct world *w = *state;
	struct open_file *server, *client;
	const char *bytes;

	connect_both(w);
	server = open_stream(w, "hosts/host0/proc/2/stream/1", O_RDWR);
	client = open_stream(w, "hosts/b/proc/2/stream/0", O_RDWR);
	writes(client, "two\nlines\n");
	reads(server, w, 1, "t");                                   /* bash reads byte by byte: nothing is lost */
	reads(server, w, 3, "wo\n");
	file_abandon(server);
	server = open_stream(w, "hosts/host0/proc/2/stream/1", O_RDWR);
	reads(server, w, 100, "lines\n");
	assert_int_equal(file_read(server, 0, 10, &bytes, NULL), -EINPROGRESS);
	assert_false(file_ready(server));
	writes(server, "back");
	reads(client, w, 100, "back");
	file_abandon(client);
	settle(w);
	assert_state(w, "b", 4000, "ESTABLISHED");                  /* closing the file is no close */
	does(w, "b", CLIENT, "close 0");
	settle(w);
	assert_true(file_ready(server));
	reads(server, w, 100, "");
	file_abandon(server);
}

static void a_closed_descriptor_ends_its_stream(void **state)
{
	struct world *w = *state;
	struct open_file *f;
	const char *bytes;

	connect_both(w);
	f = open_stream(w, "hosts/host0/proc/2/stream/1", O_RDWR);
	does(w, "host0", SERVER, "close 1");
	assert_int_equal(file_read(f, 0, 10, &bytes, NULL), -EBADF);
	gives(w, "host0", SERVER, "socket udp", "1\n");
	assert_int_equal(file_read(f, 0, 10, &bytes, NULL), -EBADF); /* the number is another's */
	does(w, "host0", SERVER, "exit 0");
	assert_int_equal(file_read(f, 0, 10, &bytes, NULL), 0);
	file_abandon(f);
}

static void the_stream_of_a_listener_is_one_connection(void **state)
{
	struct world *w = *state;
	struct open_file *f;

	connect_both(w);
	f = open_stream(w, "hosts/host0/proc/2/stream/0", O_RDONLY);
	gives(w, "b", CLIENT, "socket tcp", "1\n");
	does(w, "b", CLIENT, "connect 1 10.0.0.1:80");
	reads(f, w, 1, "2");
	reads(f, w, 1, "\n");
	reads(f, w, 10, "");
	file_abandon(f);
	gives(w, "b", CLIENT, "send 1 41", "1\n");
	gives(w, "host0", SERVER, "recv 2", "A");
}

static void a_stream_of_a_pipe_fills_and_empties(void **state)
{
	struct world *w = *state;
	g_autofree char *many = g_malloc(100000);
	struct open_file *in, *out;
	struct write_call c = { .data = many, .len = 100000, .writer = 1 };
	size_t got = 0;

	memset(many, 'x', 100000);
	gives(w, "host0", SERVER, "pipe", "0 1\n");
	in = open_stream(w, "hosts/host0/proc/2/stream/0", O_RDONLY);
	out = c.file = open_stream(w, "hosts/host0/proc/2/stream/1", O_WRONLY);
	assert_int_equal(file_write(&c, NULL), -EINPROGRESS);
	assert_int_equal(c.done, 65536);
	while (c.done < 100000) {
		const char *bytes;
		ssize_t n = file_read(in, 0, 10000, &bytes, NULL);

		assert_true(n > 0);
		got += (size_t)n;
		file_write(&c, NULL);
	}
	assert_int_equal(file_write(&c, NULL), 100000);
	assert_true(got < 100000);
	file_abandon(in);
	file_abandon(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(a_stream_is_the_data_alone), TEST(a_closed_descriptor_ends_its_stream),
		TEST(the_stream_of_a_listener_is_one_connection), TEST(a_stream_of_a_pipe_fills_and_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
