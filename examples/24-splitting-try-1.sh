#!/bin/sh
# 24 - splitting a message, try 1: parts without numbers.
. "$(dirname "$0")/lib.sh"
lesson "splitting a message, try 1: the parts have no numbers"

say "A message goes in parts; each is acknowledged, and sent again after 200 ms. Nothing has a number (variant try1)."
messengers try1 12
on a 2 'send 0 "The meeting is at 12pm."'
on b 2 "recv 0"
echo
say "The same with the first acknowledgement lost:"
show "echo 'drop next 1 rdt.ack' > wires/lan0/ctl"
on a 2 'send 0 "The meeting is at 12pm."'
ask "What does B put together?"
on b 2 "recv 0"
echo
show "cat wires/lan0/sequence"
