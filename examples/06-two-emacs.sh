#!/bin/sh
# 06 - two emacs: two processes run one program; the text is there once, the data twice.
. "$(dirname "$0")/lib.sh"
lesson "Two emacs"

spawn emacs
one=$pid
spawn emacs
two=$pid
show "cut -c1-38,73- proc/$one/maps"
data=0x$(awk '$2 == "rw-p" { sub(/-.*/, "", $1); print $1; exit }' proc/$one/maps)
text=0x$(awk '$2 == "r-xp" { sub(/-.*/, "", $1); print $1; exit }' proc/$one/maps)
for p in $one $two; do
	act $p "exec $text"
	act $p "write $data \"file of $p\""
done
ask "Which physical frames do the two share?"
for va in $text $data; do
	for p in $one $two; do
		show "grep -E '^(pfn|maps|mappers)=' proc/$p/page/$va | tr '\n' ' '; echo"
	done
done
say "The page table as a directory: the inode number of a leaf is its frame, the link count how many map it."
show "find proc/$one/pt proc/$two/pt -type f -name '[0-9a-f]*' -printf '%i %n %m %p\n' | sort -n -s"
say "So sharing is what hard links are:"
show "find proc/$one/pt -type f -name '[0-9a-f]*' -links +1 | wc -l"
