#!/bin/sh
# 39 - shutdown: one direction of a connection ends, the other goes on; shutting the input sends nothing.
. "$(dirname "$0")/lib.sh"
lesson "Ending one direction"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
run host0 server
on host0 2 "socket tcp"
on host0 2 "bind 0 10.0.0.1:80"
on host0 2 "listen 0"
run b client
on b 2 "socket tcp"
on b 2 "bind 0 10.0.0.2:4000"
on b 2 "connect 0 10.0.0.1:80"
on host0 2 "accept 0"
state() { awk '/:4000/ && !/LISTEN/ { print $5 }' hosts/$1/net/sockets; }
say "The client has said all it wants to say:"
on b 2 'send 0 "the whole question"'
on b 2 "shutdown 0 w"
ask "What does the server read?"
on host0 2 "recv 1"; echo
on host0 2 "recv 1"
echo "(nothing: the end of the stream, now and at every further read)"
on host0 2 "recv 1"
say "The other direction is as before:"
on host0 2 'send 1 "and the whole answer"'
on b 2 "recv 0"; echo
fails "echo 'send 0 \"one more thing\"' > hosts/b/proc/2/ctl"
echo "client: $(state b)   server: $(state host0)"
say "When the server is done as well, the connection is over:"
on host0 2 "close 1"
on b 2 "recv 0"
echo 'advance 1s' > clock
echo "client: $(state b)   server: $(state host0)(gone)"

say "A second connection. shutdown of the input:"
on b 2 "close 0"
on b 2 "socket tcp"
on b 2 "bind 0 10.0.0.2:4001"
on b 2 "connect 0 10.0.0.1:80"
on host0 2 "accept 0"
echo 'advance 1s' > clock
frames=$(awk '/^frames/ { print $2 }' wires/lan0/stats)
on b 2 "shutdown 0 r"
on b 2 "recv 0"
echo 'advance 1s' > clock
ask "What does the server hear of it?"
echo "frames on the wire since then: $(($(awk '/^frames/ { print $2 }' wires/lan0/stats) - frames))"
on host0 2 'send 1 "nobody reads this"'
echo "$(awk '/:4001/ { print $5 }' hosts/host0/net/sockets): nothing at all. It goes on sending."
