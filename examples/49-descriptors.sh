#!/bin/sh
# 49 - descriptors and descriptions: fork and dup share the position, open makes another.
. "$(dirname "$0")/lib.sh"
lesson "File descriptors and open file descriptions"

echo 'abcdefghijklmnopqrstuvwxyz' > files/letters
spawn reader
say "open twice, and dup the first:"
act 2 "open letters"
act 2 "open letters"
act 2 "dup 0"
act 2 "recv 0 3"; echo
ask "Three letters have been read through descriptor 0. What do 1 and 2 give?"
act 2 "recv 1 3"; echo
act 2 "recv 2 3"; echo
say "1 has a position of its own; 2 goes on where 0 was: one description, two descriptors."
show "grep pos proc/2/fdinfo/*"
say "fork copies the table of descriptors, and each copy names the same description:"
act 2 "fork"
ask "The child reads three letters. Where is its parent then?"
act 3 "recv 0 3"; echo
act 2 "recv 0 3"; echo
act 2 "lseek 0 0"
act 3 "recv 0 3"; echo
show "grep pos proc/2/fdinfo/* proc/3/fdinfo/*"
say "The tables, by what each descriptor leads to:"
show "for p in 2 3; do for fd in 0 1 2; do echo \"\$p \$fd \$(readlink proc/\$p/fd/\$fd)\"; done; done"
ask "The parent closes 0 and opens another file. Which number does it get, and what does the child have at 0?"
echo 'ANOTHER' > files/other
act 2 "close 0"
act 2 "open other"
show "readlink proc/2/fd/0 proc/3/fd/0"
say "Tables are the process's own, descriptions are shared, and the file is one."
