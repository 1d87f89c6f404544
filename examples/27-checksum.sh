#!/bin/sh
# 27 - a checksum: a damaged message counts as lost; which damage a sum of 16-bit words misses.
. "$(dirname "$0")/lib.sh"
lesson "checksums"

# The sum of RFC 1071 over bytes in hex.
sum16()
{
	printf '%s\n' "$1" | fold -w 4 | awk '
		{ while (length($0) < 4) $0 = $0 "0"; v = 0
		  for (i = 1; i <= 4; i++) v = v * 16 + index("0123456789abcdef", substr($0, i, 1)) - 1
		  s += v; if (s > 65535) s -= 65535 }
		END { printf "%04x\n", 65535 - s }'
}
# Ethernet, IPv4 and the header of a message from a to b, then the data; everything in hex.
frame()
{
	data=$1
	sum=$2
	len=$((32 + ${#data} / 2))
	ip=$(printf '4500%04x0000400040fd00000a0000010a000002' $len)
	ip=$(printf '%s' "$ip" | cut -c 1-20)$(sum16 "$ip")$(printf '%s' "$ip" | cut -c 25-)
	printf '%s%s0800%s138800070103%s00000001%s' "$mac_b" "$mac_a" "$ip" "$sum" "$data"
}
hex() { printf '%s' "$1" | od -An -tx1 | tr -d ' \n'; }

say "A message carries the sum of its words; where it does not fit, B acts as if nothing had come (variant v3)."
messengers v3
mac_a=$(cat hosts/a/net/ifs/eth0/mac | tr -d ':\n')
mac_b=$(cat hosts/b/net/ifs/eth0/mac | tr -d ':\n')
good=$(sum16 "138800070103000000000001$(hex 'pay 10 to Bob')")
say "The header, 12 bytes, and 'pay 10 to Bob' have the sum 0x$good. It is poured on the wire with one letter changed:"
show "echo \"inject \$(frame \$(hex 'pay 90 to Bob') $good) a.eth0\" > wires/lan0/ctl; echo advance 1ms > clock"
say "with two words swapped ('pay 10 to Bob' -> 'y pa10 to Bob'):"
show "echo \"inject \$(frame \$(hex 'y pa10 to Bob') $good) a.eth0\" > wires/lan0/ctl; echo advance 1ms > clock"
ask "Which one does B take?"
on b 2 "recv 0"
echo
show "awk '\$8 == \"rdt\" { print \$16, \$17 }' wires/lan0/frames"
say "A sum does not depend on the order of what is added: swapped words go unnoticed. A CRC would notice."
