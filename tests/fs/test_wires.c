/* test_wires.c - wires/ as files: settings, faults by command, frames, captures, the ladder. */
#include "fs_test.h"
#include "open.h"

/* Hosts a and b on lan0, 10.0.0.1 and 10.0.0.2, MACs ending in 0a and 0b; process 2 of each has a UDP socket at port 9. */
static void join(struct world *w, const char *name, const char *address, const char *mac)
{
	g_autofree char *dir = g_strdup_printf("hosts/%s/net/ifs/eth0", name);
	const char *const lines[][2] = { { "wire", "lan0" }, { "mac", mac }, { "address", address }, { "up", "1" } };
	struct node ifs;
	struct err e = { 0 };

	assert_int_equal(world_add_host(w, name, &e), 0);
	*strrchr(dir, '/') = '\0';
	ifs = at(w, dir);
	assert_int_equal(ifs.row->dynamic->mkdir(&ifs, "eth0", 0755, &e), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *path = g_strdup_printf("%s/eth0/%s", dir, lines[i][0]);

		run_line(w, path, lines[i][1]);
	}
	dir[strlen("hosts/") + strlen(name)] = '\0';
	{
		g_autofree char *ctl = g_strdup_printf("%s/ctl", dir);

		run_line(w, ctl, "spawn p");
		run_line(w, ctl, "2 socket udp");
		run_line(w, ctl, "2 bind 0 0.0.0.0:9");
	}
}

static struct world *lab_world(uint64_t seed)
{
	struct world *w = world_with("x86-64", 4 * MiB);

	world_seed(w, seed);
	assert_int_equal(world_add_wire(w, "lan0", NULL), 0);
	join(w, "a", "10.0.0.1/24", "02:00:00:00:00:0a");
	join(w, "b", "10.0.0.2/24", "02:00:00:00:00:0b");
	return w;
}

static int setup(void **state)
{
	*state = lab_world(1);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void pass(struct world *w, const char *time)
{
	g_autofree char *line = g_strconcat("advance ", time, NULL);

	run_line(w, "clock", line);
}

/* Both know each other's MAC, and so does the switch. */
static void meet(struct world *w)
{
	run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"x\"");
	pass(w, "1ms");
	run_line(w, "hosts/b/ctl", "2 recv 0");
	run_line(w, "hosts/b/ctl", "2 sendto 0 10.0.0.1:9 \"x\"");
	pass(w, "1ms");
	run_line(w, "hosts/a/ctl", "2 recv 0");
	net_wire_keep(net_wire_at(w->net, "lan0"), 100000, 100000000);
}

/* Sends from a to b; what b gets, or NULL. */
static char *deliver(struct world *w, const char *text)
{
	g_autofree char *line = g_strdup_printf("2 sendto 0 10.0.0.2:9 \"%s\"", text);
	char *result;
	struct err e;

	run_line(w, "hosts/a/ctl", line);
	pass(w, "1ms");
	w->nonblock = true;
	if (write_line(w, "hosts/b/ctl", "2 recv 0", &result, &e)) {
		g_free(result);
		return NULL;
	}
	return result;
}

static void assert_arrives(struct world *w, const char *text)
{
	g_autofree char *got = deliver(w, text), *wanted = g_strconcat("10.0.0.1:9 ", text, NULL);

	assert_non_null(got);
	assert_string_equal(got, wanted);
}

static void assert_gets_lost(struct world *w, const char *text)
{
	assert_null(deliver(w, text));
}

