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

# A busy machine: a connection that the table has twice, listeners that share a port.
mkdir -p "$T/proc/net" hosts/c
cp /proc/loadavg /proc/stat /proc/uptime "$T/proc"
while read -r local remote state inode; do
	echo "0: $local $remote $state 00000000:00000000 00:00000000 00000000 0 0 $inode 1 0 100 0 0 10 0"
done > "$T/proc/net/tcp" <<'END'
head
0100007F:0050 00000000:0000 0A 11
00000000:0050 00000000:0000 0A 12
00000000:0051 00000000:0000 0A 13
00000000:0051 00000000:0000 0A 14
0100007F:1000 0200007F:2000 01 15
0100007F:1001 0200007F:2000 01 16
0100007F:1000 0200007F:2000 06 0
END
PROC_ROOT=$T/proc python3 "$examples/record-proc.py" > "$T/busy" || fail "recording a busy machine"
cat "$T/busy" > hosts/c/ctl || fail "$(tail -n 3 error_log)"
same "its sockets" "$(awk 'NR > 1 { print $2, $3, $4 }' hosts/c/proc/net/tcp | sort)" "00000000:0051 00000000:0000 0A
0100007F:0050 00000000:0000 0A
0100007F:1000 0200007F:2000 06
0100007F:1001 0200007F:2000 01"
umount_world
