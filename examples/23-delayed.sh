#!/bin/sh
# 23 - what comes late: an old message taken for a new one, an old acknowledgement taken for a new one.
. "$(dirname "$0")/lib.sh"
lesson "delayed messages, delayed acknowledgements"

say "Messages are acknowledged and sent again after 200 ms, without numbers (variant try1):"
messengers try1
say "The first message takes a detour of 500 ms."
show "echo 'delay next 1 500ms rdt.data' > wires/lan0/ctl"
on a 2 'send 0 "meet at 12"'
on a 2 'send 0 "no, meet at 1"'
show "echo advance 1s > clock"
ask "When does B think that they meet?"
for i in 1 2 3; do on b 2 "recv 0"; echo; done
show "cat wires/lan0/sequence"
say "Now an acknowledgement is late, and the next message is lost:"
show "echo 'delay next 1 300ms rdt.ack' > wires/lan0/ctl"
show "echo 'drop next 1 rdt.data nth=3' > wires/lan0/ctl"
on a 2 'send 0 "sell"'
on a 2 'send 0 "no, do not sell"'
show "echo advance 1s > clock"
ask "A has an acknowledgement for each of its messages. What has B?"
on b 2 "recv 0"
echo
on b 2 "recv 0"
echo
show "printf '2 recv 0\\n' | timeout 1 dd of=hosts/b/ctl conv=notrunc oflag=nonblock 2>/dev/null || echo nothing more"
show "tail -n 7 wires/lan0/sequence"
say "Numbers in messages and in acknowledgements (variant v3) tell old from new: lesson 26."
