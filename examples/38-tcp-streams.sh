#!/bin/sh
# 38 - TCP: socket, bind, listen, accept, connect; many connections from one listening socket; bytes, not messages.
. "$(dirname "$0")/lib.sh"
lesson "TCP: connections and streams"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
say "The server: socket, bind, listen."
run host0 server
on host0 2 "socket tcp"
on host0 2 "bind 0 10.0.0.1:80"
on host0 2 "listen 0 5"
say "Three clients: socket, connect (bind only so that we know them again)."
for n in 1 2 3; do
	run b client$n
	on b $pid "socket tcp"
	on b $pid "bind 0 10.0.0.2:400$n"
	on b $pid "connect 0 10.0.0.1:80"
done
ask "accept gives a new descriptor for each. How many sockets does the server have then?"
for n in 1 2 3; do on host0 2 "accept 0"; done
show "awk 'NR == 1 || /:80/ { print \$3, \$4, \$5, \$9 }' hosts/host0/net/sockets | column -t"
say "Four: one listens, three are connected, all of them on port 80. What comes in goes where its sender belongs:"
on b 4 'send 0 "from the third"'
on b 2 'send 0 "from the first"'
on host0 2 "recv 1"; echo
on host0 2 "recv 3"; echo
ask "A client writes three messages: 'one', 'two', 'three'. What does one read give?"
for word in one two three; do on b 3 "send 0 \"$word\""; done
echo 'advance 1s' > clock
on host0 2 "recv 2"; echo
say "A stream of bytes: no message begins or ends in it. And a short read takes only what it asked for:"
on b 3 'send 0 "abcdef"'
on host0 2 "recv 2 2"; echo
on host0 2 "recv 2 2"; echo
on host0 2 "recv 2"; echo
ask "So how does a reader know where a message ends? By lines, say, or by a length in front:"
show "printf 'first line\nsecond line\n' > hosts/b/proc/3/stream/0"
show "while read -r line && echo \"[\$line]\" && [ \"\$line\" != 'second line' ]; do :; done < hosts/host0/proc/2/stream/2"
