#!/bin/sh
# swap/: areas on and off, slots, waiting in state D, processors shared, out of memory; and what must be refused.
. "$(dirname "$0")/lib.sh"
set -e

mount_world --ram 1M --swap 256K --swap-device nvme
expect 'slot state refs pid va writes' sh -c 'head -n 1 swap/0/slots | xargs'
expect 64 sh -c 'sed 1d swap/0/slots | wc -l'
expect 'pid va victim start end ran' sh -c 'head -n 1 swap/timeline | xargs'
expect model=nvme head -n 1 swap/0/device
expect '[]' sh -c 'cat swap/timeline.json | tr -d "\n"'

printf '%s\n' 'spawn a bare' 'spawn b bare' | cat > hosts/host0/ctl
echo 'mmap 0x10000000 64K rw- private,anon,fixed' > proc/2/ctl
echo 'mmap 0x20000000 64K rw- private,anon,fixed' > proc/3/ctl
echo 'write 0x10000000 "first"' > proc/2/ctl
echo 'write 0x10001000 "second"' > proc/2/ctl
echo 'madvise 0x10000000 8K pageout' > proc/2/ctl

# A page in swap: its slot, and every way to it.
expect '0 used 1 2 0x10000000 1' sh -c 'sed -n 2p swap/0/slots | xargs'
expect first sh -c 'head -c 5 swap/0/slot/0'
expect second sh -c 'head -c 6 "$(find proc/2/pt/ -type l | sort | tail -n 1)"'
expect 4096 stat -Lc %s swap/0/slot/0
expect 'slot=0' grep slot proc/2/page/0x10000000
expect first sh -c 'dd if=proc/2/mem bs=1 skip=268435456 count=5 status=none'
refuses 'No such file' 'cat swap/0/slot/64'
refuses 'No such file' 'cat swap/1/slots'

# An area that is off is gone, even for who has looked at it before.
echo 'on 64K prio=3' > swap/ctl
cat swap/1/device swap/1/slots swap/1/slot/3 > /dev/null
echo 'off 1' > swap/ctl
for name in device slots slot slot/3; do refuses 'No such file' "cat swap/1/$name"; done
refuses 'No such file' 'ls swap/1'

# A process that waits is in state D; another one goes on.
echo manual > clock
echo '2 read 0x10000000 5 &' > hosts/host0/ctl
expect 'State: D (disk sleep)' sh -c 'grep State proc/2/status | xargs'
expect 1 awk '/^procs_blocked/ { print $2 }' proc/stat
expect 'accesses=1 faults=1' sh -c "echo 'touch 0x20000000 1 w' > proc/3/ctl; cat proc/3/ctl"
check_world
echo step > clock
expect '6669727374 faults=1' cat proc/2/ctl
expect '2 0x10000000 3' sh -c "tail -n 1 swap/timeline | awk '{ print \$1, \$2, \$6 }'"
expect 1 sh -c "grep -c '^<svg' swap/timeline.svg"
expect 1 sh -c "grep -c 'pid 2 0x10000000' swap/timeline.svg"
echo auto > clock
expect '7365636f6e64 faults=1' sh -c "echo 'read 0x10001000 6' > proc/2/ctl; cat proc/2/ctl"

# More areas, by priority; what is wrong is refused and changes nothing.
echo 'on 64K hdd prio=7' > swap/ctl
expect 1 cat swap/ctl
echo 'on 64K latency=3ms,bandwidth=1M' > swap/ctl
expect 'latency=0.003000000 bandwidth=1000000' sh -c "sed -n 's/^read_//p; /^bandwidth/p' swap/2/device | grep -E 'latency|bandw' | sed 's/1048576/1000000/' | xargs"
before=$(cat proc/swaps)
for line in 'on' 'on 1' 'on 64K tape' 'on 64K latency=x' 'on 64K hdd latency=1ms' 'on 64K hdd channels=4' 'on 64K ssd channels=0' 'on 64K prio=99999' 'off' 'off 9' 'off x' \
	'on 64K latency=99999999999s' 'on 64K ssd speed=1'; do
	if (echo "$line" > swap/ctl) 2>/dev/null; then fail "swap/ctl took '$line'"; fi
done
same areas "$(cat proc/swaps)" "$before"
echo 'madvise 0x20000000 4K pageout' > proc/3/ctl
expect 1:0 sh -c "awk '/^0x20000000/ { print \$(NF - 1) }' proc/3/pagetable"
expect 'PFN' sh -c "[ -L proc/3/pt/000/000/100/000 ] && echo PFN"
expect ../../../../../../swap/1/slot/0 readlink proc/3/pt/000/000/100/000
expect slot=1:0 sh -c "grep ' swapout ' events | tail -n 1 | grep -o 'slot=.*'"
expect 'slot=1:0' sh -c "grep ' evict ' events | tail -n 1 | grep -o 'slot=[^ ]*'"
expect '"slot":"1:0"' sh -c "grep '\"evict\"' events.json | tail -n 1 | grep -o '\"slot\":[^,]*'"
echo 'off 1' > swap/ctl
expect - sh -c "awk '/^0x20000000/ { print \$(NF - 1) }' proc/3/pagetable"
expect slot=1:0 sh -c "grep ' swapin ' events | tail -n 1 | grep -o 'slot=.*'"
expect '0 2' sh -c 'ls swap | grep "^[0-9]" | xargs'
check_world

# Everything in swap, and no room to come back: nothing is lost.
echo 'off 2' > swap/ctl
echo 'mmap 0x30000000 1100K rw- private,anon,fixed,noreserve' > proc/2/ctl
echo 'touch 0x30000000 1100K w' > proc/2/ctl
expect 'accesses=275' sh -c "cut -d ' ' -f 1 proc/2/ctl"
refuses 'Cannot allocate memory' "echo 'off 0' | tee swap/ctl"
check_world
expect '6669727374' sh -c "echo 'read 0x10000000 5' > proc/2/ctl; cut -d ' ' -f 1 proc/2/ctl"

# Out of memory and swap: the largest goes.
echo 'mmap 0x40000000 2M rw- private,anon,fixed,noreserve' > proc/3/ctl
echo 'touch 0x40000000 800K w' > proc/3/ctl
[ ! -e proc/2 ] || fail 'the largest process is still there'
expect 1 grep -c oom_kill events
expect 'oom_kill 1' grep oom_kill proc/vmstat
refuses 'Cannot allocate memory' "echo 'touch 0x40000000 2M w' | tee proc/3/ctl"
[ ! -e proc/3 ] || fail 'nobody else was left to go'
check_world

# Two processors do twice as much.
umount_world
elapsed()
{
	mount_world --cpus "$1"
	printf '%s\n' 'spawn a bare' 'spawn b bare' '2 mmap 0x10000000 2M rw- private,anon,fixed' \
		'3 mmap 0x10000000 2M rw- private,anon,fixed' '2 touch 0x10000000 2M w 1 &' '3 touch 0x10000000 2M w 1 &' | cat > hosts/host0/ctl
	expect 'accesses=2097152 faults=512' cat proc/2/ctl
	expect 'accesses=2097152 faults=512' cat proc/3/ctl
	took=$(sed 's/^now=0.0*//; s/ .*//' clock)
	umount_world
}
elapsed 1
one=$took
elapsed 2
[ $((took * 100 / one)) -le 60 ] && [ $((took * 100 / one)) -ge 50 ] || fail "one processor: $one ns, two: $took ns"
