#!/bin/sh
# files/: real tools copy trees in and out; what they find there is what they left.
. "$(dirname "$0")/lib.sh"
set -e

mount_world
t=$T

# A tree with all that files can be: modes, dates, hard and symbolic links, holes, odd names, many entries.
mkdir -p "$t/tree/sub/deep" "$t/tree/many"
printf 'hello\n' > "$t/tree/a file"
ln "$t/tree/a file" "$t/tree/sub/same"
ln -s ../sub "$t/tree/link"
ln -s /nowhere "$t/tree/dangling"
cp /bin/true "$t/tree/sub/deep/true"
chmod 0751 "$t/tree/sub/deep/true"
chmod 0500 "$t/tree/sub/deep"
truncate -s 3M "$t/tree/hole"
printf 'end' | dd of="$t/tree/hole" bs=1 seek=5000000 conv=notrunc 2>/dev/null
touch -d '2001-02-03 04:05:06.789' "$t/tree/a file"
# Not of this second: rsync leaves the date of a link that it made in the second of the original.
touch -h -d '2002-03-04 05:06:07.89' "$t/tree/link" "$t/tree/dangling"
for i in $(seq 300); do echo "$i" > "$t/tree/many/$i"; done
: > "$t/tree/many/empty"

cp -a "$t/tree" files/copy
diff -r --no-dereference "$t/tree" files/copy || fail "cp -a: the trees differ"
list() { (cd "$1" && find . ! -type d -printf '%p %m %n %s %T+ %l\n' -o -printf '%p %m\n' | LC_ALL=C sort); }
list "$t/tree" > "$t/want"
list files/copy > "$t/got"
diff -u "$t/want" "$t/got" || fail "cp -a: attributes differ"

tar --format=posix -cf "$t/x.tar" -C files/copy .
mkdir "$t/untarred"
tar xpf "$t/x.tar" -C "$t/untarred"
list "$t/untarred" | diff -u "$t/want" - || fail "tar out: attributes differ"
mkdir files/untarred
tar xpf "$t/x.tar" -C files/untarred
list files/untarred | diff -u "$t/want" - || fail "tar in: attributes differ"

if command -v rsync >/dev/null; then
	rsync -aH "$t/tree/" files/synced/
	list files/synced | diff -u "$t/want" - || fail "rsync: attributes differ"
	[ -z "$(rsync -aHc --itemize-changes "$t/tree/" files/synced/)" ] || fail "a second rsync finds changes"
	mkdir "$t/back"
	rsync -aH files/synced/ "$t/back/"
	list "$t/back" | diff -u "$t/want" - || fail "rsync back: attributes differ"
fi

# Names.
expect 2 stat -c %h 'files/copy/a file'
mv 'files/copy/a file' files/copy/b
expect hello cat files/copy/sub/same
refuses 'File exists' 'mkdir files/copy'
refuses 'Directory not empty' 'rmdir files/copy'
refuses 'No such file' 'rm files/nosuch'
refuses 'File name too long' "touch files/$(printf '%0300d' 0)"
rm -rf files/untarred files/synced
[ ! -e files/untarred ] || fail "rm -rf left something"

# Bytes at offsets, appending, truncating, an open file without a name.
printf 'abc' > files/x
printf 'def' >> files/x
expect abcdef cat files/x
printf 'Z' | dd of=files/x bs=1 seek=2 conv=notrunc 2>/dev/null
expect abZdef cat files/x
truncate -s 4 files/x
expect abZd cat files/x
truncate -s 8 files/x
expect 'a b Z d \0 \0 \0 \0' sh -c 'od -A n -t c files/x | tr -s " " | sed "s/^ //"'
expect 8 stat -c %s files/x
expect abZd sh -c 'exec 3< files/x; rm files/x; head -c 4 <&3'
[ ! -e files/x ] || fail "x has a name"
dd if=/dev/urandom of="$t/big" bs=1M count=5 2>/dev/null
dd if="$t/big" of=files/big bs=1000003 2>/dev/null
cmp "$t/big" files/big
dd if=files/big bs=4097 2>/dev/null | cmp - "$t/big"

# A program maps the file: what it stores is what cat reads, dirty or not; what is written is what it loads.
printf 'original' > files/text
echo 'spawn editor bare' > hosts/host0/ctl
pid=$(cat hosts/host0/ctl)
echo 'mmap 0x10000 4K rw- shared,fixed /text' > proc/$pid/ctl
echo 'write 0x10000 "O"' > proc/$pid/ctl
expect Original cat files/text
[ "$(awk '/^Dirty:/ { print $2 }' proc/meminfo)" -ge 4 ] || fail "no dirty page"
printf 'X' | dd of=files/text bs=1 seek=1 conv=notrunc 2>/dev/null
echo 'read 0x10000 4' > proc/$pid/ctl
expect 4f586967 cat proc/$pid/ctl
expect "$(stat -c %i files/text)" awk '$6 == "/text" { print $5 }' proc/$pid/maps
rm files/text
expect '/text (deleted)' awk '{ print $6, $7 }' proc/$pid/maps
echo writeback > mem/ctl
expect 0 awk '/^Dirty:/ { print $2 }' proc/meminfo
echo drop_caches > mem/ctl
cmp "$t/big" files/big

# What replaces a file's content is written back at close; what extends it, or is a new file's, later.
echo old > files/note
echo more >> files/note
expect 4 awk '/^Dirty:/ { print $2 }' proc/meminfo
echo new > files/note
expect 0 awk '/^Dirty:/ { print $2 }' proc/meminfo
rm files/note

# Full.
free=$(df -k --output=avail files/ | tail -n 1)
refuses 'No space left' 'head -c 1100M /dev/zero > files/full'
rm files/full
expect "$free" sh -c 'df -k --output=avail files/ | tail -n 1'
check_world
for tree in "$t/tree" "$t/untarred" "$t/back"; do [ ! -d "$tree" ] || chmod -R u+w "$tree"; done
