# lib.sh - for the scripts here: a world mounted in a fresh directory, unmounted again whatever happens.
# Sourced. VITRINE is the program. Skips (77) where there is no FUSE.
#
#   mount_world [OPTIONS]   mounts, and goes there; M is the directory, T one for files beside it
#   umount_world            unmounts it before the end, and waits for the program
#   fail TEXT               says so and ends with 1
#   same WHAT GOT WANTED    fails unless they are equal
#   quietly COMMAND...      its errors are of no interest
#   until_true COMMAND...   waits for at most a minute
#   has_open PID FILE       that program has opened it
#   expect WANTED COMMAND...    what the command prints must be WANTED
#   refuses MESSAGE SHELL-TEXT  that must fail with such a message, "Invalid argument"
#   check_world             `check` must find no contradiction (pokes are none)
set -u

VITRINE=${VITRINE:-vitrine}
case $VITRINE in /*) ;; */*) VITRINE=$PWD/$VITRINE ;; esac
command -v "$VITRINE" >/dev/null || { echo "no program: set VITRINE"; exit 1; }
[ -c /dev/fuse ] && [ -w /dev/fuse ] && command -v fusermount3 >/dev/null || { echo "no FUSE here"; exit 77; }
[ -x "$(command -v python3)" ] || { echo "no python3"; exit 77; }

M= T= DAEMON=

cleanup()
{
	status=$?
	trap - EXIT HUP INT TERM
	cd /
	[ -z "$M" ] || { mountpoint -q "$M" && fusermount3 -uzq "$M"; }
	[ -z "$DAEMON" ] || quietly kill "$DAEMON"
	[ -z "$T" ] || jobs -p > "$T/jobs"  # in a subshell dash knows of none
	[ -z "$T" ] || for pid in $(cat "$T/jobs"); do quietly kill "$pid"; done
	[ -z "$T" ] || rm -rf "$T"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' HUP INT TERM

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

same()
{
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

quietly()
{
	"$@" >/dev/null 2>&1
}

until_true()
{
	until_end=$(($(date +%s) + 60))
	until "$@"; do
		[ "$(date +%s)" -lt "$until_end" ] || return 1
		sleep 0.05
	done
}

has_open()
{
	ls -l "/proc/$1/fd" 2>/dev/null | grep -q "/$2\$"
}

make_places()
{
	[ -n "$T" ] || T=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-test.XXXXXX")
	M=$T/m
	[ -d "$M" ] || mkdir "$M"
}

mount_world()
{
	make_places
	cd "$T" || exit 1
	"$VITRINE" mount -o pidfile="$T/pid" "$@" "$M" || fail "it does not mount"
	until_true test -s "$T/pid" || fail "no pidfile"
	DAEMON=$(cat "$T/pid")
	cd "$M" || exit 1
}

# Gone, or a zombie that nobody has collected yet.
is_gone()
{
	! quietly kill -0 "$1" || grep -qs '^[0-9]* (.*) Z' "/proc/$1/stat"
}

# Another test's private namespace, made meanwhile, has a copy of the mount: the program lives on for it.
is_held()
{
	grep -qs " $M " /proc/[0-9]*/mountinfo
}

is_gone_or_held()
{
	is_gone "$DAEMON" || is_held
}

umount_world()
{
	cd "$T" || exit 1
	"$VITRINE" umount "$M" || fail "it does not unmount"
	until_true is_gone_or_held || fail "the program is still there"
	is_gone "$DAEMON" || quietly kill "$DAEMON"
	until_true is_gone "$DAEMON" || fail "the program is still there, and was told to end"
	DAEMON=
}

expect()
{
	wanted=$1
	shift
	got=$("$@") || fail "$* failed"
	same "$*" "$got" "$wanted"
}

refuses()
{
	if message=$(LC_ALL=C sh -c "$2" 2>&1); then fail "$2 should have failed"; fi
	case $message in *"$1"*) ;; *) fail "$2: '$message', not '$1'" ;; esac
}

check_world()
{
	! grep -v -e '^ok$' -e '^poked:' -e '^set:' check || fail "check"
}
