#!/bin/sh
# Bad input of every kind, from hostile.py: never a crash, a hang, a leak, or an error without a text.
# HOSTILE_SEED repeats a run; arguments name the parts to run.
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
seed=${HOSTILE_SEED:-1}
make_places
export ASAN_OPTIONS="${ASAN_OPTIONS:-abort_on_error=1:detect_leaks=1}:log_path=$T/report"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}:log_path=$T/report"
export LSAN_OPTIONS="${LSAN_OPTIONS:-}:log_path=$T/report"

no_report()
{
	for report in "$T"/report.*; do
		[ -f "$report" ] || continue
		head -60 "$report" >&2
		fail "a sanitizer's report after $1"
	done
}

is_sanitized()
{
	grep -q __asan_init "$VITRINE"
}

[ $# -gt 0 ] || set -- lines commands maps elf geometry poke files read writers growth limits
for part; do
	if [ "$part" = limits ]; then
		is_sanitized && continue    # its shadow takes more
		ulimit -S -v 1048576
		ulimit -S -n 16
	fi
	quarantine=$([ "$part" = growth ] && echo :quarantine_size_mb=1)
	ASAN_OPTIONS=$ASAN_OPTIONS${quarantine:-} mount_world
	ulimit -S -v unlimited
	ulimit -S -n 4096
	PIDFILE=$T/pid timeout 300 python3 "$here/hostile.py" "$part" "$seed"
	status=$?
	no_report "$part"
	[ $status = 0 ] || fail "$part, seed $seed"
	check_world
	umount_world
	no_report "the end of $part"
done
