#!/bin/sh
# The program: its options, refusals, exit status, mounting again over a dead mount, the form of mount(8).
. "$(dirname "$0")/lib.sh"

status_of() { "$@" > "$T/out" 2> "$T/err"; echo $?; }
lines() { wc -l < "$T/err"; }
make_places
cd "$T" || exit 1

same help "$(status_of "$VITRINE" help)" 0
grep -q 'vitrine mount' "$T/out" || fail "help"
same version "$(status_of "$VITRINE" version)" 0
same nothing "$(status_of "$VITRINE")" 2
same "no directory" "$(status_of "$VITRINE" mount)" 2
same "unknown option" "$(status_of "$VITRINE" mount --nonsense "$M")" 2
same "a bad size" "$(status_of "$VITRINE" mount --ram lots "$M")" 2
same "a bad geometry" "$(status_of "$VITRINE" mount --geometry sv1 "$M")" 2
same "no such directory" "$(status_of "$VITRINE" mount "$T/none")" 1
same "one line" "$(lines)" 1
touch "$T/file"
same "a file" "$(status_of "$VITRINE" mount "$T/file")" 1
mkdir "$T/full" && touch "$T/full/x"
same "not empty" "$(status_of "$VITRINE" mount "$T/full")" 1
grep -q 'not an empty directory' "$T/err" || fail "$(cat "$T/err")"
# Values that cannot be are wrong usage, whoever finds that out.
while read -r options; do
	same "$options" "$(status_of "$VITRINE" mount $options "$M")" 2
	same "lines: $options" "$(lines)" 1
done <<'END'
--geometry x86-32 --ram 64G
--ram 0
--ram 5000
--ram 100000T
--swap 100000000T
--policy best
-o policy=best
--swap-device tape
--cpus 0
--seed x
END
same "no such journal" "$(status_of "$VITRINE" mount --replay "$T/none" "$M")" 1
same "no place for a journal" "$(status_of "$VITRINE" mount --journal "$T/none/j" "$M")" 1
same "no place for a pidfile" "$(status_of "$VITRINE" mount -o pidfile="$T/none/p" "$M")" 1
grep -q 'none/p: No such file' "$T/err" || fail "pidfile: $(cat "$T/err")"
same "no such root" "$(status_of "$VITRINE" mount --root nothing "$M")" 1
same "not mounted" "$(status_of "$VITRINE" umount "$M")" 1
mountpoint -q "$M" && fail "mounted after all"

# What it shows in the mount table; mounting twice; killed, and mounted again.
mount_world
grep -q " $M .* - fuse.vitrine vitrine " /proc/self/mountinfo || fail "mountinfo"
grep " $M " /proc/self/mountinfo | grep -q nosuid,nodev,noexec || fail "flags"
same "twice" "$(cd /; status_of "$VITRINE" mount "$M")" 1
same "the pidfile is locked" "$(cd /; mkdir "$T/other"; status_of "$VITRINE" mount -o pidfile="$T/pid" "$T/other")" 1
kill -9 "$DAEMON"
until_true is_gone "$DAEMON" || fail "not killed"
cd "$T" || exit 1
ls "$M" > /dev/null 2>&1 && fail "alive after all"
mount_world
[ -f README ] || fail "not mounted again"
umount_world
mountpoint -q "$M" && fail "still mounted"
[ -d "$M" ] || fail "the directory is gone"

# Options.
mount_world --ram 8M --geometry sv39 --seed 7
same ram "$(cat mem/size)" 8388608
case $(cat mem/geometry) in *sv39*) ;; *) fail "geometry" ;; esac
umount_world
mount_world --geometry 'va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4'
same "a tiny machine" "$(cat mem/size)" 64
umount_world
mount_world --root hosts/host0/proc
[ -d 1 ] && [ -f meminfo ] || fail "--root"
umount_world

