#!/bin/sh
# 40 - reliable delivery: resend after N, 2N, 4N ms; even the end of the stream needs an acknowledgement; exit at once.
. "$(dirname "$0")/lib.sh"
lesson "Sent again until it is acknowledged"

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
# Data segments of the client: milliseconds after the first of them, to the nearest 100.
sent_at() { awk '$4 == "b.eth0" && $8 == "tcp" && $16 > 0 { if (!first) first = $2; printf "%s%d", n++ ? " " : "", int(($2 - first) * 10 + 0.5) * 100 } END { print " ms" }' wires/lan0/frames; }
say "The wire loses the same data five times:"
show "echo 'drop next 5 tcp.data' > wires/lan0/ctl"
on b 2 'send 0 "please"'
ask "When is it sent again?"
on host0 2 "recv 1"; echo
sent_at
say "N, then 2N, 4N, 8N ... later: N is a little above what a round trip takes, 200 ms at least on Linux."
echo 'advance 1s' > clock

ask "Is the end of a stream acknowledged too? The wire loses it twice, and the client exits at once:"
show "echo 'drop next 2 tcp.fin' > wires/lan0/ctl"
on b 2 'send 0 "last words"'
show "echo 'exit 0' > hosts/b/proc/2/ctl"
show "ls -d hosts/b/proc/2 2>/dev/null || echo 'the process is gone'"
show "awk '/:4000/ { print \$5, \"pid\", \$8 }' hosts/b/net/sockets"
say "The process has gone, its connection has not: TCP finishes behind."
on host0 2 "recv 1"; echo
on host0 2 "recv 1"
echo "(the end has arrived)"
echo 'advance 1s' > clock
show "awk '\$4 == \"b.eth0\" && \$12 ~ /FIN/ { n++ } END { print \"the end was sent\", n, \"times\" }' wires/lan0/frames"
show "awk '/:4000/ { print \$5 }' hosts/b/net/sockets"
on host0 2 "close 1"
echo 'advance 1s' > clock
show "awk '/:4000/ { print \$5 }' hosts/b/net/sockets"
say "and a minute later nothing of it is left."
