#!/bin/sh
# Tables as text, CSV and JSON; order; curves, sampled ones; threads that change nothing.
. "$(dirname "$0")/lib.sh"
[ -x "$(command -v python3)" ] || { echo "no python3"; exit 77; }
V() { "$VITRINE" "$@"; }
loop=$cases/policies/loop.txt

V replay --policy fifo,lru --frames 64,8 "$loop" "$cases/policies/belady.txt" > "$T/text" || fail "text"
same "header" "$(head -n 1 "$T/text" | tr -s ' ')" "trace policy frames refs hits misses writebacks tlb_misses time"
same "order" "$(awk 'NR > 1 { n = split($1, p, "/"); printf "%s %s %s;", p[n], $2, $3 }' "$T/text")" \
	"loop.txt fifo 8;loop.txt fifo 64;loop.txt lru 8;loop.txt lru 64;belady.txt fifo 8;belady.txt fifo 64;belady.txt lru 8;belady.txt lru 64;"
V replay --policy all --frames 2-40 --parallel 1 "$loop" > "$T/one" && V replay --policy all --frames 2-40 --parallel 7 "$loop" | cmp -s - "$T/one" ||
	fail "threads change the result"
V replay --policy fifo --frames 8 --json "$loop" | python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert len(rows) == 1 and list(rows[0]) == "trace policy frames refs hits misses writebacks tlb_misses time".split(), rows
assert rows[0]["refs"] == 4800 and isinstance(rows[0]["time"], int), rows' || fail "JSON"
V replay --tlb off --policy fifo --frames 8 --json "$loop" | grep -q '"tlb_misses":null' || fail "no TLB is null"

# Steps in the other formats; several runs are told apart.
V replay --steps --policy fifo,opt --frames 3 --json "$cases/policies/belady.txt" | python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert len(rows) == 24 and list(rows[0]) == "trace policy frames ref page result victim".split(), rows
assert rows[3]["victim"] == 1 and rows[0]["victim"] is None and rows[12]["policy"] == "opt", rows' || fail "steps as JSON"
V replay --steps --policy fifo --frames 3 --csv "$cases/policies/belady.txt" | python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
assert len(rows) == 12 and rows[3] == {"ref": "4", "page": "4", "result": "miss", "victim": "1"}, rows' || fail "steps as CSV"
name=$(printf 'odd\377 "name",.pages') && cp "$cases/policies/belady.txt" "$T/$name"
V replay --frames 3 --json "$T/$name" | python3 -c 'import json, sys; json.loads(sys.stdin.buffer.read().decode())' || fail "JSON is UTF-8"
same "each once" "$(V replay --policy lru,fifo,lru --frames 3,2,3 --csv "$loop" | wc -l)" 5

V replay --help | grep -q '^usage: vitrine replay' || fail "no help"

# TLB counts: a direct model in awk of one set of two ways, on loads.
printf '1\n1\n2\n1\n3\n2\n1\n' > "$T/t.pages"
same "TLB misses" "$(V replay --tlb 2x2 --policy lru --frames 9 --csv "$T/t.pages" | tail -n 1 | cut -d, -f8)" 5
# Time: seven references, five walks of four steps, three cold misses.
same "time" "$(V replay --tlb 2x2 --policy lru --frames 9 --json "$T/t.pages" | grep -o '"time":[0-9]*')" "\"time\":$((2 * 1 + 5 * 4 * 20 + 3 * 600))"
# Writebacks: a store, evicted; a load, evicted; a store that stays.
printf ' S 00001000,8\n L 00002000,8\n S 00003000,8\n' > "$T/w.lackey"
same "writebacks" "$(V replay --policy fifo --frames 1 --csv "$T/w.lackey" | tail -n 1 | cut -d, -f7)" 1

# Interrupted, even twice at once as timeout(1) does it: what is done so far is printed, and said to be that.
yes 'seq 1 3000' | head -n 40 | sh > "$T/long.pages"
"$VITRINE" replay --policy fifo,lru,random,arc --frames 8-20000 --parallel 1 --csv "$T/long.pages" > "$T/part" 2> "$T/err" & running=$!
has_used $running 1
kill -INT $running && kill -INT $running
wait $running
[ $? = 130 ] || fail "interrupted"
grep -Eq 'interrupted: [1-9][0-9]* of [0-9]+ runs are done' "$T/err" || fail "interrupted: $(cat "$T/err")"
same "rows of it" "$(($(wc -l < "$T/part") - 1))" "$(grep -Eo '[0-9]+ of' "$T/err" | cut -d' ' -f1)"

