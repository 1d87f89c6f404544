#!/bin/sh
# Many clients at once (stress.c); then nothing may be left open, and every count must agree.
. "$(dirname "$0")/lib.sh"

mount_world
fds() { ls "/proc/$DAEMON/fd" | wc -l; }
before=$(fds)
"$STRESS" ${SEED:+--seed "$SEED"} --time "${SECONDS_OF_STRESS:-10}" "$M" || fail "a client got a wrong answer"
quietly kill -0 "$DAEMON" || fail "the program is gone"
same check "$(head -1 check)" ok
same "open descriptors" "$(fds)" "$before"
grep -v "^\[\|^  " error_log | head -3
umount_world
echo ok
