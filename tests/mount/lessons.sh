#!/bin/sh
# All lessons one after the other in one world (M=DIR): a rebooted host is as good as a new one.
. "$(dirname "$0")/lib.sh"

examples=$(cd "$(dirname "$0")/../../examples" && pwd)
mount_world
M=$(pwd)
for script in "$examples"/[0-9][0-9]-*.sh; do
	grep -q "^lesson " "$script" || continue  # else it has no world
	# Times of frames and numbers of interfaces begin anew with the world.
	if grep -q wires/ "$script"; then echo reset > ctl; fi
	M=$M QUIET=1 sh "$script" > "$T/out" </dev/null || fail "$script ended with $?"
	diff -u "${script%.sh}.expected" "$T/out" || fail "$script"
	check_world
done
