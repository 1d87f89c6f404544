/* trace_zip.c - a stream that compresses. */
#include "trace_zip.h"

#ifdef HAVE_ZSTD
#include <glib.h>
#include <stdint.h>
#include <zstd.h>

struct zip {
	FILE    *to;
	ZSTD_CCtx *zstd;
	size_t   room;
	uint8_t *packed;
};

/* 0, or -1 with errno. */
static int pack(struct zip *z, const void *from, size_t len, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = { from, len, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { z->packed, z->room, 0 };

		left = ZSTD_compressStream2(z->zstd, &out, &in, how);
		if (ZSTD_isError(left)) {
			errno = EIO;
			return -1;
		}
		if (fwrite(z->packed, 1, out.pos, z->to) != out.pos)
			return -1;
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static ssize_t zip_write(void *cookie, const char *from, size_t len)
{
	return pack(cookie, from, len, ZSTD_e_continue) ? 0 : (ssize_t)len;
}

static int zip_close(void *cookie)
{
	struct zip *z = cookie;
	int r = pack(z, NULL, 0, ZSTD_e_end), error = errno;

	if (fclose(z->to) && r == 0) {
		error = errno;
		r = -1;
	}
	ZSTD_freeCCtx(z->zstd);
	g_free(z->packed);
	g_free(z);
	errno = error;
	return r;
}

FILE *trace_zip(FILE *to, struct err *e)
{
	cookie_io_functions_t io = { .write = zip_write, .close = zip_close };
	struct zip *z = g_new0(struct zip, 1);

	*z = (struct zip){ to, ZSTD_createCCtx(), ZSTD_CStreamOutSize(), g_malloc(ZSTD_CStreamOutSize()) };
	ZSTD_CCtx_setParameter(z->zstd, ZSTD_c_checksumFlag, 1);
	return fopencookie(z, "w", io);
}
#else
FILE *trace_zip(FILE *to, struct err *e)
{
	fclose(to);
	err_set(e, ENOSYS, -1, "this vitrine was built without libzstd: vitrine convert IN - | zstd > OUT works");
	return NULL;
}
#endif
