#!/bin/sh
# tun.sh PART: bridge rules tun and tap, with real programs, in a network namespace of its own.
case ${VITRINE_NS:-} in
'')
	[ -w /dev/net/tun ] && unshare -nm true 2>/dev/null || { echo "no devices, or no namespaces here"; exit 77; }
	VITRINE_NS=1 exec unshare -nm "$0" "$@" ;;
esac
[ -x "$(command -v ip)" ] || { echo "no ip"; exit 77; }
[ "$(ip -o link | grep -vc ': lo:')" = 0 ] || { echo "not in a namespace of our own"; exit 1; }
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
make_places
ip link set lo up

# skips this part of a part
have()
{
	for tool; do command -v "$tool" >/dev/null || { echo "without $tool"; return 1; }; done
}

comes_true()  # as until_true, for what real programs take their time to do
{
	for _ in $(seq 600); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}

host()  # NAME WIRE ADDRESS...: an interface more
{
	[ -d "hosts/$1" ] || mkdir "hosts/$1"
	[ -d "wires/$2" ] || mkdir "wires/$2"
	n=0
	while [ -d "hosts/$1/net/ifs/eth$n" ]; do n=$((n + 1)); done
	mkdir "hosts/$1/net/ifs/eth$n"
	echo "$2" > "hosts/$1/net/ifs/eth$n/wire"
	echo "$3" > "hosts/$1/net/ifs/eth$n/address"
	echo 1 > "hosts/$1/net/ifs/eth$n/up"
}

rule()
{
	echo "$1" > bridge/rules || fail "$(tail -n 3 error_log)"
}

# A simulated web server with one file of that many bytes, and an echo server.
serve()  # HOST BYTES
{
	head -c "$2" /dev/urandom > "$T/file"
	cp "$T/file" "hosts/$1/files/file"
	printf 'spawn web\nspawn echo\n' > "hosts/$1/ctl"
	echo 'serve http 80' > "hosts/$1/proc/2/ctl" || fail "$(tail -n 3 error_log)"
	echo 'serve echo 7' > "hosts/$1/proc/3/ctl" || fail "$(tail -n 3 error_log)"
}

reaches()  # everything by which a program notices that a host is there
{
	have ping && {
		ping -q -c 3 -i 0.05 -W 5 10.0.0.1 > "$T/said" || fail "ping: $(cat "$T/said")"
		ping -q -c 2 -i 0.05 -W 5 -s 8000 10.0.0.1 > "$T/said" || fail "ping -s 8000: $(cat "$T/said")"
		ping -q -c 1 -W 1 10.0.0.77 > "$T/said" && fail "a host that is not there answers"
	}
	[ "$1" = tap ] && have arping && { arping -q -c 2 -w 5 -I t0 10.0.0.1 || fail arping; }
	have curl && {
		curl -sS -m 60 http://10.0.0.1/file -o "$T/got" || fail curl
		cmp "$T/file" "$T/got" || fail "the file arrives as another"
		curl -sS -m 5 http://10.0.0.1:81/ 2> "$T/said" && fail "port 81 is open"
		grep -q -i 'refused\|connect' "$T/said" || fail "$(cat "$T/said")"
	}
	have nc && same echo "$(echo hello | timeout 60 nc -N 10.0.0.1 7)" hello
	echo 'spawn client' > hosts/host0/ctl
	p=$(cat hosts/host0/ctl)
	echo "ping 10.0.0.9" > "proc/$p/ctl" || fail "$(cat error_log)"
	grep -q 'received=3 lost=0%' "proc/$p/ctl" || fail "the kernel does not answer: $(cat "proc/$p/ctl")"
	have python3 && {
		python3 -c 'import socket
s = socket.create_server(("10.0.0.9", 5000)); c = s.accept()[0]; d = b""
while (x := c.recv(4096)): d += x
c.sendall(d.upper())' &
		server=$!
		until_true grep -q ':1388 ' /proc/net/tcp
		printf 'socket tcp\nconnect 0 10.0.0.9:5000\nsend 0 "from the inside"\nshutdown 0 w\n' > "proc/$p/ctl" ||
			fail "$(cat error_log)"
		same "a real server" "$(timeout 60 cat "proc/$p/stream/0")" "FROM THE INSIDE"
		wait $server
	}
	check_world
}