static void settings_read_back_as_they_are_written(void **state)
{
	static const struct { const char *file, *written, *read; } cases[] = {
		{ "kind", "hub", "hub\n" }, { "kind", "wifi", "wifi\n" }, { "kind", "ethernet", "ethernet\n" },
		{ "rate", "1000000", "1000000\n" }, { "rate", "0", "0\n" }, { "rate", "10M", "10485760\n" },
		{ "delay", "5ms", "5ms\n" }, { "delay", "1500us", "1500us\n" }, { "delay", "1.5s", "1500ms\n" },
		{ "delay", "0", "0ns\n" }, { "jitter", "200us", "200us\n" }, { "loss", "10%", "10%\n" },
		{ "loss", "0.5%", "0.5%\n" }, { "loss", "0.0001%", "0.0001%\n" }, { "loss", "100%", "100%\n" },
		{ "loss", "25", "25%\n" }, { "corrupt", "2%", "2%\n" }, { "duplicate", "12.34%", "12.34%\n" },
		{ "reorder", "0%", "0%\n" }, { "mtu", "68", "68\n" }, { "mtu", "65535", "65535\n" }, { "queue", "1", "1\n" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_strconcat("wires/lan0/", cases[i].file, NULL), *text = NULL;

		run_line(w, path, cases[i].written);
		text = read_path(w, path);
		assert_string_equal(text, cases[i].read);
	}
}

static void settings_refuse_what_they_cannot_be(void **state)
{
	static const char *const cases[][2] = {
		{ "kind", "token-ring" }, { "rate", "fast" }, { "rate", "-1" }, { "delay", "5" }, { "delay", "2h" },
		{ "delay", "3601s" }, { "loss", "101%" }, { "loss", "100.0001%" }, { "loss", "0.00001%" }, { "loss", "1.%" },
		{ "loss", "%" }, { "loss", "ten" }, { "loss", "99999999999999999999%" }, { "mtu", "67" }, { "mtu", "65536" },
		{ "mtu", "4294967364" }, { "queue", "0" }, { "queue", "4294967296" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_strconcat("wires/lan0/", cases[i][0], NULL);
		g_autofree char *before = read_path(w, path), *after = NULL;

		refuse(w, path, cases[i][1], EINVAL);
		after = read_path(w, path);
		assert_string_equal(before, after);
	}
}

static void a_rule_hits_the_frame_that_it_names(void **state)
{
	struct world *w = *state;

	meet(w);
	run_line(w, "wires/lan0/ctl", "drop next 1 udp");
	assert_gets_lost(w, "one");
	assert_arrives(w, "two");
	run_line(w, "wires/lan0/ctl", "drop next 2 udp nth=2");
	assert_arrives(w, "three");
	assert_gets_lost(w, "four");
	assert_gets_lost(w, "five");
	assert_arrives(w, "six");
	run_line(w, "wires/lan0/ctl", "drop next udp src=10.0.0.2");
	run_line(w, "wires/lan0/ctl", "drop next udp port=10");
	run_line(w, "wires/lan0/ctl", "drop next tcp.syn");
	assert_arrives(w, "seven");
	run_line(w, "wires/lan0/ctl", "drop next dst=10.0.0.2 src=10.0.0.1 port=9 udp");
	assert_gets_lost(w, "eight");
	run_line(w, "wires/lan0/ctl", "corrupt next");
	assert_gets_lost(w, "nine");
	run_line(w, "wires/lan0/ctl", "duplicate next 1 udp");
	assert_arrives(w, "ten");
	{
		g_autofree char *again = command(w, "hosts/b/ctl", "2 recv 0");

		assert_string_equal(again, "10.0.0.1:9 ten");
	}
	run_line(w, "wires/lan0/ctl", "delay next 1 200ms udp");
	assert_gets_lost(w, "late");
	assert_arrives(w, "early");
	pass(w, "200ms");
	{
		g_autofree char *late = command(w, "hosts/b/ctl", "2 recv 0");

		assert_string_equal(late, "10.0.0.1:9 late");
	}
}

static void what_is_held_comes_when_it_is_released(void **state)
{
	struct world *w = *state;
	g_autofree char *count = NULL, *none = NULL, *first = NULL, *second = NULL;

	meet(w);
	run_line(w, "wires/lan0/ctl", "hold udp");
	assert_gets_lost(w, "one");
	assert_gets_lost(w, "two");
	count = command(w, "wires/lan0/ctl", "release");
	assert_string_equal(count, "2");
	pass(w, "1ms");
	first = command(w, "hosts/b/ctl", "2 recv 0");
	second = command(w, "hosts/b/ctl", "2 recv 0");
	assert_string_equal(first, "10.0.0.1:9 one");
	assert_string_equal(second, "10.0.0.1:9 two");
	none = command(w, "wires/lan0/ctl", "release");
	assert_string_equal(none, "0");
	assert_arrives(w, "three");
}

static void commands_say_what_is_wrong_with_them(void **state)
{
	static const char *const lines[] = {
		"drop", "drop 1", "drop next 0", "drop next 1 5ms", "drop next 1 tpc", "drop next 4294967296", "drop next port=65536",
		"drop next port=x", "drop next src=10.0.0", "drop next src=10.0.0.256", "drop next nth=x", "drop next nth=0", "delay next", "delay next 2",
		"delay next 2 udp", "delay next 5 2h", "delay next 1 3601s", "corrupt next udp udp udp wrong", "hold next", "release 1", "drop next tcp udp", "hold arp icmp", "drop next tcp.syn tcp.ack", "drop next tcp.ack tcp.data",
		"drop next arp port=5", "drop next tcp.ack rdt",
		"inject", "inject 0", "inject zz", "inject 000102030405060708090a0b0c", "inject \"\"", "fill", "drop next \"udp\"",
	};
	struct world *w = *state;
	struct net_fault f;

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		refuse(w, "wires/lan0/ctl", lines[i], EINVAL);
	refuse(w, "wires/lan0/ctl", "inject 000102030405060708090a0b0c0d0e c.eth0", ENODEV);
	assert_false(net_wire_fault_at(net_wire_at(w->net, "lan0"), 0, &f));
}

static int inject(struct world *w, const uint8_t *bytes, size_t len, const char *from)
{
	GString *line = g_string_new("inject ");
	struct err e;
	int error;

	for (size_t i = 0; i < len; i++)
		g_string_append_printf(line, "%02x", bytes[i]);
	g_string_append_printf(line, " %s", from);
	error = write_line(w, "wires/lan0/ctl", line->str, NULL, &e);
	g_string_free(line, TRUE);
	return error;
}

/* A frame of every length: all headers cut off everywhere, and padded. Nobody is hurt; everything can be read. */
static void frames_of_every_length(void **state)
{
	static const uint8_t header[54] = {
		2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a, 8, 0, 0x45, 0, 0xff, 0xff, 0, 0, 0x20, 0, 64, 6, 0, 0,
		10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0, 0 };
	static uint8_t bytes[65551];
	static const size_t lengths[] = { 1499, 1500, 1513, 1514, 1515, 1516, 4096, 65534, 65535, 65548, 65549 };
	struct world *w = *state;
	g_autofree char *frames = NULL, *ladder = NULL, *check = NULL;

	memcpy(bytes, header, sizeof header);
	for (size_t len = 0; len < 14; len++)
		assert_int_equal(inject(w, bytes, len, ""), -EINVAL);
	for (size_t len = 14; len < 200; len++) {
		bytes[13] = len % 3 == 0 ? 6 : 0; /* ARP, cut off, in turn */
		assert_int_equal(inject(w, bytes, len, len % 2 ? "" : "a.eth0"), 0);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++)
		assert_int_equal(inject(w, bytes, lengths[i], i % 2 ? "" : "a.eth0"), 0);
	assert_int_equal(inject(w, bytes, 65550, ""), -EINVAL);
	pass(w, "200s");
	frames = read_path(w, "wires/lan0/frames");
	ladder = read_path(w, "wires/lan0/sequence");
	check = read_path(w, "check");
	assert_non_null(strstr(frames, "short"));
	assert_non_null(strstr(frames, "too_long"));
	assert_non_null(strstr(ladder, "(stranger)"));
	assert_string_equal(check, "ok\n");
	for (unsigned number = 1; number <= 186; number++) {
		g_autofree char *path = g_strdup_printf("wires/lan0/frame/%u", number), *text = read_path(w, path);

		assert_memory_equal(text, "frame number=", 13);
	}
}

static void frames_are_taken_apart(void **state)
{
	struct world *w = *state;
	g_autofree char *text = NULL, *json = NULL, *csv = NULL, *one = NULL;

	run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"hello\"");
	pass(w, "1ms");
	text = read_path(w, "wires/lan0/frames");
	json = read_path(w, "wires/lan0/frames.json");
	csv = read_path(w, "wires/lan0/frames.csv");
	one = read_path(w, "wires/lan0/frame/3");
	assert_non_null(strstr(text, " a.eth0    60 02:00:00:00:00:0a ff:ff:ff:ff:ff:ff arp   10.0.0.1   10.0.0.2 "));
	assert_non_null(strstr(text, " is-at=02:00:00:00:00:0b "));
	assert_non_null(strstr(json, "\"proto\":\"udp\",\"src\":\"10.0.0.1:9\",\"dst\":\"10.0.0.2:9\",\"ttl\":64,\"flags\":null,"
			       "\"seq\":null,\"ack\":null,\"win\":null,\"len\":5,\"info\":null,\"fate\":null}"));
	assert_non_null(strstr(csv, ",udp,10.0.0.1:9,10.0.0.2:9,64,,,,,5,,\r\n"));
	assert_non_null(strstr(one, "udp src_port=9 dst_port=9 len=13 checksum=0x"));
	assert_non_null(strstr(one, ",right\n"));
	assert_non_null(strstr(one, "data len=5\n  0042  68 65 6c 6c 6f                                   hello\npadding len=13\n"));
}

static void the_ladder_shows_who_sent_what_to_whom(void **state)
{
	struct world *w = *state;
	g_autofree char *text = NULL;

	run_line(w, "wires/lan0/ctl", "drop next 1 udp");
	run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"hello\"");
	pass(w, "1ms");
	text = read_path(w, "wires/lan0/sequence");
	assert_string_equal(text,
		"time             a.eth0                                    b.eth0   arrives\n"
		"0.000000000         |--ARP who-has 10.0.0.2 tell 10.0.0.1---->|   0.000005672\n"
		"0.000005672         |<--ARP 10.0.0.2 is-at 02:00:00:00:00:0b--|   0.000011344\n"
		"0.000011344         |--UDP 9>9 len=5-----------X              |   lost by rule\n");
}

