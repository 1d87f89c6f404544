#!/bin/sh
# Every walk of tests/cases: its memory poured into mem/ram, the base set with ptbr, each step of walk/VA compared.
. "$(dirname "$0")/lib.sh"
set -e

cases=$(cd "$(dirname "$0")/../cases" && pwd)
awkfile=$(cd "$(dirname "$0")" && pwd)/case.awk
done_cases=0 done_walks=0

run_case()
{
	rm -rf "$T/case"
	mkdir "$T/case"
	awk -v out="$T/case" -f "$awkfile" "$1"
	cat "$T/case/geometry" > mem/geometry
	echo 'spawn exercise bare' > hosts/host0/ctl
	pid=$(cat hosts/host0/ctl)
	printf %b "$(cat "$T/case/ram")" > "$T/case/bytes"
	dd if="$T/case/bytes" of=mem/ram bs=64K seek="$(cat "$T/case/offset")" oflag=seek_bytes conv=notrunc 2>/dev/null
	echo "ptbr $(cat "$T/case/base")" > "proc/$pid/ctl"
	while read -r va; do
		cat "proc/$pid/walk/$va"
		done_walks=$((done_walks + 1))
	done < "$T/case/vas" > "$T/case/got"
	diff -u "$T/case/expect" "$T/case/got" || fail "$1: the walks differ"
	dd if=mem/ram bs=64K skip="$(cat "$T/case/offset")" count="$(wc -c < "$T/case/bytes")" iflag=skip_bytes,count_bytes 2>/dev/null |
		cmp - "$T/case/bytes" || fail "$1: mem/ram reads back otherwise"
	check_world
	echo exit > "proc/$pid/ctl"
	done_cases=$((done_cases + 1))
}

# Pages of 8 bytes make a swap area of 128 MiB one of 16 million slots, all of which `check` counts.
mount_world --swap 0
for file in "$cases"/cs3130/*.case "$cases"/ostep/walk2/*.case "$cases"/ostep/linear/*.case; do
	run_case "$file"
done
echo "$done_cases cases, $done_walks walks"
[ "$done_cases" -ge 12 ] || fail "only $done_cases cases"