secure_shell()  # through the hop
{
	have ssh sshd ssh-keygen || return 0
	[ -d /run/sshd ] || mkdir -p /run/sshd || return 0
	ssh-keygen -q -t ed25519 -N '' -f "$T/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$T/user_key" || fail ssh-keygen
	cp "$T/user_key.pub" "$T/authorized"
	nsenter -t $far -n "$(command -v sshd)" -D -e -f /dev/null -h "$T/host_key" -p 2222 -o ListenAddress=10.2.0.9 -o PidFile=none -o UsePAM=no \
		-o StrictModes=no -o AuthorizedKeysFile="$T/authorized" -o PermitRootLogin=yes > "$T/sshd" 2>&1 &
	serving 2222
	timeout 60 ssh -F none -i "$T/user_key" -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		10.2.0.9 cat "$T/file" > "$T/got" || fail "ssh: $(cat "$T/sshd")"
	cmp "$T/file" "$T/got" || fail "what ssh brings"
}

data_base()  # PostgreSQL, which does not run as root
{
	pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
	have psql setpriv || return 0
	[ -n "$pg" ] && id nobody >/dev/null 2>&1 || { echo "without a server of PostgreSQL"; return 0; }
	mkdir "$T/pg"
	chmod 711 "$T"
	chown nobody "$T/pg"
	as_nobody="setpriv --reuid nobody --clear-groups --inh-caps=-all env HOME=$T/pg"
	(cd "$T/pg" && $as_nobody "$pg/initdb" -D "$T/pg/d" -U nobody -A trust --no-sync) > "$T/said" 2>&1 || fail "$(tail -n 3 "$T/said")"
	echo 'host all all 10.0.0.0/8 trust' >> "$T/pg/d/pg_hba.conf"
	nsenter -t $far -n $as_nobody "$pg/postgres" -D "$T/pg/d" -h 10.2.0.9 -k "$T/pg" -F > "$T/postgres" 2>&1 &
	serving 5432
	same psql "$(timeout 60 psql -h 10.2.0.9 -U nobody postgres -Atc "select count(*), md5(string_agg(i::text, ',')) from generate_series(1, 20000) i")" \
		"20000|$(seq -s, 20000 | tr -d '\n' | md5sum | cut -d' ' -f1)"
}

case $1 in
tap|tun)
	mount_world
	host host0 lan0 10.0.0.1/24
	serve host0 300000
	rule "$1 t0 wire lan0"
	ip addr add 10.0.0.9/24 dev t0
	grep -q "^ *1 $1 *- *t0 *lan0 " bridge/rules || fail "$(cat bridge/rules)"
	reaches "$1"
	refuses "No such file" "/bin/echo '$1 t1 wire nowhere' > bridge/rules"
	refuses "busy" "/bin/echo '$1 t0 wire lan0' > bridge/rules"
	refuses "exists" "/bin/echo '$1 lo wire lan0' > bridge/rules"
	refuses "Invalid" "/bin/echo '$1 a-name-that-is-too-long wire lan0' > bridge/rules"
	refuses "Invalid" "/bin/echo '$1 a/b wire lan0' > bridge/rules"
	echo "$1 t1 wire lan0" > bridge/rules
	echo 'del 2' > bridge/rules
	[ ! -d /sys/class/net/t1 ] || ! ip link show t1 > "$T/said" 2>&1 || fail "t1 stays"
	ip link del t0
	until_true grep -q mode bridge/../clock
	ls bridge > "$T/said"
	echo 'del 1' > bridge/rules
	grep -q lag= clock && fail "time still follows the wall clock"
	mkdir wires/x
	rule "$1 t2 wire x"
	rmdir wires/x
	ip addr add 10.9.0.1/24 dev t2
	have ping && quietly ping -c 1 -W 1 10.9.0.2
	echo 'ctl' > "$T/said"
	check_world
	;;
