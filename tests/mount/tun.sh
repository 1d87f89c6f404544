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
make_places
ip link set lo up

# skips this part of a part
have()
{
	for tool; do command -v "$tool" >/dev/null || { echo "without $tool"; return 1; }; done
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
	have nc && same echo "$(echo hello | timeout 10 nc -N 10.0.0.1 7)" hello
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
		until_true sh -c "echo 'connect 0 10.0.0.9:5000' | cat > /dev/null; grep -q ':1388 ' /proc/net/tcp"
		printf 'socket tcp\nconnect 0 10.0.0.9:5000\nsend 0 "from the inside"\nshutdown 0 w\n' > "proc/$p/ctl" ||
			fail "$(cat error_log)"
		same "a real server" "$(timeout 20 cat "proc/$p/stream/0")" "FROM THE INSIDE"
		wait $server
	}
	check_world
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
			traceroute -n -q 1 -w 2 10.2.0.9 > "$T/said" || fail traceroute
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
