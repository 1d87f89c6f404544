#!/bin/sh
# Random hosts against the suite in tests/cases/proctools, which asks some 70 tools and compares them with the facts of each.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
[ -x /usr/bin/python3 ] || { echo "no /usr/bin/python3"; exit 77; }
unshare -m true 2>/dev/null || unshare -rm true 2>/dev/null || { echo "no namespaces here"; exit 77; }

# one SEED OPTION... - a world with these options
one() {
	seed=$1
	shift
	mount_world "$@"
	facts=$T/facts
	python3 "$here/scenario.py" "$M" "$seed" "$facts" || fail "seed $seed: $(tail -n 3 error_log)"
	check_world
	/usr/bin/python3 -B "$here/../cases/proctools/proctools.py" "$M/hosts/host0/proc" "$facts" > "$facts.out" || {
		grep ^FAIL "$facts.out"
		fail "seed $seed"
	}
	tail -n 1 "$facts.out"
	check_world
	umount_world
}

if [ $# -gt 0 ]; then
	for seed; do one "$seed" --ram 96M --cpus $((seed % 8 + 1)); done
else
	one 3 --ram 64M
	one 8 --ram 300M --swap 64M --cpus 8
fi