# While a trace is still being read: what is done of those before it, and what is not. The pipe is opened once they are done.
mkfifo "$T/pipe"
interrupted()
{
	"$VITRINE" replay "$@" > "$T/part" 2> "$T/err" & running=$!
	exec 9> "$T/pipe"
	kill -INT $running
	wait $running
	[ $? = 130 ] || fail "interrupted early: $(cat "$T/err")"
	exec 9>&-
	same "one line" "$(wc -l < "$T/err")" 1
}
interrupted --policy fifo,lru --frames 3,4 --parallel 1 --format pages --csv "$loop" "$T/pipe" "$T/none"
same "rows of the first" "$(wc -l < "$T/part")" 5
same "what is said" "$(cat "$T/err")" "vitrine: interrupted: 4 of 12 runs are done; $T/pipe was being read; 1 trace was not begun"
interrupted --policy opt --frames 3 --format pages --json "$T/pipe"
same "no row" "$(cat "$T/part")" "[]"
same "what is said" "$(cat "$T/err")" "vitrine: interrupted: 0 of 1 runs are done; $T/pipe was being read"
interrupted --curve --policy clock,lru --format pages --csv "$T/pipe"
same "what is said" "$(cat "$T/err")" "vitrine: interrupted: 0 of at least 2 runs are done; $T/pipe was being read"
interrupted --steps --policy fifo --frames 3 --parallel 1 --format pages --csv "$loop" "$T/pipe"
same "steps of the first" "$(wc -l < "$T/part")" 4801
same "what is said" "$(cat "$T/err")" "vitrine: interrupted: 1 of 2 runs are done; $T/pipe was being read"

# Sampled curves are near the exact ones, and say how near.
awk 'BEGIN { srand(7); for (i = 0; i < 400000; i++) print int(exp(rand() * log(20000))) * 7 }' > "$T/zipf.pages"
V replay --curve --policy fifo --sample 0.25 --frames 500,2000,8000 --csv "$T/zipf.pages" | tr -d '\r' > "$T/sampled" || fail "sampled"
V replay --policy fifo --frames 500,2000,8000 --csv "$T/zipf.pages" | tr -d '\r' > "$T/exact" || fail "exact"
same "sampled header" "$(head -n 1 "$T/sampled")" "trace,policy,frames,refs,hits,misses,writebacks,tlb_misses,time,error"
paste -d, "$T/sampled" "$T/exact" | awk -F, 'NR > 1 { d = ($6 - $16) / $4; if (d < 0) d = -d
	if (d > 0.05 || d > 5 * $10 + 0.01 || $10 + 0 <= 0) { print; bad = 1 } } END { exit bad }' || fail "sampled and exact differ too much"
same "curve at chosen sizes" "$(V replay --curve --frames 8,64,9999 --csv "$loop" | tail -n +2 | cut -d, -f3,6 | tr '\n' ' ')" \
	"8,$(awk '$1 == "loop" && $2 == 8 { print $3 }' "$cases/policies/lru_mrc.tsv") 64,$(awk '$1 == "loop" && $2 == 64 { print $3 }' "$cases/policies/lru_mrc.tsv") 9999,742 "

# On a terminal: a bar meanwhile; interrupted, both last lines agree about what is done.
if script -qec true /dev/null >/dev/null 2>&1; then
	seq 1 200000 > "$T/long.pages"
	cat > "$T/typed" <<-END
		set -u
		$(sed -n '/^has_used()/,/^}/p' "$(dirname "$0")/lib.sh")
		'$VITRINE' replay --parallel 1 --frames 1-2000 '$T/long.pages' & running=\$!
		has_used \$running 2
		kill -INT \$running
		wait \$running
	END
	script -qec "sh '$T/typed'" /dev/null < /dev/null | tr '\r' '\n' > "$T/terminal"
	grep -q '\] [0-9]* of 2000 runs .* MiB' "$T/terminal" || fail "no bar: $(cat "$T/terminal")"
	summed=$(sed -n 's/.*K\([0-9]* of 2000 runs\), .*/\1/p' "$T/terminal")
	said=$(sed -n 's/.*interrupted: \([0-9]* of 2000 runs\) are done/\1/p' "$T/terminal")
	same "runs that are done" "$summed" "$said"
	# Drawn again and again in one line, however narrow; what a name has in it is no control sequence.
	odd=$T/$(printf 'a\033[2Jb.pages')
	head -n 20000 "$T/long.pages" > "$odd"
	script -qec "stty cols 40; timeout -s INT 1 '$VITRINE' replay --parallel 1 --policy opt --frames 1-2000 '$odd'" /dev/null \
		< /dev/null | tr '\r' '\n' > "$T/narrow"
	grep -q "K[[rlc]" "$T/narrow" || fail "no bar: $(cat "$T/narrow")"
	grep 'K\[\|K[rlc]' "$T/narrow" | sed 's/^.\[K//' | awk 'length > 39 || /\033/ { print; bad = 1 } END { exit bad }' || fail "wider than the terminal"
fi
exit 0
