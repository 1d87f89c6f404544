/* world_reader.c - who reads: what a real program is in its own pid namespace. */
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The last number of a line of the reader's real status: what it is in its own pid namespace. */
static int32_t reader_status(const struct world *w, const char *key)
{
	char name[32], text[4096], *line, *end;
	ssize_t n;
	int fd;

	if (w->reader <= 0 || w->real_proc < 0)
		return w->reader;
	snprintf(name, sizeof name, "%d/status", w->reader);
	fd = openat(w->real_proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return w->reader;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[MAX(n, 0)] = '\0';
	line = strstr(text, key);
	if (!line || !(end = strchr(line + 1, '\n')))
		return w->reader;
	while (end > line && !g_ascii_isspace(end[-1]))
		end--;
	return (int32_t)strtol(end, NULL, 10);
}

int32_t world_reader(const struct world *w)
{
	return reader_status(w, "\nNStgid:");
}

int32_t world_reader_thread(const struct world *w)
{
	return reader_status(w, "\nNSpid:");
}
