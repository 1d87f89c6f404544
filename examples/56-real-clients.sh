#!/bin/sh
# 56 - servers, versions 1, 2 and 3, and three real clients: nc, on the other side of a bridge.
. "$(dirname "$0")/lib.sh"
lesson "servers, versions 1, 2 and 3, with three real clients"
[ -x "$(command -v nc)" ] || { echo "no nc" >&2; exit 77; }
talk=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-talk.XXXXXX")
trap 'leave; rm -rf "$talk"' EXIT

plug host0 eth0 lan0 10.0.0.1/24

# Three clients say who they are and keep the connection; who hears the echo?
three_clients()
{
	for n in 1 2 3; do
		rm -f "$talk/in$n" "$talk/out$n"
		mkfifo "$talk/in$n"
		: > "$talk/out$n"
	done
	nc -N 127.0.0.1 "$1" < "$talk/in1" > "$talk/out1" & exec 4> "$talk/in1"
	echo "I am 1" >&4
	until [ -s "$talk/out1" ]; do sleep 0.02; done
	nc -N 127.0.0.1 "$1" < "$talk/in2" > "$talk/out2" 4>&- & exec 5> "$talk/in2"
	echo "I am 2" >&5
	until [ "$(awk -v to=":$at\$" '$5 ~ to' bridge/connections | wc -l)" -ge 2 ]; do sleep 0.02; done
	nc -N 127.0.0.1 "$1" < "$talk/in3" > "$talk/out3" 4>&- 5>&- & exec 6> "$talk/in3"
	echo "I am 3" >&6
}

# Once those have heard something, and a little later: what has everybody heard?
heard()
{
	for n; do until [ -s "$talk/out$n" ]; do sleep 0.02; done; done
	sleep 0.3
	for n in 1 2 3; do echo "client $n hears: $(cat "$talk/out$n")"; done
}

# version PORT STYLE...: a server, a rule to it, three clients
version()
{
	at=$1
	shift
	run host0 server
	on host0 $pid "serve echo $at $*"
	port=$(free_port)
	printf '$ echo "listen tcp 127.0.0.1:PORT to host0:%s" > bridge/rules\n' "$at"
	echo "listen tcp 127.0.0.1:$port to host0:$at" > bridge/rules
	printf '$ nc -N 127.0.0.1 PORT &    three times; each says who it is and waits\n'
	three_clients "$port"
}

say "Version 1: one connection at a time."
version 7 style=serial
ask "The first client is served and stays. Who else hears something?"
heard 1
say "Nobody. All three are connected, though: the simulated kernel did that, and keeps them until somebody accepts."
show "awk 'NR == 1 || \$5 ~ /:7\$/ { print \$1, \$5, \$6, \$7, \$8 }' bridge/connections | column -t"
say "The first goes, and the second's turn has come:"
exec 4>&-
heard 2
exec 5>&-; exec 6>&-
wait

say "Version 2: a child for each, and the parent waits for it."
version 8 style=fork wait=1
ask "Is that better for the second and the third?"
heard 1
say "It is not: who waits for a child accepts nobody."
exec 4>&-; exec 5>&-; exec 6>&-
wait

say "Version 3: the parent does not wait."
version 9 style=fork
heard 1 2 3
say "Everybody is served at once, each by a process of its own:"
show "awk '/^PPid/ && \$2 == $pid { n++ } END { print n, \"children\" }' hosts/host0/proc/[0-9]*/status"
exec 4>&-; exec 5>&-; exec 6>&-
wait