/* Every text of a picture in letters of 8 by 12. */
struct box { double left, right, y; };

static GArray *boxes_of(const char *svg)
{
	GArray *boxes = g_array_new(FALSE, FALSE, sizeof(struct box));

	for (const char *t = svg; (t = strstr(t, "<text x=\"")); t++) {
		const char *body = strchr(t, '>') + 1, *end = strchr(body, '<'), *anchor = g_strstr_len(t, body - t, "text-anchor=\"");
		g_autofree char *escaped = g_strndup(body, (gsize)(end - body));
		double x = g_ascii_strtod(t + 9, NULL), y = g_ascii_strtod(strstr(t, " y=\"") + 4, NULL), wide = 0;
		struct box b;

		for (const char *c = escaped; *c; c = *c == '&' ? strchr(c, ';') + 1 : c + 1)
			wide += 8;
		b.left = !anchor ? x : anchor[13] == 'e' ? x - wide : x - wide / 2;
		b.right = b.left + wide;
		b.y = y;
		g_array_append_val(boxes, b);
	}
	return boxes;
}

static void the_drawn_ladder_has_no_text_on_another(void **state)
{
	struct world *w = *state;
	g_autofree char *svg = NULL;
	GArray *boxes;

	run_line(w, "wires/lan0/delay", "10ms");
	run_line(w, "wires/lan0/ctl", "drop next 1 udp");
	run_line(w, "wires/lan0/ctl", "corrupt next 1 udp");
	for (unsigned i = 0; i < 12; i++)
		run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"hello\"");
	pass(w, "5ms");
	run_line(w, "hosts/b/ctl", "2 sendto 0 10.0.0.1:9 \"all of it\"");
	pass(w, "1s");
	svg = read_path(w, "wires/lan0/sequence.svg");
	assert_true(g_str_has_prefix(svg, "<svg ") && g_str_has_suffix(svg, "</svg>\n"));
	assert_non_null(strstr(svg, ">UDP 9&gt;9 len=5</text>"));
	assert_non_null(strstr(svg, ">lost by rule</text>"));
	assert_non_null(strstr(svg, "stroke-dasharray"));
	boxes = boxes_of(svg);
	assert_true(boxes->len > 40);
	for (guint i = 0; i < boxes->len; i++)
		for (guint k = 0; k < i; k++) {
			const struct box *a = &g_array_index(boxes, struct box, i), *b = &g_array_index(boxes, struct box, k);

			assert_true(a->right <= b->left || b->right <= a->left || a->y - b->y >= 12 || b->y - a->y >= 12);
		}
	g_array_free(boxes, TRUE);
}

