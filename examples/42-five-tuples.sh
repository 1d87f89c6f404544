#!/bin/sh
# 42 - 5-tuples: connections to one port told apart; netstat's columns; the wildcard rows of listening and UDP sockets.
. "$(dirname "$0")/lib.sh"
lesson "Five numbers name a connection"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24 10.0.0.3/24
run host0 server
on host0 2 "socket tcp"
on host0 2 "bind 0 0.0.0.0:80"
on host0 2 "listen 0"
on host0 2 "socket udp"
on host0 2 "bind 1 0.0.0.0:53"
say "Three connections to port 80: two from one address, one from another with a port that is taken twice then."
run b client
n=0
for from in 10.0.0.2:4000 10.0.0.2:4001 10.0.0.3:4000; do
	on b 2 "socket tcp"
	on b 2 "bind $n $from"
	on b 2 "connect $n 10.0.0.1:80"
	on host0 2 "accept 0"
	n=$((n + 1))
done
ask "protocol, local address and port, remote address and port: which of the five tell these apart?"
# What netstat -tuan prints of it (netstat itself: unshare -m, mount --bind hosts/host0/proc /proc).
netstat() {
	echo "Proto Recv-Q Send-Q Local-Address Foreign-Address State"
	awk 'NR > 1 { print $2, $6, $5 == "LISTEN" ? 0 : $7, $3, $4, $5 == "UNCONN" ? "" : $5 }' hosts/$1/net/sockets
}
show "netstat host0 | column -t"
say "0.0.0.0:80 is any address of this computer, 0.0.0.0:* anybody. A segment goes to the row that fits best:"
on b 2 'send 2 "to the third"'
on host0 2 "recv 4"; echo
say "The kernel's own table of it, in its own format (addresses backwards, in hex; 0A is LISTEN, 01 ESTABLISHED):"
show "cut -c 1-37 proc/net/tcp"
say "A local end that is in use cannot be bound again, not even with SO_REUSEADDR, while its connection lives:"
on b 2 "socket tcp"
on b 2 "setsockopt 3 SO_REUSEADDR 1"
fails "echo 'bind 3 10.0.0.2:4000' > hosts/b/proc/2/ctl"
say "IPv6 has tables of its own, /proc/net/tcp6 and udp6. A socket of version 6 at [::] takes calls of both versions:"
echo 2001:db8::1/64 >> net/ifs/eth0/address
echo 2001:db8::2/64 >> hosts/b/net/ifs/eth0/address
on host0 2 "socket tcp6"
on host0 2 "bind 5 [::]:8080"
on host0 2 "listen 5"
on host0 2 "socket udp6"
on host0 2 "bind 6 [::]:8053"
on b 2 "bind 3 10.0.0.2:4002"
on b 2 "connect 3 10.0.0.1:8080"
on b 2 "socket tcp6"
on b 2 "bind 4 [2001:db8::2]:4003"
on b 2 "connect 4 [2001:db8::1]:8080"
on host0 2 "accept 5"
on host0 2 "accept 5"
show "netstat host0 | grep '^...6 ' | column -t"
say "The caller of version 4 has an address of version 6 there, ::ffff:10.0.0.2. In the kernel's table, word by word:"
show "cut -c 1-82 proc/net/tcp6"
say "A socket of UDP has one row, whoever writes to it; the next datagram may come from either version:"
on b 2 "socket udp"
on b 2 "bind 5 10.0.0.2:4004"
on b 2 'sendto 5 10.0.0.1:8053 "from version 4"'
on host0 2 "recv 6"; echo
on b 2 "socket udp6"
on b 2 "bind 6 [2001:db8::2]:4005"
on b 2 'sendto 6 [2001:db8::1]:8053 "from version 6"'
on host0 2 "recv 6"; echo
show "cut -c 1-85 proc/net/udp6"
say "Port 8080 of TCP is taken for version 4, too, unless its socket says IPV6_V6ONLY before its bind:"
on host0 2 "socket tcp"
fails "echo 'bind 9 0.0.0.0:8080' > proc/2/ctl"