routes)  # through simulated routers: traceroute, TTL, unreachable networks, both devices
	for kind in tap tun; do
		mount_world
		host r1 lan0 10.0.0.1/24
		host r1 lan1 10.1.0.1/24
		host r2 lan1 10.1.0.2/24
		host r2 lan2 10.2.0.1/24
		host far lan2 10.2.0.9/24
		echo 1 > hosts/r1/net/forwarding
		echo 1 > hosts/r2/net/forwarding
		echo 'add 10.2.0.0/16 via 10.1.0.2' > hosts/r1/net/routes
		echo 'add 10.0.0.0/16 via 10.1.0.1' > hosts/r2/net/routes
		echo 'add 0.0.0.0/0 via 10.2.0.1' > hosts/far/net/routes
		serve far 100000
		rule "$kind t0 wire lan0"
		ip addr add 10.0.0.9/24 dev t0
		if [ $kind = tap ]; then ip route add 10.0.0.0/8 via 10.0.0.1; else ip route add 10.0.0.0/8 dev t0; fi
		have ping && { ping -q -c 2 -i 0.05 -W 5 10.2.0.9 > "$T/said" || fail "$kind: $(cat "$T/said")"; }
		have traceroute && {
			traceroute -n -q 1 -w 30 10.2.0.9 > "$T/said" || fail traceroute
			same "$kind: the way" "$(awk 'NR > 1 { print $2 }' "$T/said" | tr '\n' ' ')" "10.0.0.1 10.1.0.2 10.2.0.9 "
		}
		have ping && ping -c 1 -W 2 10.3.0.1 > "$T/said" && fail "10.3.0.1 answers"
		have ping && { grep -q 'From 10.0.0.1.*Unreachable' "$T/said" || fail "$(cat "$T/said")"; }
		have curl && { curl -sS -m 60 http://10.2.0.9/file | cmp - "$T/file" || fail curl; }
		umount_world
	done
	;;
loss)  # Linux TCP against ours, over a wire that loses, duplicates, reorders and corrupts
	have nc || exit 77
	mount_world
	host host0 lan0 10.0.0.1/24
	rule "tap t0 wire lan0"
	ip addr add 10.0.0.9/24 dev t0
	echo 1% > wires/lan0/loss
	echo 1% > wires/lan0/duplicate
	echo 1% > wires/lan0/reorder
	echo 1% > wires/lan0/corrupt
	head -c 10500000 /dev/urandom > "$T/file"
	echo 'spawn sink' > hosts/host0/ctl
	printf 'socket tcp\nbind 0 10.0.0.1:9\nlisten 0\n' > proc/2/ctl
	timeout 150 nc -N 10.0.0.1 9 < "$T/file" > "$T/got" &
	client=$!
	echo 'accept 0' > proc/2/ctl || fail "$(cat error_log)"
	timeout 150 cat proc/2/stream/1 > "$T/inside" || fail "$(cat error_log)"
	cmp "$T/file" "$T/inside" || fail "Linux to ours: $(wc -c < "$T/inside") bytes arrived"
	timeout 150 dd if="$T/inside" of=proc/2/stream/1 bs=64K 2> "$T/said" || fail "$(cat "$T/said")"
	echo 'shutdown 1 w' > proc/2/ctl
	wait $client || fail "nc: $?"
	cmp "$T/file" "$T/got" || fail "ours to Linux: $(wc -c < "$T/got") bytes arrived"
	grep -q ' retransmit ' events || fail "nothing was lost"
	check_world
	;;