static void faults_can_be_looked_at_and_ended(void **state)
{
	struct world *w = *state;
	g_autofree char *before = NULL, *after = NULL;

	run_line(w, "wires/lan0/ctl", "drop next 2 tcp.ack nth=3");
	run_line(w, "wires/lan0/ctl", "delay next 1 200ms udp port=53");
	run_line(w, "wires/lan0/ctl", "hold src=10.0.0.1");
	before = read_path(w, "wires/lan0/faults");
	assert_string_equal(before, "fault action left       delay match\n"
				    "    1 drop      2           - tcp.ack,nth=3\n"
				    "    2 delay     1 0.200000000 udp,port=53\n"
				    "    3 hold      -           - src=10.0.0.1\n");
	refuse(w, "wires/lan0/ctl", "clear 4", ENOENT);
	refuse(w, "wires/lan0/ctl", "clear 0", ENOENT);
	run_line(w, "wires/lan0/ctl", "clear 2");
	after = read_path(w, "wires/lan0/faults.csv");
	assert_string_equal(after, "fault,action,left,delay,match\r\n1,drop,2,,\"tcp.ack,nth=3\"\r\n2,hold,,,src=10.0.0.1\r\n");
	run_line(w, "wires/lan0/ctl", "clear");
	g_free(after);
	after = read_path(w, "wires/lan0/faults.json");
	assert_string_equal(after, "[]\n");
}

