#!/bin/sh
# 19 - a segmentation fault, followed through the command's result, error_log, faults and events.
. "$(dirname "$0")/lib.sh"
lesson "Segmentation fault"

spawn demo
say "The program reads through a null pointer:"
fails "echo 'read 0' > proc/$pid/ctl"
say "The command's result is the signal:"
show "cat proc/$pid/ctl"
say "Stores to its own text, fetches from its stack, addresses that are none at all:"
text=0x$(awk '$2 == "r-xp" { sub(/-.*/, "", $1); print $1; exit }' proc/$pid/maps)
stack=0x$(awk '$6 == "[stack]" { sub(/-.*/, "", $1); print $1 }' proc/$pid/maps)
signals $pid "write $text 90"
signals $pid "exec $stack"
signals $pid "read 0x8000000000000000"
ask "Which of them is MAPERR, which ACCERR, and why has the last one no address?"
say "The process's own table of faults:"
show "awk '{ print \$2, \$3, \$4, \$5 }' proc/$pid/faults"
say "The same in the history of the world:"
show "awk '\$5 == \"fault\" { print \$4, \$5, \$6, \$7, \$8, \$9 }' events | tail -n 5"
say "A real program would have ended here; this one lives on until it is told to end:"
show "echo 'kill SEGV' > proc/$pid/ctl"
show "tail -n 1 events | awk '{ print \$4, \$5, \$6, \$7 }'"
