#!/bin/sh
# 05 - permissions: user, write and execute bits of an entry; three faults told apart.
. "$(dirname "$0")/lib.sh"
lesson "Permission bits" --ram 1M

spawn demo bare
act $pid "mmap 0x10000 4K r-x private,anon,fixed"
act $pid "mmap 0x11000 8K rw- private,anon,fixed"
act $pid "exec 0x10000"
act $pid "write 0x11000 2a"
act $pid "write 0x12000 2b"

say "One entry is made a supervisor's by hand: its user bit (bit 2) is cleared, in RAM."
at=$(sed -n 's/^level=4 .*pte_addr=\(0x[0-9a-f]*\) .*/\1/p' proc/$pid/walk/0x12000)
show "od -A n -t x1 -j $at -N 1 hosts/host0/mem/ram"
byte=$(od -A n -t x1 -j $at -N 1 $H/mem/ram | tr -d ' ')
new=$(printf '%03o' $((0x$byte & ~4)))
show "printf '\\$new' | dd of=hosts/host0/mem/ram bs=1 seek=$((at)) conv=notrunc status=none"
show "od -A n -t x1 -j $at -N 1 hosts/host0/mem/ram"
show "echo flush > hosts/host0/mem/tlb"

say "The logical page table of the slide:"
table()
{
	printf '%-6s %-6s %-5s %-6s %-5s %s\n' VPN valid? user? write? exec? PPN
	for va in 0x10000 0x11000 0x12000 0x13000; do
		sed -n 's/^level=4 //p' "proc/$pid/walk/$va" | awk -v vpn=${va%000} '
			function has(flag) { return index(flags, flag) ? 1 : 0 }
			{ for (i = 1; i <= NF; i++) { split($i, f, "="); v[f[1]] = f[2] }
			  flags = v["flags"]
			  if (!v["valid"]) { printf "%-6s %-6s %-5s %-6s %-5s %s\n", vpn, 0, "-", "-", "-", "-"; next }
			  printf "%-6s %-6s %-5s %-6s %-5s %s\n", vpn, 1, has("user"), has("write"), has("exec"), v["ppn"] }'
	done
}
table
ask "Which of these fail: a store to 0x10000, a fetch from 0x11000, a load from 0x12000, a load from 0x13000?"
signals $pid "write 0x10000 00"
signals $pid "exec 0x11000"
signals $pid "read 0x12000"
signals $pid "read 0x13000"
say "The first three have a page; what stopped the MMU is in the table of faults:"
show "tail -n 4 proc/$pid/faults | awk '{ print \$2, \$3, \$4, \$5 }'"
show "tail -n 1 proc/$pid/walk/0x12000"
