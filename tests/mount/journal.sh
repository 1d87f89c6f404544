#!/bin/sh
# journal.sh PART: mount --journal, then mount --replay: everything that can be read is the same again.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
make_places

# All of the tree that does not depend on who asks, as one text.
dump()
{
	find . -type f ! -path './proc/*' ! -path '*/proc/self/*' ! -path '*/proc/thread-self/*' ! -path './mem/*' ! -path './net/*' \
		! -path './swap/*' ! -path '*/ram' ! -path '*/kpage*' ! -path '*/proc/*/mem' ! -path '*/pagemap' ! -path './help/*' |
		LC_ALL=C sort > "$T/names"
	while read -r name; do
		echo "== $name"
		cat "$name" 2>&1 | od -An -c -v | head -n 4000
	done < "$T/names"
	find hosts wires -path '*/proc' -prune -o -type l -printf '%p -> %l\n' | LC_ALL=C sort
}

# What was recorded since `mount_world --journal $T/j` and what `--replay` makes of it.
check_replay()
{
	dump > "$T/before"
	wc -c < "$T/j" > "$T/size"
	umount_world
	[ "$(tail -c +$(($(cat "$T/size") + 1)) "$T/j" | grep -avc ' release ')" = 1 ] || fail "reading has left records: $(tail -n 5 "$T/j")"
	mount_world --replay "$T/j" --journal "$T/j2" 2> "$T/said" || exit 1
	[ ! -s "$T/said" ] || fail "$(cat "$T/said")"
	dump > "$T/after"
	cmp "$T/before" "$T/after" || { diff "$T/before" "$T/after" | head -n 20; fail "the replay is another session"; }
	umount_world
	grep -av -e '^version' -e ' ready [0-9.]*$' "$T/j" > "$T/a"; grep -av -e '^version' -e ' ready [0-9.]*$' "$T/j2" > "$T/b"
	cmp "$T/a" "$T/b" || { diff -a "$T/a" "$T/b" | cut -c1-200 | head -n 20; fail "the journal of a replay is another"; }
}

two_hosts()
{
	mkdir wires/lan0 hosts/b
	echo "${1:-0%}" > wires/lan0/loss
	for h in host0 b; do mkdir hosts/$h/net/ifs/eth0; echo lan0 > hosts/$h/net/ifs/eth0/wire; done
	echo 10.0.0.1/24 > net/ifs/eth0/address
	echo 10.0.0.2/24 > hosts/b/net/ifs/eth0/address
	echo 1 > net/ifs/eth0/up
	echo 1 > hosts/b/net/ifs/eth0/up
}

case $1 in
memory)  # forks, faults, swapping, maps collected, errors, files of all kinds
	mount_world --journal "$T/j" --ram 1M --seed 7 --policy "lru"
	p=$(exec 3<>hosts/host0/ctl; echo 'spawn demo' >&3; cat <&3)
	echo 'write 0x404000 "hello"' > proc/$p/ctl
	echo fork > proc/$p/ctl
	c=$(cat proc/$p/ctl)
	echo 'write 0x404000 "child"' > proc/$c/ctl
	quietly sh -c "echo 'mprotect 0x601001 4096 r--' > proc/$p/ctl"
	quietly sh -c "printf 'write 0x404000 31\nread 0x1\nwrite 0x404000 32\n' > proc/$c/ctl"
	echo 'mmap - 2M rw- private,anon' > proc/$c/ctl || fail mmap
	at=$(cat proc/$c/ctl)
	for i in $(seq 0 40 480); do echo "write $((at + i * 4096)) \"$i\""; done > proc/$c/ctl || fail "$(cat error_log)"
	printf 'write %s "a line in two' $((at + 8192)) > proc/$p/ctl 2> "$T/x"
	(printf '%5000s' ''; printf 'fork\n') > proc/$p/ctl
	cp "$here/journal.sh" hosts/host0/files/script
	mkdir hosts/host0/files/d
	echo one > hosts/host0/files/d/a
	ln hosts/host0/files/d/a hosts/host0/files/d/b
	ln -s d/a hosts/host0/files/s
	rm hosts/host0/files/d/a
	echo two >> hosts/host0/files/d/b
	mv hosts/host0/files/d hosts/host0/files/e
	echo three >> hosts/host0/files/e/b
	exec 4< hosts/host0/files/e/b
	rm hosts/host0/files/e/b
	echo another > hosts/host0/files/e/c
	exec 4<&-
	truncate -s 10000 hosts/host0/files/e/c
	touch -d 2001-02-03 'hosts/host0/files/script'
	chmod 600 hosts/host0/files/script
	mkdir 'hosts/host0/files/a "quoted" name'
	quietly rmdir hosts/nobody
	quietly rmdir hosts/host0/files/e
	{ cat proc/$p/maps; } > "$T/maps"
	cat "$T/maps" > proc/$c/maps
	dd if=/dev/zero of=proc/$p/mem bs=16 count=1 seek=$((0x404000 / 16)) conv=notrunc 2>/dev/null
	echo 'manual' > clock
	echo 'advance 3s' > clock
	echo auto > clock
	echo 'kill TERM' > proc/$c/ctl
	check_replay
	;;
