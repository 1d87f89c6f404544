#!/bin/sh
# Installs what the tests need, builds with AddressSanitizer and UndefinedBehaviorSanitizer, runs every test,
# then each fuzz target for FUZZ_SECONDS (30 where CI is set, else 10; 0: none) from FUZZ_SEED (1 where CI is set, so that what fails is
# the change's doing; else 0, which is another each time). Ends in one line of counts.
set -eu
cd "$(dirname "$0")/.."
. examples/install.sh

need_packages gcc libc6-dev meson ninja-build pkg-config libfuse3-dev fuse3 libglib2.0-dev libzstd-dev libcmocka-dev bind9-dnsutils \
	python3 xxd rsync procps busybox-static psmisc net-tools lsof smem sysstat python3-psutil gdb clang llvm curl netcat-openbsd socat iperf3 iproute2 \
	iputils-ping
build=${BUILD:-build-test}
fuzz_seconds=${FUZZ_SECONDS:-$([ -n "${CI:-}" ] && echo 30 || echo 10)}
fuzz_seed=${FUZZ_SEED:-$([ -n "${CI:-}" ] && echo 1 || echo 0)}

# -g1: lines and functions are all that a report shows, and a quarter of the time of compiling is saved.
[ -d "$build" ] || meson setup "$build" -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Dwerror=true -Dc_args=-g1
ninja -C "$build"

export ASAN_OPTIONS="${ASAN_OPTIONS:-abort_on_error=1:detect_leaks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}"
status=0
# One more at once than there are processors: many tests wait.
meson test -C "$build" --print-errorlogs --no-rebuild --num-processes $(($(nproc) + 1)) || status=1
set -- $(python3 - "$build/meson-logs/testlog.json" <<'PY'
import json, sys
results = [json.loads(line)["result"] for line in open(sys.argv[1])]
good = sum(r in ("OK", "EXPECTEDFAIL") for r in results)
skipped = results.count("SKIP")
print(good, len(results) - good - skipped, skipped)
PY
)
passed=$1 failed=$2 skipped=$3

if [ "$fuzz_seconds" -gt 0 ]; then
	fuzz=${build}-fuzz
	[ -d "$fuzz" ] || CC=clang meson setup "$fuzz" -Dfuzz=true -Dtests=disabled \
		-Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized -Dc_args=-g1
	ninja -C "$fuzz"
	# As many at once as there are processors: all take the same time.
	fuzz_one() {
		corpus=$(mktemp -d)
		if [ -d "tests/cases/fuzz/$1" ]; then cp "tests/cases/fuzz/$1"/* "$corpus"; fi
		code=0
		# Entropic: weighing inputs against one another would take most of the time with so much code to cover.
		timeout $((fuzz_seconds + 60)) "$fuzz/tests/fuzz/$1" -max_total_time="$fuzz_seconds" -rss_limit_mb=2048 \
			-seed="$fuzz_seed" -entropic=0 -timeout=20 -print_final_stats=1 -artifact_prefix="$fuzz/$1-" "$corpus" >"$fuzz/$1.log" 2>&1 || code=$?
		rm -rf "$corpus"
		return $code
	}
	fuzz_batch() {
		pids=
		for name; do
			echo "fuzzing: $name, $fuzz_seconds s"
			fuzz_one "$name" &
			pids="$pids $!"
		done
		for pid in $pids; do
			if wait "$pid"; then
				passed=$((passed + 1))
				grep -E 'stat::number_of_executed_units|stat::average_exec' "$fuzz/$1.log" || true
			else
				failed=$((failed + 1)) status=1
				grep 'INFO: Seed' "$fuzz/$1.log" || true
				tail -n 40 "$fuzz/$1.log"
			fi
			shift
		done
	}
	set --
	for target in "$fuzz"/tests/fuzz/fuzz_*; do
		[ -x "$target" ] && [ -f "$target" ] || continue
		set -- "$@" "$(basename "$target")"
		[ $# -lt "$(nproc)" ] || { fuzz_batch "$@"; set --; }
	done
	fuzz_batch "$@"
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