six)  # version 6: the kernel configures itself by our router's word; both ways through it; whose address is whose
	have ip ping || exit 77
	[ "$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null)" = 0 ] || { echo "no IPv6 here"; exit 77; }
	mount_world
	host r lan0 2001:db8:0:1::1/64
	host r lan1 2001:db8:0:2::1/64
	host b lan1 2001:db8:0:2::2/64
	echo 'add default via 2001:db8:0:2::1' > hosts/b/net/routes
	echo 1 > hosts/r/net/forwarding
	echo 'on mtu=1400' > hosts/r/net/ifs/eth0/ra
	serve b 300000
	mkdir hosts/k hosts/k/net/ifs/t0  # a simulated host beside it, which hears the same
	echo lan0 > hosts/k/net/ifs/t0/wire
	echo auto > hosts/k/net/ifs/t0/address
	echo 1 > hosts/k/net/ifs/t0/up
	echo 1 > /proc/sys/net/ipv6/conf/default/accept_ra
	rule 'tap t0 wire lan0'
	ip link set t0 up
	until_true sh -c 'ip -6 -o addr show dev t0 scope global | grep -v tentative | grep -q " 2001:db8:0:1:"' ||
		until_true sh -c 'ip -6 -o addr show dev t0 scope global | grep -v tentative | grep -q " 2001:db8:0:1:"' ||
		fail "the kernel has no address: $(ip -6 addr)"
	mine=$(ip -6 -o addr show dev t0 scope global | awk '{ sub("/.*", "", $4); print $4 }')
	same "the MTU told" "$(cat /proc/sys/net/ipv6/conf/t0/mtu)" 1400
	until_true sh -c 'ip -6 addr show dev t0 | grep -q tentative; test $? = 1' || fail "still tentative: $(ip -6 addr)"

	# the simulated host's files against the kernel's: but for the part of an address that is made of the MAC, and reference counts
	plain()
	{
		sed -E 's/(fe80000000000000|20010db800000001)[0-9a-f]{6}fffe[0-9a-f]{6}/\1MAC/' | sort
	}
	routes()
	{
		awk '{ print $1, $2, $5, $6, $9, $10 }' "$1" | sed -E 's/fe80000000000000[0-9a-f]{6}fffe[0-9a-f]{6}/fe80MAC/' | plain
	}
	inet6()
	{
		awk '{ $2 = ""; print }' "$1" | plain
	}
	routes /proc/net/ipv6_route > "$T/real"
	routes hosts/k/proc/1/net/ipv6_route > "$T/ours"
	diff "$T/real" "$T/ours" > "$T/said" || fail "ipv6_route: $(cat "$T/said")"
	inet6 /proc/net/if_inet6 > "$T/real"
	inet6 hosts/k/proc/1/net/if_inet6 > "$T/ours"
	diff "$T/real" "$T/ours" > "$T/said" || fail "if_inet6: $(cat "$T/said")"
	grep -v Type /proc/net/snmp6 | cut -f 1 > "$T/real"
	grep -v Type hosts/k/proc/1/net/snmp6 | cut -f 1 > "$T/ours"
	diff "$T/real" "$T/ours" > "$T/said" || echo "snmp6 of this kernel has other counters: $(cat "$T/said")"

	ping -q -c 3 -i 0.1 -W 5 2001:db8:0:2::2 > "$T/said" || fail "ping: $(cat "$T/said")"
	ping -q -c 1 -W 5 -s 8000 2001:db8:0:2::2 > "$T/said" || fail "ping -s 8000: $(cat "$T/said")"
	ping -q -c 1 -W 5 -I t0 "$(ip -6 route show default | awk '{ print $3 }')" > "$T/said" || fail "link-local: $(cat "$T/said")"
	ping -c 1 -W 3 2001:db8:0:3::1 > "$T/said" && fail "2001:db8:0:3::1 answers"
	grep -q 'From 2001:db8:0:1::1.*nreachable' "$T/said" || fail "$(cat "$T/said")"
	have traceroute && {
		traceroute -n -q 1 -w 30 2001:db8:0:2::2 > "$T/said" || fail traceroute
		same "the way" "$(awk 'NR > 1 { print $2 }' "$T/said" | tr '\n' ' ')" "2001:db8:0:1::1 2001:db8:0:2::2 "
	}
	have curl && { curl -sS -g -m 60 'http://[2001:db8:0:2::2]/file' | cmp - "$T/file" || fail curl; }
	have nc && same echo "$(echo hello | timeout 60 nc -N 2001:db8:0:2::2 7)" hello

	echo 'spawn client' > hosts/b/ctl
	p=hosts/b/proc/$(cat hosts/b/ctl)
	echo "ping $mine" > "$p/ctl" || fail "$(cat error_log)"
	grep -q 'received=3 lost=0%' "$p/ctl" || fail "the kernel does not answer: $(cat "$p/ctl")"
	echo "traceroute $mine" > "$p/ctl" || fail "$(cat error_log)"
	same "the way back" "$(awk '{ print $2 }' "$p/ctl" | tr '\n' ' ')" "2001:db8:0:2::1 $mine "
	python3 -c 'import socket
s = socket.create_server(("::", 5000), family=socket.AF_INET6); c = s.accept()[0]; d = b""
while (x := c.recv(4096)): d += x
c.sendall(d.upper())' &
	server=$!
	until_true grep -q ':1388 ' /proc/net/tcp6
	printf 'socket tcp6\nconnect 0 [%s]:5000\nsend 0 "from the inside"\nshutdown 0 w\n' "$mine" > "$p/ctl" || fail "$(cat error_log)"
	same "a real server" "$(timeout 60 cat "$p/stream/0")" "FROM THE INSIDE"
	wait $server

	# one address, two hosts: who was first keeps it
	host late lan0 "$mine/64"
	until_true grep -q "^20010db800000001.* [0-9a-f]*[89a-f] *eth0" hosts/late/proc/1/net/if_inet6 ||
		fail "the kernel's address too: $(cat hosts/late/proc/1/net/if_inet6)"
	ip -6 addr add 2001:db8:0:1::1/64 dev t0
	until_true sh -c 'ip -6 addr show dev t0 | grep -q "2001:db8:0:1::1/64.*dadfailed"' || fail "$(ip -6 addr show dev t0)"
	check_world

	have nc || exit 0
	for setting in loss duplicate reorder corrupt; do echo 1% > wires/lan0/$setting; done
	head -c 3000000 /dev/urandom > "$T/file"
	printf '%s\n' 'socket tcp6' 'bind 1 [::]:9' 'listen 1' > "$p/ctl"
	timeout 120 nc -N 2001:db8:0:2::2 9 < "$T/file" > "$T/got" &
	client=$!
	echo 'accept 1' > "$p/ctl" || fail "$(cat error_log)"
	timeout 120 cat "$p/stream/2" > "$T/inside" || fail "$(cat error_log)"
	cmp "$T/file" "$T/inside" || fail "Linux to ours: $(wc -c < "$T/inside") bytes arrived"
	timeout 120 dd if="$T/inside" of="$p/stream/2" bs=64K 2> "$T/said" || fail "$(cat "$T/said")"
	echo 'shutdown 2 w' > "$p/ctl"
	wait $client || fail "nc: $?"
	cmp "$T/file" "$T/got" || fail "ours to Linux: $(wc -c < "$T/got") bytes arrived"
	;;
