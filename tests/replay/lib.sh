# lib.sh - for the scripts here. Sourced. VITRINE is the program; T a directory that goes at the end.
set -u
VITRINE=${VITRINE:-vitrine}
command -v "$VITRINE" >/dev/null || { echo "no program: set VITRINE"; exit 1; }
cases=$(cd "$(dirname "$0")/../cases" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/replay.XXXXXX")
trap 'rm -rf "$T"' EXIT
trap 'exit 130' HUP INT TERM
failures=0

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

same()
{
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# has_used PID SECONDS: waits until that program has had a processor for so long, or has ended.
has_used()
{
	while used=$(awk '{ print $3 == "Z" ? 1e9 : $14 + $15 }' "/proc/$1/stat" 2>/dev/null) && [ "$used" -lt $(($2 * $(getconf CLK_TCK))) ]; do
		sleep 0.05
	done
}

# catches PID: waits until that program does something of its own about SIGINT and SIGTERM, and about SIGBUS, as no shell does.
catches()
{
	while ! awk '/^State:/ && $2 == "Z" { ended = 1 } /^SigCgt:.*[4567cdef].[4567cdef][2367abef]$/ { ready = 1 }
		END { exit !(ready || ended) }' "/proc/$1/status"; do
		sleep 0.05
	done
}

# refuses PATTERN WORD...: the program ends with 1 or 2 within ten seconds and one line that matches, in bounded memory.
refuses()
{
	pattern=$1
	shift
	(ulimit -t 20; timeout 20 "$VITRINE" "$@") > "$T/out" 2> "$T/err" < /dev/null
	status=$?
	case $status in 1|2) ;; *) fail "$*: status $status: $(cat "$T/err")" ;; esac
	[ "$(wc -l < "$T/err")" = 1 ] || fail "$*: not one line: $(cat "$T/err")"
	grep -Eq "$pattern" "$T/err" || fail "$*: '$(cat "$T/err")' is not '$pattern'"
}
