#!/bin/sh
# 63 - what the TLB hides: how many references the page table, and so the operating system, sees at all.
. "$(dirname "$0")/lib.sh"
lesson_without_mount "What the TLB hides"

trace sqlite3
say "Six million references. Without a TLB each one walks the page table, four reads of memory:"
show "vitrine replay --tlb off --policy clock --frames 48 sqlite3.compact"
ask "With 64 entries in sets of four, how many walks are left?"
show "vitrine replay --tlb 64x4 --policy clock --frames 48 sqlite3.compact"
say "Of a hundred references the page table sees one. The misses are the same: an entry goes when its page goes, and when CLOCK
clears its accessed bit, so that the next reference walks and sets the bit again. What was hidden would have changed
nothing. That is why the bit is enough for CLOCK, and why no operating system can do exact LRU: it would have to see the
references that the TLB hides."
ask "Do larger TLBs, more ways, a second level help?"
show "for tlb in 4x4 16x4 64x1 64x4 64x16 256x4 64x4,1536x12; do
	vitrine replay --tlb \$tlb --policy clock --frames 48 --csv sqlite3.compact | awk -F, -v tlb=\$tlb 'NR > 1 { printf \"%-14s %7d misses  %7d walks  %5.2f of 100\n\", tlb, \$6, \$8, 100 * \$8 / \$4 }'
done"
say "Beyond some size the rest are the walks of page faults and of cleared accessed bits: they cannot be avoided. FIFO clears none:"
show "vitrine replay --tlb 64x4,1536x12 --policy fifo,clock,lru --frames 48 sqlite3.compact"
