#!/bin/sh
# 54 - a server, versions 2 and 3: a process for each connection; the parent waits for it, or does not.
. "$(dirname "$0")/lib.sh"
lesson "a server, versions 2 and 3: a process for each connection"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
run b clients
say "Version 2: accept, fork; the child answers, the parent waits for the child."
run host0 v2
on host0 2 "serve echo 7 style=fork wait=1"
ask "Is that faster for three slow clients than version 1?"
on b 2 "load echo 10.0.0.1:7 clients=3 count=4 think=100ms"
say "No: who waits for its child accepts nobody meanwhile. Version 3 does not wait:"
run host0 v3
on host0 $pid "serve echo 8 style=fork"
v3=$pid
on b 2 "load echo 10.0.0.1:8 clients=3 count=4 think=100ms"
say "Who holds what, with two clients connected:"
for n in 1 2; do
	run b client$n
	on b $pid "socket tcp"
	on b $pid "connect 0 10.0.0.1:8"
	on b $pid "send 0 \"I am $n\""
	on b $pid "recv 0"
	echo
done
show "for p in \$(ls hosts/host0/proc | grep '^[0-9]' | sort -n); do grep -q v3 hosts/host0/proc/\$p/comm && echo \"\$p: parent \$(awk '/PPid/ { print \$2 }' hosts/host0/proc/\$p/status), fds \$(ls hosts/host0/proc/\$p/fd | tr '\\n' ' ')\"; done"
ask "Why has the parent one descriptor, and each child another one?"
say "The parent closes the connection, the child the listening socket; else the connection would not end with the child."
show "awk 'NR == 1 || \$3 ~ /:8\$/ && \$5 != \"TIME_WAIT\" { print \$3, \$4, \$5, \$8, \$9 }' hosts/host0/net/sockets | column -t"
say "A client closes: its child reads the end, closes and exits."
on b 3 "close 0"
show "echo advance 10ms > clock"
show "awk 'NR == 1 || \$3 ~ /:8\$/ && \$5 != \"TIME_WAIT\" { print \$3, \$4, \$5, \$8, \$9 }' hosts/host0/net/sockets | column -t"
