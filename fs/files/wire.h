/* wire.h - what the files of a wire share. In their nodes `arg` is its serial. */
#ifndef FS_WIRE_H
#define FS_WIRE_H

#include "command.h"
#include "net_wire.h"

/* wire.c */
/* wire_ctl.c */
int store_wire_ctl(const struct node *n, char *line, GString *result, struct err *e);
extern const struct column wire_fault_columns[];
fill_fn fill_wire_faults;
/* wire_frames.c */
extern const struct column wire_frame_columns[];
fill_fn fill_wire_frames;
/* "SYN,ACK"; "-" for none. */
void put_tcp_flags(GString *out, unsigned flags);
/* "echo-request", "port-unreachable", or type/code. */
void put_icmp_name(GString *out, unsigned type, unsigned code);
void put_icmp6_name(GString *out, unsigned type, unsigned code);
/* wire_frame.c: frame/N; `arg2` is the number. */
extern const struct dir_ops wire_frame_dir;
/* wire_capture.c */
show_fn show_wire_capture;
extern const struct stream_ops wire_capture_follow;
/* wire_sequence.c */
show_fn show_wire_sequence, show_wire_sequence_svg;

#endif
