#!/bin/sh
# lesson.sh NAME - runs examples/NAME.sh on a mount of its own and compares what it prints with examples/NAME.expected.
# UPDATE=1 writes that file anew.
set -eu
: "${VITRINE:?the program to test}"
examples=$(cd "$(dirname "$0")/../../examples" && pwd)
out=$(mktemp "${TMPDIR:-/tmp}/lesson.XXXXXX")
trap 'rm -f "$out"' EXIT

status=0
QUIET=1 sh "$examples/$1.sh" > "$out" </dev/null || status=$?
[ "$status" = 0 ] || { cat "$out"; exit "$status"; }
if [ -n "${UPDATE:-}" ]; then cat "$out" > "$examples/$1.expected"; fi
diff -u "$examples/$1.expected" "$out"
