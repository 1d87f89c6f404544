#!/bin/sh
# examples/record-proc.py: this machine's processes as a fixture, which gives the same ones, and gives itself again.
. "$(dirname "$0")/lib.sh"
examples=$(cd "$(dirname "$0")/../../examples" && pwd)

mount_world --ram 1G
python3 "$examples/record-proc.py" > "$T/fixture" || fail "recording"
cat "$T/fixture" > hosts/host0/ctl || fail "$(tail -n 3 error_log)"
check_world
same "processes" "$(ls proc | grep -c '^[0-9]')" "$(($(grep -c '^spawn ' "$T/fixture") + 1))"
same "uptime" "$(cut -d' ' -f1 proc/uptime)" "$(sed -n 's/^set uptime \(.*\)s$/\1/p' "$T/fixture")"
shell=$(sed -n "s/^spawn .* pid=$$ .*/$$/p" "$T/fixture")
same "this shell" "$shell" $$
same "its areas" "$(cut -d' ' -f1,2 proc/$$/maps)" "$(grep -v vsyscall /proc/$$/maps | cut -d' ' -f1,2)"
same "its command line" "$(tr '\0' ' ' < proc/$$/cmdline)" "$(tr '\0' ' ' < /proc/$$/cmdline)"
cat hosts/host0/fixture > "$T/again"
mkdir hosts/b
cat "$T/again" > hosts/b/ctl || fail "$(tail -n 3 error_log)"
cmp "$T/again" hosts/b/fixture || fail "a fixture of a fixture is another"
check_world
umount_world
