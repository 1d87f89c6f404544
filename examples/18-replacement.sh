#!/bin/sh
# 18 - page replacement: FIFO, LRU, OPT and CLOCK on one string, step by step; Belady's anomaly; thrashing.
. "$(dirname "$0")/lib.sh"
lesson "page replacement"

# fresh POLICY FRAMES: a process with pages 0 to 9 and no page in memory yet.
fresh()
{
	[ -z "${pid:-}" ] || printf '%s\n' "$pid exit" > hosts/host0/ctl
	echo "user_frames=$2" > hosts/host0/mem/config
	echo "$1" > hosts/host0/mem/policy
	echo "spawn looper bare" > hosts/host0/ctl
	pid=$(cat hosts/host0/ctl)
	echo "mmap 0x10000 40K rw- private,anon,fixed" > "proc/$pid/ctl"
}

# One access: is it a fault?
visit()
{
	echo "touch 0x1${1}000 w" > "proc/$pid/ctl"
	[ "$(cat "proc/$pid/ctl")" != "accesses=1 faults=0" ]
}

# The page that the latest eviction took: page p is at 0x1p000.
gone() { grep ' evict ' events | tail -n 1 | sed 's/.* va=0x1\(.\).*/\1/'; }

# The pages in memory, in the order in which the policy looks at them; a used one, to policies that ask, is marked.
waiting() { sed 1d hosts/host0/mem/lru | awk -v bits="$1" '{ printf " %s%s", substr($NF, 4, 1), bits && $5 ? "*" : "" } END { print "" }'; }

# steps POLICY FRAMES PAGE...: each step, unless shown is empty, and how many misses.
shown=1
steps()
{
	policy=$1 frames=$2 misses=0 bits=
	shift 2
	[ "$policy" != clock ] || bits=1
	fresh "$policy" "$frames"
	count=0
	for page; do
		line="$page hit "
		if visit "$page"; then
			misses=$((misses + 1)) line="$page miss"
			count=$((count + 1))
			[ "$count" -le "$frames" ] || line="$line, $(gone) goes"
		fi
		[ -z "$shown" ] || { printf '%-14s|' "$line"; waiting "$bits"; }
	done
	echo "$policy with $frames frames: $misses misses"
}

string="7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1"
say "The string $string, three frames. On the right: what is in memory, who goes next first."
ask "FIFO: the page that came first goes. What about a page that is used all the time?"
steps fifo 3 $string
ask "LRU: the page that was not used for the longest time goes. Better?"
steps lru 3 $string
ask "CLOCK has only a bit for each page (*: used). How close does it come to LRU?"
steps clock 3 $string
say "What the hand did at the last eviction (frame:bit), as the event tells it:"
show "grep ' evict ' events | tail -n 1 | grep -o 'policy=.*:[01]'"
ask "OPT knows the future; no machine does, but a replay of a written-down string may. What is the best there is?"
find_program
written=$(mktemp)
printf '%s\n' $string > "$written"
"$VITRINE" replay --policy opt --frames 3 --format pages --steps "$written"
rm "$written"

shown=
string="1 2 3 4 1 2 5 1 2 3 4 5"
ask "Belady's string $string: does FIFO get better with a fourth frame?"
steps fifo 3 $string
steps fifo 4 $string
say "It gets worse: Belady's anomaly. LRU keeps, with four frames, all that it would keep with three:"
steps lru 3 $string
steps lru 4 $string

ask "A loop over five pages, ten times round, LRU. How many faults with 3, 4, 5 frames?"
loop="0 1 2 3 4"
loop="$loop $loop $loop $loop $loop $loop $loop $loop $loop $loop"
for n in 3 4 5; do steps lru $n $loop; done
say "Below the working set every access faults: thrashing. One frame more, or one process less, ends it; a policy
that gives up on a part of the loop at least halves it:"
steps mru 4 $loop
