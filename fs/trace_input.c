/* trace_input.c - the bytes of a trace: a mapped file, a pipe, or either of them compressed by zstd. */
#include "trace_input.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>

enum { WINDOW_BITS = 27 };
#endif

enum { SLACK = 64 /* bytes around the window that a vector may load */, PACKED = 1 << 17, STALL_MS = 100 };
enum { SKIPPED_MOST = 16 };   /* bytes of frames to be skipped at the beginning; pzstd's have 4 */

/* The first `got` bytes are those of zstd. *need: more of them have to be known to tell. */
static bool is_zstd(const uint8_t *start, size_t got, size_t *need)
{
	static const uint8_t magic[4] = { 0x28, 0xb5, 0x2f, 0xfd }, skipped[3] = { 0x2a, 0x4d, 0x18 };

	*need = 4;
	if (got < 4)
		return false;
	if (!memcmp(start, magic, 4))
		return true;
	if ((start[0] & 0xf0) != 0x50 || memcmp(start + 1, skipped, 3))
		return false;
	*need = 12;
	if (got < 12 || start[4] > SKIPPED_MOST || start[5] || start[6] || start[7])
		return false;
	*need = 12 + (size_t)start[4];
	return got >= *need && !memcmp(start + *need - 4, magic, 4);
}

/* read(2) that a signal to stop can end. 0: end of file. */
static ssize_t read_some(struct input *in, void *to, size_t len, struct err *e)
{
	if (in->bytes.read) {
		ssize_t n = in->bytes.read(in->bytes.from, in->file_read, to, len);

		in->file_read += n > 0 ? (uint64_t)n : 0;
		return n < 0 ? err_set(e, (int)-n, -1, "%s", g_strerror((int)-n)) : n;
	}
	for (;;) {
		struct pollfd p = { .fd = in->fd, .events = POLLIN };
		ssize_t n;

		if (in->stop && *in->stop)
			return err_set(e, EINTR, -1, "interrupted");
		if (poll(&p, 1, STALL_MS) == 0)
			continue;
		n = read(in->fd, to, len);
		if (n >= 0) {
			in->file_read += (uint64_t)n;
			return n;
		}
		if (errno != EINTR && errno != EAGAIN)
			return err_set(e, errno, -1, "%s", g_strerror(errno));
	}
}

#ifdef HAVE_ZSTD
static int unzip_more(struct input *in, uint8_t *to, size_t len, struct err *e)
{
	ZSTD_outBuffer out = { to, len, 0 };

	while (out.pos == 0) {
		ZSTD_inBuffer from = { in->packed, in->packed_len, in->packed_at };
		size_t left;

		if (from.pos == from.size) {
			ssize_t n = read_some(in, in->packed, PACKED, e);

			if (n < 0)
				return (int)n;
			in->packed_len = (size_t)n;
			in->packed_at = 0;
			if (n == 0 && in->in_frame)
				return err_set(e, EINVAL, -1, "the compressed data end early, after %" PRIu64 " bytes", in->file_read);
			if (n == 0)
				break;
			continue;
		}
		left = ZSTD_decompressStream(in->unzip, &out, &from);
		in->packed_at = from.pos;
		if (ZSTD_isError(left) && ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge)
			return err_set(e, EFBIG, -1, "it was compressed with a window of more than %d MiB: "
				       "zstd -dc --long=31 FILE | vitrine ... - works", 1 << (WINDOW_BITS - 20));
		if (ZSTD_isError(left))
			return err_set(e, EINVAL, -1, "the compressed data are damaged between bytes %" PRIu64 " and %" PRIu64 ": %s",
				       in->file_read - in->packed_len + in->packed_at, in->file_read, ZSTD_getErrorName(left));
		in->in_frame = left != 0;
	}
	in->end = to + out.pos;
	in->last = out.pos == 0;
	return 0;
}

static int unzip_start(struct input *in, struct err *e)
{
	in->unzip = ZSTD_createDStream();
	ZSTD_initDStream(in->unzip);
	ZSTD_DCtx_setParameter(in->unzip, ZSTD_d_windowLogMax, WINDOW_BITS);
	return 0;
}

