#!/bin/sh
# Streams: they block for more, end when the program ends, lose nothing silently, and hold nobody up.
. "$(dirname "$0")/lib.sh"

mount_world
echo 'spawn demo' > hosts/host0/ctl
ls -a | grep -q follow && fail "a stream is listed"

cat events.follow > "$T/follow" & reader=$!
cat events.json.follow > "$T/json" & json=$!
until_true has_open $reader events.follow && until_true has_open $json events.json.follow || fail "the readers do not begin"
for i in 1 2 3; do echo fork > proc/2/ctl; done
until_true eval '[ "$(grep -c " fork " "$T/follow")" = 3 ]' || fail "a follower sees $(grep -c ' fork ' "$T/follow") of 3 forks"
grep ' fork ' events | tail -3 | cmp - "$T/follow" || fail "the stream differs from the log"
until_true eval '[ "$(wc -l < "$T/json")" = 3 ]' || fail "JSON"
python3 -c 'import json, sys; [json.loads(l) for l in open(sys.argv[1])]' "$T/json" || fail "no JSON"
kill $reader $json; wait $reader $json 2>/dev/null
is_gone $reader && is_gone $json || fail "a reader cannot be killed"

# bash reads line by line and loses none; a write on the same descriptor is not held up by a read.
bash -c 'exec 5< events.follow; for i in 1 2 3; do echo "fork" > proc/2/ctl; done
	for i in 1 2 3; do read -r line <&5; echo "$line"; done' | awk '{ print $5 }' | sort | uniq -c > "$T/lines"
same "lines of bash" "$(tr -s ' ' < "$T/lines")" " 3 fork"

python3 - <<'PY' || fail "a rule of streams is broken"
import errno, fcntl, os, select, signal, subprocess, sys, time
bad = []
def same(what, got, wanted):
    if got != wanted:
        bad.append(f"{what}: got {got!r}, wanted {wanted!r}")
def fork():
    with open("proc/2/ctl", "w") as f:
        f.write("fork")

fd = os.open("events.follow", os.O_RDONLY | os.O_NONBLOCK)
try:
    os.read(fd, 100)
    bad.append("O_NONBLOCK blocks")
except BlockingIOError:
    pass
same("not seekable", (lambda: [None])() and None, None)
try:
    os.lseek(fd, 0, 0)
    bad.append("seekable")
except OSError as e:
    same("lseek", e.errno, errno.ESPIPE)
same("poll before", select.select([fd], [], [], 0)[0], [])
p = select.poll(); p.register(fd, select.POLLIN)
ep = select.epoll(); ep.register(fd, select.EPOLLIN)
fork()
same("poll after", [e for _, e in p.poll(60000)], [select.POLLIN])
same("epoll after", len(ep.poll(60)), 1)
same("then a read", b" fork " in os.read(fd, 4096), True)
same("poll when read", p.poll(0), [])
# woken while waiting
child = os.fork()
if child == 0:
    time.sleep(0.3); fork(); os._exit(0)
start = time.time()
same("poll wakes", len(p.poll(100000)), 1)
same("soon", time.time() - start < 50, True)
os.waitpid(child, 0)
os.close(fd)

# a stopped reader: what it misses is counted
reader = os.open("events.follow", os.O_RDONLY)
with open("proc/2/ctl", "w") as f:
    f.write("".join("mmap 0x10000 4096 rw- private,anon,fixed\nmunmap 0x10000 4096\n" for _ in range(40000)))
with open("events") as f:
    f.readline()
    oldest = int(f.readline().split()[0])
first = os.read(reader, 1 << 20).decode().split("\n")
same("lost", first[0].startswith("lost "), True)
same("and goes on with the oldest", int(first[1].split()[0]), oldest)
sequence = [int(l.split()[0]) for l in first[1:-1]]
same("without a gap", sequence, list(range(sequence[0], sequence[0] + len(sequence))))
os.close(reader)
print("\n".join(bad))
sys.exit(bool(bad))
PY

limit=1000
grep -q 'sanitizers none' version || limit=3000

# How long the program takes to end when it is told to, in ms.
end_program()
{
	start=$(date +%s%N)
	kill -TERM "$DAEMON"
	until_true is_gone "$DAEMON" || fail "TERM does not end it"
	took=$((($(date +%s%N) - start) / 1000000))
}
all_follow()
{
	for pid in $readers; do has_open $pid events.follow || return 1; done
}
is_inside()
{
	case $(readlink "/proc/$inside/cwd") in "$M"/hosts/host0/proc) ;; *) return 1 ;; esac
}

# A hundred readers and a shell inside; then the program is told to end.
readers=
for i in $(seq 100); do
	cat events.follow > /dev/null &
	readers="$readers $!"
done
(cd proc && exec sleep 300) & inside=$!
until_true all_follow && until_true is_inside || fail "not all readers begin"
end_program
with_readers=$took
for pid in $readers; do wait $pid || fail "a reader ended with $?"; done
kill $inside
cd "$T" || exit 1
mountpoint -q "$M" && fail "still mounted"
[ ! -e "$T/pid" ] || fail "the pidfile is still there"
# On a machine that is busy it takes longer, as it does without any reader.
mount_world
end_program
cd "$T" || exit 1
[ $with_readers -lt $((limit + 4 * took)) ] || fail "it took $with_readers ms to end, and $took ms without readers"
DAEMON=
echo "ok, $with_readers ms to end, $took ms without readers"
