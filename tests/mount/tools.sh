#!/bin/sh
# Unmodified tools inside `vitrine enter`, each that is installed: what they print against what the engine knows.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

mount_world --ram 64M --swap 128M
timeout 30 "$VITRINE" enter "$M" -- true 2>/dev/null || { echo "no namespaces here"; exit 77; }
mkdir wires/lan hosts/host0/net/ifs/eth0 || fail "an interface"
echo lan > hosts/host0/net/ifs/eth0/wire
echo 10.0.2.15/24 > hosts/host0/net/ifs/eth0/address
echo 1 > hosts/host0/net/ifs/eth0/up
echo 'add 0.0.0.0/0 via 10.0.2.2 dev eth0' > hosts/host0/net/routes
echo 'add 10.0.2.2 52:54:00:12:34:56 dev eth0' > hosts/host0/net/neighbours
cat > hosts/host0/ctl <<'END' || fail "$(tail -n 3 error_log)"
set loadavg 0.25 0.50 0.75
1 set cmdline /sbin/init splash
1 set utime 1.5s
spawn editor uid=1000 gid=1000
2 set cmdline /usr/bin/editor -nw notes.txt
2 set utime 45s
2 set stime 5s
2 set tty tty1
2 set state R
2 mmap 0x7f0000000000 0x100000 rw- private,anon,fixed
2 touch 0x7f0000000000 0x40000 w
2 touch 0x404000 0x3000 w
2 touch 0x400000 0x1000 x
2 mmap 0x7f1000000000 0x10000 rw- shared,anon,fixed
2 touch 0x7f1000000000 0x8000 w
2 fork
3 write 0x404000 "own"
spawn server uid=33
4 set nice 5
4 clone tid=5
4 touch 0x404000 0x3000 w
spawn ended
6 set state Z
spawn disk
7 set state D
7 set io 1000 2000 3 4 4096 8192
7 touch 0x404000 0x4000 w
7 madvise 0x404000 0x4000 pageout
set-socket tcp 0.0.0.0:80 - LISTEN pid=4 fd=3
set-socket tcp 10.0.2.15:80 10.0.2.2:51234 ESTABLISHED pid=4 fd=4 rxq=17 txq=290
set-socket tcp 10.0.2.15:80 10.0.2.2:51235 TIME_WAIT
set-socket udp 0.0.0.0:53 - - pid=7 fd=9
7 set fd 0 /dev/null r
set uptime 3600s
END
check_world
python3 "$here/tools.py" "$VITRINE" "$M" || fail "tools"
check_world
umount_world