dhcp)  # a real client of a simulated DHCP server
	busybox udhcpc --help 2>&1 | grep -q 'BusyBox' || { echo "no udhcpc"; exit 77; }
	mount_world
	host router lan0 10.0.0.1/24
	printf '%s\n' 'spawn dhcpd' '2 serve dhcp range=10.0.0.100-10.0.0.102 router=10.0.0.1 dns=10.0.0.53 domain=test.lan lease=600s' > hosts/router/ctl ||
		fail "$(cat error_log)"
	rule 'tap t0 wire lan0'
	cat > "$T/script" <<-'EOS'
		#!/bin/sh
		echo "$1 $ip/$mask router=$router dns=$dns domain=$domain lease=$lease" >> "$SAID"
		case $1 in
		deconfig) ip addr flush dev $interface ;;
		bound|renew) ip addr replace $ip/$mask dev $interface; ip route replace default via $router ;;
		esac
	EOS
	chmod +x "$T/script"
	export SAID="$T/events"
	ask="busybox udhcpc -f -i t0 -s $T/script -t 20 -T 1"
	timeout 60 $ask -q -n 2> "$T/said" || fail "no lease: $(cat "$T/said")"
	tail -n 1 "$SAID" | grep -q '^bound 10.0.0.100/24 router=10.0.0.1 dns=10.0.0.53 domain=test.lan lease=600$' || fail "$(cat "$SAID")"
	grep -q "10.0.0.100.*$(ip -o link show t0 | sed "s,.*link/ether \([0-9a-f:]*\).*,\1,")" hosts/router/net/leases || fail "$(cat hosts/router/net/leases)"
	have ping && { ping -q -c 3 -i 0.05 -W 5 10.0.0.1 > "$T/said" || fail "ping: $(cat "$T/said")"; }
	# The same one again; renewed, and given back
	timeout 60 $ask -R 2> "$T/said" &
	client=$!
	comes_true sh -c "[ \$(grep -c ^bound '$SAID') = 2 ]" || fail "$(cat "$SAID")"
	tail -n 1 "$SAID" | grep -q '^bound 10.0.0.100/24' || fail "$(cat "$SAID")"
	pid=$(pgrep -P $client -f 'udhcpc -f' || echo $client)
	kill -USR1 $pid
	comes_true grep -q '^renew 10.0.0.100/24' "$SAID" || fail "not renewed: $(cat "$SAID")"
	kill -TERM $pid
	wait $client
	comes_true sh -c '! grep -q bound hosts/router/net/leases' || fail "not given back: $(cat hosts/router/net/leases)"
	# Somebody has it already: the client finds out by ARP, and declines
	host thief lan0 10.0.0.100/24
	timeout 60 $ask -a -q -n 2> "$T/said" || fail "no lease: $(cat "$T/said")"
	tail -n 1 "$SAID" | grep -q '^bound 10.0.0.10[12]/24' || fail "$(cat "$SAID")"
	# Over a bad cable
	echo 20% > wires/lan0/loss
	timeout 100 $ask -q -n 2> "$T/said" || fail "no lease: $(cat "$T/said")"
	check_world
	;;
