#!/bin/sh
# One trace in every format, from files, pipes and compressed, gives one result; what convert writes is read back.
. "$(dirname "$0")/lib.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 30000; i++) { p = int(rand() * rand() * 500) + 16; k = substr("ILSM", int(rand() * 4) + 1, 1)
	printf (k == "I" ? "I  %08x,%d\n" : " " k " %08x,%d\n"), p * 4096 + int(rand() * 4096), int(rand() * 40) + 1 } }' > "$T/body"
{ echo "==1== Lackey, an example Valgrind tool"; echo "==1== "; cat "$T/body"; echo "==1== end"; } > "$T/a.lackey"
counts() { "$VITRINE" replay --policy fifo,lru,clock,opt --frames 50,200 --csv "$@" | sed 's/^[^,]*,//'; }
counts "$T/a.lackey" > "$T/wanted" || fail "lackey"
[ "$(wc -l < "$T/wanted")" = 9 ] || fail "rows: $(cat "$T/wanted")"

for format in lackey din compact; do
	"$VITRINE" convert --to $format "$T/a.lackey" "$T/b.$format" || fail "convert to $format"
	counts "$T/b.$format" | cmp -s - "$T/wanted" || [ $format = din ] || fail "$format differs"
done
# din has no M: it comes as a store, which changes no count.
counts "$T/b.din" | cmp -s - "$T/wanted" || fail "din differs"
cat "$T/b.compact" | counts - | cmp -s - "$T/wanted" || fail "compact from a pipe differs"
cat "$T/a.lackey" | counts - | cmp -s - "$T/wanted" || fail "lackey from a pipe differs"
"$VITRINE" convert "$T/b.compact" - > "$T/c.compact" && cmp -s "$T/b.compact" "$T/c.compact" || fail "compact to compact"
"$VITRINE" convert --to lackey "$T/b.compact" - | "$VITRINE" convert --from lackey - "$T/c.compact" &&
	cmp -s "$T/b.compact" "$T/c.compact" || fail "there and back"

# Without kinds: the same misses, no writebacks.
for format in pages bin64; do
	"$VITRINE" convert --to $format "$T/a.lackey" "$T/b.$format" || fail "convert to $format"
	counts "$T/b.$format" | cut -d, -f1-5 > "$T/got"
	cut -d, -f1-5 "$T/wanted" | cmp -s - "$T/got" || fail "$format differs"
done
[ "$(wc -c < "$T/b.bin64")" = 240000 ] || fail "bin64 has $(wc -c < "$T/b.bin64") bytes"
cut -c4-11 "$T/body" | while read -r a; do echo $((0x$a >> 12)); done | cmp -s - "$T/b.pages" || fail "pages are not addresses >> 12"

# The compact format is what the manual says.
if command -v python3 >/dev/null; then
	printf 'pid 7\nI  00001000,4\n S 00002000,4\npid 9\n M 00001000,4\npid 7\n L 00001fff,1\n' > "$T/c.lackey"
	"$VITRINE" convert "$T/c.lackey" "$T/d.compact" && python3 - "$T/d.compact" <<'PY' || fail "compact is not as it is described"
import struct, sys
data = open(sys.argv[1], "rb").read()
assert data[:16] == b"VITRINE TRACE 1\n"
at, pids, pages, refs = 16, [], [], []
while True:
    n, k, s, zero = struct.unpack_from("<4I", data, at)
    at += 16
    if n == 0:
        break
    pids += struct.unpack_from(f"<{s}Q", data, at); at += 8 * s
    pages += struct.unpack_from(f"<{k}Q", data, at); at += 8 * k
    refs += struct.unpack_from(f"<{n}I", data, at); at += 4 * n
assert struct.unpack_from("<2Q", data, at) == (len(refs), len(pages)) and at + 16 == len(data)
seen = [(pids[pages[r >> 2] >> 52], pages[r >> 2] & (1 << 36) - 1, "LSMI"[r & 3]) for r in refs]
assert seen == [(7, 1, "I"), (7, 2, "S"), (9, 1, "M"), (7, 1, "L")], seen
PY
fi

