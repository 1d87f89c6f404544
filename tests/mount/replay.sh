#!/bin/sh
# The command `replay`: a process touches the pages of a trace while the tree stays usable.
. "$(dirname "$0")/lib.sh"

mount_world
echo 'spawn t bare' > hosts/host0/ctl
p=$(cat hosts/host0/ctl)
expect "state=none
done=0
total=0
rate=-" cat proc/$p/replay
echo 'mmap 0x100000 8M rw- private,anon,fixed' > proc/$p/ctl

seq 256 1455 > files/once.pages
cat files/once.pages files/once.pages > files/twice.pages
echo 'replay /twice.pages' > proc/$p/ctl
expect "accesses=2400 faults=1200" cat proc/$p/ctl
expect "state=done
done=2400
total=2400
rate=-" cat proc/$p/replay

# Kinds and addresses: a store dirties, a load does not.
printf ' L 00100000,8\n S 00101fff,1\nI  00102000,4\n' > files/kinds.lackey
echo 'mprotect 0x102000 4096 r-x' > proc/$p/ctl
echo 'replay /kinds.lackey' > proc/$p/ctl
grep -q '^accesses=3 ' proc/$p/ctl || fail "kinds: $(cat proc/$p/ctl)"
same "dirty" "$(awk '$1 == "0x101000" { print $NF }' proc/$p/pagetable | grep -c dirty)" 1

# What is wrong with a trace is found before anything is accessed.
before=$(grep ^accesses mem/stats)
printf '256\n257\nxyz\n' > files/bad.pages
refuses "Invalid argument" "env echo 'replay /bad.pages' > proc/$p/ctl"
grep -q 'line 3, byte 1: a page number should be here' error_log || fail "no reason: $(tail -n 3 error_log)"
: > files/empty.pages
refuses "Invalid argument" "env echo 'replay /empty.pages' > proc/$p/ctl"
refuses "No such file" "env echo 'replay /none' > proc/$p/ctl"
refuses "Invalid argument" "env echo 'replay /once.pages best' > proc/$p/ctl"
printf 'pid 1\n256\npid 2\n257\n' > files/two.pages
refuses "Invalid argument" "env echo 'replay /two.pages' > proc/$p/ctl"
same "accesses of refused traces" "$(grep ^accesses mem/stats)" "$before"

# An access that would kill it ends the replay; the process lives on.
echo 4096 >> files/once.pages
refuses "Bad address" "env echo 'replay /once.pages' > proc/$p/ctl"
expect "SEGV MAPERR addr=0x1000000 done=1200" cat proc/$p/ctl
same "state" "$(head -n 1 proc/$p/replay)" state=failed

# A long one: others are served, it can be cancelled, and interrupted.
cp files/twice.pages "$T/twice"; for i in $(seq 3000); do cat "$T/twice"; done > "$T/long"
cp "$T/long" files/long.pages
echo "$p replay /long.pages &" > hosts/host0/ctl
until_true grep -q state=running proc/$p/replay || fail "it does not run: $(cat proc/$p/replay)"
refuses "Device or resource busy" "env echo 'replay /twice.pages' > proc/$p/task/$p/ctl"
python3 - "$p" "$(cat "$T/pid")" <<'PY' || fail "requests wait too long"
import sys
process, daemon = sys.argv[1:]

def cpu_ms():
    with open(f"/proc/{daemon}/schedstat") as f:
        return int(f.read().split()[0]) / 1e6

began = cpu_ms()
for i in range(40):
    open(f"proc/{process}/status").read()
each = (cpu_ms() - began) / 40
state = open(f"proc/{process}/replay").read()
print(f"{each:.2f} ms of processor time; {state.split()}")
# Three requests each (open, read, close), 10 ms at most: of the daemon's own time, whatever else the machine does.
sys.exit(each > 30)
PY
echo 'spawn other' > hosts/host0/ctl
echo cancel > proc/$p/replay
until_true grep -q state=cancelled proc/$p/replay || fail "it is not cancelled: $(cat proc/$p/replay)"
grep -q 'cancelled after [0-9]* of 7200000 references' error_log || fail "cancelled without a word"
refuses "Invalid argument" "env echo cancel > proc/$p/replay"
quietly timeout 0.2 sh -c "echo 'replay /long.pages' > proc/$p/ctl"
grep -Eq 'state=(cancelled|done)' proc/$p/replay || fail "interrupted: $(cat proc/$p/replay)"

# One that gets shorter is not the one that was checked; without a trace there is nothing to go on with.
cp files/long.pages files/short.pages
echo "$p replay /short.pages &" > hosts/host0/ctl
truncate -s 100001 files/short.pages
until_true grep -q state=failed proc/$p/replay || fail "the trace was cut, the replay goes on: $(cat proc/$p/replay)"
grep -q 'the trace was changed meanwhile' error_log || fail "cut without a word: $(tail -n 3 error_log)"
echo "$p replay /long.pages &" > hosts/host0/ctl
rm files/long.pages
until_true grep -q state=failed proc/$p/replay || fail "the trace went, the replay goes on"
grep -q 'the trace was removed meanwhile' error_log || fail "removed without a word: $(tail -n 3 error_log)"

# With fewer frames than pages it waits for swap again and again, and goes on by itself each time.
echo user_frames=3 > mem/config
awk 'BEGIN { for (i = 0; i < 3000; i++) printf " S %x000,8\n", 300 + i % 5 * (i % 7) }' > files/thrash.lackey
echo "$p replay /thrash.lackey &" > hosts/host0/ctl
until_true grep -q state=done proc/$p/replay || fail "it waits for ever: $(cat proc/$p/replay)"
echo user_frames=0 > mem/config

# A trace in the tree itself, whose files cannot be mapped, is replayed by the program.
seq 16 99 > files/in.pages
"$VITRINE" replay --policy lru,opt --frames 9 --csv files/in.pages | grep -q ',opt,9,84,0,84,' || fail "a trace in the mount"
"$VITRINE" convert files/in.pages "$T/in.compact" || fail "a trace in the mount is not converted"
check_world
