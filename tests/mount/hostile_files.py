"""hostile_files.py - names, and what is read of everything that ls shows."""
import errno, os, random, signal, stat, subprocess, threading, time

from hostile_world import *

# files/

def errno_of(call, *args, **kw):
    try:
        with timed(f"{call.__name__} {str(args)[:80]}"):
            call(*args, **kw)
        return "0"
    except OSError as e:
        return errno.errorcode[e.errno]


def part_files(rng):
    top = os.path.join(TOP, "files")
    for where in ("files", "hosts", "proc", ".", "mem", "proc/1"):
        for n, wanted in ((255, None), (256, "ENAMETOOLONG"), (4000, "ENAMETOOLONG"), (4096, "ENAMETOOLONG")):
            name = f"{where}/" + "n" * n
            got = errno_of(os.stat, name)
            same(f"stat of {n} in {where}", got, wanted or "ENOENT")
            got = errno_of(os.mkdir, name)
            if wanted:
                same(f"mkdir of {n} in {where}", got, wanted)
            same(f"open of {n} in {where}", errno_of(os.open, name, os.O_RDONLY) in ("ENOENT", "0", wanted), True)
    same("a name of 255", errno_of(os.rmdir, "files/" + "n" * 255), "0")
    for n in ("a", "b"):
        os.mkdir("files/" + n)
    same("loop", errno_of(os.symlink, "loop2", "files/loop1"), "0")
    os.symlink("loop1", "files/loop2")
    same("ELOOP", errno_of(os.stat, "files/loop1"), "ELOOP")
    must(H + "ctl", "spawn one")
    for path, wanted in (("/loop1", errno.ELOOP), ("/a", errno.EISDIR), ("/none", errno.ENOENT), ("/" + "x" * 256, errno.ENAMETOOLONG),
                         ("/a/." * 1500, errno.ENAMETOOLONG), ("/none/x", errno.ENOENT)):
        code, _ = run("proc/2/ctl", f"open {path} rw")
        same(f"open {path[:20]}", errno.errorcode.get(code, code), errno.errorcode[wanted])
    same("rename into itself", errno_of(os.rename, "files/a", "files/a/b"), "EINVAL")
    same("rmdir of a full one", (os.mkdir("files/a/c"), errno_of(os.rmdir, "files/a"))[1], "ENOTEMPTY")
    same("unlink of a directory", errno_of(os.unlink, "files/a") in ("EISDIR", "EPERM"), True)
    same("rmdir of a file", (open("files/f", "w").close(), errno_of(os.rmdir, "files/f"))[1], "ENOTDIR")
    same("rename to another tree", errno_of(os.rename, "files/f", "proc/f") in ("EXDEV", "EPERM", "EACCES"), True)
    same("link of a directory", errno_of(os.link, "files/a", "files/d") in ("EPERM",), True)
    same("long target", errno_of(os.symlink, "t" * 4095, "files/long"), "0")
    same("its read", errno_of(os.readlink, "files/long"), "0")
    same("far write", errno_of(os.truncate, "files/f", (1 << 63) - 1) in ("0", "EFBIG"), True)
    errno_of(os.truncate, "files/f", 1 << 44)
    fd = os.open("files/f", os.O_RDWR)
    for at in (0, 1, 1 << 31, 1 << 40, (1 << 44) - 1, (1 << 62), (1 << 63) - 2):
        errno_of(os.pwrite, fd, b"xyz", at)
        errno_of(os.pread, fd, 1 << 20, at)
    os.close(fd)
    check("strange files")
    os.unlink("files/f")
    # deep
    os.chdir("files")
    deep = 0
    for deep in range(3000):
        os.mkdir("d")
        os.chdir("d")
    with open("bottom", "w") as f:
        f.write("x" * 10000)
    errno_of(os.open, "none", os.O_RDWR)
    errno_of(os.truncate, "bottom", 5)
    errno_of(os.stat, "..")
    subprocess.run(["sh", "-c", "echo 3 > /proc/sys/vm/drop_caches"], stderr=subprocess.DEVNULL)
    os.chdir(TOP)
    check("deep")
    subprocess.run(["sh", "-c", "echo 3 > /proc/sys/vm/drop_caches"], stderr=subprocess.DEVNULL)
    read_whole(H + "mem/frames")
    subprocess.run(["rm", "-rf", "files/d"], check=False)
    # many open
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (12000, 12000))
    fds = []
    for i in range(10000):
        name = f"files/m{i % 2500}"
        fds.append(os.open(name, os.O_RDWR | os.O_CREAT))
    for i, fd in enumerate(fds[:2500]):
        os.write(fd, b"x%d" % i)
        if i % 2:
            os.unlink(f"files/m{i}")
    same("an unlinked one", os.pread(fds[7501], 10, 0), b"x1")
    check("10,000 open files")
    must("ctl", "reset")
    for fd in fds[:2000]:
        errno_of(os.pread, fd, 100, 0)
        errno_of(os.pwrite, fd, b"abc", 0)
        errno_of(os.ftruncate, fd, 0)
        errno_of(os.fstat, fd)
    for fd in fds:
        os.close(fd)
    check("closed after reset")
    # a machine reborn under open files: a new file may have an old one's number
    for turn in range(3):
        fds = []
        for i in range(20):
            fds.append(os.open(f"files/r{i}", os.O_RDWR | os.O_CREAT))
            os.write(fds[-1], b"old")
        dirs = [os.open("files", os.O_RDONLY), os.open("proc", os.O_RDONLY), os.open("proc/1", os.O_RDONLY)]
        must(*[(H + "ctl", "reboot"), ("ctl", "reset")][turn % 2])
        for i in range(20):
            with open(f"files/n{i}", "w") as f:
                f.write("new")
        for i, fd in enumerate(fds):
            got = errno_of(os.pread, fd, 10, 0)
            try:
                if os.pread(fd, 10, 0) == b"new":
                    complain("an old descriptor reads another machine's file")
            except OSError:
                pass
            os.close(fd)
        for fd in dirs:
            errno_of(os.listdir, fd)
            os.close(fd)
        for i in range(20):
            same("still there", open(f"files/n{i}").read(), "new")
        check("reborn")
    # a host removed under open files
    for turn in range(5):
        os.mkdir("hosts/b")
        must("hosts/b/ctl", "spawn x")
        fds = []
        for directory, _, files in os.walk("hosts/b"):
            for name in files:
                path = os.path.join(directory, name)
                if stat.S_ISREG(os.lstat(path).st_mode):
                    try:
                        fds.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                    except OSError:
                        pass
            if len(fds) > 400:
                break
        fds += [os.open("hosts/b/files/x", os.O_RDWR | os.O_CREAT), os.open("hosts/b/ctl", os.O_RDWR), os.open("hosts/b/mem/ram", os.O_RDWR)]
        half = os.open("hosts/b/ctl", os.O_RDWR)
        os.write(half, b"\nspawn y")
        here = os.open("hosts/b/files", os.O_RDONLY)
        if turn % 2:
            for fd in fds:
                errno_of(os.pread, fd, 3, 0)
        got = errno_of(os.rmdir, "hosts/b")
        same("rmdir", got, "0")
        for fd in fds:
            errno_of(os.pread, fd, 100, 0)
            errno_of(os.pread, fd, 100, 50)
            errno_of(os.write, fd, b"spawn z\n")
            errno_of(os.fstat, fd)
        errno_of(os.listdir, here)
        os.close(here)
        if turn % 2:
            os.mkdir("hosts/b")
            errno_of(os.rmdir, "hosts/b")
        for fd in fds + [half]:
            errno_of(os.close, fd)
        check("a host removed")
    got = errno_of(os.rmdir, "hosts/host0")
    print("rmdir hosts/host0:", got)
    errno_of(os.statvfs, ".")
    errno_of(os.listdir, "hosts")
    errno_of(os.stat, "proc")
    errno_of(os.stat, "proc/1")
    read_all(".", budget=50)
    run("ctl", "reset")
    os.chdir("/")
    os.chdir(TOP)
    same("host0 is back", os.path.isdir("hosts/host0/proc/1"), True)
    for name in ("..", ".", "a/b", "b\n", "b c", "\xff", "b\x01", "-n", "host0", "x" * 200, "x" * 255):
        try:
            os.mkdir(b"hosts/" + name.encode("latin-1"))
            check("host name")
            read_whole("events")
            os.rmdir(b"hosts/" + name.encode("latin-1"))
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.EEXIST, errno.ENAMETOOLONG, errno.ENOENT):
                complain(f"mkdir hosts/{name!r}: {errno.errorcode[e.errno]}")
    check("files")


