/* pipe.h - pipes: a queue of bytes between descriptors. */
#ifndef VMCORE_PIPE_H
#define VMCORE_PIPE_H

#include "file.h"

struct pipe;
/* With one descriptor at each end. */
struct pipe *pipe_new(struct vm_host *h);
extern const struct vm_file_ops pipe_read_end, pipe_write_end;

#endif
