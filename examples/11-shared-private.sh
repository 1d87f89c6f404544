#!/bin/sh
# 11 - MAP_SHARED against MAP_PRIVATE.
. "$(dirname "$0")/lib.sh"
lesson "Shared against private"

show "printf 'original' > files/text"
for kind in shared private; do
	say "--- $kind ---"
	spawn writer bare
	one=$pid
	spawn reader bare
	two=$pid
	act $one "mmap 0x10000 4K rw- $kind,fixed /text"
	act $two "mmap 0x10000 4K rw- $kind,fixed /text"
	act $one "read 0x10000 8"
	act $two "read 0x10000 8"
	show "grep -E '^(pfn|maps)=' proc/$one/page/0x10000 proc/$two/page/0x10000 | sed 's,/page/0x10000,,'"
	ask "One process stores a byte. What do the other process and the file hold?"
	act $one 'write 0x10000 "O"'
	show "grep -E '^(pfn|maps)=' proc/$one/page/0x10000 proc/$two/page/0x10000 | sed 's,/page/0x10000,,'"
	act $two "read 0x10000 8"
	show "cat files/text; echo"
	printf 'o' | dd of=files/text conv=notrunc status=none
	echo exit > proc/$one/ctl
	echo exit > proc/$two/ctl
done
