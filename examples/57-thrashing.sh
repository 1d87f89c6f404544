#!/bin/sh
# 57 - thrashing: two programs whose pages do not fit together, and what helps.
. "$(dirname "$0")/lib.sh"
lesson "Thrashing and its cure" --ram 1M --swap 1M --swap-device ssd

show "echo user_frames=16 > mem/config; echo lru > mem/policy"
spawn A bare
a=$pid
spawn B bare
b=$pid
act $a "mmap 0x100000 40K rw- private,anon,fixed"
act $b "mmap 0x200000 40K rw- private,anon,fixed"
say "Sixteen frames; A and B use ten pages each, over and over."

stat() { awk -v name="$1" '$1 == name { print $2 }' mem/stats; }
now() { sed 's/^now=//; s/ .*//' clock; }
# measure WHAT < lines for the host's ctl: how often the disk was needed, how long it all took, and what the processor did meanwhile.
measure()
{
	before=$(stat major_faults) start=$(now) busy=$(stat time)
	cat > $H/ctl
	awk -v what="$1" -v faults=$(($(stat major_faults) - before)) -v start="$start" -v end="$(now)" -v busy="$busy" \
		-v done="$(stat time)" 'BEGIN { printf "%-34s %4d of 160 accesses wait, %9.3f ms, processor busy %5.1f %%\n", what,
			faults, (end - start) * 1e3, (done - busy) / (end - start) * 100 }'
}
in_turn() { for round in 1 2 3 4 5 6 7 8; do echo "$a touch 0x100000 40K w"; echo "$b touch 0x200000 40K w"; done; }
in_line() { in_turn | sort -n -s -k 1,1; }

in_turn > $H/ctl
ask "A and B take turns, eight rounds each. How many of the 160 accesses need the disk?"
in_turn | measure "in turn, 16 frames"
say "All of them: whoever runs takes the very frames that the other needs next. Look at how little the processor does."
ask "Cure 1: fewer programs at a time. A runs to its end, then B?"
in_line | measure "one after the other, 16 frames"
ask "Cure 2: more memory, by four frames?"
echo user_frames=20 > mem/config
in_turn > $H/ctl
in_turn | measure "in turn, 20 frames"
ask "A faster disk instead?"
echo user_frames=16 > mem/config
echo 'reclaim 4' > mem/ctl
echo 'on 1M nvme prio=5' > swap/ctl
in_turn > $H/ctl
in_turn | measure "in turn, 16 frames, nvme"
say "As many faults, each cheaper: it still thrashes."
ask "A policy that does not throw out what is needed soonest?"
echo mru > mem/policy
in_turn > $H/ctl
in_turn | measure "in turn, 16 frames, nvme, mru"
say "For pages used in a circle, the one used last is needed last."
