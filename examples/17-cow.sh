#!/bin/sh
# 17 - copy-on-write and page tables: VPNs 0x601 to 0x605, before and after.
. "$(dirname "$0")/lib.sh"
lesson "fork and copy-on-write" --ram 1G

say "A process with five writable pages, in the frames of the slide:"
show "echo 'share_tables=0' > hosts/host0/mem/config"
spawn parent bare
parent=$pid
act $parent "mmap 0x601000 20K rw- private,anon,fixed"
act $parent "touch 0x601000 1 r"
show "echo 'next 0x12345 0x12347 0x12340 0x200DF 0x200AF' > hosts/host0/mem/ctl"
act $parent "touch 0x601000 20K w"
entries() { awk -v who="$1" '{ printf "%s %s %s %s\n", who, $1, $(NF - 2), $NF }' "proc/$2/pagetable" | sed 1d; }
entries parent $parent
act $parent fork
child=$(cat proc/$parent/ctl)
ask "What do the two page tables hold now?"
entries parent $parent
entries child $child
ask "The child stores to 0x605000. Which entries change?"
show "echo 'next 0x300FD' > hosts/host0/mem/ctl"
act $child "write 0x605000 2a"
entries parent $parent
entries child $child
say "The parent keeps its page; as its last owner it needs no copy at its own first store:"
act $parent "write 0x605000 2b"
entries parent $parent | tail -n 1
show "tail -n 3 events | awk '{ \$1 = \$2 = \$3 = \"\"; print }'"
