#!/bin/sh
# files/: an ordinary writable directory.
. "$(dirname "$0")/lib.sh"

mount_world --ram 256M
cd files || exit 1
echo hello > a && same "echo" "$(cat a)" hello
echo more >> a && same "append" "$(wc -l < a)" 2
: > a && same "truncate" "$(stat -c %s a)" 0
cp /bin/true . && cmp /bin/true true || fail "cp"
cp -a /etc/passwd p && cmp /etc/passwd p || fail "cp -a"
same "mtime" "$(stat -c %Y p)" "$(stat -c %Y /etc/passwd)"
chmod 600 p && same chmod "$(stat -c %a p)" 600
mkdir -p d/e/f && rmdir d/e/f && mv d/e g && [ -d g ] || fail "directories"
ln -s a link && same "symlink" "$(readlink link)" a
ln a hard && same "hard links" "$(stat -c %h a)" 2
mv a b && [ ! -e a ] && [ -e b ] || fail "mv"
mv p b && cmp b /etc/passwd || fail "mv over"
rm b hard link
head -c 3000000 /dev/urandom > "$T/big" && cp "$T/big" . && cmp "$T/big" big || fail "a large file"
dd if="$T/big" of=big bs=1000 seek=7 skip=7 count=3 conv=notrunc 2>/dev/null && cmp "$T/big" big || fail "dd"
if command -v rsync >/dev/null; then
	mkdir r && rsync -a /etc/skel/ r/ && diff -r /etc/skel r || fail "rsync"
fi
python3 - <<'PY' || fail "a rule of files is broken"
import mmap, os, sys
bad = []
def same(what, got, wanted):
    if got != wanted:
        bad.append(f"{what}: got {got!r}, wanted {wanted!r}")
with open("/etc/passwd", "rb") as f:
    data = f.read()
fd = os.open("m", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
os.write(fd, data)
same("mode", os.fstat(fd).st_mode & 0o777, 0o640 & ~os.umask(0))
m = mmap.mmap(fd, len(data), flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
same("mmap", m[:], data)
os.ftruncate(fd, 10)
same("ftruncate", os.fstat(fd).st_size, 10)
same("pread", os.pread(fd, 100, 0), data[:10])
os.pwrite(fd, b"x", 5000)
same("a hole", os.pread(fd, 5001, 0), data[:10] + bytes(4990) + b"x")
os.unlink("m")
same("unlinked", os.path.exists("m"), False)
same("and still open", os.pread(fd, 1, 5000), b"x")
os.write(fd, b"y")
os.close(fd)
a = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND); b = os.open("log", os.O_WRONLY | os.O_APPEND)
for i in range(10):
    os.write(a, b"a"); os.write(b, b"b")
same("O_APPEND by two", open("log").read(), "ab" * 10)
os.utime("log", ns=(10**18 + 1, 10**18 + 5))
same("utime", os.stat("log").st_mtime_ns, 10**18 + 5)
try:
    os.open("log", os.O_CREAT | os.O_EXCL)
    bad.append("O_EXCL")
except FileExistsError:
    pass
os.mkdir("many")
for i in range(500):
    open(f"many/{i}", "w").close()
same("many", sorted(map(int, os.listdir("many"))), list(range(500)))
for entry in os.scandir("many"):
    os.unlink(entry.path)
same("all removed", os.listdir("many"), [])
print("\n".join(bad))
sys.exit(bool(bad))
PY
cd .. || exit 1
same check "$(head -1 check)" ok
umount_world
echo ok
