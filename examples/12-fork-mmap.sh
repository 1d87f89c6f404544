#!/bin/sh
# 12 - fork and mmap: does the parent's loop ever end?
. "$(dirname "$0")/lib.sh"
lesson "fork and mmap: while (x == 1)"

for kind in private shared; do
	say "--- int *x = mmap(..., $kind | anon ...); *x = 1; ---"
	spawn parent bare
	parent=$pid
	act $parent "mmap 0x10000 4K rw- $kind,anon,fixed"
	act $parent "write 0x10000 01"
	act $parent "fork"
	child=$(cat proc/$parent/ctl)
	ask "The child stores *x = 2. The parent loops: while (*x == 1). Does it end?"
	act $child "write 0x10000 02"
	turns=0
	while [ $turns -lt 1000 ]; do
		echo "read 0x10000" > proc/$parent/ctl
		[ "$(cat proc/$parent/ctl)" = 01 ] || break
		turns=$((turns + 1))
	done
	if [ $turns = 1000 ]; then echo "after 1000 turns the parent still reads 1"; else echo "the parent reads 2 after $turns turns: the loop ends"; fi
	show "grep -E '^pfn=' proc/$parent/page/0x10000 proc/$child/page/0x10000 | sed 's,/page/0x10000,,'"
done
