#!/bin/sh
# 13 - the fault address, and a precise restart.
. "$(dirname "$0")/lib.sh"
lesson "Fault address and restart"

spawn demo bare
act $pid "mmap 0x7FFFC000 16K rw- private,anon,fixed"
act $pid "set sp 0x7FFFC000"
act $pid "mmap 0x7FFF0000 4K r-- private,anon,fixed"
say "A push to a page that no area has: cr2 holds the address, %rsp is as before: the push did nothing."
signals $pid "push 0x11"
show "grep -E '^(cr2|sp)=' proc/$pid/cpu"
ask "The OS gives the program that page after all. What must be true for the push to simply be tried again?"
act $pid "mmap 0x7FFFB000 4K rw- private,anon,fixed"
act $pid "push 0x11"
show "grep -E '^(cr2|sp)=' proc/$pid/cpu"
act $pid "read 0x7FFFBFF8 8"
say "A store over the end of a page faults in its second half; cr2 holds that half's address:"
act $pid 'write 0x7FFFCFFC "12345678"'
show "grep -E '^cr2=' proc/$pid/cpu"
show "tail -n 2 proc/$pid/faults | awk '{ print \$2, \$3, \$4, \$5 }'"
