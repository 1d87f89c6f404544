#!/bin/sh
# 51 - the dispatch table: one read(2), through the checks to what is behind the descriptor, and back to the accounts.
. "$(dirname "$0")/lib.sh"
lesson "One read(2), many devices"

echo 'bytes of a file' > files/f
spawn reader
act 2 "open f"
act 2 "open f w"
act 2 "pipe"
act 2 "socket udp"
act 2 "bind 4 127.0.0.1:7"
act 2 "socket tcp"
say "Six descriptors, four kinds of things behind them:"
show "for fd in 0 1 2 3 4 5; do echo \"\$fd \$(readlink proc/2/fd/\$fd | sed 's/:.*//') flags \$(sed -n 's/flags:.//p' proc/2/fdinfo/\$fd)\"; done"
ask "read(7): what is checked first?"
fails "echo 'recv 7' > proc/2/ctl"
ask "The descriptor is open, but how? read(1), then read(3):"
fails "echo 'recv 1' > proc/2/ctl"
fails "echo 'recv 3' > proc/2/ctl"
ask "And the range? No position is below 0:"
fails "echo 'lseek 0 -1' > proc/2/ctl"
say "Then the call goes through the table of what is behind the descriptor, and each does its own:"
echo "file: the page cache"
act 2 "recv 0 5"; echo
echo "pipe: its queue"
act 2 'send 3 "in the pipe"'
act 2 "recv 2"; echo
echo "udp socket: a message, and who sent it"
act 2 'sendto 4 127.0.0.1:7 "to myself"'
act 2 "recv 4"; echo
echo "tcp socket: connected to nobody"
fails "echo 'recv 5' > proc/2/ctl"
say "lseek goes the same way; two of them have no position:"
act 2 "lseek 0 0"
fails "echo 'lseek 2 0' > proc/2/ctl"
fails "echo 'lseek 4 0' > proc/2/ctl"
ask "What is left of one read when it is over?"
show "grep -E 'rchar|syscr|read_bytes' proc/2/io"
act 2 "recv 0"
show "grep -E 'rchar|syscr|read_bytes' proc/2/io"
show "grep pos proc/2/fdinfo/0"
say "The bytes, one call more, the position moved; and nothing from the disk: the page was there already."
