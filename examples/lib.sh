# lib.sh - sourced by every lesson: mounts a world of its own, shows commands and what they print, asks questions.
#   lesson TITLE [--ram SIZE] [--geometry G] [--swap SIZE] [--swap-device D]   mounts in a fresh directory and goes there; all is taken away at the end
#   lesson_without_mount TITLE, trace NAME   for `vitrine replay`: a fresh directory, and in it NAME.compact
#   say TEXT... | show COMMAND | fails COMMAND | ask QUESTION
#   host NAME | plug HOST INTERFACE WIRE ADDRESS/N...    a computer; an interface of it, on a wire, up
#   free_port                                            prints one, for rules of bridges
#   messengers VARIANT [PART]                            a and b, who speak a message protocol
#   on HOST PID COMMAND | run HOST NAME [uid=N]          by a process of any host; a new one there, its pid in $pid
# M=DIR uses a world that is mounted there instead: its host0 is rebooted and stays as the lesson leaves it.
# QUIET=1 leaves the pauses out. VITRINE names the program to use.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

find_program()
{
	for VITRINE in "${VITRINE:-}" "$here/../build/fs/vitrine" "$(command -v vitrine || true)"; do
		[ -x "$VITRINE" ] && return
	done
	echo "build Vitrine first: sh examples/quickstart.sh" >&2
	exit 1
}

