#!/bin/sh
# 64 - sampled curves: how little of a trace tells how much memory is worth.
. "$(dirname "$0")/lib.sh"
lesson_without_mount "Sampled against exact curves"

say "A million references to some 50,000 pages, few of them often, most seldom:"
show "awk 'BEGIN { x = 11; for (i = 0; i < 1000000; i++) { x = x * 16807 % 2147483647; print int(exp(x / 2147483647 * log(50000))) } }' > zipf.pages"
say "CLOCK at five sizes, exactly; then from a twentieth of the pages, with a twentieth of the frames (a reference is taken if a
hash of its page is small, so a page is in the sample with all its references or not at all):"
show "vitrine replay --policy clock --tlb filter --frames 1000,2000,5000,10000,20000 --csv zipf.pages > exact.csv"
show "vitrine replay --curve --policy clock --sample 0.05 --frames 1000,2000,5000,10000,20000 --csv zipf.pages > sampled.csv"
ask "How far off is it? The program's own estimate of the error, from eight parts of the sample that have no page in common, beside the truth:"
show "paste -d, exact.csv sampled.csv | awk -F, 'NR > 1 { e = \$6 / \$4; s = \$15 / \$13
	d = e > s ? e - s : s - e; within = d <= 3 * \$19 ? \"yes\" : \"no\"
	printf \"%6d frames: miss ratio %.3f, sampled %.3f, stated error %.3f; within three of them: %s\n\", \$3, e, s, \$19, within }'"
ask "And for LRU? There one pass over everything is exact at all sizes, and cheap enough:"
show "vitrine replay --curve --frames 1000,5000,20000 zipf.pages"