# As mount(8) and fstab write it.
"$VITRINE" thing "$M" -o rw,nofail,x-systemd.automount,dev,suid,ram=8M,pidfile="$T/pid" || fail "mount(8)'s form"
until_true test -s "$T/pid"
DAEMON=$(cat "$T/pid")
grep -q " $M .* - fuse.vitrine thing " /proc/self/mountinfo || fail "the source is not shown"
same "ram=" "$(cat "$M/mem/size")" 8388608
umount_world
if [ "$(id -u)" = 0 ] && [ -x /sbin/mount.fuse3 ]; then
	# As type fuse.vitrine it would have to be installed, for mount(8) has its own PATH.
	mount -t fuse -o ram=8M,pidfile="$T/pid" "$VITRINE#thing" "$M" || fail "mount -t fuse"
	until_true test -s "$T/pid"
	DAEMON=$(cat "$T/pid")
	umount "$M" || fail "umount"
	until_true is_gone "$DAEMON" || fail "it goes on"
	DAEMON=
fi

# In the foreground, and told to end.
"$VITRINE" mount -f "$M" & pid=$!
until_true mountpoint -q "$M" || fail "-f"
kill -INT $pid; wait $pid; same "SIGINT" $? 0
mountpoint -q "$M" && fail "still mounted"

# At any moment, with somebody who asks without a pause.
for signal in TERM HUP INT TERM; do
	"$VITRINE" mount -f "$M" & pid=$!
	until_true mountpoint -q "$M" || fail "-f"
	while cat "$M/clock" "$M/clock" > /dev/null 2>&1; do :; done & user=$!
	until_true grep -q '^syscr: [0-9]\{2,\}$' /proc/$pid/io
	kill -$signal $pid; wait $pid; same "SIG$signal" $? 0
	wait $user
	mountpoint -q "$M" && fail "still mounted after SIG$signal"
done

# In use, it is detached, and ends when it is not used any more.
mount_world
sleep 30 < README & user=$!
cd "$T" || exit 1
"$VITRINE" umount "$M" || fail "umount in use"
mountpoint -q "$M" && fail "still mounted"
kill $user
until_true is_gone "$DAEMON" || fail "it goes on"
DAEMON=

# An ordinary user.
if [ "$(id -u)" = 0 ] && id nobody > /dev/null 2>&1 && command -v setpriv > /dev/null; then
	chmod 755 "$T"; mkdir "$T/theirs"; chown nobody "$T/theirs"
	as() { setpriv --reuid=nobody --clear-groups -- "$@"; }
	if as "$VITRINE" mount "$T/theirs" 2> "$T/err"; then
		same "its owner" "$(as stat -c %U "$T/theirs/clock")" nobody
		as sh -c "echo 'spawn x' > '$T/theirs/hosts/host0/ctl' && cat '$T/theirs/proc/2/maps' > /dev/null" || fail "a user's own"
		ls "$T/theirs" > /dev/null 2>&1 && fail "root looks in without being let"
		as "$VITRINE" umount "$T/theirs" || fail "a user's umount"
	fi
	# Others, where they are let in: what the mode says, and no writing.
	mount_world -o allow_other
	as cat clock > /dev/null || fail "others cannot read"
	quietly as sh -c 'echo manual > clock' && fail "others write"
	quietly as sh -c 'cat proc/1/environ' && fail "others read what is the owner's"
	quietly as mkdir hosts/x && fail "others make hosts"
	as ls -l . proc > /dev/null || fail "others cannot list"
	umount_world
	# Nobody but root, where nobody else is let in.
	mount_world -o allow_root
	cat clock > /dev/null || fail "root cannot read"
	quietly as cat clock && fail "allow_root lets others read"
	quietly as stat proc/1/maps && fail "allow_root lets others look"
	umount_world
fi
# Another mount namespace has a copy of the mount: that keeps no program alive.
if quietly unshare -m true; then
	mount_world --journal "$T/journal"
	unshare -m sleep 60 &
	sleeper=$!
	until_true sh -c "[ \$(readlink /proc/$sleeper/ns/mnt) != \$(readlink /proc/self/ns/mnt) ]" || fail "no namespace"
	umount_world
	kill $sleeper
	tail -n 1 "$T/journal" | grep -q ' end$' || fail "the journal has no end"
fi
echo ok
