#!/bin/sh
# Bad traces and options: one line that says what and where, never a crash, a hang, or memory without bound.
. "$(dirname "$0")/lib.sh"
V() { "$VITRINE" "$@"; }

seq 1 20 > "$T/good.pages"
awk 'BEGIN { for (i = 0; i < 12; i++) printf " L %08x,8\n", i * 4096 }' > "$T/good.lackey"
V convert "$T/good.lackey" "$T/good.compact" && V convert "$T/good.pages" "$T/good.bin64" || fail "convert"

# told DIRECTORY: each trace in it is replayed or refused in one line; prints NAME taken|refused, by name. All in one call: a
# program with sanitizers takes long to start.
told()
{
	timeout 60 "$VITRINE" replay --frames 3 --tlb off --csv "$1"/* > "$T/out" 2> "$T/err"
	status=$?
	[ $status -le 1 ] || fail "$1: status $status: $(tail -n 3 "$T/err")"
	ls "$1" > "$T/names"
	awk -v dir="$1/" '
		FILENAME == ARGV[1] { wanted[$0] = 1; next }
		FILENAME == ARGV[2] && FNR == 1 { next }
		FILENAME == ARGV[2] { split($0, field, ","); name = substr(field[1], length(dir) + 1); what = "taken" }
		FILENAME == ARGV[3] {
			if (!match($0, "^vitrine: " dir "[^:]*: .")) { print "an odd line: " $0; next }
			name = substr($0, 10 + length(dir), RLENGTH - 12 - length(dir)); what = "refused"
		}
		!(name in wanted) || name in is { print "told twice, or unknown: " $0; next }
		{ is[name] = what }
		END { for (name in wanted) print name, name in is ? is[name] : "without a word" }
	' "$T/names" "$T/out" "$T/err" | sort
}

# Truncated at every byte: refused, or a shorter trace whose every reference is whole.
mkdir "$T/cut"
for format in pages lackey bin64 compact; do
	size=$(wc -c < "$T/good.$format") cut=0
	while [ $cut -lt "$size" ]; do
		head -c $cut "$T/good.$format" > "$T/cut/$cut.$format"
		cut=$((cut + 1))
	done
done
told "$T/cut" > "$T/told"
same "cut traces" "$(wc -l < "$T/told")" "$(ls "$T/cut" | wc -l)"
! grep -Ev '^[0-9]+\.[a-z0-9]+ (taken|refused)$' "$T/told" || fail "cut traces"
! grep -E 'compact taken' "$T/told" || fail "a cut compact trace is taken"
awk -F '[. ]' '/bin64/ && ($1 % 8 == 0 && $1 > 0) != ($3 == "taken") { print; bad = 1 } END { exit bad }' "$T/told" ||
	fail "bin64: whole words are taken, others not"

# Every byte of a compact trace damaged: never more than a refusal.
mkdir "$T/hurt"
size=$(wc -c < "$T/good.compact") at=0
while [ $at -lt "$size" ]; do
	cp "$T/good.compact" "$T/hurt/$at.compact"
	printf '\377' | dd of="$T/hurt/$at.compact" bs=1 seek=$at conv=notrunc 2>/dev/null
	at=$((at + 1))
done
told "$T/hurt" > "$T/told"
same "damaged traces" "$(wc -l < "$T/told")" "$size"
! grep -Ev '^[0-9]+\.compact (taken|refused)$' "$T/told" || fail "damaged traces"

: > "$T/empty"
refuses 'empty' replay --frames 3 "$T/empty"
for format in lackey din pages bin64; do refuses 'no reference' replay --frames 3 --format $format "$T/empty"; done
refuses 'breaks off' replay --frames 3 --format compact "$T/empty"
refuses 'no reference' convert --from pages "$T/empty" "$T/no"
[ ! -e "$T/no" ] && [ ! -e "$T/no.part" ] || fail "convert leaves something behind"
head -c 100000 /dev/urandom > "$T/junk"
refuses 'format cannot be told' replay --frames 3 "$T/junk"
for format in lackey din pages bin64 compact; do refuses "$T/junk: " replay --frames 3 --format $format "$T/junk"; done
refuses 'is a directory' replay --frames 3 "$T"
refuses 'No such file' replay --frames 3 "$T/none"

printf '1\n2\nthree\n' > "$T/x.pages";           refuses "line 3, byte 1: a page number should be here, not 't'" replay --frames 3 "$T/x.pages"
printf '1\n2 3\n' > "$T/x.pages";                refuses "line 2, byte 3: the line should end here" replay --frames 3 "$T/x.pages"
printf '68719476736\n' > "$T/x.pages";           refuses "line 1: page 68719476736 is beyond" replay --frames 3 "$T/x.pages"
printf '99999999999999999999\n' > "$T/x.pages";  refuses "line 1, byte 20" replay --frames 3 "$T/x.pages"
printf ' L 1000,8\n Q 1000,8\n' > "$T/x.lackey"; refuses "line 2, byte 2: I, L, S or M" replay --frames 3 "$T/x.lackey"
printf ' L 1000\n' > "$T/x.lackey";              refuses "line 1, byte 8: a comma should be here, not the end" replay --frames 3 "$T/x.lackey"
printf ' L 8000000000000000,8\n' > "$T/x.lackey"; refuses "line 1: address 0x8000000000000000 is beyond" replay --frames 3 "$T/x.lackey"
printf '7 1000\n' > "$T/x.din";                  refuses "label 0, 1 or 2" replay --frames 3 "$T/x.din"
printf '\000\000\000\000\000\000\000\200' > "$T/x.bin64"; refuses "reference 1 .byte 0.: page 0x8000000000000000 is beyond" replay --frames 3 "$T/x.bin64"
printf 'pid 99999999999999999999\n1\n' > "$T/x.pages"; refuses "line 1" replay --frames 3 "$T/x.pages"
{ for i in $(seq 1100); do echo "pid $i"; echo 1; done; } > "$T/x.pages"; refuses "more than 1024 processes" replay --frames 3 "$T/x.pages"
# A bad line deep in what the fast reader takes.
{ for i in $(seq 2000); do cat "$T/good.lackey"; done; echo " L 00001g00,8"; cat "$T/good.lackey"; } > "$T/deep.lackey"
refuses "line 24001, byte 9: a comma should be here, not 'g'" replay --frames 3 "$T/deep.lackey"

# Ten gigabytes of one line, sparse, and from a pipe.
truncate -s 10G "$T/line" && refuses 'more than 4096 bytes' replay --frames 3 --format lackey "$T/line"
refuses 'more than 4096 bytes' replay --frames 3 --format pages /dev/zero
rm -f "$T/line"

# A page, and very many: a refusal in bounded memory.
echo 5 > "$T/one.pages"
same "one page" "$(V replay --policy all --frames 1,100 --csv "$T/one.pages" | tail -n +2 | cut -d, -f4-6 | sort -u)" "1,0,1"
seq 0 262144 68719000000 > "$T/far.pages"
refuses 'page tables of so many pages take more than 16 MiB' replay --frames 3 --tables 16M "$T/far.pages"
refuses 'page tables of so many pages take more than 16 MiB' replay --curve --tables 16M "$T/far.pages"
refuses 'page tables of so many pages take more than 16 MiB' replay --policy opt --frames 3 --tables 16M "$T/far.pages"

refuses '0 frames' replay --frames 0 "$T/good.pages"
refuses 'more than RAM' replay --frames 99999999999 "$T/good.pages"
refuses 'too many numbers' replay --frames 1-99999999999 "$T/good.pages"
refuses 'no number of frames' replay --frames x "$T/good.pages"
refuses 'no range' replay --frames 9-3 "$T/good.pages"
refuses 'no policy of replays' replay --policy best --frames 3 "$T/good.pages"
refuses 'no parameter of lru' replay --policy 'lru x=3' --frames 3 "$T/good.pages"
refuses 'power of two' replay --tlb 12x4 --frames 3 "$T/good.pages"
refuses 'as 64x4' replay --tlb big --frames 3 "$T/good.pages"
refuses 'how many frames' replay "$T/good.pages"
refuses 'not of a curve' replay --curve --steps "$T/good.pages"
refuses 'unknown option' replay --what "$T/good.pages"
refuses 'is none of' replay --format xml --frames 3 "$T/good.pages"
refuses 'at most 1' replay --curve --policy fifo --sample 2 "$T/good.pages"

refuses 'unknown option -x' replay -x5 "$T/good.pages"
refuses 'unknown option --p;' replay --p fifo "$T/good.pages"
refuses 'no value belongs to --csv=1' replay --csv=1 "$T/good.pages"
refuses '"" is no policy' replay --policy '' --frames 3 "$T/good.pages"
refuses 'more than RAM' replay --frames '1-18446744073709551615*3' "$T/good.pages"
refuses 'as 64x4' replay --tlb -1x1 --frames 3 "$T/good.pages"
refuses 'as 64x4' replay --tlb 4294967296x4 --frames 3 "$T/good.pages"
same "wrong usage" "$(for o in '--frames 1G' '--frames 3 --tlb 64x3' '--frames 3 --tlb 64x0' '--frames 3 --policy 2q:3' '--frames 3 --policy lru=3'; do
	V replay $o "$T/good.pages" > /dev/null 2>&1; printf '%s ' $?; done)" "2 2 2 2 2 "

# What is not read says what to do about it.
printf '\037\213\010' > "$T/x"; refuses 'gzip -dc' replay --frames 3 "$T/x"
printf '\3757zXZ\000' > "$T/x.lackey"; refuses 'xz -dc' replay --frames 3 "$T/x.lackey"
printf '\377\3761\000\n\000' > "$T/x"; refuses 'UTF-16' replay --frames 3 "$T/x"
printf '# nothing\n\n' > "$T/x"; refuses 'no reference' replay --frames 3 "$T/x"

# Limits of memory: what fits is done, what does not is said.
if [ -z "${ASAN_OPTIONS:-}" ] && ! grep -qa __asan_init "$VITRINE"; then
	(ulimit -v 500000; V replay --policy all --frames 3,100000 --csv "$T/good.pages"; V replay --curve --csv "$T/good.pages") > "$T/out" 2>&1
	same "rows in little memory" "$(wc -l < "$T/out")" "$((1 + 2 * 17 + 1 + 20))"
	(ulimit -v 500000; refuses 'no memory for their 4096 MiB' replay --frames 268435456 "$T/good.pages")  || exit 1
fi

# Nothing can be written.
if [ -w /dev/full ]; then
	seq 1 30000 > "$T/x.pages"
	for how in '--frames 3' '--frames 3 --steps' '--frames 3 --steps --json' '--curve' '--help'; do
		V replay $how "$T/x.pages" > /dev/full 2> "$T/err"
		[ $? = 1 ] && grep -q 'No space left' "$T/err" || fail "$how into a full device: $(cat "$T/err")"
	done
	refuses '^vitrine: /dev/full: No space left' convert "$T/good.pages" /dev/full
fi

# convert leaves alone what it does not replace, and nothing behind.
mkdir "$T/alone"
echo mine > "$T/alone/y.compact.part" && echo old > "$T/alone/file" && ln -s file "$T/alone/link"
V convert "$T/good.pages" "$T/alone/y.compact" && V convert "$T/good.pages" "$T/alone/link" || fail "convert"
same "names" "$(ls "$T/alone" | tr '\n' ' ')" "file link y.compact y.compact.part "
[ -L "$T/alone/link" ] && [ "$(cat "$T/alone/y.compact.part")" = mine ] || fail "convert replaced what is not its own"
cmp -s "$T/alone/file" "$T/alone/y.compact" || fail "convert through a link"
mkfifo "$T/slow"
sleep 60 > "$T/slow" & sleeper=$!
"$VITRINE" convert --from pages --to pages - "$T/alone/z" < "$T/slow" 2> "$T/err" & stalled=$!
catches $stalled
kill -INT $stalled
wait $stalled
[ $? = 130 ] || fail "convert interrupted: $(cat "$T/err")"
kill $sleeper 2>/dev/null
same "names after an interrupt" "$(ls "$T/alone" | tr '\n' ' ')" "file link y.compact y.compact.part "
truncate -s 2G "$T/less.bin64"
"$VITRINE" convert --to pages "$T/less.bin64" "$T/alone/z" 2> "$T/err" & running=$!
until ls "$T/alone" | grep -q z || ! kill -0 $running 2>/dev/null; do sleep 0.01; done
truncate -s 0 "$T/less.bin64"
wait $running
[ $? = 1 ] && grep -q 'got shorter' "$T/err" || fail "shorter meanwhile: $(cat "$T/err")"
same "names after a trace got shorter" "$(ls "$T/alone" | tr '\n' ' ')" "file link y.compact y.compact.part "

# A trace that gets shorter while it is mapped.
truncate -s 8M "$T/less.bin64" && mkfifo "$T/drain"
for how in "convert --to pages $T/less.bin64 -" "replay --steps --frames 3 $T/less.bin64"; do
	truncate -s 8M "$T/less.bin64"
	"$VITRINE" $how > "$T/drain" 2> "$T/err" & running=$!
	{ dd bs=1 count=1 of=/dev/null 2>/dev/null; truncate -s 0 "$T/less.bin64"; cat > /dev/null; } < "$T/drain"
	wait $running
	[ $? = 1 ] && grep -q 'got shorter' "$T/err" || fail "shorter meanwhile: $how: $(cat "$T/err")"
done

# One bad trace does not spoil the others.
V replay --frames 3 --csv "$T/good.pages" "$T/junk" > "$T/out" 2> "$T/err"
[ $? = 1 ] && [ "$(wc -l < "$T/out")" = 2 ] || fail "the good one: $(cat "$T/out")"

# A pipe that ends early, and one that stalls until we are interrupted.
{ head -c 20 "$T/good.compact"; } | timeout 10 "$VITRINE" replay --frames 3 - 2> "$T/err"
grep -q 'breaks off' "$T/err" || fail "early end: $(cat "$T/err")"
mkfifo "$T/pipe"
sleep 60 > "$T/pipe" & sleeper=$!
"$VITRINE" replay --frames 3 --format pages - < "$T/pipe" 2> "$T/err" > /dev/null & stalled=$!
catches $stalled
kill -TERM $stalled
wait $stalled
[ $? = 143 ] || fail "interrupted: $(cat "$T/err")"
kill $sleeper 2>/dev/null
grep -q 'interrupted: 0 of 1 runs' "$T/err" || fail "interrupted without a word: $(cat "$T/err")"

if command -v zstd >/dev/null; then
	zstd -q "$T/deep.lackey" -o "$T/deep.lackey.zst"
	head -c 200 "$T/deep.lackey.zst" > "$T/cut.lackey.zst"
	refuses 'end early|without libzstd' replay --frames 3 "$T/cut.lackey.zst"
	{ head -c 100 "$T/deep.lackey.zst"; head -c 300 /dev/zero | tr '\0' '\252'; } > "$T/hurt.lackey.zst"
	refuses 'damaged|end early|without libzstd' replay --frames 3 "$T/hurt.lackey.zst"
	# One byte, far in: where it is told to be is where it is.
	head -c 300000 /dev/urandom | od -An -v -tu2 -w2 | tr -d ' ' > "$T/many"
	zstd -q "$T/many" -o "$T/many.zst"
	printf '\377\377\377\377' | dd of="$T/many.zst" bs=1 seek=150000 conv=notrunc 2>/dev/null
	refuses 'damaged between bytes|without libzstd' replay --frames 3 --format pages "$T/many.zst"
	grep -q 'between bytes' "$T/err" && set -- $(sed 's/.*between bytes \([0-9]*\) and \([0-9]*\).*/\1 \2/' "$T/err") &&
		{ [ "$1" -gt 0 ] && [ "$2" -ge 150000 ] || fail "damaged at 150000, it says: $(cat "$T/err")"; }
fi
exit 0
