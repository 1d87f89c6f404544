#!/bin/sh
# 04 - x86-64: 48-bit addresses, four indexes of 9 bits, 512 entries of 8 bytes: each table is one page.
. "$(dirname "$0")/lib.sh"
lesson "Four levels: x86-64"

spawn demo bare
act $pid "mmap 0x123456789000 4K rw- private,anon,fixed"
act $pid 'write 0x123456789abc "!"'
say "The address 0x123456789abc in binary, cut into four indexes and an offset:"
binary() { n=$1 bits=; while [ ${#bits} -lt "$2" ]; do bits=$((n & 1))$bits n=$((n >> 1)); done; printf '%s ' "$bits"; }
va=0x123456789abc
for shift in 39 30 21 12; do binary $((va >> shift & 511)) 9; done; binary $((va & 4095)) 12; echo
for shift in 39 30 21 12; do printf '%9x ' $((va >> shift & 511)); done; printf '%12x\n' $((va & 4095))
ask "How many memory reads does it take to find the byte?"
show "cat proc/$pid/walk/0x123456789abc"
say "Each table is one page of RAM: 512 entries of 8 bytes. A physical page number points to the next one."
show "awk 'NR == 1 || \$2 == \"table\" { print \$1, \$2, \$5, \$6 }' hosts/host0/mem/frames"
say "The entry of the last level, read from RAM byte for byte at the pte_addr of the walk:"
at=$(sed -n 's/^level=4 .*pte_addr=\(0x[0-9a-f]*\) .*/\1/p' proc/$pid/walk/0x123456789abc)
show "od -A x -t x8 -j $at -N 8 hosts/host0/mem/ram"
say "Valid is checked at each level: where does the walk of these end?"
for va in 0x923456789abc 0x223456789abc 0x12f456789abc 0x1234f6789abc 0x12345678aabc; do
	show "tail -n 1 proc/$pid/walk/$va"
done