static void unzip_end(struct input *in)
{
	ZSTD_freeDStream(in->unzip);
}
#else
static int unzip_more(struct input *in, uint8_t *to, size_t len, struct err *e)
{
	return err_set(e, ENOSYS, -1, "no zstd");
}

static int unzip_start(struct input *in, struct err *e)
{
	return err_set(e, ENOSYS, -1, "it is compressed, and this vitrine was built without libzstd: "
		       "zstd -dc FILE | vitrine ... - works");
}

static void unzip_end(struct input *in)
{
}
#endif

int input_more(struct input *in, struct err *e)
{
	size_t kept = (size_t)(in->end - in->at), room;
	uint8_t *start = in->buffer ? in->buffer + SLACK : NULL;
	ssize_t n;

	if (in->last)
		return 0;
	if (in->at != start) {
		memmove(start, in->at, kept);
		in->at = start;
		in->end = start + kept;
	}
	room = 2 * INPUT_WINDOW - kept;
	if (in->unzip)
		return unzip_more(in, start + kept, room, e);
	n = read_some(in, start + kept, room, e);
	if (n < 0)
		return (int)n;
	in->end = start + kept + n;
	in->last = n == 0;
	return 0;
}

int input_want(struct input *in, size_t n, struct err *e)
{
	while ((size_t)(in->end - in->at) < n && !in->last) {
		int r = input_more(in, e);

		if (r)
			return r;
	}
	return 0;
}

/* False: it has to be read. Not every file system can map files (that of a mount of ours cannot), nor know how long they are. */
static bool map_file(struct input *in, uint64_t bytes)
{
	void *map = bytes ? mmap(NULL, bytes, PROT_READ, MAP_SHARED, in->fd, 0) : MAP_FAILED;

	if (map == MAP_FAILED)
		return false;
	madvise(map, bytes, MADV_SEQUENTIAL);
	in->mapped = in->last = true;
	in->file_read = bytes;
	in->at = in->map = map;
	in->end = in->map + bytes;
	return true;
}

/* The first bytes of a pipe say whether it is compressed, and then are the first to be unpacked. */
static int start_stream(struct input *in, struct err *e)
{
	size_t got = 0, need;
	bool packed;
	int r;

	in->packed = g_malloc(PACKED);
	while (packed = is_zstd(in->packed, got, &need), got < need) {
		ssize_t n = read_some(in, in->packed + got, PACKED - got, e);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	in->buffer = g_malloc(2 * INPUT_WINDOW + 2 * SLACK);
	memset(in->buffer, '\n', SLACK);          /* as if a line ended there */
	in->at = in->end = in->buffer + SLACK;
	if (packed) {
		r = unzip_start(in, e);
		if (r)
			return r;
		in->packed_len = got;
		return 0;
	}
	memcpy(in->buffer + SLACK, in->packed, got);
	in->end += got;
	return 0;
}

static bool is_zstd_file(int fd)
{
	uint8_t start[12 + SKIPPED_MOST];
	ssize_t n = pread(fd, start, sizeof(start), 0);
	size_t need;

	return n > 0 && is_zstd(start, (size_t)n, &need);
}

int input_open(struct input *in, const char *path, const volatile sig_atomic_t *stop, struct err *e)
{
	struct stat st;

	*in = (struct input) { .stop = stop };
	in->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : fcntl(0, F_DUPFD_CLOEXEC, 3);
	if (in->fd < 0 || fstat(in->fd, &st))
		return err_set(e, errno, -1, "%s", g_strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, -1, "it is a directory");
	in->file_bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (S_ISREG(st.st_mode) && lseek(in->fd, 0, SEEK_CUR) == 0 && !is_zstd_file(in->fd) && map_file(in, in->file_bytes))
		return 0;
	return start_stream(in, e);
}

int input_open_bytes(struct input *in, const struct trace_bytes *b, struct err *e)
{
	*in = (struct input) { .fd = -1, .bytes = *b };
	return start_stream(in, e);
}

void input_close(struct input *in)
{
	if (in->map)
		munmap(in->map, in->file_bytes);
	if (in->unzip)
		unzip_end(in);
	if (in->fd >= 0)
		close(in->fd);
	g_free(in->buffer);
	g_free(in->packed);
	*in = (struct input) { .fd = -1 };
}
