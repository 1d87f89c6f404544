#!/bin/sh
# sockets.sh PART - sockets of processes on a real mount: what a kernel, a shell and real tools make of them.
#   bulk       10 MB each way at once, through losses, duplicates, reordering and corruption
#   shells     bash reads and writes streams; two shells, one waiting; pipes
#   interrupt  whoever waits can be interrupted by a real signal, and nothing is left behind
#   tools      ss, netstat and lsof print what there is
#   limits     SYN retries, a flood of SYNs, ports running out
. "$(dirname "$0")/lib.sh"

# host0 is 10.0.0.1, b is 10.0.0.2; process 2 of each.
two_hosts()
{
	mount_world "$@"
	mkdir hosts/b wires/lan0
	for h in host0:1 b:2; do
		net=hosts/${h%:*}/net/ifs/eth0
		mkdir "$net"
		echo lan0 > "$net/wire"; echo "10.0.0.${h#*:}/24" > "$net/address"; echo 1 > "$net/up"
		echo 'spawn p' > "hosts/${h%:*}/ctl"
	done
	S=hosts/host0/proc/2 C=hosts/b/proc/2
}

# act PROCESS COMMAND: and its result
act() { echo "$2" > "$1/ctl" && cat "$1/ctl"; }

connected()
{
	two_hosts
	same socket "$(act $S 'socket tcp')" 0
	act $S 'bind 0 10.0.0.1:80'
	act $S 'listen 0 5'
	same socket "$(act $C 'socket tcp')" 0
	act $C 'bind 0 10.0.0.2:4000'
	act $C 'connect 0 10.0.0.1:80'
	same accept "$(act $S 'accept 0')" '1 10.0.0.2:4000'
}

bulk()
{
	connected
	echo 10% > wires/lan0/loss; echo 5% > wires/lan0/duplicate; echo 20% > wires/lan0/reorder; echo 2% > wires/lan0/corrupt
	head -c 10000000 /dev/urandom > "$T/a"
	head -c 10000000 /dev/urandom > "$T/b"
	cat $S/stream/1 > "$T/a.out" & r1=$!
	cat $C/stream/0 > "$T/b.out" & r2=$!
	{ cat "$T/a" > $C/stream/0 && act $C 'shutdown 0 w'; } & w1=$!
	{ cat "$T/b" > $S/stream/1 && act $S 'shutdown 1 w'; } & w2=$!
	for pid in $w1 $w2 $r1 $r2; do wait $pid || fail "a reader or writer failed"; done
	cmp "$T/a" "$T/a.out" || fail "what b sent"
	cmp "$T/b" "$T/b.out" || fail "what host0 sent"
	[ "$(awk '$1 == "lost" { print $2 }' wires/lan0/stats)" -gt 500 ] || fail "nothing was lost on the way"
	check_world
}

shells()
{
	connected
	command -v bash > /dev/null || { echo "no bash"; exit 77; }
	printf 'first\nsecond\n' > $C/stream/0
	same "bash reads lines" "$(bash -c "read -r a < $S/stream/1; read -r b < $S/stream/1; echo \"\$b \$a\"")" 'second first'
	echo hi > $C/stream/0
	same "a reader and a writer on one descriptor" "$(timeout 10 bash -c "exec 3<> $S/stream/1
		read -r line <&3; echo \"\$line there\" >&3; timeout 1 cat <&3 & sleep 0.2; echo more >&3; wait; echo done")" done
	same "both lines came" "$(timeout 10 head -c 14 $C/stream/0)" 'hi there
more'
	# One shell waits in accept and in a read, the other goes on.
	(fd=$(cat $S/stream/0) && read -r line < $S/stream/$fd && echo "$line back" > $S/stream/$fd) & server=$!
	sleep 0.3
	fd=$(act $C 'socket tcp')
	act $C "connect $fd 10.0.0.1:80"
	echo ping > $C/stream/$fd
	same "the answer" "$(timeout 10 bash -c "read -r line < $C/stream/$fd; echo \"\$line\"")" 'ping back'
	wait $server || fail "the server"
	# O_NONBLOCK
	refuses 'Resource temporarily unavailable' "echo 'recv 0' | dd oflag=nonblock conv=notrunc of=$C/ctl"
	refuses 'Resource temporarily unavailable' "dd iflag=nonblock if=$C/stream/0 bs=10 count=1"
	refuses 'Operation now in progress' "echo 'connect $(act $C 'socket tcp') 10.0.0.1:80' | dd oflag=nonblock conv=notrunc of=$C/ctl"
	# poll(2) of a stream
	python3 - "$C/stream/0" "$S/ctl" <<'PY' || fail "poll of a stream"
