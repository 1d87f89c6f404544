/* trace_zip.h - what is written, compressed by zstd on its way. */
#ifndef FS_TRACE_ZIP_H
#define FS_TRACE_ZIP_H

#include "err.h"

#include <stdio.h>

/* A stream that writes to `to`, and closes it with itself, also on failure: NULL with ENOSYS without libzstd. */
FILE *trace_zip(FILE *to, struct err *e);

#endif
