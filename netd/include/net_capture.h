/*
 * net_capture.h - a wire's log as pcapng (draft-ietf-opsawg-pcapng): one interface a port, times in
 * nanoseconds, each frame once, as sent, by its sender; the fate of one that did not arrive as sent
 * is in its comment.
 */
#ifndef NET_CAPTURE_H
#define NET_CAPTURE_H

#include "net_wire.h"

/* Section header, the interfaces from `*ports` on (and advances it), the names of hosts. A stream starts with *ports == 0. */
void net_capture_start(const struct net_wire *w, unsigned *ports, GByteArray *out);
/*
 * Blocks for one frame, preceded by those of ports that are new since *ports; false: not in the log. `lost` frames
 * before it are missing (the reader was too slow).
 */
bool net_capture_frame(const struct net_wire *w, uint64_t number, uint64_t lost, unsigned *ports, GByteArray *out);
/* The whole log: start, every frame, statistics of the ports. */
void net_capture_all(const struct net_wire *w, GByteArray *out);
/* "lost", "corrupted bit 300 ..." into `out`: the comment of the frame; empty if it just went through. */
void net_fate_text(const struct net_frame *f, GString *out);

#endif
