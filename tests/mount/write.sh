#!/bin/sh
# Commands as shells and tools write them: in lines, without newline, cut anywhere; errors and results.
. "$(dirname "$0")/lib.sh"

mount_world
echo 'spawn demo' > hosts/host0/ctl
same "the pid" "$(cat hosts/host0/ctl)" 2
ctl=proc/2/ctl
count() { ls proc | grep -c '^[0-9]'; }

# Lines, however they come.
echo fork > $ctl && same "echo" "$(count)" 3
echo fork >> $ctl && same ">>" "$(count)" 4
printf fork > $ctl && same "no newline" "$(count)" 5
printf 'fork\nfork\n' > $ctl && same "two lines" "$(count)" 7
printf '# a script\n\nfork # a comment\n   fork' > "$T/script"
cat "$T/script" > $ctl && same "cat" "$(count)" 9
dd if="$T/script" of=$ctl bs=1 2>/dev/null && fail "single bytes are whole commands, and fail"
{ echo; cat "$T/script"; } > "$T/script2"
(echo; cat "$T/script") | dd of=$ctl bs=1000 2>/dev/null && same "dd" "$(count)" 11
bash -c 'exec 5> '$ctl'; echo fork >&5; (echo fork >&5); printf "fork\n" >&5; exec 5>&-' && same "one descriptor" "$(count)" 14
python3 -c 'open("'$ctl'", "w").write("fork\nfork")' && same "python" "$(count)" 16
cp "$T/script" $ctl && same "cp" "$(count)" 18
tee $ctl < "$T/script" > /dev/null && same "tee" "$(count)" 20
truncate -s 0 $ctl || fail "truncate"
touch $ctl || fail "touch"

# Errors come to the writer, and tell why.
quietly sh -c "echo 'mprotect 0x601001 4096 r--' > $ctl" && fail "no error"
tail -3 error_log > "$T/log"
grep -q 'hosts/host0/proc/2/ctl: error: mprotect: address 0x601001 is not page aligned' "$T/log" || fail "error_log"
same caret "$(tail -1 "$T/log")" '           ^'
quietly sh -c 'echo 1 > version' && fail "version is written"
tail -1 error_log | grep -q '] version: error: open: it cannot be written' || fail "a refused open"
quietly sh -c "/bin/echo '\"no\\nsense\"' > $ctl" && fail "no error"
tail -3 error_log | grep -qF "ctl: error: unknown command 'no\\012sense'" || fail "a newline in an error"
[ "$(/bin/echo nonsense 2>&1 > $ctl | wc -c)" -ge 0 ] || fail "echo(1)"
for tool in '/bin/echo nonsense' 'printf nonsense\n' 'cat /dev/stdin' 'dd status=none' 'tee' "awk {print}"; do
	echo nonsense | quietly sh -c "$tool > $ctl"
done
grep -q "unknown command 'nonsense'" error_log || fail "unknown command"
quietly sh -c "printf '\nnonsense' | cat > $ctl" && fail "a failing tail is not told to close"

python3 - $ctl <<'PY' || fail "a rule of writing is broken"
import errno, os, sys
ctl, bad = sys.argv[1], []
def same(what, got, wanted):
    if got != wanted:
        bad.append(f"{what}: got {got!r}, wanted {wanted!r}")
def write(fd, data):
    try:
        return os.write(fd, data)
    except OSError as e:
        return errno.errorcode[e.errno]
def count():
    return sum(n.isdigit() for n in os.listdir("proc"))

