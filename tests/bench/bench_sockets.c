/*
 * bench_sockets.c - 100,000 rows of proc/net/tcp: what set-socket costs for each, and what rendering them all anew costs,
 * against the kernel's own table of as many sockets as this process may open.
 *
 * Targets: set-socket 100,000 times within 2 s; a row at most a fifth of the kernel's. They are told, not tested.
 */
#include "bench.h"
#include "tree.h"
#include "world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROWS = 100000, TRIES = 5 };

static void make_rows(struct world *w)
{
	struct node ctl;
	struct err e = { 0 };

	if (tree_path(w, "hosts/host0/ctl", &ctl))
		exit(2);
	for (unsigned i = 0; i < ROWS; i++) {
		g_autofree char *line = g_strdup_printf("set-socket tcp 10.0.%u.%u:%u 10.1.0.7:%u ESTABLISHED", i >> 8 & 255, i & 255,
							1024 + (i >> 4), 80 + (i & 7));
		g_autoptr(GString) result = g_string_new(NULL);

		if (ctl.row->store(&ctl, line, result, &e)) {
			fprintf(stderr, "bench_sockets: %s\n", e.why);
			exit(2);
		}
	}
}

/* The best of a few, each from the sockets anew. */
static double render(struct world *w)
{
	double best = 1e9;
	struct node n;

	if (tree_path(w, "hosts/host0/proc/1/net/tcp", &n))
		exit(2);
	for (unsigned i = 0; i < TRIES; i++) {
		g_autoptr(GString) out = g_string_new(NULL);
		double begin = wall_us() / 1e3;

		if (node_show(&n, out, NULL) || out->len != 150 * (ROWS + 1))
			exit(2);
		best = MIN(best, wall_us() / 1e3 - begin);
	}
	return best;
}

/* Milliseconds for each row of the kernel's; 0: it cannot be told here. */
static double kernel_row(void)
{
	struct rlimit l;
	unsigned n = 0;
	double best = 1e9;
	char *buffer = g_malloc(1 << 20);

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	for (unsigned i = 0; i < ROWS; i++) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(2000 + i / 250)),
					  .sin_addr.s_addr = htonl(0x7f000001 + (i % 250 << 8)) };
		int s = socket(AF_INET, SOCK_STREAM, 0);

		if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 1))
			break;
		n++;
	}
	for (unsigned i = 0; i < TRIES && n > 100; i++) {
		int fd = open("/proc/net/tcp", O_RDONLY);
		double begin = wall_us() / 1e3;
		ssize_t got;
		unsigned long bytes = 0;

		while ((got = read(fd, buffer, 1 << 20)) > 0)
			bytes += (unsigned long)got;
		if (bytes / 150 > n)
			best = MIN(best, (wall_us() / 1e3 - begin) / (double)(bytes / 150));
		close(fd);
	}
	g_free(buffer);
	return best < 1e9 ? best : 0;
}

int main(void)
{
	struct world_options o = { .ram_bytes = 4 * MiB, .seed = 1, .cpus = 1, .geometry = *vm_geometry_preset("x86-64") };
	struct world *w = world_new(&o, NULL);
	double begin = wall_us() / 1e3, made, shown, kernel;

	make_rows(w);
	made = wall_us() / 1e3 - begin;
	shown = render(w);
	kernel = kernel_row();
	printf("set-socket: %.0f ms for %d (target 2000)\n", made, ROWS);
	printf("net/tcp: %.1f ms for %d rows, %.0f ns a row\n", shown, ROWS, shown * 1e6 / ROWS);
	if (kernel > 0)
		printf("the kernel: %.0f ns a row, %.1f times as long (target 5)\n", kernel * 1e6, kernel * ROWS / shown);
	world_free(w);
	return 0;
}
