#!/bin/sh
# Random hosts against the suite in tests/cases/proctools, which asks some 70 tools and compares them with the facts of each.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
[ -x /usr/bin/python3 ] || { echo "no /usr/bin/python3"; exit 77; }
unshare -m true 2>/dev/null || unshare -rm true 2>/dev/null || { echo "no namespaces here"; exit 77; }

# A seed says all: how many processors, how much RAM, what else (scenario.py).
for seed in "$@"; do
	mount_world --ram $((64 + seed % 4 * 50))M --cpus $((seed % 8 + 1))
	python3 "$here/scenario.py" "$M" "$seed" "$T/facts" || fail "seed $seed: $(tail -n 3 error_log)"
	check_world
	/usr/bin/python3 -B "$here/../cases/proctools/proctools.py" "$M/hosts/host0/proc" "$T/facts" > "$T/out" || {
		grep ^FAIL "$T/out"
		fail "seed $seed"
	}
	tail -n 1 "$T/out"
	check_world
	cd / && kill "$DAEMON"         # not umount: programs of others may have copies of the mount, and it would live on
	until_true is_gone "$DAEMON" || fail "the program is still there"
	DAEMON=
	rm -f "$T/pid"
done
