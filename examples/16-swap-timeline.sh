#!/bin/sh
# 16 - the swapping timeline: A faults, its read starts, B runs, an interrupt, A is started again.
. "$(dirname "$0")/lib.sh"
lesson "The timeline of a page fault" --ram 1M --swap 1M --swap-device hdd

now() { sed 's/^now=//; s/ .*//' clock; }
# Milliseconds from A's fault to a time in seconds.
after() { awk -v t="$1" -v start="$start" 'BEGIN { printf "%.3f ms", (t - start) * 1e3 }'; }
# The last rows of the timeline, with times in ms after A's fault.
timeline()
{
	tail -n "$1" swap/timeline | awk -v start="$start" 'BEGIN { print "pid va victim start end ran" }
		{ printf "%s %s %s %.3f %.3f %s\n", $1, $2, $3, ($4 - start) * 1e3, ($5 - start) * 1e3, $6 }'
}
pages() { awk -v who="$1" '{ printf "%s %s pfn=%s slot=%s\n", who, $1, $(NF - 2), $(NF - 1) }' "proc/$2/pagetable" | sed 1d; }

spawn A bare
a=$pid
spawn B bare
b=$pid
say "The machine has three frames for pages; B has come to use all of them, so A's page is on the disk."
show "echo user_frames=3 > mem/config; echo fifo > mem/policy"
act $a "mmap 0xA000 4K rw- private,anon,fixed"
act $b "mmap 0xB0000 12K rw- private,anon,fixed"
act $a "write 0xA000 \"A's page\""
act $b "touch 0xB0000 12K w"
pages A $a
pages B $b
show "echo manual > clock    # time stands until we say so"
start=$(now)

ask "A reads its page. What happens?"
show "echo '$a read 0xA000 8 &' > $H/ctl"
say "1. It faults: the page is not present, so the OS has to read it. For that a frame must be found: a page of B goes (and is written
   first, since B has stored to it)."
pages B $b
show "tail -n 4 events | awk '{ \$1 = \$2 = \$3 = \"\"; print }'"
say "2. The read is started, and A waits for the disk:"
show "grep State proc/$a/status"
show "grep queue swap/0/device"
echo "the disk will be done after $(after "$(sed -n 's/^busy_until=//p' swap/0/device)")"
say "3. The processor does not wait: B runs."
act $b "touch 0xB1000 8K r"
say "4. Milliseconds later the disk is done and interrupts: A's page is there, its entry valid."
show "echo step > clock"
echo "it is $(after "$(now)") later"
pages A $a
say "5. A's instruction is started again, as if nothing had happened:"
show "grep State proc/$a/status"
show "cat proc/$a/ctl"
say "The whole story is in swap/timeline; here with its times in ms after the fault. The victim is PID:ADDRESS; a row without va is a
page going out."
timeline 2
say "The same with time running: two lines at once, A first."
show "echo auto > clock"
act $b "touch 0xB0000 12K w"
start=$(now)
show "printf '%s\n' '$a read 0xA000 8 &' '$b touch 0xB2000 4K r 1 &' | cat > $H/ctl"
timeline 2
show "awk '\$4 == 2 || \$4 == 3' events | tail -n 1 | awk '{ \$1 = \$2 = \$3 = \"\"; print }'"
