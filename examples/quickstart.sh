#!/bin/sh
# quickstart.sh - from a fresh checkout to a mounted machine, and a short tour of it on real input.
# Installs the Debian packages that are missing, builds in build/, mounts in a fresh directory, leaves it mounted.
set -eu
cd "$(dirname "$0")/.."
. examples/install.sh

need_packages gcc libc6-dev meson ninja-build pkg-config libfuse3-dev fuse3 libglib2.0-dev libzstd-dev
[ -d build ] || meson setup build -Dtests=disabled >/dev/null
ninja -C build >/dev/null
vitrine=$PWD/build/fs/vitrine

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold= plain=; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() { printf '$ %s\n' "$*"; eval "$*"; }

m=$(mktemp -d "${TMPDIR:-/tmp}/vitrine.XXXXXX")
"$vitrine" mount "$m"
cd "$m"

say "A simulated machine is mounted. Reading looks:"
run 'ls'
run 'head -n 3 proc/meminfo'

say "Writing acts. The memory layout of a real program, cat, poured into a simulated process (the result of a command
is read back from the same file):"
run 'echo "spawn shell bare" > hosts/host0/ctl'
run 'shell=$(cat hosts/host0/ctl); echo "pid $shell"'
run 'cat /proc/self/maps > proc/$shell/maps'
run 'tail -n 5 proc/$shell/maps'

say "A real program: /bin/true is copied to the simulated disk and executed; nothing is loaded until it is touched:"
run 'cp /bin/true files/'
run 'echo "spawn true /true" > hosts/host0/ctl; true=$(cat hosts/host0/ctl)'
run 'head -n 4 proc/$true/maps'
text=0x$(grep r-xp "proc/$true/maps" | head -n 1 | cut -d- -f1)
run 'echo "exec $text" > proc/$true/ctl; cat proc/$true/ctl'
run 'cat proc/$true/walk/$text'

say "Copy-on-write: after fork both processes map the same frames (the inode number of a leaf in pt/ is its PFN);
the child's store copies one page:"
stack=$(sed -n 's/^\([0-9a-f]*\)-.*\[stack\]$/\1/p' "proc/$true/maps")
run 'echo "write 0x$stack \"hello\"" > proc/$true/ctl'
run 'echo fork > proc/$true/ctl; child=$(cat proc/$true/ctl)'
run 'grep "^0x$stack " proc/$true/pagetable proc/$child/pagetable'
run 'echo "write 0x$stack \"J\"" > proc/$child/ctl'
run 'grep "^0x$stack " proc/$true/pagetable proc/$child/pagetable'
run 'tail -n 4 events'

say "A mistake says what, where and why:"
run 'echo "mprotect 0x601001 4096 r--" > proc/$true/ctl || true'
run 'tail -n 3 error_log'

say "Everything is counted again, and agrees:"
run 'cat check'

say "The mount is $m: look at README and help/ there. To leave it:"
echo "$vitrine umount $m && rmdir $m"