hop)  # real -> simulated routers -> real: the packets of two kernels, forwarded over a wire that loses
	have nsenter curl || exit 77
	mount_world
	host r1 lan0 10.1.0.1/24
	host r1 lan1 10.3.0.1/24
	host r2 lan1 10.3.0.2/24
	host r2 lan2 10.2.0.1/24
	echo 1 > hosts/r1/net/forwarding
	echo 1 > hosts/r2/net/forwarding
	echo 'add 10.2.0.0/24 via 10.3.0.2' > hosts/r1/net/routes
	echo 'add 10.1.0.0/24 via 10.3.0.1' > hosts/r2/net/routes
	unshare -n sleep 300 &
	far=$!
	rule 'tap t0 wire lan0'
	rule 'tap t1 wire lan2'
	comes_true sh -c "[ \$(readlink /proc/$far/ns/net) != \$(readlink /proc/self/ns/net) ]"
	ip link set t1 netns $far || fail "t1"
	ip addr add 10.1.0.9/24 dev t0
	ip route add 10.0.0.0/8 via 10.1.0.1
	over() { nsenter -t $far -n "$@"; }
	over ip link set lo up; over ip link set t1 up; over ip addr add 10.2.0.9/24 dev t1; over ip route add 10.0.0.0/8 via 10.2.0.1
	have ping && { ping -q -c 3 -i 0.05 -W 5 10.2.0.9 > "$T/said" || fail "ping: $(cat "$T/said")"; }
	have traceroute && {
		traceroute -n -q 1 -w 30 10.2.0.9 > "$T/said" || fail traceroute
		same "the way" "$(awk 'NR > 1 { print $2 }' "$T/said" | tr '\n' ' ')" "10.1.0.1 10.3.0.2 10.2.0.9 "
	}
	serving() { comes_true sh -c "nsenter -t $far -n cat /proc/self/net/tcp /proc/self/net/tcp6 | grep -q ':$(printf %04X "$1") 0*:0000 0A'" || fail "no server at $1"; }
	head -c 3000000 /dev/urandom > "$T/file"
	nsenter -t $far -n sh -c "cd '$T' && exec python3 -m http.server -b 10.2.0.9 8000" > "$T/log" 2>&1 &
	serving 8000
	curl -sS -m 60 http://10.2.0.9:8000/file | cmp - "$T/file" || fail "curl"
	echo 2% > wires/lan1/loss
	curl -sS -m 100 http://10.2.0.9:8000/file | cmp - "$T/file" || fail "curl through losses"
	have iperf3 && {
		nsenter -t $far -n iperf3 -s > "$T/iperf" 2>&1 &
		serving 5201
		for how in '' -R '-u -b 5M'; do
			# Of UDP it says one datagram to begin with, and gives up if that or its answer is lost.
			case $how in -u*) echo 0% > wires/lan1/loss ;; esac
			timeout 60 iperf3 -c 10.2.0.9 -n 1M $how > "$T/said" 2>&1 || fail "iperf3 $how: $(cat "$T/said")"
		done
		echo 2% > wires/lan1/loss
	}
	have redis-server redis-cli && {
		nsenter -t $far -n redis-server --bind 10.2.0.9 --port 6379 --save '' --protected-mode no --dir "$T" > "$T/redis" 2>&1 &
		serving 6379
		same redis "$(redis-cli -h 10.2.0.9 set key value)" OK
		head -c 200000 "$T/file" | od -An -tx1 -v | tr -d ' \n' > "$T/hex"
		same "redis, large" "$(timeout 60 redis-cli -h 10.2.0.9 -x set big < "$T/hex")" OK
		timeout 60 redis-cli -h 10.2.0.9 get big | tr -d '\n' | cmp - "$T/hex" || fail "redis gives something else"
	}
	secure_shell
	data_base
	grep -q ' retransmit ' events && fail "a simulated host has sent TCP"   # the ends are real
	[ "$(awk '/dropped|lost/ { n++ } END { print n + 0 }' wires/lan1/stats)" -gt 0 ] || fail "$(cat wires/lan1/stats)"
	check_world
	;;
