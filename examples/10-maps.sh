#!/bin/sh
# 10 - maps: which area is what; a layout like a real one's.
. "$(dirname "$0")/lib.sh"
lesson "Areas of a process"

say "The layout of a small program, as a kernel printed it in its /proc/PID/maps:"
cat > files/layout <<'END'
00400000-00401000 r--p 00000000 08:01 1311 /bin/hello
00401000-00402000 r-xp 00001000 08:01 1311 /bin/hello
00402000-00403000 r--p 00002000 08:01 1311 /bin/hello
00403000-00404000 rw-p 00003000 08:01 1311 /bin/hello
00404000-00425000 rw-p 00000000 00:00 0 [heap]
7ffff7dd5000-7ffff7dfb000 r--p 00000000 08:01 1442 /lib/x86_64-linux-gnu/libc.so.6
7ffff7dfb000-7ffff7f50000 r-xp 00026000 08:01 1442 /lib/x86_64-linux-gnu/libc.so.6
7ffff7f50000-7ffff7fa3000 r--p 0017b000 08:01 1442 /lib/x86_64-linux-gnu/libc.so.6
7ffff7fa3000-7ffff7fa9000 rw-p 001ce000 08:01 1442 /lib/x86_64-linux-gnu/libc.so.6
7ffff7fc9000-7ffff7fcd000 r--p 00000000 00:00 0 [vvar]
7ffff7fcd000-7ffff7fcf000 r-xp 00000000 00:00 0 [vdso]
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
END
spawn hello bare
show "cat files/layout > proc/$pid/maps"
show "awk '{ printf \"%s %s %s %s\\n\", \$1, \$2, \$3, \$6 }' proc/$pid/maps"
ask "Where does each field come from: the bounds, rwx, p or s, the offset, the name?"
say "The area of the code, asked for through one of its pages: bounds, permissions, file and offset are fields of the VMA."
show "grep -E '^(vma|state|pfn)' proc/$pid/page/0x401234"
say "The heap ends at the break; brk moves it:"
act $pid "brk +8K"
show "grep heap proc/$pid/maps | cut -c1-26"
say "A real process's layout (that of the cat which reads it) goes in the same way, and comes out as it went in:"
spawn clone bare
show "cat /proc/self/maps > files/real"
show "cat files/real > proc/$pid/maps"
same_areas() { awk '{ $4 = $5 = ""; print }' "$1" | cksum; }
if [ "$(same_areas files/real)" = "$(same_areas proc/$pid/maps)" ]; then
	echo "each area as in the original, but for device and inode"
else
	diff files/real proc/$pid/maps
fi