# Everything that `ls` shows, in all sizes, while commands run

SIZES = [1, 2, 3, 7, 511, 512, 4095, 4096, 4097, 65536, 131072, 1 << 20]
OFFSETS = [0, 1, 4095, 4096, 1 << 31, 1 << 40, 1 << 62, (1 << 63) - 4096, (1 << 63) - 1]


def part_read(rng):
    live = furnish(rng)
    stop = threading.Event()

    def commander(n):
        mine = random.Random(n)
        while not stop.is_set():
            line = random_command(mine, COMMANDS)
            if line.split() and line.split()[0] not in ("kill", "exit", "fork", "clone"):
                try:
                    fd = os.open(f"proc/{mine.choice(live)}/ctl", os.O_RDWR | os.O_NONBLOCK)
                    try:
                        os.write(fd, line.encode() + b"\n")
                    except OSError:
                        pass
                    os.close(fd)
                except OSError:
                    pass
            time.sleep(0.001)

    threads = [threading.Thread(target=commander, args=(rng.random(),)) for _ in range(2)]
    for t in threads:
        t.start()
    end = time.monotonic() + float(os.environ.get("HOSTILE_TIME", "8"))
    names = []
    for directory, _, files in os.walk("."):
        names += [os.path.join(directory, f) for f in files]
    extra = [f"./proc/{live[0]}/{f}" for f in ("pagemap", "mem", "walk/0x10000000", "page/0x10000000", "walk/-1", "walk/0x8000000000000000",
                                              "page/99999999999999999999", "pagetable.json", "pagetable.csv", "faults.json")] + \
            [H + f for f in ("mem/frames.json", "mem/frames.csv", "mem/tlb.json", "mem/frame/0x0", "mem/frame/0xffffffffffffffff", "mem/frame/x")] + ["events.json"]
    read = 0
    while time.monotonic() < end:
        path = rng.choice(names + extra)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as e:
            if e.errno in (errno.ENOTCONN, errno.ECONNABORTED):
                complain(f"died at {path}")
                break
            continue
        try:
            size = rng.choice(SIZES)
            for at in rng.sample(OFFSETS, 4):
                with timed(f"pread {path} {size} {at}"):
                    try:
                        os.pread(fd, size, at)
                    except OSError as e:
                        if e.errno not in (errno.ESRCH, errno.ENOENT, errno.EIO, errno.EAGAIN, errno.EINVAL, errno.ESTALE, errno.ESPIPE, errno.EOVERFLOW):
                            complain(f"{path} {size} {at}: {errno.errorcode[e.errno]}")
            for _ in range(50):
                with timed(f"read {path} {size}"):
                    try:
                        if not os.read(fd, size):
                            break
                    except OSError:
                        break
            read += 1
        finally:
            os.close(fd)
    stop.set()
    for t in threads:
        t.join()
    print(f"{read} files read")
    # readers of streams, killed
    readers = [subprocess.Popen(["cat", f], stdout=subprocess.DEVNULL) for f in ("events.follow", "events.json.follow") * 10]
    waiters = [subprocess.Popen(["sh", "-c", f"echo wait > proc/{live[0]}/ctl"], stderr=subprocess.DEVNULL) for _ in range(4)]
    time.sleep(0.2)
    for i, p in enumerate(readers + waiters):
        p.send_signal([signal.SIGKILL, signal.SIGTERM, signal.SIGINT][i % 3])
    for p in readers + waiters:
        try:
            p.wait(timeout=3)
        except subprocess.TimeoutExpired:
            p.kill()
            try:
                p.wait(timeout=60)
            except subprocess.TimeoutExpired:
                complain("a reader cannot be killed")
    check("reading")