journal)  # frames from outside are in the journal
	have ping curl || exit 77
	mount_world --journal "$T/j"
	host host0 lan0 10.0.0.1/24
	serve host0 200000
	echo 2% > wires/lan0/loss
	for kind in tap tun; do
		rule "$kind ${kind}0 wire lan0"
		ip addr add 10.0.0.9/24 dev ${kind}0
		curl -sS -m 60 http://10.0.0.1/file | cmp - "$T/file" || fail curl
		quietly ping -c 2 -i 0.1 -W 1 10.0.0.1
		quietly sh -c "echo '$kind lo wire lan0' > bridge/rules"
		echo 'del 1' > bridge/rules
		quietly sh -c "echo 'del 2' > bridge/rules"
	done
	rule "tap tap0 wire lan0"
	ip link set tap0 down
	echo '3 ping 10.0.0.9 2 &' > hosts/host0/ctl
	echo manual > clock
	for f in events bridge/rules wires/lan0/frames wires/lan0/capture.pcapng wires/lan0/stats hosts/host0/net/sockets proc/net/snmp error_log
	do cat $f; done > "$T/before"
	umount_world
	mount_world --replay "$T/j" 2> "$T/said"
	[ ! -s "$T/said" ] || fail "$(cat "$T/said")"
	for f in events bridge/rules wires/lan0/frames wires/lan0/capture.pcapng wires/lan0/stats hosts/host0/net/sockets proc/net/snmp error_log
	do cat $f; done > "$T/after"
	cmp "$T/before" "$T/after" || fail "the replay is another session"
	;;
repeat)  # a session of a DHCP client, of two kernels with routers between them, of version 6: the journal repeats it
	have ping curl python3 nsenter || exit 77
	mount_world --journal "$T/j"
	host r1 lan0 10.1.0.1/24
	host r1 lan1 10.3.0.1/24
	host r2 lan1 10.3.0.2/24
	host r2 lan2 10.2.0.1/24
	echo 1 > hosts/r1/net/forwarding
	echo 1 > hosts/r2/net/forwarding
	echo 'add 10.2.0.0/24 via 10.3.0.2' > hosts/r1/net/routes
	echo 'add 10.1.0.0/24 via 10.3.0.1' > hosts/r2/net/routes
	printf '%s\n' 'spawn dhcpd' '2 serve dhcp range=10.1.0.100-10.1.0.102 router=10.1.0.1 lease=600s' > hosts/r1/ctl || fail "$(cat error_log)"
	echo 2001:db8:0:1::1/64 >> hosts/r1/net/ifs/eth0/address
	echo on > hosts/r1/net/ifs/eth0/ra
	serve r1 200000
	echo 2% > wires/lan1/loss
	unshare -n sleep 300 &
	far=$!
	rule 'tap t0 wire lan0'
	rule 'tap t1 wire lan2'
	comes_true sh -c "[ \$(readlink /proc/$far/ns/net) != \$(readlink /proc/self/ns/net) ]"
	ip link set t1 netns $far || fail "t1"
	over() { nsenter -t $far -n "$@"; }
	over ip link set lo up; over ip link set t1 up; over ip addr add 10.2.0.9/24 dev t1; over ip route add 10.0.0.0/8 via 10.2.0.1
	if busybox udhcpc --help 2>&1 | grep -q 'BusyBox'; then
		printf '%s\n' '#!/bin/sh' '[ "$1" != bound ] || ip addr replace $ip/$mask dev $interface' > "$T/script"
		chmod +x "$T/script"
		timeout 60 busybox udhcpc -f -i t0 -s "$T/script" -t 20 -T 1 -q -n 2> "$T/said" || fail "no lease: $(cat "$T/said")"
	else
		ip addr add 10.1.0.100/24 dev t0
	fi
	ip route add 10.0.0.0/8 via 10.1.0.1
	quietly ping -c 3 -i 0.05 -W 5 -s 4000 10.2.0.9
	(cd "$T" && exec nsenter -t $far -n python3 -m http.server -b 10.2.0.9 8000) > "$T/log" 2>&1 &
	server=$!
	comes_true sh -c "nsenter -t $far -n cat /proc/self/net/tcp | grep -q ':1F40 0*:0000 0A'" || fail "no server"
	curl -sS -m 100 http://10.2.0.9:8000/file | cmp - "$T/file" || fail "curl through the hop"
	if [ "$(cat /proc/sys/net/ipv6/conf/t0/disable_ipv6 2>/dev/null)" = 0 ]; then
		comes_true sh -c 'ip -6 -o addr show dev t0 scope global | grep -v tentative | grep -q " 2001:db8:0:1:"' || fail "$(ip -6 addr)"
		curl -sS -g -m 60 'http://[2001:db8:0:1::1]/file' | cmp - "$T/file" || fail "curl, version 6"
	fi
	ip link set t0 down            # what they say by themselves would come while we look
	over ip link set t1 down
	kill $server $far
	sleep 0.1
	echo manual > clock
	look()
	{
		for f in events bridge/rules wires/*/frames wires/*/capture.pcapng wires/*/stats hosts/r*/net/sockets hosts/r*/net/neighbours hosts/r1/net/leases \
			hosts/r*/proc/1/net/snmp hosts/r*/proc/1/net/snmp6 error_log; do echo "== $f"; cat "$f"; done
	}
	look > "$T/before"
	umount_world
	mount_world --replay "$T/j" --journal "$T/j2" 2> "$T/said"
	[ ! -s "$T/said" ] || fail "$(cat "$T/said")"
	look > "$T/after"
	cmp "$T/before" "$T/after" || { diff -a "$T/before" "$T/after" | cut -c1-200 | head; fail "the replay is another session"; }
	umount_world
	for j in j j2; do grep -av -e '^version' -e ' ready [0-9.]*$' "$T/$j" > "$T/$j.plain"; done
	cmp "$T/j.plain" "$T/j2.plain" || { diff -a "$T/j.plain" "$T/j2.plain" | cut -c1-200 | head; fail "the journal of a replay is another"; }
	;;
