#!/bin/sh
# 44 - names and addresses: of computers, of ports, of interfaces on a wire.
. "$(dirname "$0")/lib.sh"
lesson "Names and addresses"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
say "On b a server says what day it is:"
show "printf '%s\n' 'spawn server' '2 serve daytime' > hosts/b/ctl"
run host0 client
on host0 2 "socket tcp"
ask "'connect 0 b:daytime': which numbers do the two names stand for, and who knows?"
fails "echo 'connect 0 b:daytime' > proc/2/ctl"
say "Nobody has said what b is. The port's name is known to this file, the same on every computer:"
show "cat net/services"
say "The computer's name is written into another, as was done before there was DNS:"
show "echo '10.0.0.2 b b.example' >> net/hosts; cat net/hosts"
on host0 2 "resolve b.example daytime"
on host0 2 "connect 0 b:daytime"
on host0 2 "recv 0"
ask "The wire knows neither name nor IP address. What stands in front of each frame, and where did it come from?"
show "cat net/neighbours"
show "awk 'NR < 4 { print \$6, \$7, \$8, \$9, \$10 }' wires/lan0/frames"
say "So there are three tables, from name to number to number:
    www.virginia.edu   name of a computer   -> 128.143.67.11       net/hosts, DNS (lesson 45)
    http               name of a service    -> port 80             net/services
    10.0.0.2           IP address           -> 02:00:00:00:02:01   ARP"