network)  # wires that lose, sockets, commands that wait, streams, interrupts
	mount_world --journal "$T/j" --seed 3
	two_hosts 20%
	echo 'spawn server' > hosts/b/ctl
	echo 'spawn client' > hosts/host0/ctl
	printf 'socket tcp\nbind 0 10.0.0.2:80\nlisten 0\n' > hosts/b/proc/2/ctl || fail "$(cat error_log)"
	echo '2 accept 0 &' > hosts/b/ctl
	printf 'socket tcp\nconnect 0 10.0.0.2:80\n' > proc/2/ctl || fail "$(cat error_log)"
	same accepted "$(cut -d' ' -f1 hosts/b/proc/2/ctl)" 1
	head -c 300000 /dev/zero | tr '\0' x > proc/2/stream/0 &
	head -c 300000 hosts/b/proc/2/stream/1 | wc -c > "$T/n"
	wait $!
	same transferred "$(cat "$T/n")" 300000
	echo 'ping 10.0.0.2 20' > proc/2/ctl || fail "$(cat error_log)"
	cat hosts/b/proc/2/stream/1 > "$T/x" &  # ended by a signal
	reader=$!
	until_true grep -q ' read ' "$T/j"
	sleep 0.2
	kill $reader
	wait $reader
	(echo 'accept 0' > hosts/b/proc/2/ctl) 2> "$T/x" &
	waiter=$!
	sleep 0.3
	kill $waiter
	wait $waiter
	echo '2 ping 10.0.0.77 &' > hosts/host0/ctl
	echo 'drop next 1 tcp' > wires/lan0/ctl
	printf 'send 0 "last words"\nshutdown 0 w\n' > proc/2/ctl
	cat hosts/b/proc/2/stream/1 > "$T/x"
	check_replay
	;;
