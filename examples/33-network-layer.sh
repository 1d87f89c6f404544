#!/bin/sh
# 33 - what the network layer (IP) does when something goes wrong.
. "$(dirname "$0")/lib.sh"
lesson "The network layer: what happens when"

say "a - lan0 - router - lan1 - b"
for name in a r b; do mkdir hosts/$name; done
mkdir wires/lan0 wires/lan1
# join HOST INTERFACE WIRE ADDRESS MAC
join()
{
	mkdir hosts/$1/net/ifs/$2
	echo $3 > hosts/$1/net/ifs/$2/wire; echo $5 > hosts/$1/net/ifs/$2/mac
	echo $4 > hosts/$1/net/ifs/$2/address; echo 1 > hosts/$1/net/ifs/$2/up
}
join a eth0 lan0 10.0.0.1/24 02:00:00:00:00:0a
join r eth0 lan0 10.0.0.254/24 02:00:00:00:00:10
join r eth1 lan1 10.1.0.254/24 02:00:00:00:00:11
join b eth0 lan1 10.1.0.1/24 02:00:00:00:00:0b
show "echo 1 > hosts/r/net/forwarding"
show "echo 'add default via 10.0.0.254' > hosts/a/net/routes"
show "echo 'add default via 10.1.0.254' > hosts/b/net/routes"
on a 1 "ping 10.1.0.1 1" | sed 's/time=.*//; s/ min.*//'
run b receiver > /dev/null
run a sender > /dev/null
on b 2 "socket udp"
on b 2 "bind 0 10.1.0.1:9"
on a 2 "socket udp"

say "Not received: the packet is lost behind the router, silently."
show "echo 'drop next 1 udp' > wires/lan1/ctl"
on a 2 'sendto 0 10.1.0.1:9 "lost"'
show "echo 'advance 1s' > clock"
show "awk '\$8 == \"udp\" { print \$4, \$18 }' wires/lan0/frames wires/lan1/frames"

# counter HOST NAME: what its IP has counted.
counter()
{
	awk -v name=$2 '$1 == "Ip:" && !at { for (i = 2; i <= NF; i++) if ($i == name) at = i; next }
		$1 == "Ip:" { print name, $at }' hosts/$1/proc/net/snmp
}
# A UDP packet without a sum of its own from a to b, as the router gets it: the sum of the IP header, the data.
udp() { echo "020000000010 02000000000a 0800 45000023000100004011${1}0a0000010a010001 03e80009000f0000 $2" | tr -d ' '; }

ask "The header is corrupted: its sum is wrong. (This packet has UDP's sum switched off.)"
show "echo inject $(udp 1111 70617920313030) > wires/lan0/ctl; echo 'advance 1s' > clock"
show "counter r InHdrErrors"
say "Discarded by the first one who looks: the router."
ask "The data is corrupted, \"pay 100\" has become \"pay 900\"; the header is right?"
show "echo inject $(udp 66c7 70617920393030) > wires/lan0/ctl; echo 'advance 1s' > clock"
on b 2 "recv 0"
say "IP's sum covers the header alone: delivered corrupted. UDP and TCP sum up the data, if one lets them."

ask "Too long: lan1 passes 1000 bytes, the packet has 1200 and must not be cut (DF)?"
show "echo 1000 > wires/lan1/mtu"
on a 2 "setsockopt 0 IP_MTU_DISCOVER 2"
long=$(printf '%2344s' | tr ' ' 7)
show "echo \"sendto 0 10.1.0.1:9 \$long\" > hosts/a/proc/2/ctl; echo 'advance 1s' > clock"
show "awk '\$8 == \"icmp\" && NR > 5 { print \$9, \$10, \$17 }' wires/lan0/frames"
say "Dropped with a notice to the sender. And if it may be cut:"
on a 2 "setsockopt 0 IP_MTU_DISCOVER 0"
show "echo \"sendto 0 10.1.0.1:9 \$long\" > hosts/a/proc/2/ctl; echo 'advance 1s' > clock"
show "awk '\$17 ~ /offset/ { sub(/id=[0-9]*,/, \"\", \$17); print \$5, \$17 }' wires/lan1/frames"
show "echo 'recv 0' > hosts/b/proc/2/ctl; cat hosts/b/proc/2/ctl | wc -c | tr -d ' '"
say "In fragments, which b puts together again: 1172 bytes behind the sender's address."

ask "The destination is unknown: a network that the router does not know, a computer that is not there?"
on a 1 "ping 192.168.9.9 1" | sed 's/ *0 ms$//'
show "echo 'sendto 0 10.1.0.77:9 \"anybody\"' > hosts/a/proc/2/ctl; echo 'advance 5s' > clock"
show "awk '\$17 ~ /unreachable/ { print \$9, \$10, \$17 }' wires/lan0/frames"
say "Dropped with a notice. A packet that goes round in circles ends when its ttl is used up, with a notice too:"
show "echo 'add 192.168.9.0/24 via 10.1.0.1' > hosts/r/net/routes; echo 1 > hosts/b/net/forwarding"
on a 1 "ping 192.168.9.9 1"
show "grep -c 'echo-request' wires/lan1/sequence"