fd = os.open(ctl, os.O_RDWR)
n = count()
same("short count", write(fd, b"fork\nnonsense\nfork\n"), 5)
same("its errno", write(fd, b"nonsense\nfork\n"), "EINVAL")
same("what follows has not run", count(), n + 1)
same("NUL", write(fd, b"fo\0rk\n"), "EINVAL")
same("NUL behind a line", write(fd, b"fork\nfo\0rk\n"), 5)
same("bad UTF-8", write(fd, b"fork \xff\n"), "EINVAL")
same("too many", count(), n + 2)
same("a long line is kept", write(fd, b"x" * 1048576) , 1048576)
same("too long", write(fd, b"x"), "E2BIG")
same("at an offset", os.pwrite(fd, b"fork\n", 1 << 40), 5)
same("far off", count(), n + 3)
same("an offset does not matter to the answer", os.pread(fd, 100, 12345).strip().isdigit(), True)
same("relative to it", os.pread(fd, 100, 12346 + 10), b"")
same("from the start", os.pread(fd, 100, 0).strip().isdigit(), True)
big = b"fork\n" + b"# " + b"c" * 100000 + b"\n" + b"fork"
same("a large write", write(fd, big), len(big))
same("its tail waits", count(), n + 4)
os.close(fd)
same("its tail ran", count(), n + 5)
# two descriptors
a, b = os.open(ctl, os.O_RDWR), os.open(ctl, os.O_RDWR)
os.write(a, b"fork\n"); os.write(b, b"fork\n")
ra, rb = int(os.read(a, 100)), int(os.read(b, 100))
same("each its own result", rb, ra + 1)
same("a fresh open has the latest", int(open(ctl).read()), rb)
os.write(a, b"brk 0\n"); os.write(a, b"munmap 0x10000 4096\n")
same("a command without a result", os.read(a, 100), b"")
# every byte position of a script
script = b"\nfork\n  touch 0x404000 4096 w\nfork\n"
for cut in range(1, len(script)):
    before = count()
    fd = os.open(ctl, os.O_WRONLY)
    same(f"cut at {cut}", (write(fd, script[:cut]), write(fd, script[cut:])), (cut, len(script) - cut))
    os.close(fd)
    same(f"ran, cut at {cut}", count(), before + 2)
print("\n".join(bad))
sys.exit(bool(bad))
PY

# A child that closes its copy of the descriptor does not end the line.
python3 - $ctl <<'PY' || fail "a shared descriptor"
import os, subprocess, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
os.set_inheritable(fd, True)
os.write(fd, b"\nfo")
subprocess.run(["true"], close_fds=False)
if os.fork() == 0:
    os._exit(0)
os.wait()
os.write(fd, b"rk\n")
PY

# Results read back on one descriptor.
same "exec 5<>" "$(bash -c 'exec 5<> '$ctl'; echo "brk 0" >&5; cat <&5; cat <&5' | head -c 2)" 0x

# Many at once, all on one file.
before=$(count)
for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5; do echo fork > $ctl || exit 1; done) & done
wait
same "eight writers" "$(count)" $((before + 40))

# Waiting: a command waits for its event, the writer can be interrupted, other requests go on.
echo 'spawn waiter' > hosts/host0/ctl; p=$(cat hosts/host0/ctl)
echo fork > proc/$p/ctl; child=$(cat proc/$p/ctl)
(echo wait > proc/$p/ctl; cat proc/$p/ctl > "$T/waited") &
sleep 0.3
[ ! -e "$T/waited" ] || fail "wait does not wait"
timeout 5 sh -c "echo 'brk 0' > proc/$p/ctl" || fail "a second writer is held up by one that waits"
same "the second writer's result" "$(head -c 2 proc/$p/ctl)" 0x
same "others are served" "$(cat proc/$p/comm)" waiter
echo 'exit 7' > proc/$child/ctl
until_true [ -s "$T/waited" ] || fail "wait does not end"
same "wait's result" "$(cat "$T/waited")" "$child 7"
echo fork > proc/$p/ctl; child=$(cat proc/$p/ctl)
/bin/echo wait > proc/$p/ctl & writer=$!
sleep 0.3
kill -TERM $writer; wait $writer; same "killed while waiting" $? 143
python3 - proc/$p/ctl <<'PY' || fail "O_NONBLOCK"
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
try:
    os.write(fd, b"wait\n")
    sys.exit(1)
except BlockingIOError:
    pass
PY
# bash's echo is not interrupted because a background job ends.
bash -c 'sleep 0.2 & (sleep 0.6; echo "exit 9" > proc/'$child'/ctl) & echo wait > proc/'$p'/ctl && cat proc/'$p'/ctl' > "$T/out" 2>&1
same "SIGCHLD interrupts nothing" "$(cat "$T/out")" "$child 9"

# maps: all or nothing at close.
cat /proc/self/maps > "$T/maps"
cat "$T/maps" > proc/2/maps || fail "maps"
awk '{ print $1, $2, $3 }' "$T/maps" > "$T/want"
awk '{ print $1, $2, $3 }' proc/2/maps | cmp - "$T/want" || fail "maps reads back otherwise"
cat proc/2/maps > "$T/before"
quietly sh -c 'echo "0-1000 nonsense" | cat > proc/2/maps' && fail "bad maps are not refused"
cmp proc/2/maps "$T/before" || fail "a refused map has changed something"

same check "$(head -1 check)" ok
umount_world
echo ok
