#!/bin/sh
# 22 - a lost acknowledgement: the message comes twice; the cure is to number messages.
. "$(dirname "$0")/lib.sh"
lesson "a lost acknowledgement"

say "Messages are acknowledged, and sent again after 200 ms (variant try1):"
messengers try1
say "The wire loses an acknowledgement."
show "echo 'drop next 1 rdt.ack' > wires/lan0/ctl"
on a 2 'send 0 "pay 100 dollars"'
ask "How often does B pay?"
on b 2 "recv 0"
echo
on b 2 "recv 0"
echo
show "cat wires/lan0/sequence"
say "Numbered messages (variant v3): B knows that it has had number 1, and only acknowledges it again."
for h in a b; do
	show "printf '%s\\n' '2 socket rdt' '2 setsockopt 1 RDT_VARIANT v3' > hosts/$h/ctl"
done
show "echo '2 bind 1 10.0.0.2:8' > hosts/b/ctl; echo '2 connect 1 10.0.0.2:8' > hosts/a/ctl"
show "echo 'drop next 1 rdt.ack' > wires/lan0/ctl"
on a 2 'send 1 "pay 100 dollars"'
on b 2 "recv 1"
echo
show "echo advance 1s > clock"
say "Nothing more has arrived:"
show "awk '{ print \$2, \$3, \$6 }' hosts/b/net/sockets"
show "tail -n 5 wires/lan0/sequence"
