#!/bin/sh
# 56 - tshark watches a simulated wire while it is used: a stream of frames that follows, as a network card would give them.
. "$(dirname "$0")/lib.sh"
lesson "tshark, live on a simulated wire"
[ -x "$(command -v tshark)" ] || { echo "no tshark" >&2; exit 77; }
seen=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-seen.XXXXXX")
watcher=
trap '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true; leave; rm -rf "$seen"' EXIT

host a
plug host0 eth0 lan0 10.0.0.1/24
plug a eth0 lan0 10.0.0.2/24
run host0 server
on host0 2 "serve http 80"
show "echo 'good morning' > files/page"
run a client

# What tshark has said since the last time, once there are so many lines of it. One that may not capture has ended by then.
told=0
tells()
{
	until [ "$(wc -l < "$seen/out")" -ge $((told + $1)) ]; do
		kill -0 "$watcher" 2>/dev/null || { cat "$seen/why" >&2; [ "$told" != 0 ] || exit 77; exit 1; }
		sleep 0.05
	done
	printf '  tshark says:\n'
	tail -n +$((told + 1)) "$seen/out" | sed 's/·//g; s/,*$//; s/^/  | /'
	told=$(wc -l < "$seen/out")
}

say "In another terminal, a real tshark reads a file of the wire that never ends, and says what a frame is as it comes:"
fields="-T fields -E separator=, -e arp.opcode -e icmp.type -e ip.src -e ip.dst -e tcp.flags.str -e http.request.uri -e http.response.code"
printf '$ tshark -l -n -i - %s < wires/lan0/capture.follow &\n' "$fields"
exec 4< wires/lan0/capture.follow
: > "$seen/out"
tshark -l -n -i - $fields <&4 > "$seen/out" 2> "$seen/why" &
watcher=$!
exec 4<&-

ask "One ping: which frames is that?"
show "echo 'ping 10.0.0.1 1' > hosts/a/proc/2/ctl"
tells 4
say "Who has 10.0.0.1, and the answer; then request (8) and reply (0)."
ask "And a page of the web?"
on a 2 "get http://10.0.0.1/page"
tells 8
say "Three frames for the handshake, a question, an answer; the server's FIN. The client has yet to close its side:"
show "echo 'advance 1s' > clock"
tells 3
ask "How does a capture end that follows?"
say "With the wire:"
show "rmdir wires/lan0"
wait "$watcher" && echo "tshark has ended"
watcher=