import os, select, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
p = select.poll(); p.register(fd, select.POLLIN)
assert p.poll(100) == [], "ready too early"
with open(sys.argv[2], "w") as f: f.write('send 1 "wake up"')
assert [e for _, e in p.poll(60000)] == [select.POLLIN], "not woken"
assert os.read(fd, 100) == b"wake up"
PY
	# a pipe between processes, by cat and echo
	same pipe "$(act $C pipe)" "3 4"
	(for i in $(seq 2000); do echo "line $i of the pipe, long enough to fill it"; done > $C/stream/4; act $C "close 4") & writer=$!
	same "through a pipe" "$(cat $C/stream/3 | tail -1)" "line 2000 of the pipe, long enough to fill it"
	wait $writer || fail "the writer"
	check_world
}

interrupt()
{
	connected
	echo manual > clock
	for line in 'accept 0' 'recv 1' 'poll 1=in' 'poll 1=in timeout=1000s'; do
		(exec sh -c "echo '$line' > $S/ctl") 2> "$T/err" & pid=$!
		sleep 0.2
		kill -0 $pid || fail "$line does not wait"
		kill $pid
		wait $pid 2> /dev/null
		is_gone $pid || fail "$line cannot be interrupted"
	done
	cat $S/stream/1 & pid=$!
	sleep 0.2
	kill $pid
	wait $pid 2> /dev/null
	# connect: the SYN is on its way, and goes on without its caller
	same socket "$(act $C 'socket tcp')" 1
	python3 - $C/ctl hosts/b/net/sockets <<'PY' || fail "EINTR"
import errno, os, signal, sys, time
def ring(*_): raise InterruptedError(errno.EINTR, "")
signal.signal(signal.SIGALRM, ring)
fd = os.open(sys.argv[1], os.O_WRONLY)
us = os.getpid()
if os.fork() == 0:      # who rings once the SYN is under way
    while "SYN_SENT" not in open(sys.argv[2]).read():
        time.sleep(0.05)
    os.kill(us, signal.SIGALRM)
    os._exit(0)
signal.alarm(60)        # it does not wait, or sends none
try:
    os.write(fd, b"connect 1 10.0.0.1:80\n")
    sys.exit("connect did not wait")
except InterruptedError:
    pass
assert os.wait()[1] == 0, "no SYN"
PY
	echo auto > clock
	act $C 'connect 1 10.0.0.1:80' || fail "the interrupted connection"
	same "nothing was lost by it" "$(act $S 'accept 0' | cut -d ' ' -f 1)" 2
	act $C 'send 1 "still there"' > "$T/n"
	same "its data" "$(act $S 'recv 2')" "still there"
	# bash's echo goes on waiting when a job of its own ends (fuse.md 5.11)
	if command -v bash > /dev/null; then
		bash -c "sleep 0.3 & echo 'recv 2' > $S/ctl; cat $S/ctl" > "$T/out" & pid=$!
		sleep 0.8
		act $C 'send 1 "after the job"' > "$T/n"
		wait $pid || fail "bash's echo was interrupted by SIGCHLD"
		same "bash" "$(cat "$T/out")" "after the job"
	fi
	check_world
}

tools()
{
	connected
	act $S 'socket udp' > "$T/n"
	act $S 'bind 2 0.0.0.0:53'
	act $C 'send 0 "twelve bytes"' > "$T/n"
	echo 'advance 1s' > clock
	if command -v ss > /dev/null; then
		PROC_ROOT=$PWD/hosts/host0/proc ss -tuanp | tr -s ' ' > "$T/ss"
		grep -q '^tcp LISTEN 0 0 10.0.0.1:80 0.0.0.0:\* users:(("p",pid=2,fd=0))' "$T/ss" || fail "ss: $(cat "$T/ss")"
		grep -q '^tcp ESTAB 12 0 10.0.0.1:80 10.0.0.2:4000 users:(("p",pid=2,fd=1))' "$T/ss" || fail "ss: $(cat "$T/ss")"
		grep -q '^udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:\*' "$T/ss" || fail "ss: $(cat "$T/ss")"
	fi
	quietly unshare -m true || { echo "no mount namespaces: netstat and lsof left out"; return; }
	inside() { unshare -m sh -c "mount --bind $PWD/hosts/host0/proc /proc && $1" 2> /dev/null; }
	if command -v netstat > /dev/null; then
		inside 'netstat -tuanp' | tr -s ' ' > "$T/netstat"
		grep -q '^tcp 0 0 10.0.0.1:80 0.0.0.0:\* LISTEN 2/p' "$T/netstat" || fail "netstat: $(cat "$T/netstat")"
		grep -q '^tcp 12 0 10.0.0.1:80 10.0.0.2:4000 ESTABLISHED 2/p' "$T/netstat" || fail "netstat: $(cat "$T/netstat")"
		grep -q '^udp 0 0 0.0.0.0:53 0.0.0.0:\* 2/p' "$T/netstat" || fail "netstat: $(cat "$T/netstat")"
		inside 'netstat -s' | grep -q 'passive connection openings' || fail "netstat -s"
	fi
	if command -v lsof > /dev/null; then
		inside 'lsof -n -P -i' | tr -s ' ' > "$T/lsof"
		grep -q '^p 2 root 0u IPv4 [0-9]* TCP 10.0.0.1:80 (LISTEN)' "$T/lsof" || fail "lsof: $(cat "$T/lsof")"
		grep -q '^p 2 root 1u IPv4 [0-9]* TCP 10.0.0.1:80->10.0.0.2:4000 (ESTABLISHED)' "$T/lsof" || fail "lsof: $(cat "$T/lsof")"
		grep -q '^p 2 root 2u IPv4 [0-9]* UDP \*:53' "$T/lsof" || fail "lsof: $(cat "$T/lsof")"
		same pipe "$(act $S pipe)" "3 4"
		inside 'lsof -n -P -p 2' | grep -q '3r *FIFO' || fail "lsof of a pipe: $(inside 'lsof -n -P -p 2')"
	fi
	check_world
}

