#!/bin/sh
# 31 - what a link layer does when something goes wrong: Ethernet and Wi-Fi.
. "$(dirname "$0")/lib.sh"
lesson "The link layer: what happens when"

say "Three wires with two computers each: a switch's cables, an old shared cable (hub), and Wi-Fi."
for kind in ethernet hub wifi; do
	mkdir wires/$kind
	echo $kind > wires/$kind/kind
	for i in 1 2; do
		mkdir hosts/$kind$i hosts/$kind$i/net/ifs/if0
		echo $kind > hosts/$kind$i/net/ifs/if0/wire
		echo 02:00:00:00:00:0$i > hosts/$kind$i/net/ifs/if0/mac
		echo 1 > hosts/$kind$i/net/ifs/if0/up
	done
done
show "cat wires/*/kind"

# frame WIRE FROM TO [BYTES]: a frame of a type that nobody understands, BYTES (60) long, from computer FROM of that wire.
frame()
{
	data=$(printf "%$(( (${4:-60} - 14) * 2 ))s" | tr ' ' 5)
	echo "inject 02000000000${3}02000000000${2}88b5$data $1$2.if0" > wires/$1/ctl
}
# sent WIRE: each frame that was sent since the last time, and what became of it.
sent()
{
	echo "run" > clock
	printf '%-9s' "$1:"
	awk -v first="$(cat "$seen/$1" 2>/dev/null || echo 0)" 'NR > 1 && $1 > first {
		print $5 " bytes " ($3 == "-" ? "" : "arrived") ($18 == "-" ? "" : ($3 == "-" ? "" : ", ") $18) }' wires/$1/frames |
		uniq -c | awk '{ n = $1; $1 = ""; printf "%s%s%s", (NR > 1 ? ";" : ""), (n > 1 ? " " n " x" : ""), $0 } END { print "" }'
	awk 'END { print $1 }' wires/$1/frames > "$seen/$1"
}
seen=$(mktemp -d "${TMPDIR:-/tmp}/lesson.XXXXXX")
each() { for kind in ethernet hub wifi; do "$@"; sent $kind; done; }

say "All is well: one frame each. On Wi-Fi the receiver acknowledges it, on Ethernet nobody does."
good() { frame $kind 1 2; }
each good
ask "Both send at the same moment. Where do the frames collide?"
both() { frame $kind 1 2; frame $kind 2 1; }
each both
say "Not on the cables of a switch, each direction has its own. Hub and Wi-Fi send again after a random pause."
ask "A frame is not received. Who notices?"
lost() { echo 'drop next 1' > wires/$kind/ctl; frame $kind 1 2; }
each lost
ask "A bit is damaged, in the header or in the data: the receiver discards it. Who notices?"
damaged() { echo 'corrupt next 1' > wires/$kind/ctl; frame $kind 1 2; }
each damaged
ask "Too long: a frame of 1600 bytes?"
long() { frame $kind 1 2 1600; }
each long
say "It may not be sent at all."
ask "One frame is delayed, the next is not. In which order do they arrive?"
late() { echo 'delay next 1 5ms' > wires/$kind/ctl; frame $kind 1 2 100; frame $kind 1 2 200; }
for kind in ethernet hub wifi; do
	late
	sent $kind > "$seen/out"
	awk -v from="$(awk 'END { print $1 - 2 }' wires/$kind/frames)" -v kind=$kind 'NR > 1 && $1 > from { print $3, $5 }' wires/$kind/frames |
		sort -n | awk -v kind=$kind '{ printf "%s%s bytes", (NR > 1 ? ", then " : kind " receives "), $2 } END { print "" }'
done
ask "The destination is unknown?"
unknown() { frame $kind 1 7; }
each unknown
say "Ethernet and a hub send it to everyone and nobody takes it. On Wi-Fi the acknowledgement is missing: again, 8 times."
ask "Too much: 20 frames at once where 5 may wait?"
much() { echo 5 > wires/$kind/queue; i=0; while [ $i -lt 20 ]; do frame $kind 1 2; i=$((i + 1)); done; }
for kind in ethernet hub wifi; do
	before=$(awk '/^queue_full/ { print $2 }' wires/$kind/stats)
	much
	echo run > clock
	awk -v kind=$kind -v before="$before" '/^queue_full/ { print kind " discards " $2 - before }' wires/$kind/stats
done
rm -rf "$seen"
