#!/bin/sh
# compare.sh RECORDER RUNNER [COUNT [FIRST-SEED]] - random scripts on the real kernel and on the machine, compared.
# Exit 77 where the kernel is not the one that the machine models, or does not permit it.
# KINDS="swap shm": those of generate.py's kinds alone; KEEP=DIR keeps scripts that differ.
# A script that the kernel itself answers differently a second time (reclaim, swap) decides nothing and is left out.
set -u
recorder=$1 runner=$2 count=${3:-200} seed=${4:-1}
generate=$(dirname "$0")/generate.py

case $(uname -r) in
6.18.*) ;;
*) echo "this kernel is $(uname -r); the machine models 6.18"; exit 77 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "seeds $seed to $((seed + count - 1))"
left=0 done=0
while [ $done -lt "$count" ]; do
	for kind in ${KINDS:-anon mix ext4 vma fork swap all theme edge big stack shm files hugetlb thp}; do
		[ $done -lt "$count" ] || break
		name=$kind-$((seed + done))
		python3 "$generate" $kind $((seed + done)) > "$work/script"
		timeout 120 "$recorder" "$work/script" > "$work/$name.txt" 2> "$work/error"
		case $? in
		0) ;;
		3) left=$((left + 1)); done=$((done + 1)); rm "$work/$name.txt"; continue ;;
		77) cat "$work/error"; exit 77 ;;
		*) echo "$name: the recorder failed:"; cat "$work/error"; exit 1 ;;
		esac
		timeout 120 "$recorder" "$work/script" > "$work/again" 2> /dev/null
		if ! cmp -s "$work/again" "$work/$name.txt"; then
			left=$((left + 1))
			rm "$work/$name.txt"
		fi
		done=$((done + 1))
	done
done
[ $left = 0 ] || echo "left out: $left (the kernel answered differently a second time, or cannot run them)"
if "$runner" "$work"/*.txt > "$work/report" 2>&1; then
	tail -n 1 "$work/report"
	exit 0
fi
grep -vE ': ([0-9]+) of \1 operations agree$' "$work/report"
if [ -n "${KEEP:-}" ]; then
	mkdir -p "$KEEP"
	cp "$work"/*.txt "$work/report" "$KEEP"
fi
exit 1