bridge)  # real sockets on both sides: their bytes, their ends, their refusals
	mount_world --journal "$T/j"
	two_hosts 3%
	head -c 300000 /dev/urandom > hosts/b/files/page
	printf 'spawn web\nspawn echo\n' > hosts/b/ctl
	echo 'serve http 80' > hosts/b/proc/2/ctl
	echo 'serve echo 7' > hosts/b/proc/3/ctl
	echo 'spawn client' > hosts/host0/ctl
	python3 - "$M" "$T" <<-'EOP' > "$T/x" || fail "$(cat "$T/x")"
	import os, socket, sys, threading
	def rule(text):
	    open(sys.argv[1] + "/bridge/rules", "w").write(text)
	def free(kind):
	    s = socket.socket(socket.AF_INET, kind); s.bind(("127.0.0.1", 0)); p = s.getsockname()[1]; s.close(); return p
	port, udp = free(socket.SOCK_STREAM), free(socket.SOCK_DGRAM)
	rule(f"listen tcp 127.0.0.1:{port} to b:80")
	rule(f"listen udp 127.0.0.1:{udp} to b:7")
	for i in range(4):
	    c = socket.create_connection(("127.0.0.1", port)); c.sendall(b"GET /page HTTP/1.0\r\n\r\n")
	    got = b""
	    while (x := c.recv(65536)): got += x
	    assert len(got) > 300000, len(got)
	    c.close()
	c = socket.create_connection(("127.0.0.1", port)); c.sendall(b"GET /pa"); c.close()
	u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(1)
	for i in range(5):
	    u.sendto(b"hello %d" % i, ("127.0.0.1", udp))
	    try: u.recv(100)
	    except socket.timeout: pass
	server = socket.create_server(("127.0.0.1", 0))
	rule(f"allow tcp 127.0.0.1:{server.getsockname()[1]} as 10.0.0.9:9000")
	def answer():
	    s = server.accept()[0]
	    while (x := s.recv(4096)): s.sendall(x.upper())
	    s.close()
	t = threading.Thread(target=answer); t.start()
	open(sys.argv[1] + "/proc/2/ctl", "w").write('socket tcp\nconnect 0 10.0.0.9:9000\nsend 0 "from inside"\nshutdown 0 w\nrecv 0\n')
	t.join(); server.close()
	fd = os.open(sys.argv[1] + "/proc/2/ctl", os.O_WRONLY)
	os.write(fd, b"socket tcp\n")
	try: os.write(fd, b"connect 1 10.0.0.9:9000\n")
	except ConnectionError: pass
	# paths, which lead elsewhere each time they are looked at
	path, own = sys.argv[2] + "/to", sys.argv[2] + "/own"
	server = socket.socket(socket.AF_UNIX); server.bind(path + ".real"); server.listen()
	rule(f"listen tcp unix:{own} to 10.0.0.9:9001")
	os.symlink(path + ".real", path)
	rule(f"allow tcp unix:{path} as 10.0.0.9:9001")
	for number, to in enumerate((None, own, sys.argv[1] + "/files/s", "/nowhere"), 2):
	    if to: os.unlink(path); os.symlink(to, path)
	    os.write(fd, b"socket tcp\n")
	    try: os.write(fd, b"connect %d 10.0.0.9:9001\n" % number)
	    except ConnectionError: continue
	    server.accept()[0].close()
	try: rule(f"allow tcp unix:{sys.argv[1]}/files/s as 10.0.0.9:9002\n")
	except PermissionError: pass
	EOP
	echo manual > clock
	check_replay
	;;
