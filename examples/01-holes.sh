#!/bin/sh
# 01 - holes: most of an address space is not there; what does it cost to say so?
. "$(dirname "$0")/lib.sh"
lesson "Holes: what page tables cost" --ram 64M

say "One program: code at 4 MiB, a heap, a stack near 2^47. Six pages of 4 KiB, nothing else:"
layout()
{
	echo "spawn sparse bare" > $H/ctl
	pid=$(cat $H/ctl)
	cat > "proc/$pid/ctl" <<-END
		mmap 0x400000 8K rwx private,anon,fixed
		mmap 0x2000000 8K rw- private,anon,fixed
		mmap 0x7ffffffdd000 8K rw- private,anon,fixed
		touch 0x400000 8K w
		touch 0x2000000 8K w
		touch 0x7ffffffdd000 8K w
	END
}
tables() { awk '$2 == "table"' $H/mem/frames | wc -l; }
row() { printf '%-46s %9s frames  %12s bytes\n' "$1" "$2" "$3"; }

entry="va=48 pa=52 page=4096 pte=8 ppn=12+40 valid=0 write=1 user=2 nx=63 accessed=5 dirty=6"
layout
show "awk '{ print \$1, \$6 }' proc/$pid/maps"

ask "The page number has 36 bits. How large is a flat array with an entry of 8 bytes for every page?"
row "flat array: 2^36 entries of 8 bytes" 134217728 549755813888
say "It does not fit into the 64 MiB of this machine: a process cannot even be born."
echo reboot > $H/ctl
echo "$entry table=flat" > $H/mem/geometry
fails "echo 'spawn sparse bare' > hosts/host0/ctl"

say "The same six pages in tables that leave out what is not there:"
for shape in "split=18,18 two-levels" "split=9,9,9,9 four-levels" "table=hashed hashed"; do
	echo reboot > $H/ctl
	echo "$entry ${shape% *}" > $H/mem/geometry
	layout
	n=$(tables)
	row "${shape#* } (${shape% *})" "$n" $((n * 4096))
done

say "Four levels: one root, and three tables below it for each far-apart place (places that are near share):"
echo reboot > $H/ctl
echo "$entry split=9,9,9,9" > $H/mem/geometry
layout
show "awk 'NR == 1 || \$2 == \"table\" { print \$1, \$2, \$5, \$6 }' hosts/host0/mem/frames"
show "cat check"
