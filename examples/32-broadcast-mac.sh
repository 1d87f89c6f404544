#!/bin/sh
# 32 - broadcast, MAC addresses, ARP: asking all, hearing from one; what the switch learns.
. "$(dirname "$0")/lib.sh"
lesson "Who has 10.0.0.3?"

say "Three computers at one switch:"
for name in a b c; do mkdir hosts/$name; done
mkdir wires/lan0
n=1
for name in a b c; do
	mkdir hosts/$name/net/ifs/eth0
	cd hosts/$name/net/ifs/eth0
	echo lan0 > wire; echo 02:00:00:00:00:0$name > mac; echo 10.0.0.$n/24 > address; echo 1 > up
	cd - > /dev/null
	n=$((n + 1))
done
show "grep . hosts/[abc]/net/ifs/eth0/mac hosts/[abc]/net/ifs/eth0/address"
ask "a knows c's IP address only. What does the switch know, and a's table of neighbours?"
show "cat wires/lan0/macs hosts/a/net/neighbours"
on a 1 "ping 10.0.0.3 1" | sed 's/time=.*//; s/ min.*//'
ask "Who was asked, who answered?"
show "cut -c 18- wires/lan0/sequence | sed 's/   [0-9]*\.[0-9]*$//; s/arrives//'"
say "The request went to ff:ff:ff:ff:ff:ff, to all; c alone answered, to a alone. Now a and the switch know:"
show "awk '{ print \$1, \$2, \$3, \$4 }' hosts/a/net/neighbours"
show "awk '{ print \$1, \$2 }' wires/lan0/macs"
say "c knows a as well: the request told it. b has heard the request and remembers nothing:"
show "awk '{ print \$1, \$2, \$3, \$4 }' hosts/c/net/neighbours hosts/b/net/neighbours"
ask "What did b hear of all this?"
show "grep rx_packets hosts/[bc]/net/ifs/eth0/stats"
ask "Nobody has 10.0.0.9. How often is it asked for?"
on a 1 "ping 10.0.0.9 1"
show "echo 'advance 5s' > clock"
show "grep -c 'who-has 10.0.0.9' wires/lan0/sequence"
show "awk '\$1 == \"10.0.0.9\" { print \$1, \$4 }' hosts/a/net/neighbours"
