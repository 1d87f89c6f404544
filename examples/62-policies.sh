#!/bin/sh
# 62 - one real trace under all policies: as a table, and as a picture (PICTURE=FILE.svg, with gnuplot).
. "$(dirname "$0")/lib.sh"
PICTURE=${PICTURE:-}
case $PICTURE in "" | /*) ;; *) PICTURE=$PWD/$PICTURE ;; esac
lesson_without_mount "All policies on what sqlite3 did"

say "Six million references of sqlite3 filling a table and its index, recorded with valgrind's lackey:"
show "ls -L traces"
trace sqlite3
show "vitrine replay --curve --frames 1,8,64,512 sqlite3.compact"
say "About 600 pages; 64 frames are nearly enough. How do the policies do with less than that?"
show "vitrine replay --policy all --tlb filter --frames 16,32,64 --csv sqlite3.compact > all.csv"
show "awk -F, 'NR > 1 { m[\$2, \$3] = \$6; w[\$2, \$3] = \$7; if (!(\$2 in seen)) { seen[\$2] = 1; name[++n] = \$2 } }
	END { printf \"%-8s %9s %9s %9s %12s\n\", \"misses\", 16, 32, 64, \"writebacks\"
		for (i = 1; i <= n; i++) { p = name[i]; printf \"%-8s %9d %9d %9d %12d\n\", p, m[p, 16], m[p, 32], m[p, 64], w[p, 32] } }' all.csv"
ask "Which come closest to the optimum? Misses with 32 frames, a star for each time that of opt is a quarter more:"
show "awk -F, '\$3 == 32 { m[\$2] = \$6 } END { for (p in m) { n = 4 * m[p] / m[\"opt\"]; if (n > 60) n = 60
	printf \"%9d %-8s \", m[p], p; while (n-- >= 1) printf \"*\"; print \"\" } }' all.csv | sort -n"
ask "Which writes least? nru, clock-m and wsclock look at the dirty bit: column writebacks above."
say "LRU counts each single reference, which no machine does; CLOCK and its kin see one bit a page, set when the TLB missed.
They come near it for a tenth of the effort. LFU and MRU show what a policy costs that does not fit."
[ -n "$PICTURE" ] || exit 0
command -v gnuplot >/dev/null || { echo "the picture needs gnuplot" >&2; exit 0; }
vitrine replay --policy all --tlb filter --frames 4-512*2,24,48,96 --csv sqlite3.compact | tr -d '\r' > curves.csv
gnuplot <<PLOT
set terminal svg size 900,600 background 'white'
set output '$PICTURE'
set datafile separator ','
set title 'sqlite3 under every policy: miss ratio by frames'
set logscale xy
set xlabel 'frames'
set ylabel 'misses / references'
set key outside right
set grid
plot for [p in "$(awk -F, 'NR > 1 && !s[$2]++ { printf "%s ", $2 }' curves.csv)"] '< grep ",'.p.'," curves.csv | sort -t, -k3n' using 3:(\$6/\$4) with linespoints title p
PLOT
