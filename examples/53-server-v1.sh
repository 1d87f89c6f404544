#!/bin/sh
# 53 - a server, version 1: one connection at a time, so that the third client waits for the first two.
. "$(dirname "$0")/lib.sh"
lesson "a server, version 1: one connection at a time"

say "A server that accepts, answers until the client closes, and accepts again:"
host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
run host0 server
on host0 2 "serve echo 7 style=serial"
say "Three slow clients: each has a connection, asks four times, and thinks for 100 ms after each answer."
run b clients
ask "How long do they wait for an answer, at worst?"
on b 2 "load echo 10.0.0.1:7 clients=3 count=4 think=100ms"
say "An answer takes some microseconds; but the second client had to wait until the first was done, the third for both."
say "The queue while that goes on: the first client is served, two are connected and wait to be accepted."
for n in 1 2 3; do
	run b client$n
	on b $pid "socket tcp"
	on b $pid "connect 0 10.0.0.1:7"
	on b $pid "send 0 \"I am $n\""
done
show "echo advance 10ms > clock"
show "awk 'NR == 1 || \$3 ~ /:7\$/ && \$5 != \"TIME_WAIT\" { print \$5, \$6, \$8, \$9 }' hosts/host0/net/sockets | column -t"
on b 3 "recv 0"
echo
say "When the first client closes, the server turns to the second:"
on b 3 "close 0"
on b 4 "recv 0"
echo
show "ls hosts/host0/proc/2/fd"
