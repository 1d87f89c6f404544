#!/bin/sh
# Every walk of tests/cases: its memory poured into mem/ram, the base set with ptbr, each step of walk/VA compared.
. "$(dirname "$0")/lib.sh"

cases=$(cd "$(dirname "$0")/../cases" && pwd)
awkfile=$(cd "$(dirname "$0")" && pwd)/case.awk
t=$(mktemp -d "${TMPDIR:-/tmp}/exercises.XXXXXX")
done_cases=0 done_walks=0

run_case()
{
	rm -rf "$t/case"
	mkdir "$t/case"
	awk -v out="$t/case" -f "$awkfile" "$1"
	cat "$t/case/geometry" > mem/geometry
	echo 'spawn exercise bare' > hosts/host0/ctl
	pid=$(cat hosts/host0/ctl)
	printf %b "$(cat "$t/case/ram")" > "$t/case/bytes"
	dd if="$t/case/bytes" of=mem/ram bs=64K seek="$(cat "$t/case/offset")" oflag=seek_bytes conv=notrunc 2>/dev/null
	echo "ptbr $(cat "$t/case/base")" > "proc/$pid/ctl"
	while read -r va; do
		cat "proc/$pid/walk/$va"
		done_walks=$((done_walks + 1))
	done < "$t/case/vas" > "$t/case/got"
	diff -u "$t/case/expect" "$t/case/got" || fail "$1: the walks differ"
	dd if=mem/ram bs=64K skip="$(cat "$t/case/offset")" count="$(wc -c < "$t/case/bytes")" iflag=skip_bytes,count_bytes 2>/dev/null |
		cmp - "$t/case/bytes" || fail "$1: mem/ram reads back otherwise"
	! grep -v -e '^ok$' -e '^poked:' -e '^set:' check || fail "$1: check"
	echo exit > "proc/$pid/ctl"
	done_cases=$((done_cases + 1))
}

mount_world
for file in "$cases"/cs3130/*.case "$cases"/ostep/walk2/*.case "$cases"/ostep/linear/*.case; do
	run_case "$file"
done
rm -rf "$t"
echo "$done_cases cases, $done_walks walks"
[ "$done_cases" -ge 12 ] || fail "only $done_cases cases"
