#!/bin/sh
# 26 - splitting a message, version 3: parts and acknowledgements have numbers.
. "$(dirname "$0")/lib.sh"
lesson "splitting a message, version 3: numbers in both"

messengers v3 12
say "A lost acknowledgement, as in try 1:"
show "echo 'drop next 1 rdt.ack' > wires/lan0/ctl"
on a 2 'send 0 "The meeting is at 12pm."'
on b 2 "recv 0"
echo
say "A late acknowledgement and a lost part 2, as in try 2:"
show "echo 'delay next 1 300ms rdt.ack' > wires/lan0/ctl"
show "echo 'drop next 1 rdt.data nth=3' > wires/lan0/ctl"
on a 2 'send 0 "The meeting is at 12pm."'
on b 2 "recv 0"
echo
show "tail -n 9 wires/lan0/sequence"
say "And everything at once: a tenth of all frames lost, doubled, reordered or damaged, ten messages."
show "cd wires/lan0; for f in loss duplicate reorder corrupt; do echo 10% > \$f; done; cd ../.."
show "for i in 1 2 3 4 5 6 7 8 9 10; do echo \"2 send 0 \\\"message number \$i\\\"\"; done > hosts/a/ctl"
show "for i in 1 2 3 4 5 6 7 8 9 10; do echo '2 recv 0' > hosts/b/ctl; cat hosts/b/ctl; echo; done"
