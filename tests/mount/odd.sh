#!/bin/sh
# Odd processes under real tools: strange names and command lines, ten thousand threads, numbers that wrap, death under a reader.
. "$(dirname "$0")/lib.sh"
command -v ps >/dev/null || { echo "no procps"; exit 77; }

mount_world
inside() { timeout 60 "$VITRINE" enter "$M" -- "$@"; }
inside true 2>/dev/null || { echo "no namespaces here"; exit 77; }

# Names: parsers look for the last parenthesis; a newline is escaped in status.
cat > hosts/host0/ctl <<'END' || fail "$(tail -n 3 error_log)"
spawn "a) R 1 (b"
spawn "two\nlines"
spawn "  blanks  "
spawn "\377\376 bytes"
spawn ")))((("
2 set cmdline "one\ntwo" "" "\377" "x y"
END
same "lines of stat, where Linux escapes nothing" "$(cat proc/[2-6]/stat | wc -l)" 6
same "lines of status, where it does" "$(grep -a -h -A1 '^Name:' proc/[2-6]/status | grep -a -c '^Umask:')" 5
for pid in 2 3 4 5 6; do
	same "parent of $pid" "$(tail -n 1 proc/$pid/stat | LC_ALL=C sed 's/.*) //' | cut -d' ' -f2)" 1
done
same "ps" "$(inside ps -e -o pid=,ppid= | tr -s ' \n' ' ')" " 1 0 2 1 3 1 4 1 5 1 6 1 "
same "the command line" "$(od -An -c proc/2/cmdline | tr -d ' \n')" 'one\ntwo\0\0377\0xy\0'
inside top -b -n1 > "$T/top" || fail "top"
same "top" "$(grep -a -c -E ' (root|nobody) ' "$T/top")" 6  # an ordinary user's namespace may not have root
inside ps aux > "$T/ps" || fail "ps aux"

# A command line of 128 KiB, in one word and in many.
python3 -c 'print("3 set cmdline " + "x" * 131071); print("4 set cmdline " + "y " * 65536)' > hosts/host0/ctl
same "one word" "$(wc -c < proc/3/cmdline)" 131072
same "many" "$(wc -c < proc/4/cmdline)" 131072
same "ps -f" "$(inside ps -o args= -ww -p 3 | tr -d '\n' | wc -c)" 131071

# Ten thousand threads.
yes '6 clone' | head -n 9999 > hosts/host0/ctl || fail "threads"
same "threads" "$(ls proc/6/task | wc -l)" 10000
same "in order" "$(ls -U proc/6/task | sort -nc && echo yes)" yes
same "Threads:" "$(sed -n 's/^Threads:\t//p' proc/6/status)" 10000
same "ps -L" "$(inside ps -L -p 6 -o lwp= | wc -l)" 10000
echo '6 kill KILL' > hosts/host0/ctl

# Numbers wrap, and skip what is in use.
{ echo 'spawn last pid=4194302'; echo 'spawn low pid=300'; } > hosts/host0/ctl
same "beyond the last" "$(inside ps -o pid= -p 4194302 | tr -d ' ')" 4194302

# Processes come and go under readers: whatever is read is of one process, and tools end well.
cat > "$T/churn" <<'END'
import os, sys
with open(sys.argv[1], "w", buffering=1) as ctl:
    while not os.path.exists(sys.argv[2]):
        for pid in range(1000, 1050):
            ctl.write("spawn churn%d pid=%d\n" % (pid, pid))
        for pid in range(1000, 1050):
            ctl.write("%d kill KILL\n" % pid)
END
python3 "$T/churn" hosts/host0/ctl "$T/enough" &
churn=$!
python3 - <<'END' || fail "readers"
import errno, os, time
end = time.time() + 3
late = end + 60
seen = 0
while time.time() < end or not seen and time.time() < late:
    names = [int(n) for n in os.listdir("proc") if n.isdigit()]
    assert names == sorted(set(names)) and {1, 2, 3, 4, 5, 300, 4194302} <= set(names), names
    for pid in range(1000, 1050):
        try:
            with open("proc/%d/stat" % pid) as f:
                text = f.read()
            assert text.startswith("%d (churn%d) " % (pid, pid)), text
            seen += 1
        except OSError as e:
            assert e.errno in (errno.ENOENT, errno.ESRCH, errno.ESTALE), e
assert seen, "nobody was met"
END
for _ in 1 2 3; do inside ps aux > /dev/null || fail "ps while they come and go"; done
touch "$T/enough"
wait $churn || fail "churn"
check_world
umount_world