static char *capture(struct world *w, gsize *len)
{
	struct node n = at(w, "wires/lan0/capture.pcapng");
	GString *out = g_string_new(NULL);

	assert_int_equal(node_show(&n, out, NULL), 0);
	*len = out->len;
	return g_string_free(out, FALSE);
}

static void the_capture_tells_the_fate_in_comments(void **state)
{
	struct world *w = *state;
	g_autofree char *bytes = NULL;
	gsize len;

	run_line(w, "wires/lan0/ctl", "drop next 1 udp");
	run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"hello\"");
	pass(w, "1ms");
	bytes = capture(w, &len);
	assert_int_equal(len % 4, 0);
	assert_memory_equal(bytes, "\x0a\x0d\x0d\x0a", 4);
	assert_non_null(memmem(bytes, len, "lost by rule", 12));
	assert_non_null(memmem(bytes, len, "a.eth0", 6));
	assert_non_null(memmem(bytes, len, "hello", 5));
}

/* Bytes of one read; -ESRCH at the end of the stream. */
static int follow(const struct node *n, void *reader, GString *out)
{
	struct err e = { 0 };

	g_string_truncate(out, 0);
	return n->row->stream->read(n, reader, 1 << 20, out, &e);
}

static void the_stream_has_what_is_sent_from_its_opening_on(void **state)
{
	struct world *w = *state;
	struct node n = at(w, "wires/lan0/capture.follow");
	g_autoptr(GString) out = g_string_new(NULL);
	struct err e = { 0 };
	void *reader;

	meet(w);
	reader = n.row->stream->open(&n, &e);
	assert_true(n.row->stream->ready(&n, reader));
	assert_int_equal(follow(&n, reader, out), 0);
	assert_memory_equal(out->str, "\x0a\x0d\x0d\x0a", 4);
	assert_null(memmem(out->str, out->len, "hello", 5));
	assert_false(n.row->stream->ready(&n, reader));
	assert_int_equal(follow(&n, reader, out), 0);
	assert_int_equal(out->len, 0);
	run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"hello\"");
	assert_true(n.row->stream->ready(&n, reader));
	assert_int_equal(follow(&n, reader, out), 0);
	assert_memory_equal(out->str, "\6\0\0\0", 4);
	assert_non_null(memmem(out->str, out->len, "hello", 5));
	/* Too slow: the ring has gone on; the next block tells how many are missing (epb_dropcount). */
	net_wire_keep(net_wire_at(w->net, "lan0"), 2, 100000);
	for (unsigned i = 0; i < 5; i++) {
		run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"again\"");
		pass(w, "1ms");
	}
	assert_int_equal(follow(&n, reader, out), 0);
	assert_non_null(memmem(out->str, out->len, "\4\0\x08\0\3\0\0\0\0\0\0\0", 12));
	assert_int_equal(world_remove_wire(w, "lan0", NULL), 0);
	assert_int_equal(follow(&n, reader, out), -ESRCH);
	n.row->stream->close(&n, reader);
}

static void a_removed_wire_takes_its_files_along(void **state)
{
	struct world *w = *state;
	struct node frames = at(w, "wires/lan0/frames"), dir = at(w, "wires/lan0");
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *wire = NULL;
	struct err e = { 0 };
	struct stat st;

	assert_int_equal(world_remove_wire(w, "lan0", NULL), 0);
	assert_false(node_alive(&frames));
	assert_int_equal(tree_attr(&dir, &st), -ESTALE);
	assert_int_equal(node_show(&frames, out, &e), -ESRCH);
	assert_int_equal(world_add_wire(w, "lan0", NULL), 0);
	assert_false(node_alive(&frames));
	wire = read_path(w, "hosts/a/net/ifs/eth0/wire");
	assert_string_equal(wire, "-\n");
}

