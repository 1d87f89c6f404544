# names.sh - the simulated name servers, asked by the real dig(1) through a bridge: what it takes without a warning is DNS.
. "$(dirname "$0")/lib.sh"

command -v dig >/dev/null || { echo "no dig here"; exit 77; }

# server HOST ADDRESS: a name server for the zone that it reads here
server()
{
	mkdir "hosts/$1" "hosts/$1/net/ifs/eth0"
	echo lan0 > "hosts/$1/net/ifs/eth0/wire"
	echo "$2/24" > "hosts/$1/net/ifs/eth0/address"
	echo 1 > "hosts/$1/net/ifs/eth0/up"
	[ "$#" = 3 ] || cat > "hosts/$1/files/zone"
	printf '%s\n' '$ORIGIN 0.0.10.in-addr.arpa.' '@ SOA a.root. admin.root. 1 7200 900 604800 300' '@ NS a.root.' \
		'80 PTR web.virginia.edu.' > "hosts/$1/files/reverse"
	printf '%s\n' 'spawn named' "2 serve dns 53 ${3:-zone=/zone zone=/reverse}" > "hosts/$1/ctl"
}

# free_port: a port of 127.0.0.1 that nobody has, for UDP and TCP
free_port()
{
	python3 - <<'EOT'
import socket
while True:
    t, u = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    t.bind(("127.0.0.1", 0))
    try:
        u.bind(t.getsockname())
    except OSError:
        continue
    print(t.getsockname()[1])
    break
EOT
}

mount_world
mkdir wires/lan0
server root 10.0.0.1 <<'EOT'
. 86400 SOA a.root. admin.root. 1 7200 900 604800 3600
. NS a.root.
a.root. A 10.0.0.1
virginia.edu. NS ns.virginia.edu.
ns.virginia.edu. A 10.0.0.3
EOT
{
	cat <<'EOT'
$ORIGIN virginia.edu.
$TTL 1h
@ SOA ns admin 1 7200 900 604800 300
@ NS ns
@ MX 10 mail
@ TXT "a text" "of two strings"
ns A 10.0.0.3
www CNAME web
web A 10.0.0.80
web A 10.0.0.81
web AAAA fd00::80
mail A 10.0.0.25
EOT
	for i in $(seq 40); do echo "many A 10.9.0.$i"; done
} | server virginia 10.0.0.3
server resolver 10.0.0.53 'recursive root=10.0.0.1'

virginia=$(free_port)
for proto in udp tcp; do echo "listen $proto 127.0.0.1:$virginia to virginia:53" > bridge/rules; done
resolver=$(free_port)
for proto in udp tcp; do echo "listen $proto 127.0.0.1:$resolver to resolver:53" > bridge/rules; done
root=$(free_port)
for proto in udp tcp; do echo "listen $proto 127.0.0.1:$root to root:53" > bridge/rules; done

# asked PORT ARGUMENT...: what dig says; a warning of dig's fails
asked()
{
	at=$1
	shift
	dig @127.0.0.1 -p "$at" +time=20 +tries=1 "$@" > "$T/dig" 2>&1 || { cat "$T/dig"; fail "dig $*"; }
	! grep -v 'recursion requested but not available' "$T/dig" |
		grep -iE ';; (warning|got bad|question section mismatch|reply from unexpected|message parser)' || fail "dig $*: $(cat "$T/dig")"
	cat "$T/dig"
}
# is WANTED PORT ARGUMENT...: of the whole what +short prints, lines joined
is()
{
	wanted=$1
	shift
	same "dig $*" "$(asked "$@" +short | tr '\n' ' ')" "$wanted"
}
# has PATTERN PORT ARGUMENT...
has()
{
	pattern=$1
	shift
	asked "$@" | grep -qE "$pattern" || fail "dig $*: no $pattern in $(cat "$T/dig")"
}

for edns in +noedns +edns=0; do
	is '10.0.0.80 10.0.0.81 ' "$virginia" web.virginia.edu A $edns
	is 'web.virginia.edu. 10.0.0.80 10.0.0.81 ' "$virginia" www.virginia.edu A $edns
	is 'fd00::80 ' "$virginia" web.virginia.edu AAAA $edns
	is '10 mail.virginia.edu. ' "$virginia" virginia.edu MX $edns
	is '"a text" "of two strings" ' "$virginia" virginia.edu TXT $edns
	is 'ns.virginia.edu. admin.virginia.edu. 1 7200 900 604800 300 ' "$virginia" virginia.edu SOA $edns
	has 'status: NOERROR' "$virginia" web.virginia.edu $edns
	has 'flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0' "$virginia" web.virginia.edu $edns
	has 'status: NXDOMAIN' "$virginia" none.virginia.edu $edns
	has 'virginia.edu.[[:space:]]+300[[:space:]]+IN[[:space:]]+SOA' "$virginia" none.virginia.edu $edns
	has 'status: REFUSED' "$virginia" example.com $edns
	has 'AUTHORITY: 1, ADDITIONAL: ' "$root" www.virginia.edu $edns +norecurse
	has 'ns.virginia.edu.[[:space:]]+3600[[:space:]]+IN[[:space:]]+A[[:space:]]+10.0.0.3' "$root" www.virginia.edu $edns +norecurse
	is 'web.virginia.edu. 10.0.0.80 10.0.0.81 ' "$resolver" www.virginia.edu $edns
	has 'flags: qr rd ra; ' "$resolver" www.virginia.edu $edns
	has 'status: NXDOMAIN' "$resolver" none.virginia.edu $edns
done
has 'Truncated, retrying in TCP' "$virginia" many.virginia.edu +noedns
has 'ANSWER: 40' "$virginia" many.virginia.edu +noedns
has 'ANSWER: 40' "$virginia" many.virginia.edu +edns=0 +bufsize=1232
has 'ANSWER: 40' "$resolver" many.virginia.edu +tcp
has 'flags: qr aa tc rd; ' "$virginia" many.virginia.edu +noedns +ignore
has 'status: BADVERS' "$virginia" web.virginia.edu +edns=1 +noednsnegotiation
is '10.0.0.80 10.0.0.81 ' "$virginia" web.virginia.edu +edns=1
is '10.0.0.80 10.0.0.81 ' "$resolver" web.virginia.edu +edns=1
is 'web.virginia.edu. ' "$virginia" -x 10.0.0.80
has 'WwW.VIRGINIA.edu.[[:space:]]+3600[[:space:]]+IN[[:space:]]+CNAME' "$virginia" WwW.VIRGINIA.edu +noedns
has 'status: NOTIMP' "$virginia" web.virginia.edu +opcode=5
check_world
