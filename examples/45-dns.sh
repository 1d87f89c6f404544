#!/bin/sh
# 45 - DNS: who knows the address of www.cs.virginia.edu?
. "$(dirname "$0")/lib.sh"
lesson "Names are looked up in turn"

# server NAME ADDRESS: a name server on lan0 that answers from its file zone, what it reads here
server()
{
	mkdir "hosts/$1" "hosts/$1/net/ifs/eth0"
	echo lan0 > "hosts/$1/net/ifs/eth0/wire"; echo "$2/24" > "hosts/$1/net/ifs/eth0/address"; echo 1 > "hosts/$1/net/ifs/eth0/up"
	cat > "hosts/$1/files/zone"
	printf '%s\n' 'spawn named' '2 serve dns 53 zone=/zone' > "hosts/$1/ctl"
	printf '\n%s, %s:\n' "$1" "$2"
	sed 's/^/    /' "hosts/$1/files/zone"
}

mkdir wires/lan0
say "Four name servers. Each knows one zone, and who has the zones below it:"
server root 10.0.0.1 <<'EOT'
.            86400 IN SOA a.root. admin.root. 1 7200 900 604800 3600
.            86400 IN NS  a.root.
a.root.      86400 IN A   10.0.0.1
edu.         86400 IN NS  ns.edu.
ns.edu.      86400 IN A   10.0.0.2
EOT
server edu 10.0.0.2 <<'EOT'
edu.             86400 IN SOA ns.edu. admin.edu. 1 7200 900 604800 3600
edu.             86400 IN NS  ns.edu.
virginia.edu.    86400 IN NS  ns.virginia.edu.
ns.virginia.edu. 86400 IN A   10.0.0.3
EOT
server virginia 10.0.0.3 <<'EOT'
$ORIGIN virginia.edu.
$TTL 1h
@       IN SOA   ns admin 1 7200 900 604800 300
@       IN NS    ns
@       IN MX    10 mail
ns      IN A     10.0.0.3
mail    IN A     10.0.0.25
cs      IN NS    ns.cs
ns.cs   IN A     10.0.0.4
EOT
server cs 10.0.0.4 <<'EOT'
$ORIGIN cs.virginia.edu.
$TTL 60
@       IN SOA   ns admin 1 7200 900 604800 300
@       IN NS    ns
ns      IN A     10.0.0.4
www     IN CNAME kytos02
kytos02 IN A     10.0.0.80
kytos02 IN A     10.0.0.81
kytos02 IN AAAA  2001:db8::80
EOT

say "A computer that wants to know:"
plug host0 eth0 lan0 10.0.0.10/24
run host0 client
ask "It knows nothing but the address of a root server. Whom does it ask, and what do they say?"
on host0 2 "resolve www.cs.virginia.edu type=A root=10.0.0.1 trace=1"
say "What it has learned on the way it keeps, for as long as each server said (seconds):"
show "cat hosts/host0/net/dns_cache"
ask "Who is asked for mail.virginia.edu now?"
on host0 2 "resolve mail.virginia.edu type=A root=10.0.0.1 trace=1"
say "Two minutes later the addresses of the CS server's zone are forgotten (they were to live 60 s), those of the servers not:"
show "echo 'advance 120s' > clock"
on host0 2 "resolve www.cs.virginia.edu type=A root=10.0.0.1 trace=1"

say "Most computers leave that work to a server that does it for all of them (recursion):"
mkdir hosts/resolver
plug resolver eth0 lan0 10.0.0.53/24
show "printf '%s\n' 'spawn named' '2 serve dns 53 recursive root=10.0.0.1' > hosts/resolver/ctl"
show "echo flush > net/dns_cache"
show "echo 'nameserver 10.0.0.53' > net/resolv"
ask "What does the client ask now, and whom?"
on host0 2 "resolve www.cs.virginia.edu trace=1"
say "One question for IPv4 addresses, one for IPv6. The resolver has asked the four others:"
show "awk '\$2 == \"NS\" || NR == 1' hosts/resolver/net/dns_cache"

say "A name that does not exist is remembered too:"
fails "echo 'resolve ftp.cs.virginia.edu' > proc/2/ctl"
show "grep ftp net/dns_cache"
say "Other things than addresses have names, too:"
on host0 2 "resolve virginia.edu type=MX"

say "Three addresses for one name. Only 10.0.0.81 is switched on, with a web server; and here we have IPv6, too:"
mkdir hosts/kytos
plug kytos eth0 lan0 10.0.0.81/24
show "echo 'Hello from kytos02.' > hosts/kytos/files/index.html; printf '%s\n' 'spawn httpd' '2 serve http' > hosts/kytos/ctl"
show "echo 2001:db8::10/64 >> net/ifs/eth0/address"
on host0 2 "resolve www.cs.virginia.edu http"
ask "In which order does a browser try them?"
on host0 2 "get http://www.cs.virginia.edu/ trace=1"
say "One after the other, IPv6 first where it can be reached; so does connect:"
on host0 2 "socket tcp"
on host0 2 "connect 0 www.cs.virginia.edu:http"
show "awk '\$2 == \"tcp\" && \$5 == \"ESTABLISHED\" { print \$4 }' net/sockets"