# What editors and people make of text: marks at its beginning, comments without end, tabs.
refs() { "$VITRINE" replay --policy lru --frames 9 --csv "$1" 2>&1 | tail -n 1 | cut -d, -f4-6 | tr -d '\r'; }
same "a mark of UTF-8" "$(printf '\357\273\2771\n2\n1\n' > "$T/m" && refs "$T/m")" "3,1,2"
same "40 comments" "$({ yes '# a comment' | head -n 40; printf '1\n2\n1\n'; } > "$T/m" && refs "$T/m")" "3,1,2"
same "4000 comments" "$({ yes '# a comment' | head -n 4000; printf '1\n2\n1\n'; } > "$T/m" && refs "$T/m")" "3,1,2"
long=$(head -c 9000 /dev/zero | tr '\0' x)
same "a long comment" "$(printf '1\n# %s\n2\n1\n' "$long" > "$T/m.pages" && refs "$T/m.pages")" "3,1,2"
same "a long command in valgrind's header" "$(printf '==1== Command: gcc %s\n L 1000,8\n' "$long" > "$T/m" && refs "$T/m")" "1,0,1"
same "the same from a pipe" "$(cat "$T/m" | "$VITRINE" replay --frames 9 --csv - | tail -n 1 | cut -d, -f4-6)" "1,0,1"
same "tabs" "$(printf ' L\t1000,8\n\tS\t1000,8\n' > "$T/m" && refs "$T/m")" "2,1,1"
same "processes with blanks" "$(printf ' pid\t5\n1\n  pid 6\n1\n' > "$T/m" && refs "$T/m")" "2,0,2"

# Several processes: spaces of their own.
printf 'pid 7\n1\n2\npid 8\n1\n2\npid 7\n1\n2\n' > "$T/two.pages"
same "processes" "$("$VITRINE" replay --policy lru --frames 4 --csv "$T/two.pages" | tail -n 1 | cut -d, -f4-6 | tr -d '\r')" "6,2,4"
same "steps" "$("$VITRINE" replay --policy lru --frames 2 --steps "$T/two.pages" | tail -n 1)" "6 7:2 miss 8:2"
"$VITRINE" convert "$T/two.pages" "$T/two.compact" && "$VITRINE" convert --to pages "$T/two.compact" "$T/three.pages" || fail "two"
cmp -s "$T/two.pages" "$T/three.pages" || fail "processes are lost: $(cat "$T/three.pages")"

if command -v zstd >/dev/null && "$VITRINE" replay --frames 1 "$T/none" 2>/dev/null || zstd -q "$T/a.lackey" -o "$T/z.lackey.zst" 2>/dev/null; then
	if counts "$T/z.lackey.zst" > "$T/got" 2> "$T/err"; then
		cmp -s "$T/got" "$T/wanted" || fail "zstd differs"
		zstd -q "$T/b.compact" -o "$T/z.compact.zst" && counts "$T/z.compact.zst" | cmp -s - "$T/wanted" || fail "zstd of compact differs"
		cat "$T/z.compact.zst" | counts - | cmp -s - "$T/wanted" || fail "zstd from a pipe differs"
		# Several frames, the first one to be skipped, as pzstd writes them; what convert compresses itself.
		printf '\120\052\115\030\004\000\000\000abcd' > "$T/y.lackey.zst"
		head -n 10000 "$T/a.lackey" | zstd -q >> "$T/y.lackey.zst"
		tail -n +10001 "$T/a.lackey" | zstd -q >> "$T/y.lackey.zst"
		counts "$T/y.lackey.zst" | cmp -s - "$T/wanted" || fail "frames of zstd differ"
		cat "$T/y.lackey.zst" | counts - | cmp -s - "$T/wanted" || fail "frames of zstd from a pipe differ"
		"$VITRINE" convert "$T/a.lackey" "$T/x.compact.zst" && zstd -dqc "$T/x.compact.zst" | cmp -s - "$T/b.compact" || fail "convert to zstd"
	else
		grep -q "without libzstd" "$T/err" || fail "zstd: $(cat "$T/err")"
	fi
fi
exit 0
