#!/bin/sh
# vitrine enter: tools see the host; signals reach simulated processes and no real one; nothing is left behind.
. "$(dirname "$0")/lib.sh"
command -v ps >/dev/null && command -v pgrep >/dev/null || { echo "no procps"; exit 77; }

mount_world
inside() { timeout 30 "$VITRINE" enter "$M" -- "$@"; }
inside true 2>/dev/null || { echo "no namespaces here"; exit 77; }
mounts=$(grep -c " $T" /proc/self/mountinfo)

{ echo 'spawn web'; echo 'spawn -n 3 worker'; echo 'spawn odd'; } > hosts/host0/ctl      # 2, 3 4 5, 6
states() { inside ps -e -o pid=,state=,comm= | awk '{ printf "%s%s%s", s, $1, $2; s = " " }'; }

# What tools see.
same "ps" "$(inside ps -e -o pid=,comm= | tr -s ' \n' ' ')" " 1 init 2 web 3 worker 4 worker 5 worker 6 odd "
same "the host's name" "$(inside uname -n)" host0
same "our own numbers are high" "$(inside sh -c '[ $$ -gt 10000 ] && echo yes')" yes
mkdir hosts/b
echo 'spawn other' > hosts/b/ctl
same "another host" "$("$VITRINE" enter "$M" b -- sh -c 'uname -n; pgrep -c .')" "b
2"

# Exit status, output, input, arguments.
same "output" "$(echo in | inside sh -c 'cat; echo "$1" "$2"' sh 'a b' c)" "in
a b c"
inside sh -c 'exit 7'; same "exit status" $? 7
quietly inside /no/such; same "not found" $? 127
quietly inside /etc/passwd; same "not executable" $? 126
quietly inside sh -c 'kill -USR1 $$'; same "ended by a signal" $? 138
refuses 'no host nope' "'$VITRINE' enter '$M' nope -- true"
refuses 'no host host0' "'$VITRINE' enter '$T' -- true"
refuses usage "'$VITRINE' enter '$M' true"
refuses usage "'$VITRINE' enter '$M' --"

# Signals to simulated processes.
inside kill -STOP 2
inside pkill -STOP worker
same "stopped" "$(states)" "1S 2T 3T 4T 5T 6S"
inside sh -c 'kill -CONT 2 3; kill -9 4'
same "continued, killed" "$(states)" "1S 2S 3S 5T 6S"
if command -v killall >/dev/null; then inside killall -CONT worker; else inside kill -CONT 5; fi
same "by name" "$(states)" "1S 2S 3S 5S 6S"
inside python3 -c 'import os, signal; signal.pthread_kill; os.kill(5, signal.SIGTERM)'
same "terminated" "$(states)" "1S 2S 3S 6S"
inside sh -c 'kill -9 1 && kill -0 6' || fail "init ignores it, and 6 is there"
refuses 'No such process' "'$VITRINE' enter '$M' -- sh -c 'kill -9 4'"
echo '3 set pgrp 2' > hosts/host0/ctl
inside sh -c 'kill -STOP -2'
same "a group" "$(states)" "1S 2T 3T 6S"

refuses 'No such process' "'$VITRINE' enter '$M' -- sh -c 'kill -STOP -77'"

# Real processes inside are themselves; those outside are out of reach.
sleep 300 &
outside=$!
same "own children" "$(inside bash -c 'sleep 50 & kill $!; wait $!; echo $?' 2>/dev/null)" 143
quietly inside sh -c "kill -9 $outside"; quietly kill -0 $outside || fail "a real process was reached"
quietly inside sh -c "sleep 301.$$ & kill -TERM 0; sleep 50"; same "own group" $? 143
quietly kill -0 $outside || fail "a real process of the same group was reached"
quietly inside sh -c 'kill -9 -1'
quietly kill -0 $outside || fail "a real process was reached by -1"
same "all but init" "$(states)" "1S"
quietly kill $outside

# Priorities, as the host has them.
echo 'spawn web' > hosts/host0/ctl
pid=$(cat hosts/host0/ctl)
quietly inside renice -n 5 -p "$pid"
same "renice" "$(cut -d' ' -f19 proc/$pid/stat)" 5
same "nice" "$(inside python3 -c "import os; print(os.getpriority(0, $pid))")" 5

# A thousand are cheap.
echo 'spawn -n 1000 crowd' > hosts/host0/ctl
inside pkill -KILL crowd
same "the crowd" "$(inside pgrep -c crowd)" 0

# Signals to ourselves reach the command; killing us leaves nothing.
"$VITRINE" enter "$M" -- sh -c 'trap "echo got it; exit 3" TERM; echo ready > '"$T"'/ready; while :; do sleep 0.1; done' > "$T/out" &
us=$!
until_true test -s "$T/ready" || fail "it does not start"
kill -TERM $us
wait $us; same "passed on" "$? $(cat "$T/out")" "3 got it"
"$VITRINE" enter "$M" -- sleep 302.$$ &
us=$!
until_true pgrep -f "^sleep 302.$$\$" >/dev/null
kill -KILL $us
quietly wait $us
gone() { ! pgrep -f "^sleep 30[12].$$\$" >/dev/null; }
until_true gone || fail "something is left: $(pgrep -af "sleep 30[12].$$")"
same "mounts" "$(grep -c " $T" /proc/self/mountinfo)" "$mounts"

# A terminal: what is typed, interrupting, stopping, job control inside.
python3 - "$VITRINE" "$M" <<'END' || fail "the terminal"
import os, pty, re, select, signal, sys, time
vitrine, mount = sys.argv[1:]

def start(*command):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(vitrine, [vitrine, "enter", mount, "--", *command])
    return pid, fd

def until(fd, what, seconds=60):
    seen, end = b"", time.time() + seconds
    while not re.search(what, seen):
        if time.time() > end or not select.select([fd], [], [], end - time.time())[0]:
            sys.exit("no %r in %r" % (what, seen))
        seen += os.read(fd, 4096)
    return seen

def ended(pid, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        p, status = os.waitpid(pid, os.WNOHANG)
        if p:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    sys.exit("it does not end")

pid, fd = start("sh", "-c", "tty -s && echo terminal; read x; echo $x$x")
until(fd, b"terminal")
os.write(fd, b"ab\n")
until(fd, b"abab")
assert ended(pid) == 0

pid, fd = start("sh", "-c", "echo ready; exec sleep 50")
until(fd, b"ready")
os.write(fd, b"\x03")
assert ended(pid) == -signal.SIGINT

pid, fd = start("bash", "--norc", "-i")
os.write(fd, b"PS1='%'; set -m; echo b''egin\n")
until(fd, b"begin")
os.write(fd, b"sh -c \"echo g''o; exec sleep 50\"\n")
until(fd, b"go")
os.write(fd, b"\x1a")
until(fd, b"Stopped")
os.write(fd, b"kill -KILL %1; while kill -0 %1; do sleep 0.1; done; echo en''d\n")
until(fd, b"end")
os.write(fd, b"exit 4\n")
assert ended(pid) == 4
END
check_world

# A mount whose root is a proc of its own.
umount_world
mount_world --root hosts/host0/proc
same "a root of its own" "$(timeout 30 "$VITRINE" enter "$M" -- ps -e -o pid=,comm= | tr -s ' \n' ' ')" " 1 init "
umount_world
