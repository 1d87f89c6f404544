#!/bin/sh
# replay-experiment.sh [DIR] - an experiment in a shell: what sort, gcc and sqlite3 do with memory, recorded, converted,
# swept over policies and frames, drawn. Takes some minutes; DIR (replay-results) then holds traces, tables and pictures.
# REFS=N records at most N references of each program (20000000).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${VITRINE:=$(command -v "$here/../build/fs/vitrine" || echo vitrine)}" "${REFS:=20000000}"
case $VITRINE in /*) ;; */*) VITRINE=$PWD/$VITRINE ;; esac
for tool in "$VITRINE" valgrind sort gcc sqlite3 gnuplot; do
	command -v "$tool" >/dev/null || { echo "this needs $tool; not found" >&2; exit 77; }
done
mkdir -p "${1:-replay-results}"
cd "${1:-replay-results}"

# record NAME COMMAND...: the references go to descriptor 9; compact takes four bytes each of them.
record()
{
	name=$1
	shift
	[ ! -e "$name.compact" ] || return 0
	echo "recording $name"
	valgrind --tool=lackey --trace-mem=yes --trace-children=yes --log-fd=9 "$@" 9>&1 >/dev/null 2>/dev/null |
		head -n "$REFS" | "$VITRINE" convert --from lackey - "$name.compact"
}

awk 'BEGIN { x = 1; for (i = 0; i < 40000; i++) { x = x * 16807 % 2147483647; print x } }' > numbers
printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint main(void) { puts("hello"); return 0; }\n' > hello.c
record sort sort --parallel=1 -S 4M numbers
record gcc "$(gcc -print-prog-name=cc1)" -quiet -O2 hello.c -o /dev/null
record sqlite3 sqlite3 :memory: "create table t(a integer primary key, b text, c integer);
	with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
	insert into t select i, hex(i * 7919 % 100003) || ' text of a row', i * 31 % 977 from n;
	create index tc on t(c); select count(*), sum(a) from t where c between 100 and 200;"

policies=fifo,lru,clock,sieve,s3fifo,arc,linux,opt
echo "the LRU curve of each, exactly, at every size"
"$VITRINE" replay --curve --csv sort.compact gcc.compact sqlite3.compact > curves.csv
echo "policies by frames"
"$VITRINE" replay --policy $policies --frames 8-2048*2 --tlb filter --csv sort.compact gcc.compact sqlite3.compact > sweep.csv

# points TRACE POLICY: frames and miss ratio, for gnuplot.
points() { tr -d '\r' < sweep.csv | awk -F, -v t="$1.compact" -v p="$2" '$1 == t && $2 == p && $6 > 0 { print $3, $6 / $4 }' | sort -n; }
for trace in sort gcc sqlite3; do
	for policy in $(echo $policies | tr , ' '); do points $trace "$policy" > "points.$trace.$policy"; done
	tr -d '\r' < curves.csv | awk -F, -v t=$trace.compact '$1 == t { print $3, $6 / $4 }' > points.$trace.curve
	gnuplot <<-PLOT
		set terminal svg size 900,600 background 'white'
		set output '$trace.svg'
		set title '$trace: miss ratio by frames'
		set logscale xy
		set xlabel 'frames of 4 KiB'
		set ylabel 'misses / references'
		set key outside right
		set grid
		plot 'points.$trace.curve' with lines lw 2 lc 'grey' title 'lru, every size', \
			for [p in "$(echo $policies | tr , ' ')"] 'points.$trace.'.p with linespoints title p
	PLOT
	rm points.$trace.*
done
echo "sweep.csv, curves.csv and the pictures sort.svg gcc.svg sqlite3.svg are in $PWD"
