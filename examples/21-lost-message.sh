#!/bin/sh
# 21 - a lost message: without an acknowledgement nobody knows; with one it is sent again after a time-out.
. "$(dirname "$0")/lib.sh"
lesson "a lost message"

say "Two computers; messages are sent and nothing is said about them (variant 1.0):"
messengers 1.0
say "The wire loses the first message."
show "echo 'drop next 1 rdt.data' > wires/lan0/ctl"
on a 2 'send 0 "meet at 12"'
on a 2 'send 0 "bring cake"'
ask "What does B get, and what does A know of it?"
on b 2 "recv 0"
echo
show "cat wires/lan0/sequence"
say "A knows nothing. So B acknowledges each message, and A sends again what was not acknowledged for 200 ms:"
for h in a b; do
	show "printf '%s\\n' '2 socket rdt' '2 setsockopt 1 RDT_VARIANT try1' > hosts/$h/ctl"
done
show "echo '2 bind 1 10.0.0.2:8' > hosts/b/ctl; echo '2 connect 1 10.0.0.2:8' > hosts/a/ctl"
show "echo 'drop next 1 rdt.data' > wires/lan0/ctl"
on a 2 'send 1 "meet at 12"'
on b 2 "recv 1"
echo
show "tail -n 4 wires/lan0/sequence"
