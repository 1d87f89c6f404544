#!/bin/sh
# 56 - a bridge: a real curl loads a page from a simulated server, through a wire that loses one packet in ten.
. "$(dirname "$0")/lib.sh"
lesson "a bridge to the real world: curl, a simulated server, a wire that loses 10 %"
[ -x "$(command -v curl)" ] || { echo "no curl" >&2; exit 77; }

say "A simulated web server, and on its disk a page of 2,000,000 bytes:"
plug host0 eth0 lan0 10.0.0.1/24
show "echo 10% > wires/lan0/loss; echo 5ms > wires/lan0/delay"
run host0 server
on host0 2 "serve http 80 style=thread"
show "head -c 2000000 /dev/zero | tr '\\0' x > files/page"

say "A rule lets real clients of a port of this machine through to it. It makes a gateway, a host of the same network:"
port=$(free_port)
printf '$ echo "listen tcp 127.0.0.1:PORT to host0:80" > bridge/rules\n'
echo "listen tcp 127.0.0.1:$port to host0:80" > bridge/rules
show "cat hosts/gw/net/ifs/eth0/address"
say "Simulated time now goes as the clock on the wall does, for somebody outside waits. A real curl:"
printf '$ curl -o page http://127.0.0.1:PORT/page &\n'
got=$(mktemp)
curl -sS -o "$got" "http://127.0.0.1:$port/page" &

under_way() { awk 'NR == 2 && $8 > 60000 { found = 1 } END { exit !found }' bridge/connections; }
until under_way; do sleep 0.02; done
ask "Which two connections is that, each with its four numbers?"
printf '$ tail -n 1 bridge/connections\n'
awk 'NR == 2 { print $2, $3, "|", $4, $5, $6 }' bridge/connections |
	sed -E "s/:$port\$/:PORT/; s/:$port /:PORT /; s/(127.0.0.1):[0-9]+/\1:CLIENT/; s/254:[0-9]+/254:GATEWAY/"
say "The first, between curl and us, is this machine's. The second has its whole life in files, its window too:"
inode=$(awk '$3 == "10.0.0.1:80" && $5 == "ESTABLISHED" { print $1; exit }' net/sockets)
printf '$ cat net/sockets.d/INODE/tcb\n'
for name in state cwnd ssthresh srtt; do
	grep "^$name=" "net/sockets.d/$inode/tcb" | sed 's/=[0-9].*/=.../'
done
printf '...\n'
show "echo 0% > wires/lan0/loss; wait"
show "cmp $got files/page && echo the same" | sed "s,$got,page,"
rm -f "$got"
ask "A tenth of all packets was lost. What did curl see of that?"
show "awk '\$1 == \"lost\" { print (\$2 > 5 ? \"more than 5\" : \$2), \"lost\" }' wires/lan0/stats"
say "Nothing but time: TCP has sent again what was missing. curl's own packets never left this machine's loopback."
