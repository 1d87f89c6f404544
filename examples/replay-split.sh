#!/bin/sh
# replay-split.sh TRACE... - a sweep split over machines with GNU parallel, and its tables merged into one (CSV).
#
#   SSHLOGIN=big1,big2,: sh replay-split.sh a.compact b.compact > all.csv
#
# Each job is one policy on one trace with all frame counts. SSHLOGIN names machines as parallel's --sshlogin takes them
# (`:` is this one, which is all if nothing is said); they need vitrine in their PATH. Traces are copied there, below the home directory, and
# stay: it may be the same file system.
# POLICIES and FRAMES say what is swept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${SSHLOGIN:=:}" "${POLICIES:=fifo lru clock sieve s3fifo arc linux opt}" "${FRAMES:=16-4096*2}"
command -v parallel >/dev/null || { echo "this needs GNU parallel; not found" >&2; exit 77; }
parallel --version 2>/dev/null | head -n 1 | grep -q '^GNU parallel' || { echo "parallel is not GNU's" >&2; exit 77; }
[ $# -gt 0 ] || { sed -n '2,4p' "$0" | cut -c3- >&2; exit 2; }
if [ "$SSHLOGIN" = : ]; then
	: "${VITRINE:=$(command -v "$here/../build/fs/vitrine" || echo vitrine)}"
	copy=
else
	: "${VITRINE:=vitrine}"
	copy='--transferfile {1}'
fi
command -v "$VITRINE" >/dev/null || { echo "no program: set VITRINE" >&2; exit 1; }

# One thread a job, as many jobs as processors; --keep-order puts the tables in the order of the jobs, so that
# the merged table does not depend on who was quicker. The first header stays, others go. When a job fails, so does this.
exec 3>&1
status=$({ {
	parallel --will-cite --keep-order --halt soon,fail=1 --sshlogin "$SSHLOGIN" $copy \
		"$VITRINE" replay --parallel 1 --tlb filter --csv --policy {2} --frames "'$FRAMES'" {1} ::: "$@" ::: $POLICIES &&
		echo 0 >&4 || echo 1 >&4
} | awk 'NR == 1 || !/^trace,policy,/' >&3; } 4>&1)
[ "$status" = 0 ] || echo "the table is not complete" >&2
exit "$status"
