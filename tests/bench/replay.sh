#!/bin/sh
# replay.sh BENCH - records what `sort` does with memory, then measures replays of it.
set -eu
for tool in valgrind sort seq; do
	command -v "$tool" >/dev/null || { echo "this needs $tool"; exit 77; }
done
t=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$t"' EXIT
seq 1 200000 | sort -t 9 -k 2 > "$t/numbers"
valgrind --tool=lackey --trace-mem=yes --log-fd=9 sort --parallel=1 -S 8M "$t/numbers" 9>&1 >/dev/null 2>/dev/null |
	head -n 20000000 > "$t/sort.lackey"
"$1" "$t/sort.lackey"