hostile)  # frames and packets that no kernel makes, written into the device from outside: nothing breaks, and they are counted
	have python3 curl || exit 77
	mount_world
	host host0 lan0 10.0.0.1/24
	echo 2001:db8::1/64 >> hosts/host0/net/ifs/eth0/address
	host r lan0 10.0.0.2/24
	host r lan1 10.1.0.1/24
	host far lan1 10.1.0.9/24
	echo 1 > hosts/r/net/forwarding
	echo 'add default via 10.1.0.1' > hosts/far/net/routes
	serve host0 100000
	printf '%s\n' '. SOA a.root. b.root. 1 2 3 4 5' '. NS a.root.' 'a.root. A 10.0.0.1' > hosts/host0/files/zone
	printf '%s\n' 'spawn names' 'spawn dhcpd' '4 serve dns 53 zone=/zone' '5 serve dhcp range=10.0.0.100-10.0.0.102 lease=600s' > hosts/host0/ctl ||
		fail "$(cat error_log)"
	for kind in tap tun; do
		rule "$kind t0 wire lan0"
		ip link set t0 mtu 9000
		ip addr add 10.0.0.9/24 dev t0
		python3 "$here/frames.py" $kind 6000 || fail "frames.py"
		kill -0 "$DAEMON" || fail "the program is gone"
		curl -sS -m 60 http://10.0.0.1/file | cmp - "$T/file" || fail "curl, after $kind"
		arrived=$(awk '$1 == "t0:" { print $11 - $13 }' /proc/net/dev)
		[ "$arrived" -gt 4000 ] || fail "only $arrived frames have left the kernel: $(grep t0: /proc/net/dev)"
		echo "del $(awk 'END { print $1 }' bridge/rules)" > bridge/rules
	done
	counted()  # PREFIX NAME: by host0
	{
		awk -v p="$1:" -v c="$2" '$1 == p && !n { for (i = 2; i <= NF; i++) if ($i == c) n = i; next } $1 == p { print $n }' proc/net/snmp
	}
	for counter in 'Ip InHdrErrors' 'Ip InAddrErrors' 'Ip ReasmFails' 'Icmp InErrors' 'Icmp InCsumErrors' 'Tcp InErrs' 'Tcp InCsumErrors' 'Udp InErrors' \
		'Udp InCsumErrors' 'Udp NoPorts'; do
		[ "$(counted $counter)" -gt 0 ] || fail "$counter: $(counted $counter): $(cat proc/net/snmp)"
	done
	awk '$1 ~ /^Ip6In(Hdr|Trunc|Addr)|^Icmp6InErrors|^Icmp6InCsum/ { n += $2 } END { exit !n }' proc/net/snmp6 || fail "$(cat proc/net/snmp6)"
	check_world
	;;
user)  # who may not make devices is told why not
	have setpriv || exit 77
	setpriv --bounding-set -net_admin "$VITRINE" mount -o pidfile="$T/pid" "$M" || exit 77
	until_true test -s "$T/pid"
	DAEMON=$(cat "$T/pid")
	cd "$M"
	mkdir wires/lan0
	refuses 'not permitted' "/bin/echo 'tap t0 wire lan0' > bridge/rules"
	grep -q 'only root makes devices' error_log || fail "no reason: $(cat error_log)"
	same rules "$(wc -l < bridge/rules)" 1
	ip tuntap add dev t0 mode tap  # one that was made beforehand can be used
	rule 'tap t0 wire lan0'
	;;
*)
	fail "no part $1" ;;
esac
