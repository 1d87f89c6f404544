#!/bin/sh
# 25 - splitting a message, try 2: parts have numbers, acknowledgements have none.
. "$(dirname "$0")/lib.sh"
lesson "splitting a message, try 2: the acknowledgements have no numbers"

say "Parts are numbered (variant try2). A lost acknowledgement does no harm now:"
messengers try2 12
show "echo 'drop next 1 rdt.ack' > wires/lan0/ctl"
on a 2 'send 0 "The meeting is at 12pm."'
on b 2 "recv 0"
echo
say "But the first acknowledgement may be late, so that part 1 is sent again, and part 2 may be lost:"
show "echo 'delay next 1 300ms rdt.ack' > wires/lan0/ctl"
show "echo 'drop next 1 rdt.data nth=3' > wires/lan0/ctl"
on a 2 'send 0 "The meeting is at 12pm."'
show "echo advance 2s > clock"
ask "Has A anything left to send? Has B a message?"
show "awk '\$2 == \"rdt\" || NR == 1 { print \$2, \$7 }' hosts/a/net/sockets"
show "printf '2 recv 0\\n' | dd of=hosts/b/ctl conv=notrunc oflag=nonblock 2>/dev/null || echo 'no message'"
show "tail -n 6 wires/lan0/sequence"
say "A took the late acknowledgement of part 1 for that of part 2."
