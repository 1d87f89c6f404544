#!/bin/sh
# 28 - going faster: one message an acknowledgement against many under way.
. "$(dirname "$0")/lib.sh"
lesson "going faster: many messages under way"

say "A wire of 10 ms, and 20 parts to send. One at a time (variant v3):"
messengers v3 100
show "echo 10ms > wires/lan0/delay"
text=$(printf '%02000d' 0)
took()
{
	before=$(sed 's/now=\([0-9.]*\).*/\1/' clock)
	echo "2 send $1 \"$text\"" > hosts/a/ctl
	echo "2 recv $1" > hosts/b/ctl
	bytes=$(wc -c < hosts/b/ctl)
	after=$(sed 's/now=\([0-9.]*\).*/\1/' clock)
	awk -v b="$before" -v a="$after" -v n="$bytes" 'BEGIN { printf "%d bytes in %.3f s\n", n, a - b }'
}
show "took 0"
ask "The wire was used for how much of that time? What if eight parts may be under way?"
n=1
for v in gbn sr; do
	for h in a b; do
		show "printf '%s\\n' '2 socket rdt' '2 setsockopt $n RDT_VARIANT $v' '2 setsockopt $n RDT_WINDOW 8' > hosts/$h/ctl"
	done
	show "echo '2 setsockopt $n RDT_PART 100' > hosts/a/ctl"
	show "echo '2 bind $n 10.0.0.2:$((7 + n))' > hosts/b/ctl; echo '2 connect $n 10.0.0.2:$((7 + n))' > hosts/a/ctl"
	show "took $n"
	n=$((n + 1))
done
say "With losses: go-back-N sends all again from the lost part on, selective repeat that part alone."
show "echo 'drop next 1 rdt.data nth=3' > wires/lan0/ctl"
show "took 1"
show "echo 'drop next 1 rdt.data nth=3' > wires/lan0/ctl"
show "took 2"
show "awk '\$8 == \"rdt\" && \$17 ~ /data/ { n[\$10]++ } END { for (d in n) print d, n[d] }' wires/lan0/frames | sort"
say "More is not always better: a queue of four frames in front of a slow wire drops what is too much."
show "echo 4 > wires/lan0/queue; echo 1M > wires/lan0/rate"
for w in 2 4 8 16; do
	show "echo '2 setsockopt 2 RDT_WINDOW $w' > hosts/a/ctl; echo '2 setsockopt 2 RDT_WINDOW $w' > hosts/b/ctl; took 2"
done
say "So the window has to follow what the way can carry: that is congestion control, and TCP's."
