#!/bin/sh
# 55 - a thread pool: bounded workers and a queue, against a thread for each connection.
. "$(dirname "$0")/lib.sh"
lesson "a thread pool"

host b
plug host0 eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
run b clients
say "A thread for each connection; each answer takes 10 ms (of waiting, say for a disk: threads do not slow each other down):"
run host0 threads
on host0 2 "serve echo 7 style=thread work=10ms"
say "and a pool of four threads that share a listening socket:"
run host0 pool
on host0 3 "serve echo 8 style=pool=4 work=10ms"
show "ls hosts/host0/proc/2/task | wc -l; ls hosts/host0/proc/3/task | wc -l"
ask "Forty clients at once. What does each of them see, and how many threads does the server have?"
on b 2 "load echo 10.0.0.1:7 clients=40 count=1"
on b 2 "load echo 10.0.0.1:8 clients=40 count=1"
say "The pool answers four at a time: the last one waits for nine rounds, in the queue of the listening socket."
say "Under steady load below what it can do, 300 clients a second for 4 threads of 10 ms, a pool keeps up:"
on b 2 "load echo 10.0.0.1:8 clients=300 rate=300"
ask "And with 600 a second, more than it can do?"
on b 2 "load echo 10.0.0.1:8 clients=600 rate=600"
say "The queue grows to its 128 places; then connections are dropped, and tried again by their clients' TCP after a second."
show "awk '/^TcpExt/ { for (i = 1; n && i <= NF; i++) if (name[i] == \"ListenOverflows\") print name[i], \$i; n = split(\$0, name) }' hosts/host0/proc/net/netstat"
say "A thread for each would take them all, until memory ends. Bounded workers and a bounded queue keep a server alive."