# The world in $M without wires and other hosts, its host0 as new, with the RAM and the geometry of the lesson.
take_over()
{
	cd "$M"
	for rule in $(awk 'NR > 1 { print $1 }' bridge/rules); do echo "del $rule" > bridge/rules; done
	for each in wires/* hosts/*; do
		case $each in *'*' | hosts/host0) ;; *) rmdir "$each" ;; esac
	done
	echo reboot > hosts/host0/ctl
	size=128M device=ssd
	while [ $# -gt 1 ]; do
		case $1 in
		--ram) echo "$2" > hosts/host0/mem/size ;;
		--geometry) echo "$2" > hosts/host0/mem/geometry ;;
		--swap) size=$2 ;;
		--swap-device) device=$2 ;;
		esac
		shift 2
	done
	[ "$size $device" != "128M ssd" ] || return 0
	echo 'off 0' > swap/ctl
	[ "$size" = 0 ] || echo "on $size $device" > swap/ctl
}

leave()
{
	[ -n "${mount:-}" ] || return 0
	cd /
	"$VITRINE" umount "$mount" 2>/dev/null || fusermount3 -uz "$mount" 2>/dev/null || true
	rmdir "$mount" 2>/dev/null || true
}

lesson()
{
	title=$1
	shift
	H=hosts/host0
	if [ -n "${M:-}" ]; then
		take_over "$@"
	else
		[ -w /dev/fuse ] || { echo "no FUSE for this user" >&2; exit 77; }
		find_program
		mount=$(mktemp -d "${TMPDIR:-/tmp}/vitrine.XXXXXX")
		trap leave EXIT
		trap 'exit 1' HUP INT TERM
		"$VITRINE" mount "$@" "$mount"
		cd "$mount"
	fi
	printf '%s\n' "$title" | sed 'p; s/./=/g'
}

# A lesson without a world: in a fresh directory, where `vitrine` is the program and traces/ the recorded traces.
lesson_without_mount()
{
	find_program
	case $VITRINE in /*) ;; *) VITRINE=$PWD/$VITRINE ;; esac
	mount=$(mktemp -d "${TMPDIR:-/tmp}/vitrine.XXXXXX")
	trap 'cd /; rm -rf "$mount"' EXIT
	trap 'exit 1' HUP INT TERM
	cd "$mount"
	ln -s "$here/traces" traces
	vitrine() { "$VITRINE" "$@"; }
	printf '%s\n' "$1" | sed 'p; s/./=/g'
}

# The recorded trace as a file, or the end: it is compressed, and the program may have been built without zstd.
trace()
{
	"$VITRINE" convert "traces/$1.compact.zst" "$1.compact" 2>why || { cat why; exit 77; }
}

say() { printf '\n%s\n' "$*"; }

# A command, as typed, and what it prints.
show() { printf '$ %s\n' "$*"; eval "$*"; }

# One that is to fail: what it prints goes to the reader, a success ends the lesson.
fails()
{
	printf '$ %s\n' "$*"
	if (eval "$*") 2>/dev/null; then echo "this should have failed" >&2; exit 1; fi
	printf '(fails; error_log says:)\n'
	awk '/^\[/ { last = "" } { last = last $0 "\n" } END { printf "%s", last }' error_log | sed 's/^\[[0-9.]*\] //'
}

# Bytes in hex, "41 42", to the RAM at an address.
poke()
{
	for byte in $2; do printf "\\$(printf %03o "0x$byte")"; done |
		dd of=$H/mem/ram bs=1 seek=$(($1)) conv=notrunc 2>/dev/null
}

ask()
{
	printf '\n? %s\n' "$*"
	[ -n "${QUIET:-}" ] || [ ! -t 0 ] || { printf '  (Enter for the answer) '; read -r _; }
}

# A port of this machine that nobody uses.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

host() { [ "$1" = host0 ] || show "mkdir hosts/$1"; }

plug()
{
	net=hosts/$1/net/ifs/$2
	wire=$3
	[ -d "wires/$wire" ] || show "mkdir wires/$wire"
	shift 3
	show "mkdir $net"
	show "echo $wire > $net/wire; printf '%s\\n' $* > $net/address; echo 1 > $net/up"
}

# on HOST PID COMMAND: by that process of that host; prints its result, if any.
on()
{
	where=hosts/$1/proc/$2/ctl
	shift 2
	printf "\$ echo '%s' > %s; cat %s\n" "$*" "$where" "$where"
	printf '%s\n' "$*" > "$where"
	cat "$where"
}

# run HOST NAME...: a new process there; its pid is in $pid.
run()
{
	where=hosts/$1/ctl
	shift
	printf '$ echo "spawn %s" > %s\n' "$*" "$where"
	echo "spawn $*" > "$where"
	pid=$(cat "$where")
	echo "pid $pid"
}

# spawn WORD...: a new process; its pid is in $pid.
spawn() { printf '$ echo "spawn %s" > hosts/host0/ctl\n' "$*"; echo "spawn $*" > "$H/ctl"; pid=$(cat "$H/ctl"); echo "pid $pid"; }

# act PID COMMAND: by that process; prints its result, if any.
act()
{
	who=$1
	shift
	printf "\$ echo '%s' > proc/%s/ctl; cat proc/%s/ctl\n" "$*" "$who" "$who"
	printf '%s\n' "$*" > "proc/$who/ctl"
	cat "proc/$who/ctl"
}

# signals PID COMMAND: one that a real program would not survive; prints the signal.
signals()
{
	who=$1
	shift
	printf "\$ echo '%s' > proc/%s/ctl; cat proc/%s/ctl\n" "$*" "$who" "$who"
	if (printf '%s\n' "$*" > "proc/$who/ctl") 2>/dev/null; then echo "this should have failed" >&2; exit 1; fi
	cat "proc/$who/ctl"
}

# messengers VARIANT [PART]: two computers on wire lan0; process 2 of each speaks a message protocol, in parts of at most
# PART bytes; b waits on port 7 for what a sends.
messengers()
{
	host a
	host b
	plug a eth0 lan0 10.0.0.1/24
	plug b eth0 lan0 10.0.0.2/24
	for each in a b; do
		show "printf '%s\\n' 'spawn $each' '2 socket rdt' '2 setsockopt 0 RDT_VARIANT $1' > hosts/$each/ctl"
	done
	[ -z "${2:-}" ] || show "echo '2 setsockopt 0 RDT_PART $2' > hosts/a/ctl"
	show "echo '2 bind 0 10.0.0.2:7' > hosts/b/ctl; echo '2 connect 0 10.0.0.2:7' > hosts/a/ctl"
}
