#!/bin/sh
# 09 - mmap a file: memory that is a file.
. "$(dirname "$0")/lib.sh"
lesson "A file in memory"

show "seq -w 0 99 | tr '\n' ' ' > files/numbers"
show "head -c 20 files/numbers; echo"
spawn editor bare
one=$pid
spawn reader bare
two=$pid
show "echo writeback > hosts/host0/mem/ctl"
act $one "mmap 0x100000 4K rw- shared,fixed /numbers"
act $two "mmap 0x200000 4K r-- shared,fixed /numbers"
say "Byte 6 through the mapping, then byte 100 = 'x':"
act $one "read 0x100006"
show "grep flags= proc/$one/walk/0x100000 | tail -n 1"
ask "What does the store change? Who sees the x?"
act $one 'write 0x100064 "x"'
say "The dirty bit of the entry:"
show "grep flags= proc/$one/walk/0x100000 | tail -n 1"
say "The other process, and cat, look at the same frame:"
act $two "read 0x200064"
show "tail -c +97 files/numbers | head -c 8; echo"
say "It reaches the disk when dirty pages are written back:"
show "grep writebacks hosts/host0/mem/stats"
show "echo writeback > hosts/host0/mem/ctl"
show "grep writebacks hosts/host0/mem/stats"
show "grep flags= proc/$one/walk/0x100000 | tail -n 1"
