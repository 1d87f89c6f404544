#!/bin/sh
# 20 - mailbox and connection: messages sent to a mailbox, no order or arrival promised; a connection built on them.
. "$(dirname "$0")/lib.sh"
lesson "Messages to a mailbox, and a connection made of messages"

say "Two computers at one wire:"
host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
say "A mailbox on b: a number, 7, to which anybody may send:"
run b reader
on b 2 "socket udp"
on b 2 "bind 0 10.0.0.2:7"
run host0 writer
on host0 2 "socket udp"
on host0 2 "bind 0 10.0.0.1:9"
on host0 2 'sendto 0 10.0.0.2:7 "zero"'
on b 2 "recv 0"; echo

say "Now the wire loses the second of three messages and delays the first:"
show "echo 'delay next 1 5ms udp' > wires/lan0/ctl"
show "echo 'drop next 1 udp nth=2' > wires/lan0/ctl"
for word in one two three; do on host0 2 "sendto 0 10.0.0.2:7 \"$word\""; done
ask "What does the reader find in its mailbox, and in which order?"
on b 2 "recv 0"; echo
on b 2 "recv 0"; echo
on b 2 "poll 0=in timeout=10s"
echo "(nothing more, however long it waits; and the writer was told that all three were sent)"

say "A connection: two ends, two directions. It is made of the same messages on the same wire, and those get lost as well:"
on b 2 "socket tcp"
on b 2 "bind 1 10.0.0.2:7"
on b 2 "listen 1"
on host0 2 "socket tcp"
on host0 2 "bind 1 10.0.0.1:9"
on host0 2 "connect 1 10.0.0.2:7"
on b 2 "accept 1"
show "echo 'delay next 1 5ms tcp.data' > wires/lan0/ctl"
show "echo 'drop next 1 tcp.data nth=2' > wires/lan0/ctl"
for word in one two three; do on host0 2 "send 1 \"$word \""; done
ask "And now?"
got=
while [ ${#got} -lt 14 ]; do
	echo 'recv 2' > hosts/b/proc/2/ctl
	got=$got$(cat hosts/b/proc/2/ctl; echo .)
	got=${got%.}
done
echo "b has received: '$got'"
on b 2 'send 2 "thanks"'
on host0 2 "recv 1"; echo
ask "What did it take? The messages of the connection, in the order in which they were sent:"
on_the_wire() {
	sed -n '/SYN /,$p' wires/lan0/sequence |
		sed 's/^[0-9.]* *//; s/  *[0-9]*\.[0-9]*//; s/[|<>]//g; s/--*/ /g; s/\(seq\|ack\|win\|sack\)=[-0-9,]*//g; s/  */ /g; s/^ //; /:/d'
}
show on_the_wire
say "The second data was lost and is sent again, the third waited behind it: the reader notices nothing."
