#!/bin/sh
# The network on a real mount: hosts on wires, ping, faults, captures that real tools read; the same twice; bad input.
. "$(dirname "$0")/lib.sh"

# ifup HOST INTERFACE WIRE ADDRESS
ifup()
{
	[ -d "wires/$3" ] || mkdir "wires/$3"
	[ -d "hosts/$1" ] || mkdir "hosts/$1"
	mkdir "hosts/$1/net/ifs/$2" && echo "$3" > "hosts/$1/net/ifs/$2/wire" && echo "$4" > "hosts/$1/net/ifs/$2/address" &&
		echo 1 > "hosts/$1/net/ifs/$2/up" || fail "interface $2 of $1"
}

# by HOST PID COMMAND: its result
by()
{
	printf '%s\n' "$3" > "hosts/$1/proc/$2/ctl" && cat "hosts/$1/proc/$2/ctl"
}

# Everything that one can see of the network, in one text.
look()
{
	cat events wires/*/frames wires/*/sequence wires/*/stats wires/*/macs hosts/*/net/routes hosts/*/net/neighbours \
		hosts/*/net/sockets hosts/*/proc/1/net/dev hosts/*/proc/1/net/snmp hosts/*/proc/1/net/netstat clock
	cat wires/*/capture.pcapng
}

# A connection through a router, over wires that lose and damage.
story()
{
	ifup a eth0 lan0 10.0.0.1/24
	ifup r eth0 lan0 10.0.0.254/24
	ifup r eth1 lan1 10.1.0.254/24
	ifup b eth0 lan1 10.1.0.1/24
	[ -z "${1:-}" ] || { ifup guest eth0 lan0 10.0.0.7/24; ifup other eth0 lan9 10.9.0.1/24; }
	echo 1 > hosts/r/net/forwarding
	echo 'add default via 10.0.0.254' > hosts/a/net/routes
	echo 'add default via 10.1.0.254' > hosts/b/net/routes
	for setting in loss=10% corrupt=2% duplicate=5% reorder=5% jitter=50us delay=2ms; do
		echo "${setting#*=}" > "wires/lan1/${setting%=*}"
	done
	echo 'spawn server' > hosts/b/ctl
	echo 'spawn client' > hosts/a/ctl
	printf 'socket tcp\nbind 0 0.0.0.0:80\nlisten 0\n' > hosts/b/proc/2/ctl
	by a 2 "socket tcp" > /dev/null
	by a 2 "connect 0 10.1.0.1:80" > /dev/null
	by b 2 "accept 0" > /dev/null
	data=$(printf '%8000s' | tr ' ' 5)
	for _ in 1 2 3 4 5; do by a 2 "send 0 $data" > /dev/null; done
	got=0
	while [ "$got" -lt 20000 ]; do
		n=$(by b 2 "recv 1 5000" | wc -c)
		[ "$n" -gt 0 ] || fail "the stream ended after $got bytes"
		got=$((got + n))
	done
	same "bytes received" "$got" 20000
	by a 2 "ping 10.1.0.1 3" > "$T/ping"
	by a 2 "traceroute 10.1.0.1" > "$T/trace"
}

mount_world --seed 5
story
look > "$T/first"
check_world
grep -q '^ 1  10\.0\.0\.254 ' "$T/trace" || fail "traceroute: $(cat "$T/trace")"
grep -q '^sent=3 ' "$T/ping" || fail "ping: $(cat "$T/ping")"

# Real tools read the capture.
if command -v tcpdump > /dev/null; then
	cp wires/lan0/capture.pcapng "$T/c.pcapng"
	frames=$(sed 1d wires/lan0/frames | wc -l)
	same "frames that tcpdump reads" "$(tcpdump -nr "$T/c.pcapng" 2>/dev/null | wc -l)" "$frames"
	tcpdump -nvvr "$T/c.pcapng" 2>/dev/null | grep -q incorrect && fail "tcpdump finds a wrong checksum"
fi
if command -v tshark > /dev/null; then
	frames=$(sed 1d wires/lan1/frames | wc -l)
	same "frames that tshark reads" "$(tshark -r wires/lan1/capture.pcapng 2>/dev/null | wc -l)" "$frames"
	tshark -r wires/lan1/capture.pcapng -Y 'frame.comment contains "lost"' 2>/dev/null | grep -q . || fail "no comment of a loss"
fi
if command -v capinfos > /dev/null; then
	capinfos wires/lan1/capture.pcapng > "$T/info" || fail "capinfos"
	grep -q 'precision: *nanoseconds' "$T/info" || fail "capinfos: no nanoseconds"
fi

# route and arp print a simulated host's tables.
if [ "$(id -u)" = 0 ] && [ -x "$(command -v route)" ] && [ -x "$(command -v arp)" ] && quietly unshare -m true; then
	in_host() { unshare -m --propagation private sh -c 'mount --bind "$0" /proc && shift 0 && exec "$@"' "$PWD/hosts/a/proc" "$@"; }
	in_host route -n > "$T/route" 2>&1
	grep -q '^0\.0\.0\.0 *10\.0\.0\.254 *0\.0\.0\.0 *UG .*eth0$' "$T/route" || fail "route: $(cat "$T/route")"
	in_host arp -n > "$T/arp" 2>&1
	grep -q '^10\.0\.0\.254 *ether *02:00:00:00:.*eth0$' "$T/arp" || fail "arp: $(cat "$T/arp")"
fi

# The stream follows: a reader that came before gets what is sent now, and ends when the wire goes.
timeout 20 cat wires/lan0/capture.follow > "$T/follow" &
follower=$!
until_true test -s "$T/follow"
before=$(wc -c < "$T/follow")
by a 1 "ping 10.0.0.254 1" > /dev/null
longer() { [ "$(wc -c < "$T/follow")" -gt "$before" ]; }
until_true longer || fail "nothing follows"
kill "$follower"
wait "$follower"

# Reading looks: nothing has changed by all that.
umount_world

# The same commands give the same bytes; so they do beside strangers, for those who do not talk to them.
mount_world --seed 5
story
look > "$T/second"
cmp "$T/first" "$T/second" || fail "two runs differ"
awk 'NR > 1 { print $2, $4, $5, $18 }' wires/lan1/frames > "$T/alone"
umount_world
mount_world --seed 5
story guests
awk 'NR > 1 { print $2, $4, $5, $18 }' wires/lan1/frames > "$T/in-company"
cmp "$T/alone" "$T/in-company" || fail "new hosts shift the dice of others"
look > /dev/null
umount_world

# Bad input.
mount_world
ifup a eth0 lan0 10.0.0.1/24
ifup b eth0 lan0 10.0.0.2/24
refuses "File exists" "mkdir wires/lan0"
refuses "File exists" "mkdir hosts/a/net/ifs/lo"
echo '10.0.0.2 b' > hosts/a/net/hosts
refuses "Invalid argument" "env echo '10.0.0 d # no' >> hosts/a/net/hosts"
same "the caret" "$(tail -2 error_log)" "  10.0.0 d # no
  ^"
printf '# two\n\n10.0.0.3 c\n' | cat >> hosts/a/net/hosts
same "lines added" "$(cat hosts/a/net/hosts)" "10.0.0.2 b
# two

10.0.0.3 c"
refuses "Invalid argument" "mkdir wires/.x"
refuses "Invalid argument" "mkdir hosts/a/net/ifs/aninterfacewithalongname"
refuses "Operation not permitted" "rmdir hosts/a/net/ifs/lo"
refuses "No such file or directory" "/bin/echo lan7 > hosts/a/net/ifs/eth0/wire"
echo lan0 > hosts/a/net/ifs/eth0/wire || fail "a wire attached twice is attached"
mkdir hosts/a/net/ifs/eth1
echo lan0 > hosts/a/net/ifs/eth1/wire
same "routes after a wire was attached twice" "$(sed 1d hosts/a/net/routes | wc -l)" 1
by a 1 "ping 10.0.0.2 1" | grep -q received=1 || fail "no answer after that"
rmdir hosts/a/net/ifs/eth1
for mtu in 68 65535; do
	echo $mtu > wires/lan0/mtu
	by a 1 "ping 10.0.0.2 1" | grep -q received=1 || fail "no answer at an mtu of $mtu"
done
refuses "Invalid argument" "/bin/echo 67 > wires/lan0/mtu"
refuses "Invalid argument" "/bin/echo 65536 > hosts/a/net/ifs/eth0/mtu"
echo 1500 > wires/lan0/mtu
# Frames of every length, then with every field at its extremes, to a and from it; whatever comes of it, all can be read.
for bytes in 0 1 13 65550; do
	refuses "Invalid argument" "python3 -c 'print(\"inject\", \"00\" * $bytes or chr(34) * 2)' > $T/line; cat $T/line > wires/lan0/ctl"
done
python3 - > "$T/frames" << 'END'
import random
rng = random.Random(4)
mac = {"a": "020000000201", "b": "020000000301"}
for length in [*range(14, 1700), 4096, 65535, 65549]:
    kind = rng.choice(["0800", "0806", "86dd", "0000"])
    print("inject", (mac["a"] + mac["b"] + kind + "45" + "ff" * length)[:2 * length], rng.choice(["", "b.eth0"]))
extreme = [0, 1, 0x7f, 0x80, 0xfe, 0xff]
for _ in range(4000):
    ip = bytearray.fromhex("450000280001400040060000" "0a000002" "0a000001" "1388005000000001000000005002ffff00000000")
    for _ in range(rng.randrange(1, 6)):
        ip[rng.randrange(len(ip))] = rng.choice(extreme)
    ip += bytes(rng.choice(extreme) for _ in range(rng.randrange(40)))
    if rng.random() < .8:  # so that it gets further than the first sum
        ip[10:12] = b"\0\0"
        n = (ip[0] & 15) * 4
        s = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, min(n, len(ip) & ~1), 2))
        s = (s & 0xffff) + (s >> 16)
        s = (s & 0xffff) + (s >> 16)
        ip[10:12] = (s ^ 0xffff).to_bytes(2, "big")
    print("inject", mac["a"] + mac["b"] + "0800" + ip.hex(), "b.eth0")
END
cat "$T/frames" > wires/lan0/ctl || fail "inject: $(tail -n 3 error_log)"
echo 'advance 100s' > clock
cat wires/lan0/frames wires/lan0/sequence wires/lan0/frames.json > /dev/null || fail "frames cannot be read"
[ -x "$(command -v tshark)" ] && { tshark -r wires/lan0/capture.pcapng > /dev/null 2>&1 || fail "tshark"; }
check_world
by a 1 "ping 10.0.0.2 1" | grep -q received=1 || fail "no answer after all that"
# Routes in circles: two routers that send each other everything else.
echo 1 > hosts/a/net/forwarding; echo 1 > hosts/b/net/forwarding
ifup c eth0 lan2 10.2.0.1/24
ifup a eth2 lan2 10.2.0.254/24
echo 'add default via 10.2.0.254' > hosts/c/net/routes
echo 'add default via 10.0.0.2' > hosts/a/net/routes
echo 'add default via 10.0.0.1' > hosts/b/net/routes
by c 1 "ping 11.0.0.1 1" | grep -q '!T' || fail "a circle without an end"
refuses "Invalid argument" "/bin/echo 'add 10.0.0.0/8 via 10.0.0.1' > hosts/a/net/routes"
refuses "File exists" "/bin/echo 'add default via 10.0.0.2' > hosts/a/net/routes"
refuses "Network is unreachable" "/bin/echo 'add 12.0.0.0/8 via 99.0.0.1 dev eth0' > hosts/a/net/routes"
refuses "No such process" "/bin/echo 'del 12.0.0.0/8' > hosts/a/net/routes"
rmdir wires/lan2
# The clock goes on by years.
echo 'spawn s' > hosts/b/ctl
echo 'spawn c' > hosts/a/ctl
printf 'socket tcp\nbind 0 0.0.0.0:80\nlisten 0\n' > hosts/b/proc/2/ctl
by a 2 "socket tcp" > /dev/null
by a 2 "connect 0 10.0.0.2:80" || fail "connect"
by b 2 "accept 0" > /dev/null
for _ in 1 2 3; do echo 'advance 31536000s' > clock || fail "a year"; done
by a 2 'send 0 "still there"' > /dev/null
same "what comes after three years" "$(by b 2 'recv 1')" "still there"
# Hosts, interfaces and wires go while frames are under way.
by a 2 'send 0 "gone"' > /dev/null
rmdir hosts/b
by a 2 'send 0 "gone"' > /dev/null
rmdir wires/lan0
echo 'advance 1s' > clock
rmdir hosts/a
echo reset > ctl
same "wires after a reset" "$(ls wires)" ""
check_world
umount_world
