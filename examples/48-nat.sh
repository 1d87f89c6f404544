#!/bin/sh
# 48 - NAT: many hosts seen as one address; the table; who comes from outside needs a rule.
. "$(dirname "$0")/lib.sh"
lesson "NAT: many hosts behind one address"

say "A home: a and b behind a router, whose outside interface has the only address that the world knows."
host a
host b
host router
host web
plug a eth0 home 192.168.1.2/24
plug b eth0 home 192.168.1.3/24
plug router eth0 home 192.168.1.1/24
plug router eth1 world 203.0.113.5/24
plug web eth0 world 203.0.113.80/24
show "for h in a b; do echo 'add default via 192.168.1.1' > hosts/\$h/net/routes; done"
show "echo 1 > hosts/router/net/forwarding"
run a one
run b two
run web server
on web 2 "socket udp"
on web 2 "bind 0 0.0.0.0:9"
for h in a b; do
	on $h 2 "socket udp"
	on $h 2 "bind 0 0.0.0.0:5000"
done
ask "a sends, and the server has no route to 192.168.1.0/24. Can it answer?"
on a 2 "sendto 0 203.0.113.80:9 \"I am a\""
on web 2 "recv 0"
echo
fails "echo 'sendto 0 192.168.1.2:5000 \"hello a\"' > hosts/web/proc/2/ctl"
say "The message arrives, the answer has nowhere to go. So the router puts its own address in the place of the sender's:"
show "echo 'masquerade eth1' > hosts/router/net/nat"
on a 2 "sendto 0 203.0.113.80:9 \"I am a\""
on b 2 "sendto 0 203.0.113.80:9 \"I am b\""
on web 2 "recv 0"
echo
on web 2 "recv 0"
echo
ask "Both have port 5000. How does the router know whom an answer is for?"
say "By the port: a keeps 5000, b got another one. It remembers both, while they are in use:"
show "awk '{ print \$1, \$2, \$3, \$4, \$5 }' hosts/router/net/nat_table | column -t"
on web 2 "sendto 0 203.0.113.5:5000 \"hello a\""
on a 2 "recv 0"
echo
say "The answer on both wires: the destination has changed, and the checksums; the time to live is one less."
show "awk 'NR == 1 { next } /203.0.113.80:9/ { last = \$8 \" \" \$9 \" -> \" \$10 \" ttl \" \$11 } END { print last }' wires/world/frames"
show "awk 'NR == 1 { next } /203.0.113.80:9/ { last = \$8 \" \" \$9 \" -> \" \$10 \" ttl \" \$11 } END { print last }' wires/home/frames"
ask "A stranger sends to the router's port 8080; b has a web server. Does it get there?"
show "echo 'welcome' > hosts/b/files/page"
run b server
on b 3 "serve http 80"
run web client
on web 3 "socket tcp"
say "Nothing in the table says whom that is for: the router itself answers, and it has no such server."
fails "echo 'connect 0 203.0.113.5:8080' > hosts/web/proc/3/ctl"
show "echo 'dnat eth1 tcp 8080 to 192.168.1.3:80' > hosts/router/net/nat; cat hosts/router/net/nat"
on web 3 "connect 0 203.0.113.5:8080"
on web 3 'send 0 "GET /page HTTP/1.0\r\n\r\n"'
show "echo 'advance 10ms' > clock"
on web 3 "recv 0"
say "With the rule it is b that answers. From inside, too, a reaches b by the outside address (hairpin):"
run a client
on a 3 "socket tcp"
on a 3 "connect 0 203.0.113.5:8080"
show "echo 'advance 10ms' > clock"
show "awk 'NR == 1 || /8080/ { print \$1, \$2, \$3, \$4, \$5 }' hosts/router/net/nat_table | column -t"
