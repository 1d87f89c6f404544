#!/bin/sh
# 50 - read and write wait: a reader until data comes, a writer until there is room; a pipe against a socket.
. "$(dirname "$0")/lib.sh"
lesson "When read and write wait"

spawn parent
act 2 "pipe"
act 2 "fork"
say "--- a pipe: one queue, one direction ---"
ask "The child reads, and nothing is there. (& starts a command that waits, without waiting for it.)"
show "echo '3 recv 0 &' > hosts/host0/ctl; cat proc/3/ctl"
say "It waits: no result yet. The parent writes:"
act 2 'send 1 "here you are"'
show "cat proc/3/ctl"; echo
say "Who does not want to wait opens the file O_NONBLOCK, as dd can:"
show "echo 'recv 0' | LC_ALL=C dd oflag=nonblock conv=notrunc of=proc/3/ctl 2>&1 | sed -n 's/^dd: //p'"
ask "A writer waits too. How much fits into a pipe that nobody reads?"
block=$(printf '%04096d' 0)
n=0
while echo "send 1 \"$block\"" | dd bs=64K iflag=fullblock oflag=nonblock conv=notrunc of=proc/2/ctl 2>/dev/null; do n=$((n + 1)); done
echo "$n blocks of 4096 bytes: $((n * 4096)) bytes"
show "echo '2 send 1 \"one more\" &' > hosts/host0/ctl"
say "It waits. A block is read:"
show "echo 'recv 0 4096' > proc/3/ctl; wc -c < proc/3/ctl"
show "cat proc/2/ctl"
ask "And when the last writer is gone?"
act 2 "close 1"
act 3 "close 1"
show "while echo 'recv 0' > proc/3/ctl && [ -s proc/3/ctl ]; do :; done; echo 'the end, without waiting'"
ask "And writing when the last reader is gone?"
act 2 "pipe"
act 2 "close 1"
fails "echo 'send 2 \"x\"' > proc/2/ctl"

say "--- a socket: two queues, both directions ---"
act 2 "socket tcp"
server=$(cat proc/2/ctl)
act 2 "bind $server 127.0.0.1:80"
act 2 "listen $server"
act 3 "socket tcp"
client=$(cat proc/3/ctl)
act 3 "bind $client 127.0.0.1:4000"
act 3 "connect $client 127.0.0.1:80"
act 2 "accept $server"
end=$(cut -d ' ' -f 1 proc/2/ctl)
say "Both ends write, both read: what one end writes never comes back to it, as it would through one pipe."
act 3 "send $client \"question\""
act 2 "send $end \"answer\""
act 3 "recv $client"; echo
act 2 "recv $end"; echo
show "ls -l proc/2/fd | sed 's/.* \([0-9]* -> [a-z]*\).*/\1/; 1d'"
