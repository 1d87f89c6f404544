#!/bin/sh
# 07 - allocating space on demand: a push below the stack's last page.
. "$(dirname "$0")/lib.sh"
lesson "Space on demand"

spawn demo bare
act $pid "mmap 0x7FFFC000 16K rw- private,anon,fixed,growsdown"
act $pid "touch 0x7FFFC000 16K w"
act $pid "set sp 0x7FFFC000"
say "The stack: VPNs 0x7FFFC to 0x7FFFF are valid, 0x7FFFB is not. %rsp = 0x7FFFC000."
show "cat proc/$pid/maps"
show "awk '{ print \$1, \$(NF - 2), \$NF }' proc/$pid/pagetable"
show "tail -n 1 proc/$pid/walk/0x7FFFBFF8"

ask "The program executes pushq \$0x2a. What happens, step by step?"
act $pid "push 0x2a"
say "1. the store to 0x7FFFBFF8 faults; the hardware notes the address:"
show "grep -E '^(cr2|sp)=' proc/$pid/cpu"
say "2. the OS finds that the address belongs to the stack (which grows down to it), 3. takes a frame, 4. sets the entry:"
show "tail -n 1 proc/$pid/faults | awk '{ print \$2, \$3, \$4, \$5 }'"
show "cat proc/$pid/maps"
show "awk '{ print \$1, \$(NF - 2), \$NF }' proc/$pid/pagetable"
say "5. the instruction starts again and succeeds: the value is there, %rsp has moved."
act $pid "read 0x7FFFBFF8 8"
