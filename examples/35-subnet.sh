#!/bin/sh
# 35 - subnets and interfaces: who is a neighbour, and who is behind a router?
. "$(dirname "$0")/lib.sh"
lesson "Is it on my network?"

say "A laptop, 192.168.1.100 with the netmask 255.255.255.0, and its router:"
host laptop
host router
plug laptop eth0 lan0 192.168.1.100/24
plug router eth0 lan0 192.168.1.1/24
show "echo 'add default via 192.168.1.1' > hosts/laptop/net/routes"
show "cat hosts/laptop/net/routes"
say "Linux prints the mask in its own way, the bytes as they lie in memory:"
show "awk 'NR > 1 { print \$2, \$8 }' hosts/laptop/proc/1/net/route"
ask "Is 192.168.1.28 on its subnet? 192.168.2.100?"
for address in 192.168.1.28 192.168.2.100; do
	awk -v a=$address 'NR == 2 { print a ": " ($2 == "-" ? "yes, asked for by ARP" : "no, sent to the router " $2) }' \
		hosts/laptop/net/route/$address
done
ask "And if the netmask were 255.255.0.0?"
show "echo 192.168.1.100/16 > hosts/laptop/net/ifs/eth0/address"
show "awk 'NR == 2 { print \$1, \$2, \$3 }' hosts/laptop/net/route/192.168.2.100"
show "echo 192.168.1.100/24 > hosts/laptop/net/ifs/eth0/address"
say "One machine can have several interfaces: a cable, Wi-Fi, and lo, which leads to itself."
show "mkdir wires/air; echo wifi > wires/air/kind"
show "mkdir hosts/laptop/net/ifs/wlan0; cd hosts/laptop/net/ifs/wlan0; echo air > wire; echo 10.9.8.7/8 > address; echo 1 > up; cd - > /dev/null"
show "grep -H . hosts/laptop/net/ifs/*/address hosts/laptop/net/ifs/*/up hosts/laptop/net/ifs/*/wire"
ask "Which address does the laptop have when it talks to 10.1.1.1? To 192.168.1.1? To 127.0.0.1?"
for address in 10.1.1.1 192.168.1.1 127.0.0.1; do
	awk -v a=$address 'NR == 2 { printf "to %-12s through %-6s from %s\n", a, $3, $5 }' hosts/laptop/net/route/$address
done
