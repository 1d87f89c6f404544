# bridge.sh PART - real programs on the other side of simulated sockets.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

# Two hosts on a wire, 10.0.0.1 and 10.0.0.2; host0 serves on ports 7, 9, 19 and 80.
make_net()
{
	mkdir wires/lan0 hosts/b
	n=1
	for h in host0 b; do
		mkdir hosts/$h/net/ifs/eth0
		echo lan0 > hosts/$h/net/ifs/eth0/wire
		echo 10.0.0.$n/24 > hosts/$h/net/ifs/eth0/address
		echo 1 > hosts/$h/net/ifs/eth0/up
		n=$((n + 1))
	done
	echo 'spawn client' > hosts/b/ctl
	pid=2
	for service in 'echo 7' 'discard 9' 'chargen 19' 'http 80'; do
		echo 'spawn server' > hosts/host0/ctl
		echo "serve $service style=thread" > proc/$pid/ctl
		pid=$((pid + 1))
	done
	mkdir -p files/www
}

if [ "$1" = any ]; then mount_world --bridge-any; else mount_world; fi
make_net
cd "$T" || exit 1  # or it could not be unmounted in there
(cd "$M" && exec python3 "$here/bridge.py" "$1" "$T" "$DAEMON") || exit
case $1 in end | cut-* | unread) exit 0 ;; esac
cd "$M" || exit 1
check_world
umount_world
