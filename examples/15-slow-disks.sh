#!/bin/sh
# 15 - disks are slow: the same run on a hard disk, an SSD and an NVMe drive; a page against a sector.
. "$(dirname "$0")/lib.sh"
lesson "Disks are slow" --ram 1M --swap 0

show "grep -E '^(tlb_hit|walk_step|minor_fault|zero)=' mem/config"
spawn p bare
act $pid "mmap 0x10000000 32K rw- private,anon,fixed"

# Eight pages go out and come back, in an order that no head likes.
run()
{
	echo "on 512M $1" > swap/ctl
	area=$(cat swap/ctl)
	echo "touch 0x10000000 32K w" > proc/$pid/ctl
	echo "madvise 0x10000000 32K pageout" > proc/$pid/ctl
	for page in 0 5 2 7 4 1 6 3; do echo "read 0x1000${page}000" > proc/$pid/ctl; done
	tail -n 8 proc/$pid/faults | awk -v kind="$1" '
		{ sum += $6; if ($6 > most) most = $6; if (!least || $6 < least) least = $6 }
		END { printf "%-5s %10.0f us least %10.0f us most %10.0f us on average: %8.0f times a fault without a disk\n",
			kind, least * 1e6, most * 1e6, sum / NR * 1e6, sum / NR / 0.0000006 }'
	echo "off $area" > swap/ctl
}
ask "A page is read back from swap. How long does that take on each device?"
run hdd
run ssd
run nvme

say "Of a hard disk's time, moving the bytes is the least part: it seeks, then waits for the platter."
show "echo 'on 4M hdd' > swap/ctl; grep -E '^(seek|turn|bandwidth)' swap/0/device; echo 'off 0' > swap/ctl"
ask "So what would be gained by pages of 512 bytes, a disk's sector, instead of 4 KiB or 16 KiB?"
echo exit > proc/$pid/ctl
for page in 512 4096 16384; do
	bits=$(echo "$page" | awk '{ for (b = 0; 2 ^ b < $1; b++); print b }')
	echo "va=20 pa=20 page=$page pte=4 table=flat split=$((20 - bits)) ppn=8+$((20 - bits)) valid=0 write=1 user=2 dirty=3 accessed=4" > mem/geometry
	echo 'on 64M hdd' > swap/ctl
	echo 'spawn q bare' > $H/ctl
	q=$(cat $H/ctl)
	for line in "mmap 0x10000 $page rw- private,anon,fixed" "touch 0x10000 1 w" "madvise 0x10000 $page pageout" "read 0x10000"; do
		echo "$line" > "proc/$q/ctl"
	done
	tail -n 1 "proc/$q/faults" | awk -v page=$page '{ printf "%6d bytes: %7.3f ms\n", page, $6 * 1e3 }'
	echo exit > "proc/$q/ctl"
	echo 'off 0' > swap/ctl
done
say "Next to nothing: a page comes as quickly as a sector."
