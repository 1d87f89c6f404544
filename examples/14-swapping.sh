#!/bin/sh
# 14 - swapping components: swap in is like allocating on demand; swap out marks the entry invalid in every page table.
. "$(dirname "$0")/lib.sh"
lesson "Swapping: in and out" --ram 1M --swap 1M

entries() { awk -v who="$1" '{ printf "%-6s %s pfn=%s slot=%s %s\n", who, $1, $(NF - 2), $(NF - 1), $NF }' "proc/$2/pagetable" | sed 1d; }
count() { awk '/^(zero_fills|swap_ins|swap_outs|evictions_clean|evictions_dirty|minor_faults|major_faults) /' $H/mem/stats; }

spawn parent bare
parent=$pid
act $parent "mmap 0x601000 8K rw- private,anon,fixed"
act $parent "write 0x601000 \"hello\""
act $parent "write 0x602000 \"world\""
act $parent fork
child=$(cat proc/$parent/ctl)
say "Two processes, two page tables, one frame a page:"
entries parent $parent
entries child $child

ask "The OS needs a frame and takes the one of 0x601000. Which entries change?"
show "echo 'reclaim 1' > $H/mem/ctl"
entries parent $parent
entries child $child
say "Both are invalid and name the slot, where the bytes are now:"
show "head -n 2 swap/0/slots"
show "head -c 5 swap/0/slot/0; echo"
show "tail -n 1 proc/$parent/walk/0x601000"

ask "The parent reads the page. How does that differ from a page that was never touched?"
act $parent "mmap 0x700000 4K rw- private,anon,fixed"
act $parent "touch 0x700000 1 w"
act $parent "read 0x601000 5"
show "tail -n 2 proc/$parent/faults | awk '{ print \$2, \$3, \$4, \$5 }'"
say "Both times: a frame is found, filled, and the entry made valid. Only where the bytes come from differs: zeros, or the disk."
entries parent $parent
say "The child's entry still names the slot; its own fault finds the frame in memory, in the swap cache, and reads nothing:"
act $child "read 0x601000 5"
show "tail -n 1 proc/$child/faults | awk '{ print \$2, \$3, \$4, \$5 }'"

ask "Nobody has stored to the page since. It has to go once more: is it written again?"
count > "${TMPDIR:-/tmp}/lesson14.$$"
act $parent "munmap 0x700000 4K"
act $child exit
act $parent "madvise 0x601000 4K pageout"
count | diff "${TMPDIR:-/tmp}/lesson14.$$" - | grep '^>' || true
rm -f "${TMPDIR:-/tmp}/lesson14.$$"
say "No: the slot still has the same bytes. And after a store?"
act $parent "write 0x601000 \"HELLO\""
act $parent "madvise 0x601000 4K pageout"
show "awk '/^(swap_outs|evictions)/' mem/stats"
show "awk '\$2 != \"free\"' swap/0/slots"
