#!/bin/sh
# The tree as tools see it: everything listed can be read, ends, has the size that stat tells, and nothing changes by it.
. "$(dirname "$0")/lib.sh"

mount_world
echo 'spawn demo' > hosts/host0/ctl
echo 'touch 0x402000 16K w' > proc/2/ctl
echo fork > proc/2/ctl
mkdir hosts/b
cp /bin/true files/
cat clock events mem/stats > "$T/before"

python3 - <<'PY' || fail "a rule of the tree is broken"
import ctypes, os, stat, sys

libc = ctypes.CDLL(None, use_errno=True)
bad = []
def check(ok, path, what):
    if not ok:
        bad.append(f"{path}: {what}")

def raw_entries(path, size):
    """getdents64 with a buffer of that size."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    out, buf = [], ctypes.create_string_buffer(size)
    while (n := libc.syscall(217, fd, buf, size)) > 0:
        at = 0
        while at < n:
            reclen = int.from_bytes(buf.raw[at + 16:at + 18], "little")
            out.append((buf.raw[at + 19:at + reclen].split(b"\0")[0].decode(), buf.raw[at + 18],
                        int.from_bytes(buf.raw[at:at + 8], "little")))
            at += reclen
    os.close(fd)
    return out

types = {stat.S_IFDIR: 4, stat.S_IFREG: 8, stat.S_IFLNK: 10, stat.S_IFSOCK: 12, stat.S_IFIFO: 1}
files = 0
def walk(path):
    global files
    entries = raw_entries(path, 32768)
    names = [e[0] for e in entries]
    check(names[:2] == [".", ".."], path, f"begins with {names[:2]}")
    check(len(set(names)) == len(names), path, "a name twice")
    check(raw_entries(path, 280) == entries, path, "other entries through a small buffer")
    for name, kind, ino in entries[2:]:
        here = f"{path}/{name}"
        st = os.lstat(here)
        check(kind == types.get(stat.S_IFMT(st.st_mode)), here, f"d_type {kind}")
        check(ino == st.st_ino, here, f"d_ino {ino}, st_ino {st.st_ino}")
        check(st.st_mtime_ns > 0, here, "mtime 0")
        if stat.S_ISDIR(st.st_mode):
            check(st.st_nlink >= 1, here, "nlink")
            walk(here)
        elif stat.S_ISLNK(st.st_mode):
            check(len(os.readlink(here)) == st.st_size, here, "length of a link")
        elif stat.S_ISREG(st.st_mode):
            files += 1
            fd = os.open(here, os.O_RDONLY | os.O_NONBLOCK)
            if name.startswith("kpage"):  # whole words only, as on Linux
                check(len(os.pread(fd, 800, st.st_size - 80)) == 80, here, "the last words")
            elif st.st_size > 1 << 20:
                check(len(os.pread(fd, 4096, st.st_size - 10)) == 10, here, "the last bytes")
            else:
                data = b""
                while chunk := os.read(fd, 65536):
                    data += chunk
                check(len(data) == st.st_size, here, f"st_size {st.st_size}, read {len(data)}")
                for size in (1, 7, 4095):
                    if len(data) < 4000 * size:
                        os.lseek(fd, 0, 0)
                        again = b""
                        while chunk := os.read(fd, size):
                            again += chunk
                        check(again == data, here, f"differs when read by {size}")
                n = len(data)
                for at in (0, 1, n // 2, max(n - 1, 0), n, n + 1, n + 4096, 1 << 31, 1 << 40, (1 << 62)):
                    check(os.pread(fd, 100, at) == data[at:at + 100], here, f"pread at {at}")
            os.close(fd)

walk(".")
print(files, "files")
check(files > 300, ".", "too few files")
print("\n".join(bad[:30]))
sys.exit(bool(bad))
PY

find . -type f -exec cat {} + > /dev/null || fail "find -exec cat"
find . -links +1 -type f | grep -q pt/ || fail "no shared page after fork"
timeout 60 grep -rqs 'no such text anywhere' . && fail "grep found it"
timeout 60 tar cf "$T/tree.tar" . 2> "$T/tar.err"
! grep -v 'socket ignored' "$T/tar.err" || fail "tar"
mkdir "$T/copy" && tar xf "$T/tree.tar" -C "$T/copy" --no-same-owner --delay-directory-restore || fail "tar x"
wide=$(awk 'length($0) > 110 { print FILENAME ": " $0 }' help/* README)
[ -z "$wide" ] || fail "wider than a page: $wide"
cmp help/process-ctl "$T/copy/help/process-ctl" || fail "tar copies otherwise"
cmp proc/2/maps "$T/copy/hosts/host0/proc/2/maps" || fail "tar copies otherwise"
cp -r help "$T/help" && diff -r help "$T/help" || fail "cp -r"
if command -v rsync >/dev/null; then
	rsync -a help/ "$T/rsynced/" && diff -r help "$T/rsynced" || fail "rsync"
fi
du -s . > /dev/null || fail "du"
sort proc/2/smaps | cmp -s - "$T/none" 2>/dev/null; [ -n "$(sort proc/2/maps)" ] || fail "sort"
same "tail -c" "$(tail -c 3 README | wc -c)" 3
same "wc -c" "$(wc -c < mem/frames)" "$(stat -c %s mem/frames)"
[ -s proc/2/maps ] || fail "[ -s ]"
[ -z "$(find proc/ -maxdepth 2 -name maps -empty)" ] || [ "$(find proc/ -maxdepth 2 -name maps -empty)" = proc/1/maps ] || fail "find -empty"
if command -v busybox >/dev/null; then
	busybox cat proc/2/maps | cmp - proc/2/maps || fail "busybox cat"
	busybox cp proc/2/maps "$T/maps" && cmp "$T/maps" proc/2/maps || fail "busybox cp"
fi
python3 -c 'import shutil; shutil.copyfile("proc/2/smaps", "'"$T"'/smaps")' && cmp proc/2/smaps "$T/smaps" || fail "sendfile"

cat clock events mem/stats | cmp - "$T/before" || fail "reading has changed something"
same check "$(head -1 check)" ok

# Between fstat(2) and read(2) a file may change. grep asks then for a hole behind what it has read: there is none.
python3 - <<'PY' || fail "an open file has an end other than the one that was read"
import errno, os, sys
def ctl(line):
    with open("proc/2/ctl", "w") as f:
        f.write(line)
bad = []
ctl("mmap 0x10000 4K rw- private,anon,fixed")
ctl("mmap 0x30000 4K rw- private,anon,fixed")
fd = os.open("proc/2/maps", os.O_RDONLY)
told = os.fstat(fd).st_size
ctl("munmap 0x10000 4K")
ctl("munmap 0x30000 4K")
text = os.read(fd, 65536)
ctl("mmap 0x10000 4K rw- private,anon,fixed")
def size_now():  # stat(2) would tell the kernel, which then asks no more
    other = os.open("proc/2/maps", os.O_RDONLY)
    n = len(os.read(other, 65536))
    os.close(other)
    return n
if not len(text) + 1 < size_now() < told:
    bad.append("the sizes are not those of the case")
try:
    bad.append(f"a hole at {os.lseek(fd, len(text), os.SEEK_HOLE)}, text of {len(text)}")
except OSError as e:
    if e.errno != errno.ENXIO:
        bad.append(f"SEEK_HOLE: {e}")
if (end := os.lseek(fd, 0, os.SEEK_END)) != len(text):
    bad.append(f"SEEK_END: {end}, text of {len(text)}")
os.lseek(fd, 0, os.SEEK_SET)
if not size_now() == len(os.read(fd, 65536)) == os.lseek(fd, 0, os.SEEK_END) == os.stat("proc/2/maps").st_size:
    bad.append("read again, it is not what it is now")
os.close(fd)
ctl("munmap 0x10000 4K")

# Bytes have an end, and no hole before it.
fd = os.open("mem/ram", os.O_RDONLY)
size = os.fstat(fd).st_size
if (os.lseek(fd, 4096, os.SEEK_DATA), os.lseek(fd, 4096, os.SEEK_HOLE)) != (4096, size):
    bad.append("data and holes of mem/ram")
os.close(fd)
print("\n".join(bad))
sys.exit(bool(bad))
PY

# Names that do not exist, and what may not be done.
errno_of() { python3 -c '
import errno, os, sys
try:
    eval(sys.argv[1])
    print("done")
except OSError as e:
    print(errno.errorcode[e.errno])' "$1"; }
same create "$(errno_of 'os.open("new", os.O_CREAT | os.O_WRONLY)')" EACCES
same mkdir "$(errno_of 'os.mkdir("proc/x")')" EPERM
same rmdir "$(errno_of 'os.rmdir("help")')" EPERM
same "rmdir host0" "$(errno_of 'os.rmdir("hosts/host0")')" EBUSY
same unlink "$(errno_of 'os.unlink("clock")')" EPERM
same rename "$(errno_of 'os.rename("clock", "clock2")')" EPERM
same symlink "$(errno_of 'os.symlink("a", "b")')" EPERM
same link "$(errno_of 'os.link("clock", "clock2")')" EPERM
same chmod "$(errno_of 'os.chmod("clock", 0o777)')" EPERM
same chown "$(errno_of 'os.chown("clock", 1, 1)')" EPERM
same "write to a read-only file" "$(errno_of 'os.open("README", os.O_WRONLY)')" EACCES
same truncate "$(errno_of 'os.truncate("clock", 0)')" done
same utime "$(errno_of 'os.utime("clock", (1, 1))')" done
same fallocate "$(errno_of 'os.posix_fallocate(os.open("clock", os.O_WRONLY), 0, 10)')" EPERM
same "a long name" "$(errno_of 'os.stat("x" * 300)')" ENAMETOOLONG
same "below a file" "$(errno_of 'os.stat("clock/x")')" ENOTDIR
same "no such" "$(errno_of 'os.stat("proc/77")')" ENOENT
same "a directory" "$(errno_of 'os.open("hosts", os.O_WRONLY)')" EISDIR
same statfs "$(errno_of 'os.statvfs(".").f_namemax == 255 or 1 / 0')" done

# Hosts.
same exists "$(errno_of 'os.mkdir("hosts/b")')" EEXIST
rmdir hosts/b || fail "rmdir hosts/b"
[ ! -e hosts/b ] || fail "hosts/b is still there"
mkdir hosts/b && [ -d hosts/b/proc/1 ] || fail "hosts/b does not come back"

# Death: the name goes at once, a new process under an old pid is another.
(cd proc/3 && echo 'wait' > ../2/ctl & echo 'exit 3' > proc/3/ctl; wait)
until_true [ ! -e proc/3 ] || fail "proc/3 is still there"
[ ! -e proc/3/maps ] || fail "proc/3/maps is still there"
# What a reset takes away is gone for those who have looked at it.
mkdir wires/w0 && [ -d wires/w0 ] || fail "mkdir"
echo reset > ctl
[ ! -e wires/w0 ] || fail "a wire outlives the reset"
umount_world
echo ok
