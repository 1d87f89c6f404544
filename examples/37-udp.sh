#!/bin/sh
# 37 - UDP: messages with the sender's address; connect as a convenience; limited size; lost without a word.
. "$(dirname "$0")/lib.sh"
lesson "UDP: sendto and recvfrom"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
say "A server binds a port. It has one socket for all its clients:"
run host0 server
on host0 2 "socket udp"
on host0 2 "bind 0 10.0.0.1:5353"
say "Two clients on the other computer. Only one of them binds: the other gets a port when it first sends."
run b alice
run b bob
on b 2 "socket udp"
on b 2 "bind 0 10.0.0.2:4000"
on b 3 "socket udp"
on b 2 'sendto 0 10.0.0.1:5353 "2+2"'
on b 3 'sendto 0 10.0.0.1:5353 "3*3"'
ask "How does the server know whom to answer?"
on host0 2 "recv 0"; echo
echo 'recv 0' > hosts/host0/proc/2/ctl
from=$(cut -d ' ' -f 1 hosts/host0/proc/2/ctl)
echo "the second message is from a port of 32768 to 60999: $([ "${from#*:}" -ge 32768 ] && [ "${from#*:}" -le 60999 ] && echo yes)"
say "Each message tells its sender, so the server answers each:"
on host0 2 'sendto 0 10.0.0.2:4000 "4"'
echo "sendto 0 $from \"9\"" > hosts/host0/proc/2/ctl
on b 2 "recv 0"; echo
on b 3 "recv 0"; echo
ask "connect sends nothing: what is it good for?"
on b 2 "connect 0 10.0.0.1:5353"
on b 2 'send 0 "now send will do"'
on host0 2 "recv 0"; echo
say "and only the peer's messages come in from now on; and errors are told. Nobody is at port 5354:"
on b 2 "connect 0 10.0.0.1:5354"
on b 2 'send 0 "anybody there?"'
fails "echo 'recv 0' > hosts/b/proc/2/ctl"
ask "How long may a message be?"
# So many zeros, as one message.
zeros() { echo "sendto 0 10.0.0.1:5353 \"$(printf "%0$1d" 0)\"" > hosts/b/proc/3/ctl && cat hosts/b/proc/3/ctl; }
show "zeros 65507"
fails "zeros 65508" | cut -c 1-100 | sed '/^ *^/d; s/00000*/000.../'
say "One message is one recv; what does not fit into the reader's buffer is gone:"
show "echo 'recv 0 20' > hosts/host0/proc/2/ctl; cut -d ' ' -f 2 hosts/host0/proc/2/ctl"; echo
on b 2 "connect 0 10.0.0.1:5353"
on b 2 'send 0 "next"'
on host0 2 "recv 0 20"; echo
ask "The wire loses the next message. Who is told?"
show "echo 'drop next 1 udp' > wires/lan0/ctl"
on b 2 'send 0 "lost"'
on host0 2 "poll 0=in timeout=60s"
say "Nobody: send said 4, the reader saw nothing, and so it stays."
