#!/bin/sh
# A process on a real mount: layouts of real programs cloned, memory and pagemap at their offsets, pt/ through find and ls.
. "$(dirname "$0")/lib.sh"

# Without device and inode, which belong to the machine.
shape() { awk '{ name = length($0) > 73 ? substr($0, 74) : ""; print $1, $2, $3, name }' "$1"; }

mount_world --ram 16M
echo 'spawn p bare' > hosts/host0/ctl
same "the pid" "$(cat hosts/host0/ctl)" 2
P=proc/2

# Layouts of real programs.
for program in 'bash -c "cat /proc/\$\$/maps; :"' 'python3 -c "print(open(\"/proc/self/maps\").read(), end=\"\")"' \
		'cat /proc/self/maps'; do
	sh -c "$program" > "$T/real" || continue
	cat "$T/real" > $P/maps || fail "$program: $(cat error_log)"
	shape "$T/real" > "$T/wanted"
	shape $P/maps > "$T/got"
	cmp "$T/wanted" "$T/got" || fail "$program"
	same "size of maps" "$(stat -c %s $P/maps)" "$(wc -c < $P/maps)"
	same "areas of smaps" "$(grep -c VmFlags $P/smaps)" "$(wc -l < $P/maps)"
	check_world
done
cp $P/maps "$T/before"
# (the error comes at close, which a shell's own printf does not tell)
refuses 'Invalid argument' "printf '400000-402000 r--p 0 0:0 0\\n401000-403000 r--p 0 0:0 0\\n' | cat > $P/maps"
refuses 'Invalid argument' "head -c 1000 /dev/urandom | tr -d '\\0' | cat > $P/maps"
cmp "$T/before" $P/maps || fail "a refused text has changed something"
: > $P/maps
cmp "$T/before" $P/maps || fail "truncation is no layout"

# A small space of our own.
printf '00601000-00606000 rw-p 00000000 00:00 0\n' > $P/maps
printf 'write 0x601000 "first"\ntouch 0x602000 0x4000 w\n' > $P/ctl
same "the last result" "$(cat $P/ctl)" "accesses=4 faults=4"

# mem: a look changes nothing, a store faults and dirties.
same "mem" "$(dd if=$P/mem bs=1 skip=$((0x601000)) count=5 2>/dev/null)" first
faults=$(cut -d' ' -f10 $P/stat)
printf second | dd of=$P/mem bs=1 seek=$((0x602ffe)) conv=notrunc 2>/dev/null || fail "a store over two pages"
same "the store" "$(dd if=$P/mem bs=1 skip=$((0x602ffe)) count=6 2>/dev/null)" second
same "no fault: both were there" "$(cut -d' ' -f10 $P/stat)" "$faults"
refuses 'Input/output error' "dd if=$P/mem bs=1 skip=$((0x700000)) count=1"
refuses 'Bad address' "printf x | dd of=$P/mem bs=1 seek=$((0x700000)) conv=notrunc"

# pagemap: words, and nothing else.
word() { dd if=$P/pagemap bs=8 skip=$(($1 / 4096)) count=1 2>/dev/null | od -An -tx8 | tr -d ' '; }
case $(word 0x601000) in 81*) ;; *) fail "pagemap says $(word 0x601000)" ;; esac
same "an empty word" "$(word 0x600000)" 0000000000000000
refuses 'Invalid argument' "dd if=$P/pagemap bs=4 count=1"
refuses 'Invalid argument' "dd if=$P/pagemap bs=8 skip=1 count=1 iflag=skip_bytes"

# pt/: inode numbers are frames, links are mappers.
echo fork > $P/ctl
child=$(cat $P/ctl)
same "shared leaves" "$(find $P/pt -type f -links 2 | wc -l)" 5
same "the same frames" "$(cd $P/pt && find . -type f -name '00[1-5]' -printf '%i %p\n')" \
	"$(cd proc/$child/pt && find . -type f -name '00[1-5]' -printf '%i %p\n')"
echo 'write 0x605000 "mine"' > $P/ctl
same "one leaf is its own" "$(find $P/pt -type f -name '00[1-5]' -links 1)" $P/pt/000/000/003/005
same "its mode" "$(stat -c %A $P/pt/000/000/003/005)" -rw-rw-rw-
same "the others' mode" "$(stat -c %A $P/pt/000/000/003/004)" -r--r--r--
same "its frame" "$(stat -c %i $P/pt/000/000/003/005)" "$(($(sed -n 's/^pfn=//p' $P/page/0x605000)))"
same "its bytes" "$(head -c 4 $P/pt/000/000/003/005)" mine
same "its size" "$(stat -c %s $P/pt/000/000/003/005)" 4096
same "a table's size" "$(wc -c < $P/pt/000/000/003/.table)" 4096
same "walk and page agree" "$(sed -n 's/^pa=\(.*\)000 .*/\1/p' $P/walk/0x605000)" "$(sed -n 's/^pfn=//p' $P/page/0x605000)"
same "json" "$(python3 -c 'import json,sys; print(len(json.load(sys.stdin)))' < $P/pagetable.json)" 5

# Everything listed can be read, and reading changed nothing.
generation=$(cat $P/stat $P/status $P/smaps | cksum)
find $P/ -type f -exec cat {} + > "$T/all" || fail "cat of all"
tar cf "$T/tar" $P 2> "$T/err" || fail "tar: $(cat "$T/err")"
same "reading looks" "$(cat $P/stat $P/status $P/smaps | cksum)" "$generation"

# Death: a zombie's files, then none.
echo "exit 3" > proc/$child/ctl
same "a zombie" "$(cut -d' ' -f3 proc/$child/stat)" Z
same "its maps" "$(cat proc/$child/maps)" ""
refuses 'No such process' "/bin/echo 'read 0x601000' > proc/$child/ctl"
echo wait > $P/ctl
same "wait" "$(cat $P/ctl)" "$child 3"
[ ! -e proc/$child ] || fail "it is still there"

# Random numbers start again at the seed, in hosts that there are: a program's stack holds 16 such bytes (AT_RANDOM).
cp /bin/true files/true
stack_of_new_program()
{
	echo 'spawn true true' > hosts/host0/ctl
	pid=$(cat hosts/host0/ctl)
	python3 - "proc/$pid" <<'PY'
import re, sys
area = next(l for l in open(sys.argv[1] + "/maps") if "[stack]" in l)
start, end = (int(x, 16) for x in re.match("(.*?)-(.*?) ", area).groups())
mem = open(sys.argv[1] + "/mem", "rb")
mem.seek(start)
print(mem.read(end - start).hex())
PY
}
echo 'seed 7' > ctl
first=$(stack_of_new_program)
[ "$(stack_of_new_program)" != "$first" ] || fail "two programs have the same random bytes"
echo 'seed 7' > ctl
[ "$(stack_of_new_program)" = "$first" ] || fail "the same seed gives other random bytes"
check_world
