#!/bin/sh
# 61 - Belady's anomaly: more memory, more misses.
. "$(dirname "$0")/lib.sh"
lesson_without_mount "Belady's anomaly"

say "Twelve references to five pages:"
show "printf '%s\n' 1 2 3 4 1 2 5 1 2 3 4 5 > belady.pages"
ask "FIFO with three frames, then with four: which has more misses?"
show "vitrine replay --tlb off --policy fifo --frames 3,4 belady.pages"
say "With a frame more there is a miss more. Step by step (the victim of each miss in the last column):"
show "vitrine replay --policy fifo --frames 3 --steps belady.pages"
show "vitrine replay --policy fifo --frames 4 --steps belady.pages"
ask "And LRU, or the optimum?"
show "vitrine replay --tlb off --policy lru,opt --frames 1-5 belady.pages"
say "Never: what LRU keeps in four frames includes what it keeps in three. Such policies are called stack policies, and
one pass gives the misses of all sizes:"
show "vitrine replay --curve belady.pages"
ask "Are CLOCK, with its bit, or SIEVE safe from it? Where a frame more means more misses, on 300 random strings:"
show "for seed in \$(seq 300); do
	awk -v x=\$seed 'BEGIN { for (i = 0; i < 60; i++) { x = x * 16807 % 2147483647; print int(x / 2147483647 * 7) } }' > random.\$seed.pages
done"
show "vitrine replay --tlb off --policy fifo,lru,clock,clock0,sieve,lfu,opt --frames 1-7 --csv random.*.pages > all.csv"
show "awk -F, 'NR > 1 { of = \$1 \$2; if (of == was && \$6 > misses) worse[\$2]++; else worse[\$2] += 0; was = of; misses = \$6 }
	END { for (p in worse) printf \"%-6s %d times\\n\", p, worse[p] }' all.csv | sort"
say "Once is enough: they are not. LFU was only lucky, for it forgets how often it saw a page that went:"
show "printf '%s\\n' 4 3 2 3 4 2 1 3 1 3 > lucky.pages; vitrine replay --tlb off --policy lfu --frames 2,3 lucky.pages"
