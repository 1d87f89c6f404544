#!/bin/sh
# 34 - a routing table: which network does an address lie in?
. "$(dirname "$0")/lib.sh"
lesson "A routing table"

say "A router with three networks, the table of the slide:"
say "    128.143.0.0 - 128.143.255.255, 192.107.102.0 - 192.107.102.255    network 1
    4.0.0.0 - 7.255.255.255, 64.8.0.0 - 64.15.255.255                 network 2
    anything else                                                     network 3"
show "mkdir hosts/r; cd hosts/r/net"
for n in 1 2 3; do
	mkdir ifs/net$n
	mkdir ../../../wires/net$n
	echo net$n > ifs/net$n/wire; echo 10.0.$n.1/24 > ifs/net$n/address; echo 1 > ifs/net$n/up
done
ask "How is each range written as bits that are equal, and how many?"
show "echo 'add 128.143.0.0/16 via 10.0.1.2' > routes; echo 'add 192.107.102.0/24 via 10.0.1.2' > routes"
show "echo 'add 4.0.0.0/6 via 10.0.2.2' > routes; echo 'add 64.8.0.0/13 via 10.0.2.2' > routes"
show "echo 'add default via 10.0.3.2' > routes"
show "cat routes"
ask "Where do these go?"
for address in 128.143.67.11 192.107.102.255 192.107.103.0 4.0.0.0 7.255.255.255 8.0.0.0 64.7.255.255 64.8.0.0 64.15.255.255 64.16.0.0 9.9.9.9; do
	awk -v a=$address 'NR == 2 { printf "%-16s %-17s %s\n", a, $1, $3 }' route/$address
done
ask "Two rows fit: 128.143.7.1 shall go another way than the rest of 128.143. Which row counts?"
show "echo 'add 128.143.7.0/24 via 10.0.2.2' > routes"
show "awk 'FNR == 2 { print \$1, \$3 }' route/128.143.7.1 route/128.143.8.1"
say "The longest prefix. Real tools see the same table:"
show "cut -f 1-4,8 ../proc/1/net/route | sed 's/ *\$//'"
cd - > /dev/null
