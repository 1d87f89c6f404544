#!/bin/sh
# The experiments of examples/: the split sweep gives what one run gives; the recorded one makes its tables and pictures.
. "$(dirname "$0")/lib.sh"
examples=$(cd "$(dirname "$0")/../../examples" && pwd)
export VITRINE
cd "$T" || exit 1
cp "$cases/policies/loop.txt" loop.pages
seq 1 9 > nine.pages

POLICIES="fifo lru" FRAMES=4-16*2 sh "$examples/replay-split.sh" loop.pages nine.pages > merged.csv 2> err
status=$?
[ $status != 77 ] || { cat err; exit 77; }
[ $status = 0 ] || fail "split: $(cat err)"
"$VITRINE" replay --tlb filter --policy fifo,lru --frames 4-16*2 --csv loop.pages nine.pages | cmp -s - merged.csv || fail "merged: $(cat merged.csv)"

# A job that fails makes the whole fail.
POLICIES="fifo" FRAMES=4 sh "$examples/replay-split.sh" nine.pages none.pages > merged.csv 2> err
[ $? = 1 ] && grep -q 'not complete' err || fail "a job failed: $(cat err)"

REFS=50000 sh "$examples/replay-experiment.sh" results > out 2> err
status=$?
[ $status != 77 ] || { cat err; exit 77; }
[ $status = 0 ] || fail "experiment: $(cat err)"
for trace in sort gcc sqlite3; do
	grep -q "^$trace.compact,lru,8," results/sweep.csv || fail "no row of $trace"
	grep -q '</svg>' results/$trace.svg || fail "no picture of $trace"
done
exit 0
