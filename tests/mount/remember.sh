#!/bin/sh
# What the kernel remembers of processes ends with the next change: no stale owner, size, content or process.
. "$(dirname "$0")/lib.sh"

mount_world
echo 'spawn one' > hosts/host0/ctl
P=proc/2

# Read several times, so that the kernel keeps it; then it changes.
for _ in 1 2 3; do cat $P/stat $P/status $P/cmdline $P/comm > /dev/null; stat $P $P/stat > /dev/null; done
same "the owner" "$(stat -c %u $P $P/stat)" "0
0"
echo '2 setuid 1000' > hosts/host0/ctl
same "another owner" "$(stat -c %u $P $P/stat)" "1000
1000"
for text in short "a longer command line" x; do
	echo "2 set cmdline \"$text\"" > hosts/host0/ctl
	for _ in 1 2 3; do
		same "the command line" "$(tr -d '\0' < $P/cmdline)" "$text"
		same "its size" "$(stat -c %s $P/cmdline)" $((${#text} + 1))
	done
done
for n in 1 2 3 4 5 6; do
	echo "2 set minflt $n" > hosts/host0/ctl
	for _ in 1 2 3; do same "a number of one digit" "$(cut -d' ' -f10 $P/stat)" $n; done
done

# A description that stays open: read again at 0 it is new, whole, and of its size.
python3 - <<'END' || fail "descriptions that stay open"
import os
def command(line):
    fd = os.open("hosts/host0/ctl", os.O_WRONLY)
    os.write(fd, line.encode() + b"\n")
    os.close(fd)
for rounds in range(3):
    os.close(os.open("proc/2/stat", os.O_RDONLY))
fds = [os.open("proc/2/stat", os.O_RDONLY) for _ in range(3)]
for n in (1, 22, 333, 333, 4444444):
    command("2 set minflt %d" % n)
    for fd in fds:
        text = os.pread(fd, 8192, 0)
        assert text.split()[9] == b"%d" % n, (n, text)
        assert os.fstat(fd).st_size == len(text)
        assert os.pread(fd, 10, 3) == text[3:13]
        assert os.pread(fd, 8192, len(text)) == b""
os.stat("proc/2/stat")     # a read sees one instant: that of offset 0, though the rest is read later
fd = os.open("proc/2/stat", os.O_RDONLY)
start = os.read(fd, 30)
whole = start + open("proc/2/stat", "rb").read()[30:]
command("2 set utime 1234567.5s")
assert start + os.read(fd, 8192) == whole
assert os.pread(fd, 8192, 40) == whole[40:]
assert os.pread(fd, 8192, 0) != whole
long = "x" * 6000          # more than a page, and back
for line in ("y", long, "z", long * 3, "w"):
    command("2 set cmdline " + line)
    fd = os.open("proc/2/cmdline", os.O_RDONLY)
    assert os.read(fd, 1 << 20) == line.encode() + b"\0", line[:10]
    os.close(fd)
END

# Many at once, then one change.
echo 'spawn -n 3000 crowd' > hosts/host0/ctl
for _ in 1 2; do cat proc/[0-9]*/stat > /dev/null; done
same "all sleep" "$(cat proc/[0-9]*/stat | grep -c ' S ')" 3002
python3 - "$DAEMON" <<'END' || fail "one who reads in pieces, behind one who has read all"
import os, sys
def command(line):
    fd = os.open("hosts/host0/ctl", os.O_WRONLY)
    os.write(fd, line.encode() + b"\n")
    os.close(fd)
def whole(pids):
    for pid in pids:
        fd = os.open("proc/%d/stat" % pid, os.O_RDONLY)
        os.read(fd, 8192)
        os.close(fd)
def messages():
    return int(open("/proc/%s/io" % sys.argv[1]).read().split("syscr: ")[1].split()[0])
def one_instant(utime):
    with open("proc/3/stat", "rb", buffering=0) as f:
        wanted = f.read(8192)
    fd = os.open("proc/3/stat", os.O_RDONLY)
    start = os.read(fd, 30)
    command("3 set utime %gs" % utime)
    assert start + os.read(fd, 8192) == wanted
    os.close(fd)
one_instant(10.5)
# Who has read many, but not each at once, either.
whole(range(2, 202))
os.close(os.open("proc/2/stat", os.O_RDONLY))
fd = os.open("proc/202/stat", os.O_RDONLY)
os.read(fd, 30)
os.close(fd)
whole(range(203, 403))
one_instant(11.5)
# Who reads hundreds at once needs fewer requests from then on.
spent = []
for _ in range(3):
    before = messages()
    whole(range(2, 2002))
    spent.append(messages() - before)
assert spent[2] < spent[0] * 0.8, spent
END
echo '3 set state D' > hosts/host0/ctl
same "but one" "$(cat proc/[0-9]*/stat | grep -c ' S ')" 3001

# The dead are gone, and their number's next owner is another.
stat proc/3 proc/3/stat > /dev/null
cat proc/3/comm proc/3/comm > /dev/null
python3 - <<'END' || fail "a description of the dead"
import errno, os
fd = os.open("proc/3/comm", os.O_RDONLY)
assert os.read(fd, 100) == b"crowd\n"
with open("hosts/host0/ctl", "w") as f:
    f.write("3 kill KILL\n")
try:
    raise SystemExit("read %r" % os.pread(fd, 100, 0))
except OSError as e:
    assert e.errno == errno.ESRCH, e
END
[ ! -e proc/3 ] || fail "3 is still there"
[ ! -e proc/3/stat ] || fail "its stat is still there"
refuses 'No such' 'cat proc/3/stat'
echo 'spawn other pid=3 uid=77' > hosts/host0/ctl
same "another one" "$(cat proc/3/comm) $(stat -c %u proc/3)" "other 77"

# Names that are not there are remembered only where they never will be: another's number may become a thread's, and init stand
# for a reader.
for _ in 1 2 3; do
	for name in ctty children maps.json pagetable.csv 0; do [ -e proc/3/$name ]; echo "$name $?"; done
done > "$T/names"
same "what a process has" "$(sort -u "$T/names" | tr '\n' ' ')" "0 1 children 1 ctty 1 maps.json 1 pagetable.csv 0 "
echo '3 kill KILL' > hosts/host0/ctl
[ ! -e proc/3/children ] || fail "3 is gone"
echo '2 clone tid=3' > hosts/host0/ctl
same "a thread's own directory" "$(cat proc/3/children; cat proc/3/status | grep -e ^Pid: -e Tgid:)" "Tgid:	2
Pid:	3"
[ ! -e proc/3/pagetable ] || fail "a thread has what only a process has"
echo '2 kill KILL' > hosts/host0/ctl
{ echo 'spawn one pid=2'; echo 'spawn other pid=3 uid=77'; } > hosts/host0/ctl
same "a process again" "$(head -n 1 proc/3/pagetable | cut -c1-2; [ -e proc/3/children ] || echo no children)" "va
no children"

# Listings: births and deaths show at once.
for _ in 1 2 3; do ls proc > /dev/null; done
count() { ls proc | grep -c '^[0-9]'; }
before=$(count)
echo 'spawn late' > hosts/host0/ctl
same "a birth" "$(count)" $((before + 1))
echo '4 kill KILL' > hosts/host0/ctl
same "a death" "$(count)" "$before"
echo '2 clone' > hosts/host0/ctl
same "a thread" "$(ls proc/2/task | wc -l)" 2

# Time that passes by itself is not remembered away.
echo real > clock
a=$(cat proc/uptime)
moved() { [ "$(cat proc/uptime)" != "$a" ]; }
until_true moved || fail "time stands"
echo auto > clock
check_world
umount_world
