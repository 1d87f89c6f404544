#!/bin/sh
# 56 - a real server behind a simulated NAT: simulated and real clients reach it by a port of a simulated router.
. "$(dirname "$0")/lib.sh"
lesson "a real server behind a simulated NAT"
[ -x "$(command -v curl)" ] || { echo "no curl" >&2; exit 77; }
www=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-www.XXXXXX")
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; leave; rm -rf "$www"' EXIT

# Ports that differ from time to time, by name; a table keeps its columns.
named() { sed -E "s/:$real( |\$)/:REAL\\1/g; s/:$front( |\$)/:FRONT\\1/g; s/:[0-9]{5}( |\$)/:CLIENT\\1/g" | column -t; }
front=0

# How many connections the router's table calls established, and how many the bridge has.
open_ones() { awk '$5 == "ESTABLISHED"' hosts/router/net/nat_table | wc -l; awk 'NR > 1 { print $6 }' bridge/connections; }
become() { until [ "$(open_ones | xargs)" = "$1" ]; do sleep 0.02; done; }

say "A real server, of one page, on this machine:"
mkdir "$www/pages"
printf 'printed by a real program\n' > "$www/pages/page"
real=$(free_port)
printf '$ python3 -m http.server -b 127.0.0.1 REAL &\n'
python3 -u -m http.server -b 127.0.0.1 -d "$www/pages" "$real" > "$www/log" 2>&1 &
server=$!
until curl -s -o "$www/got" "http://127.0.0.1:$real/page"; do
	kill -0 "$server" 2>/dev/null || { cat "$www/log" >&2; exit 1; }
	sleep 0.05
done

say "A simulated home behind a router, and somebody outside:"
host router
host stranger
plug router eth0 home 192.168.1.1/24
plug router eth1 world 203.0.113.5/24
plug stranger eth0 world 203.0.113.80/24
show "echo 1 > hosts/router/net/forwarding"
run stranger client

say "The server gets an address at home. The gateway that has it for him knows who is the way out:"
printf '$ echo "allow tcp 127.0.0.1:REAL as 192.168.1.9:80" > bridge/rules\n'
echo "allow tcp 127.0.0.1:$real as 192.168.1.9:80" > bridge/rules
show "awk '/^default/ { print \$1, \$2, \$3 }' hosts/gw/net/routes"
ask "Who is outside knows only the router's address. What does that one say?"
fails "echo 'get http://203.0.113.5:8080/page' > hosts/stranger/proc/2/ctl"
show "echo 'dnat eth1 tcp 8080 to 192.168.1.9:80' > hosts/router/net/nat"
on stranger 2 "get http://203.0.113.5:8080/page"

become 0
say "A connection that stays, to look at. The router has written another destination into its packets:"
on stranger 2 "socket tcp"
on stranger 2 "connect 0 203.0.113.5:8080"
become "1 ESTABLISHED"
printf "$ awk 'NR == 1 || \$5 == \"ESTABLISHED\" { print \$1, \$2, \$3, \$4, \$5 }' hosts/router/net/nat_table\n"
awk 'NR == 1 || $5 == "ESTABLISHED" { print $1, $2, $3, $4, $5 }' hosts/router/net/nat_table | named
say "The gateway ends it, and has one to the real server for it, over this machine's loopback:"
printf "$ awk '{ print \$1, \$2, \$3, \$4, \$5, \$6 }' bridge/connections\n"
awk '{ print $1, $2, $3, $4, $5, $6 }' bridge/connections | named
on stranger 2 "close 0"

say "Now a real client, too: real, simulated NAT, real."
front=$(free_port)
printf '$ echo "listen tcp 127.0.0.1:FRONT to 203.0.113.5:8080" > bridge/rules\n'
echo "listen tcp 127.0.0.1:$front to 203.0.113.5:8080" > bridge/rules
show "cat hosts/gw1/net/ifs/eth0/address"
printf '$ curl http://127.0.0.1:FRONT/page\n'
curl -sS "http://127.0.0.1:$front/page"
ask "It comes from a gateway of its own, gw1. Which way did its first packet go, out of which address, to which?"
for wire in world home; do
	printf "\$ awk '\$12 == \"SYN\" { last = \$9 \" -> \" \$10 \" ttl \" \$11 } END { print last }' wires/$wire/frames\n"
	awk '$12 == "SYN" { last = $9 " -> " $10 " ttl " $11 } END { print last }' "wires/$wire/frames" | sed -E 's/:[0-9]{5} /:CLIENT /'
done
ask "And whom has the server seen?"
printf "$ awk '{ print \$1, \$6, \$7, \$9 }' log\n"
grep GET "$www/log" | awk 'NR > 1 { print $1, $6, $7, $9 }'
say "Twice this machine: a NAT, and then a gateway, have taken the others' places."