now() { sed 's/now=\([0-9]*\)\..*/\1/' clock; }

limits()
{
	two_hosts
	# Nobody answers: 1 3 7 15 31 63 127 s.
	mkdir hosts/dead hosts/dead/net/ifs/eth0
	echo lan0 > hosts/dead/net/ifs/eth0/wire; echo 02:00:00:00:00:99 > hosts/dead/net/ifs/eth0/mac
	echo 'add 10.0.0.99 02:00:00:00:00:99 dev eth0' > hosts/b/net/neighbours
	act $C 'socket tcp' > "$T/n"
	begun=$(now)
	refuses 'Connection timed out' "LC_ALL=C /bin/echo 'connect 0 10.0.0.99:80' > $C/ctl"
	same "seconds until ETIMEDOUT" $(($(now) - begun)) 127
	same "SYNs at" "$(awk -v t="$begun" '$8 == "tcp" { printf "%s%.0f", n++ ? " " : "", $2 - t }' wires/lan0/frames)" \
		"0 1 3 7 15 31 63"
	# Ports run out, and one that comes back is taken.
	echo 'port_min 40000' > hosts/b/net/knobs; echo 'port_max 40003' > hosts/b/net/knobs
	act $S 'socket tcp' > "$T/n"; act $S 'bind 0 10.0.0.1:80'; act $S 'listen 0'
	act $C 'close 0'
	for n in 0 1 2 3; do same socket "$(act $C 'socket tcp')" $n; act $C "connect $n 10.0.0.1:80" || fail "port $n of 4"; done
	act $C 'socket tcp' > "$T/n"
	refuses 'Cannot assign requested address' "LC_ALL=C /bin/echo 'connect 4 10.0.0.1:80' > $C/ctl"
	act $C 'setsockopt 2 SO_LINGER 0'
	act $C 'close 2'
	act $C 'connect 4 10.0.0.1:80' || fail "a port that came back"
	# A flood of SYNs from nowhere: an honest client gets through, by a cookie.
	echo 'port_min 32768' > hosts/b/net/knobs; echo 'port_max 60999' > hosts/b/net/knobs
	act $S 'socket tcp' > "$T/n"; act $S 'bind 1 10.0.0.1:81'; act $S 'listen 1 4'
	python3 - > "$T/flood" <<'PY'
def sum16(b):
    s = sum(int.from_bytes(b[i:i + 2], "big") for i in range(0, len(b), 2))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return (~s & 0xffff).to_bytes(2, "big")
for i in range(500):
    src, dst = bytes([10, 0, 0, 100 + i % 100]), bytes([10, 0, 0, 1])
    tcp = (1024 + i).to_bytes(2, "big") + b"\0\x51" + i.to_bytes(4, "big") + b"\0\0\0\0\x50\x02\xff\xff\0\0\0\0"
    tcp = tcp[:16] + sum16(src + dst + b"\0\6\0\x14" + tcp) + tcp[18:]
    ip = b"\x45\0\0\x28\0\1\0\0\x40\6\0\0" + src + dst
    ip = ip[:10] + sum16(ip) + ip[12:]
    print("inject", (bytes.fromhex("020000000101020000000077") + b"\x08\0" + ip + tcp).hex())
PY
	sed -i "s/020000000101/$(tr -d : < hosts/host0/net/ifs/eth0/mac)/" "$T/flood"
	cat "$T/flood" > wires/lan0/ctl
	echo 'advance 10ms' > clock
	fd=$(act $C 'socket tcp')
	act $C "connect $fd 10.0.0.1:81" || fail "no way through the flood"
	act $C "send $fd \"honest\"" > "$T/n"
	same "through the flood" "$(fd=$(act $S 'accept 1' | cut -d ' ' -f 1); act $S "recv $fd")" honest
	[ "$(awk '/^TcpExt:/ && !n++ { split($0, name); next } /^TcpExt:/ { for (i in name) if (name[i] == "SyncookiesRecv") print $i }' \
		hosts/host0/proc/net/netstat)" -ge 1 ] || fail "no cookie was used"
	check_world
}

case ${1:-} in
bulk | shells | interrupt | tools | limits) "$1" ;;
*) fail "which part?" ;;
esac
