#!/bin/sh
# 43 - backlog: listen(fd, 5): the queue before accept, what the next one gets; somaxconn.
. "$(dirname "$0")/lib.sh"
lesson "listen(fd, 5)"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
run host0 server
on host0 2 "socket tcp"
on host0 2 "bind 0 10.0.0.1:80"
on host0 2 "listen 0 5"
say "The server is busy and accepts nobody. Clients come all the same:"
run b clients
for n in 0 1 2 3 4; do
	echo "socket tcp" > hosts/b/proc/2/ctl
	echo "bind $n 10.0.0.2:400$n" > hosts/b/proc/2/ctl
	echo "connect $n 10.0.0.1:80" > hosts/b/proc/2/ctl
	echo "client $n is connected"
done
echo 'advance 1s' > clock
queue() { awk '/LISTEN/ { print "waiting for accept: " $6 ", backlog: " $7 }' hosts/host0/net/sockets; }
queue
ask "Five wait. What does the sixth get?"
on b 2 "socket tcp"
on b 2 "connect 5 10.0.0.1:80"
echo 'advance 1s' > clock
queue
say "It is connected: Linux lets one more in than it was told. And the seventh?"
on b 2 "socket tcp"
on b 2 "bind 6 10.0.0.2:4006"
show "echo manual > clock"
show "echo '2 connect 6 10.0.0.1:80 &' > hosts/b/ctl"
show "echo 'advance 2s' > clock"
show "awk '/:4006/ { print \$5 }' hosts/b/net/sockets"
show "awk '\$4 == \"b.eth0\" && \$9 ~ /:4006/ { n++ } \$4 == \"host0.eth0\" && \$10 ~ /:4006/ { m++ } END { print \"SYNs:\", n + 0, \"answers:\", m + 0 }' wires/lan0/frames"
say "No answer, no refusal: its SYN is dropped, and it tries again. As soon as the server accepts one, there is room:"
on host0 2 "accept 0" | sed 's/:[0-9]*$/:.../'
show "echo auto > clock"
echo 'poll 6=out' > hosts/b/proc/2/ctl
show "awk '/:4006/ { print \$5 }' hosts/b/net/sockets"
ask "May a server ask for more than somaxconn?"
show "awk '\$1 == \"somaxconn\" { print \$2 }' hosts/host0/net/knobs"
show "echo 'somaxconn 8' > hosts/host0/net/knobs"
on host0 2 "listen 0 1000"
queue
