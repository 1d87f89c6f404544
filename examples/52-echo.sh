#!/bin/sh
# 52 - echo client and server: request and response, call by call.
. "$(dirname "$0")/lib.sh"
lesson "An echo server"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
say "The server: socket, bind, listen; then for ever: accept, read, write what was read, close."
run host0 server
on host0 2 "socket tcp"
on host0 2 "setsockopt 0 SO_REUSEADDR 1"
on host0 2 "bind 0 10.0.0.1:7"
on host0 2 "listen 0"
say "It waits in accept (& lets us go on meanwhile):"
show "echo '2 accept 0 &' > hosts/host0/ctl"
say "The client: socket, connect, write, read."
run b client
on b 2 "socket tcp"
on b 2 "bind 0 10.0.0.2:4000"
on b 2 "connect 0 10.0.0.1:7"
show "cat hosts/host0/proc/2/ctl"
show "echo '2 recv 1 &' > hosts/host0/ctl"
on b 2 'send 0 "echo!"'
show "echo '2 recv 0 &' > hosts/b/ctl"
ask "Both wait: the server for the request, the client for the response. Who comes first?"
echo 'advance 1s' > clock
show "cat hosts/host0/proc/2/ctl"; echo
on host0 2 'send 1 "echo!"'
echo 'advance 1s' > clock
show "cat hosts/b/proc/2/ctl"; echo
on b 2 "close 0"
on host0 2 "recv 1"
echo "(the client has closed)"
on host0 2 "close 1"

say "The same server in three lines of shell, by the streams beside the descriptors:"
cat <<'EOT'
$ fd=$(cat hosts/host0/proc/2/stream/0)                    accept
$ read -r line < hosts/host0/proc/2/stream/$fd             read
$ echo "$line" > hosts/host0/proc/2/stream/$fd             write
EOT
(
	fd=$(cat hosts/host0/proc/2/stream/0)
	read -r line < "hosts/host0/proc/2/stream/$fd"
	echo "$line" > "hosts/host0/proc/2/stream/$fd"
	echo "close $fd" > hosts/host0/proc/2/ctl
) &
on b 2 "socket tcp"
on b 2 "connect 0 10.0.0.1:7"
show "echo 'hello from a shell' > hosts/b/proc/2/stream/0"
show "cat hosts/b/proc/2/stream/0"
wait