/* Everything that a wire can do to frames. The guest asks for one who is not there: nobody answers him. */
static void make_noise(struct world *w, bool guest)
{
	static const char *const settings[][2] = {
		{ "loss", "20%" }, { "corrupt", "10%" }, { "duplicate", "10%" }, { "reorder", "10%" }, { "jitter", "100us" },
	};

	if (guest)
		join(w, "c", "10.0.0.3/24", "02:00:00:00:00:0c");
	meet(w);
	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
		g_autofree char *path = g_strconcat("wires/lan0/", settings[i][0], NULL);

		run_line(w, path, settings[i][1]);
	}
	for (unsigned i = 0; i < 200; i++) {
		run_line(w, "hosts/a/ctl", "2 sendto 0 10.0.0.2:9 \"hello\"");
		run_line(w, "hosts/b/ctl", "2 sendto 0 10.0.0.1:9 \"hello\"");
		if (guest)
			run_line(w, "hosts/c/ctl", "2 sendto 0 10.0.0.77:9 \"anybody\"");
		pass(w, "1ms");
	}
}

static void the_same_commands_give_the_same_bytes(void **state)
{
	static const char *const files[] = { "events", "events.json", "wires/lan0/frames", "wires/lan0/sequence",
					     "wires/lan0/stats", "hosts/a/net/neighbours", "proc/net/dev", "hosts/b/proc/net/snmp" };
	struct world *other;
	g_autofree char *mine = NULL, *theirs = NULL;
	gsize len[2];

	world_free(*state);
	*state = lab_world(7);
	other = lab_world(7);
	make_noise(*state, false);
	make_noise(other, false);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *a = read_path(*state, files[i]), *b = read_path(other, files[i]);

		assert_string_equal(a, b);
	}
	mine = capture(*state, &len[0]);
	theirs = capture(other, &len[1]);
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(mine, theirs, len[0]);
	world_free(other);
}

/* The fates of the frames that `port` has sent, a line each. */
static char *fates(struct world *w, const char *port)
{
	struct net_wire *wire = net_wire_at(w->net, "lan0");
	GString *out = g_string_new(NULL);
	struct net_port_info info;
	struct net_frame f;

	for (uint64_t i = net_wire_first(wire); net_wire_frame(wire, i, &f); i++)
		if (net_wire_port(wire, f.port, &info) && !strcmp(info.name, port) && f.bytes[12] == 8 && f.bytes[13] == 0)
			g_string_append_printf(out, "%u %u\n", f.fate, f.bit);
	return g_string_free(out, FALSE);
}

static void another_host_leaves_the_dice_of_others_alone(void **state)
{
	struct world *other = lab_world(1);
	static const char *const ports[] = { "a.eth0", "b.eth0" };

	make_noise(*state, false);
	make_noise(other, true);
	for (size_t i = 0; i < G_N_ELEMENTS(ports); i++) {
		g_autofree char *a = fates(*state, ports[i]), *b = fates(other, ports[i]);

		assert_true(strlen(a) > 200);
		assert_string_equal(a, b);
	}
	world_free(other);
}

static void another_seed_gives_other_fates(void **state)
{
	struct world *other = lab_world(2);
	g_autofree char *a = NULL, *b = NULL;

	make_noise(*state, false);
	make_noise(other, false);
	a = fates(*state, "a.eth0");
	b = fates(other, "a.eth0");
	assert_string_not_equal(a, b);
	world_free(other);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(settings_read_back_as_they_are_written), TEST(settings_refuse_what_they_cannot_be),
		TEST(a_rule_hits_the_frame_that_it_names), TEST(what_is_held_comes_when_it_is_released),
		TEST(commands_say_what_is_wrong_with_them), TEST(frames_of_every_length), TEST(frames_are_taken_apart),
		TEST(the_ladder_shows_who_sent_what_to_whom), TEST(the_drawn_ladder_has_no_text_on_another),
		TEST(faults_can_be_looked_at_and_ended), TEST(the_capture_tells_the_fate_in_comments),
		TEST(the_stream_has_what_is_sent_from_its_opening_on), TEST(a_removed_wire_takes_its_files_along),
		TEST(the_same_commands_give_the_same_bytes), TEST(another_host_leaves_the_dice_of_others_alone),
		TEST(another_seed_gives_other_fates),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
