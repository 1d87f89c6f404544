#!/bin/sh
# 58 - a policy in ten lines of shell, in charge of a running machine: it beats FIFO.
. "$(dirname "$0")/lib.sh"
lesson "a replacement policy of one's own"

# fresh POLICY: a process with pages 0 to 9, no page in memory yet, three frames.
fresh()
{
	echo user_frames=3 > hosts/host0/mem/config
	echo "$1" > hosts/host0/mem/policy
	echo "spawn looper bare" > hosts/host0/ctl
	pid=$(cat hosts/host0/ctl)
	echo "mmap 0x10000 40K rw- private,anon,fixed" > "proc/$pid/ctl"
}

# The faults of a string of pages: page p is at 0x1p000.
faults()
{
	sum=0
	for page; do
		echo "touch 0x1${page}000 w" > "proc/$pid/ctl"
		case $(cat "proc/$pid/ctl") in *faults=0) ;; *) sum=$((sum + 1)) ;; esac
	done
	echo "$sum faults"
}

string="0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3"
ask "A loop that is one page too long: $string. FIFO, three frames?"
fresh fifo
faults $string
echo "$pid exit" > hosts/host0/ctl

say "Now the policy is a program. Each eviction is a line of candidates in mem/victim, frame numbers, the oldest first; what
is written back goes. This one takes the newest, so that part of the loop stays:"
cat <<'POLICY'
    while read -r candidates; do
        for frame in $candidates; do :; done
        echo "$frame" > mem/victim
    done < mem/victim
POLICY
fresh external
while read -r candidates; do
	for frame in $candidates; do :; done
	echo "$frame" > hosts/host0/mem/victim
done < hosts/host0/mem/victim &
policy=$!
ask "How many faults now?"
faults $string
show "grep ' evict ' events | tail -n 1 | grep -o 'policy=[a-z]*'"
kill $policy
wait $policy 2>/dev/null || true
say "(More eyes: mem/frame/PFN says whose page a candidate is, mem/lru what its bits are.)"
