#!/bin/sh
# 41 - TIME_WAIT: who closes first waits; meanwhile bind fails; SO_REUSEADDR.
. "$(dirname "$0")/lib.sh"
lesson "TIME_WAIT"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24

# serve PID: that process of host0 listens at port 80, as its descriptor 0.
serve()
{
	on host0 $1 "bind 0 10.0.0.1:80"
	on host0 $1 "listen 0"
}
# meet PID PORT: a client connects from that port; its descriptor is 0, the server's 1.
meet()
{
	on b 2 "socket tcp"
	on b 2 "bind 0 10.0.0.2:$2"
	on b 2 "connect 0 10.0.0.1:80"
	on host0 $1 "accept 0"
}
# part PID: the server closes first, then the client.
part()
{
	on host0 $1 "close 1"
	on b 2 "recv 0"
	on b 2 "close 0"
	echo 'advance 10ms' > clock
}

run host0 server
on host0 2 "socket tcp"
serve 2
run b client
meet 2 4000
ask "The server closes first, then the client. Which of them remembers the connection?"
part 2
show "awk '/:400/ { print FILENAME, \$3, \$4, \$5, \"pid\", \$8 }' hosts/host0/net/sockets hosts/b/net/sockets"
say "Who closed first. It belongs to no process: the last ACK may be lost, and old segments may still be under way."
say "The server ends and is started again:"
show "echo 'exit 0' > hosts/host0/proc/2/ctl"
run host0 server
on host0 3 "socket tcp"
fails "echo 'bind 0 10.0.0.1:80' > hosts/host0/proc/3/ctl"
ask "How long must it wait?"
show "awk '\$1 == \"time_wait\" { print \$2, \$6 }' hosts/host0/net/knobs"
show "echo 'advance 59s' > clock"
fails "echo 'bind 0 10.0.0.1:80' > hosts/host0/proc/3/ctl"
show "echo 'advance 1s' > clock"
on host0 3 "bind 0 10.0.0.1:80"
say "Now with SO_REUSEADDR, which says: never mind connections in TIME_WAIT. It counts if both have it, the old socket
and the new one; so servers set it always, before bind:"
on host0 3 "close 0"
on host0 3 "socket tcp"
on host0 3 "setsockopt 0 SO_REUSEADDR 1"
serve 3
meet 3 4001
part 3
show "echo 'exit 0' > hosts/host0/proc/3/ctl"
run host0 server
on host0 4 "socket tcp"
on host0 4 "setsockopt 0 SO_REUSEADDR 1"
serve 4
show "awk '/:80/ { print \$3, \$4, \$5 }' hosts/host0/net/sockets"
ask "May two servers listen there at once?"
on host0 4 "socket tcp"
on host0 4 "setsockopt 1 SO_REUSEADDR 1"
fails "echo 'bind 1 10.0.0.1:80' > hosts/host0/proc/4/ctl"
say "No. And had the client closed first, it would be the one to wait, which disturbs nobody: its port was any port."
