#!/bin/sh
# mem/: RAM through dd and xxd, geometry, frames, the TLB, settings; and what the tools of procps make of it.
. "$(dirname "$0")/lib.sh"
set -e

mount_world --ram 16M
expect 16777216 cat mem/size
expect 16777216 stat -c %s mem/ram
expect 4096 sh -c 'sed 1d mem/frames | wc -l'
expect 64 sh -c 'wc -l < mem/map'

# RAM byte for byte.
printf 'hello' | dd of=mem/ram bs=1 seek=1000000 conv=notrunc 2>/dev/null
expect hello dd if=mem/ram bs=1 skip=1000000 count=5 status=none
expect 'hello' sh -c 'tail -c +1000001 mem/ram | head -c 5'
refuses 'No space left' 'printf x | dd of=mem/ram bs=1 seek=16777216 conv=notrunc'
if command -v xxd >/dev/null; then
	expect '000f4240: 6865 6c6c 6f                             hello' xxd -s 1000000 -l 5 mem/ram
	echo '000f4240: 4a' | xxd -r - mem/ram
	expect Jello dd if=mem/ram bs=1 skip=1000000 count=5 status=none
fi
printf '\0\0\0\0\0' | dd of=mem/ram bs=1 seek=1000000 conv=notrunc 2>/dev/null

# A page followed from its process to its frame and back, and its entry poked.
echo 'spawn demo bare' > hosts/host0/ctl
echo 'next 0x2a 0x2b 0x2c 0x2d' > mem/ctl
printf 'mmap 0x10000000 8K rw- private,anon,fixed\nwrite 0x10000000 "first"\nwrite 0x10001000 "second"\n' > proc/2/ctl
pfn=$(awk '$1 == "0x10000000" { print $(NF - 2) }' proc/2/pagetable)
other=$(awk '$1 == "0x10001000" { print $(NF - 2) }' proc/2/pagetable)
expect '2 0x10000000' awk -v pfn="$pfn" '$1 == pfn { print $5, $6 }' mem/frames
grep -qx 'mapped=2:0x10000000' "mem/frame/$pfn" || fail "frame/PFN"
grep -q 'first' "mem/frame/$((pfn))" || fail "frame/PFN in decimal"
expect first dd if=mem/ram bs=4096 skip=$((pfn)) count=1 status=none iflag=fullblock
at=$(sed -n 's/^level=4 .*pte_addr=\(0x[0-9a-f]*\) .*/\1/p' proc/2/walk/0x10000000)
dd if=mem/ram of=mem/ram bs=1 skip=$((at + 8 + 1)) seek=$((at + 1)) count=5 conv=notrunc 2>/dev/null
echo 'read 0x10000000 5' > proc/2/ctl
expect 6669727374 cat proc/2/ctl                # the TLB still has the old entry
echo flush > mem/tlb
echo 'read 0x10000000 6' > proc/2/ctl
expect 7365636f6e64 cat proc/2/ctl              # now the walk finds the other frame
grep -q "^poked:.*$at" check || fail "check does not tell of the poke"
check_world
echo exit > proc/2/ctl
expect 0 sh -c "awk '\$2 == \"anon\" || \$2 == \"table\"' mem/frames | wc -l"
[ "$pfn" != "$other" ] || fail "two pages in one frame"

# Geometry and size need a host of its own; a refusal changes nothing.
cp mem/geometry "$T/geometry"
echo 'va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4' > mem/geometry
expect 64 cat mem/size
expect 64 stat -c %s mem/ram
expect 8 sh -c 'sed 1d mem/frames | wc -l'
refuses 'Invalid argument' 'env echo va=9 > mem/geometry'
expect 64 cat mem/size
cat "$T/geometry" > mem/geometry
cmp mem/geometry "$T/geometry"
expect 16777216 cat mem/size
echo 32M > mem/size
expect 33554432 stat -c %s mem/ram
expect '         32768' sh -c "sed -n 's/^MemTotal:\\(.*\\) kB/\\1/p' proc/meminfo | sed 's/^ *\\(.\\{14\\}\\)$/\\1/'"
echo 'spawn demo' > hosts/host0/ctl
refuses 'Device or resource busy' 'env echo 16M > mem/size'
refuses 'Device or resource busy' 'env echo sv39 > mem/geometry'

# Settings and counters.
echo 'minor_fault=7us' > mem/config
expect 'minor_fault=7us' grep minor_fault mem/config
refuses 'Permission denied' 'touch mem/config.copy'
config=$(cat mem/config)
printf '%s\n' "$config" > mem/config
expect "$config" cat mem/config
expect 14 sh -c 'wc -l < mem/stats'

# The real tools, with this /proc over theirs.
echo "set loadavg 0.5 0.25 0.75" > hosts/host0/ctl
if [ "$(id -u)" = 0 ] && command -v unshare ps free >/dev/null; then
	over() { unshare -m --propagation private sh -c 'mount --bind "$1" /proc && shift && exec "$@"' sh "$M/proc" "$@"; }
	expect 'init demo ' sh -c "unshare -m --propagation private sh -c 'mount --bind \$1 /proc && exec ps -e -o comm=' sh '$M/proc' | tr '\n' ' '"
	over free -k | grep -q '^Mem: *32768' || fail "free"
	over uptime | grep -q 'load average: 0.50, 0.25, 0.75' || fail "uptime"
	over vmstat | tail -n 1 | grep -q ' 100  *0' || fail "vmstat"
	over pgrep -x demo >/dev/null || fail "pgrep"
	over pstree | grep -q 'init---demo' || fail "pstree"
	over top -b -n 1 | grep -q ' demo$' || fail "top"
	over pmap -x "$(over pgrep -x demo)" | grep -q 'stack' || fail "pmap"
fi
check_world