load)  # several real connections that say all they can, while somebody waits for what a stream brings
	mount_world --journal "$T/j"
	two_hosts 1%
	cat wires/lan0/capture.follow > "$T/follow" &
	follower=$!
	python3 - "$M" <<-'EOP' > "$T/x" || fail "$(cat "$T/x")"
	import random, socket, sys, threading
	def rule(text):
	    open(sys.argv[1] + "/bridge/rules", "w").write(text)
	with socket.socket() as s: s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
	server = socket.create_server(("127.0.0.1", 0))
	rule(f"allow tcp 127.0.0.1:{server.getsockname()[1]} as 10.0.0.9:9000")
	rule(f"listen tcp 127.0.0.1:{port} to 10.0.0.9:9000")
	data = random.Random(1).randbytes(700000)
	def echo(s):
	    while (x := s.recv(65536)): s.sendall(x)
	    s.shutdown(socket.SHUT_WR)
	def serve():
	    while True: threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
	def fetch():
	    c = socket.create_connection(("127.0.0.1", port))
	    def say(): c.sendall(data); c.shutdown(socket.SHUT_WR)
	    threading.Thread(target=say, daemon=True).start()
	    got = b""
	    while (x := c.recv(65536)): got += x
	    assert got == data, len(got)
	    good.append(c.close())
	good = []
	threading.Thread(target=serve, daemon=True).start()
	fetchers = [threading.Thread(target=fetch) for _ in range(4)]
	for t in fetchers: t.start()
	for t in fetchers: t.join()
	assert len(good) == 4
	EOP
	kill $follower
	wait $follower
	echo manual > clock
	look()
	{
		cat events bridge/rules wires/lan0/frames wires/lan0/stats hosts/*/net/sockets error_log
	}
	look > "$T/before"
	umount_world
	mount_world --replay "$T/j" 2> "$T/said"
	[ ! -s "$T/said" ] || fail "$(cat "$T/said")"
	look > "$T/after"
	cmp "$T/before" "$T/after" || { diff "$T/before" "$T/after" | head -n 20; fail "the replay is another session"; }
	;;
real)  # time that follows the wall clock
	mount_world --journal "$T/j"
	two_hosts 5%
	echo 'spawn client' > hosts/host0/ctl
	echo 'real x20' > clock
	echo 'ping 10.0.0.2 5' > proc/2/ctl
	echo '2 ping 10.0.0.2 50 &' > hosts/host0/ctl
	sleep 1
	cat clock wires/lan0/stats > "$T/x"
	echo manual > clock
	check_replay
	;;
waiting)  # what was left waiting, in the middle of time that ran
	mount_world --journal "$T/j"
	two_hosts
	echo 'spawn client' > hosts/host0/ctl
	echo '2 ping 10.0.0.2 65535 &' > hosts/host0/ctl
	umount_world
	tail -n 1 "$T/j" | grep -q ' end$' || fail "no end"
	mount_world --replay "$T/j"
	grep -q mode=manual clock || fail "time runs: $(cat clock)"
	dump > "$T/before"
	umount_world
	mount_world --replay "$T/j"
	dump > "$T/after"
	cmp "$T/before" "$T/after" || fail "two replays differ"
	;;
victim)  # policy external: answers, and questions that nobody answers
	mount_world --journal "$T/j" --ram 256K --policy external
	echo 'spawn bare' > hosts/host0/ctl
	echo 'mmap 0x10000 400K rw- private,anon' > proc/2/ctl
	(exec 3<>mem/victim; while read -r first rest <&3; do echo "$first" >&3; done) &
	answers=$!
	for i in $(seq 0 90); do echo "write $((0x10000 + i * 4096)) \"x\""; done > proc/2/ctl || fail "$(cat error_log)"
	kill $answers
	wait $answers
	echo "write $((0x10000 + 91 * 4096)) \"x\"" > proc/2/ctl
	echo "write $((0x10000 + 92 * 4096)) \"x\"" > proc/2/ctl
	grep -q ' victim ' "$T/j" || fail "no question was left open"
	check_replay
	;;
root)  # a part of the tree, and messages
	mount_world --journal "$T/j" --root hosts/host0
	echo 'spawn demo' > ctl
	echo 'write 0x404000 "hello"' > proc/2/ctl
	umount_world
	mount_world --replay "$T/j"
	same "its text" "$(dd if=proc/2/mem bs=1 skip=$((0x404000)) count=5 2>/dev/null)" hello
	umount_world
	head -c $(($(wc -c < "$T/j") - 3)) "$T/j" > "$T/cut"
	mount_world --replay "$T/cut" 2> "$T/said"
	grep -q 'record [0-9]*, at byte [0-9]*: the journal is cut off; the world stands' "$T/said" || fail "$(cat "$T/said")"
	[ -d proc/2 ] || fail "nothing was repeated"
	umount_world
	sed 's/write 0x404000/write 0x40400 /' "$T/j" > "$T/other"
	mount_world --replay "$T/other" 2> "$T/said"
	grep -q ', and was' "$T/said" || fail "another session is not noticed: $(cat "$T/said")"
	umount_world
	refuses 'does not begin with' "'$VITRINE' mount --replay /dev/null '$M'"
	refuses 'the journal says' "'$VITRINE' mount --replay '$T/j' --ram 1M '$M'"
	refuses 'would replace' "'$VITRINE' mount --replay '$T/j' --journal '$T/j' '$M'"
	refuses 'No such file' "'$VITRINE' mount --replay '$T/none' '$M'"
	;;
*)
	fail "no part $1" ;;
esac
