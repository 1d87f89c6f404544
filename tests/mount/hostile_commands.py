"""hostile_commands.py - commands, lines, and writers against each other; growth and limits while they run."""
import errno, os, random, signal, subprocess, threading, time

from hostile_world import *


def part_commands(rng):
    must(H + "ctl", "spawn wide")
    for line in ("mmap 0x10000000 64T rw- private,anon,fixed,noreserve", "touch 0x10000000 64T w 1T", "mprotect 0x10000000 32T r--",
                 "madvise 0x10000000 64T dontneed", "madvise 0x10000000 64T pageout", "mremap 0x10000000 32T 16T", "fork",
                 "munmap 0 0x7ffffffff000"):
        must("proc/2/ctl", line)
    must(H + "ctl", 'spawn "a\\nb\\\\c"')
    same("a name in status", open("proc/4/status").readline(), "Name:\ta\\nb\\\\c\n")
    for name in ('"x\\ny"', '""', '"x y"'):
        same(f"vmstat {name}", run(H + "ctl", f"set vmstat {name} 5")[0], errno.EINVAL)
    reset()
    rounds = int(os.environ.get("HOSTILE_ROUNDS", "3"))
    for turn in range(rounds):
        furnish(rng)
        for i in range(500):
            live = pids()
            if len(live) > 40:
                for p in live[20:]:
                    run(f"proc/{p}/ctl", "kill KILL", want_log=False)
                run("proc/1/ctl", "wait")
            where = rng.random()
            if where < 0.75:
                line = random_command(rng, COMMANDS)
                run(f"proc/{rng.choice(live)}/ctl", line.encode() + rng.choice([b"", b"\n", b"   \n", b"\t# c\n"]))
            elif where < 0.85:
                line = random_command(rng, HOST)
                if not (line.startswith("spawn -n") or line.startswith("reboot")):
                    run(H + "ctl", line)
            elif where < 0.97:
                f = rng.choice(list(OTHERS))
                run(H + f, random_command(rng, OTHERS[f]))
            else:
                f = rng.choice(list(WORLD))
                line = random_command(rng, WORLD[f])
                if not line.startswith(("real", "run")):
                    run(f, line)
            if i % 25 == 0 and not check(f"{turn}.{i}: {line}"):
                break
        check(f"round {turn}")
        read_all("proc", budget=800)
        read_all("mem", budget=50)
        for p in pids():
            if p > 1:
                run(f"proc/{p}/ctl", "kill KILL", want_log=False)
        check(f"the end of round {turn}")
        reset()


# Lines.

def part_lines(rng):
    must(H + "ctl", "spawn one")
    ctl = "proc/2/ctl"

    def write(fd, data, at=None):
        try:
            with timed(f"write {data[:40]!r}"):
                return os.write(fd, data) if at is None else os.pwrite(fd, data, at)
        except OSError as e:
            return errno.errorcode[e.errno]

    for mode in (0, os.O_APPEND, os.O_TRUNC, os.O_APPEND | os.O_TRUNC):
        fd = os.open(ctl, os.O_RDWR | mode)
        write(fd, b"x" * (1 << 20) + b"\n")
        write(fd, b"x" * (3 << 20))
        write(fd, b"\n")
        same("usable", write(fd, b"mmap - 4096 rw- private,anon\n"), 29)
        same("3 MiB of lines", write(fd, b"# 2345678\n" * 300000) in (3000000, 1048528, 1048576, 1048570), True)
        os.close(fd)
    for junk in (b"\0", b"\0\n", b"fork\0\n", b"\0fork\n", b"\xff\n", b"fork \xc0\x80\n", b"\xed\xa0\x80\n", b"\xf4\x90\x80\x80\n",
                 b"\xc3\n", b"\x1b[2J\n", b'"\n', b'"fork\n', b'fork "a"b\n', b'write 0x10 "\\xzz"\n', b'write 1 "\\777"\n',
                 b'write 1 "' + b"\\" * 1000 + b"\n", b"=\n", b"=====\n", b"mmap=1\n", b"pid=1\n", b"#\xff\n", b"#\0\n", b"\v\f\n"):
        before = pids()
        run(ctl, junk)
        same(f"{junk!r} changes nothing", pids(), before)
        run(ctl, junk[:-1])
        run(H + "ctl", junk)
        run("ctl", junk)
        run("clock", junk)
        for f in OTHERS:
            run(H + f, junk)
    # split at every byte; anywhere in the file
    command = b'mmap 0x50000000 4096 rw- private,anon,fixed\nwrite 0x50000000 "a b\\x00"\nmunmap 0x50000000 4096\n'
    for cut in range(1, len(command)):
        fd = os.open(ctl, os.O_RDWR | rng.choice([0, os.O_APPEND, os.O_TRUNC]))
        at = rng.choice([0, 1, 4095, 1 << 31, 1 << 40, 1 << 62])
        first = write(fd, b"\n" + command[:cut], at)
        second = write(fd, command[cut:], rng.choice([0, 7, 1 << 50]))
        same(f"split at {cut}", (first, second), (cut + 1, len(command) - cut))
        os.close(fd)
    same("nothing is left", b"50000000-" in open("proc/2/maps", "rb").read(), False)
    # half lines and no close: killed writers
    for i in range(30):
        pid = os.fork()
        if pid == 0:
            fd = os.open(ctl, os.O_RDWR)
            os.write(fd, b"\n" + command[:rng.randrange(1, len(command))])
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
    # every file that can be opened for writing, with junk, at any offset
    for directory, dirs, files in os.walk("."):
        if "/files" in directory or "/swap" in directory:
            continue
        for name in files:
            path = os.path.join(directory, name)
            if name in ("ram", "mem") or not os.lstat(path).st_mode & 0o200:
                continue
            for data in (b"\n", b"", b"junk", b"junk\n", b"\0\0\n", b"\xff" * 5000, b"x" * 5000 + b"\n"):
                try:
                    fd = os.open(path, os.O_WRONLY | rng.choice([0, os.O_APPEND, os.O_TRUNC]))
                    try:
                        os.pwrite(fd, data, rng.choice([0, 3, 1 << 40]))
                    finally:
                        os.close(fd)
                    if data.strip(b"\n") and "proc/" not in path:
                        complain(f"{path} took {data[:20]!r}")
                except OSError as e:
                    if e.errno not in (errno.EINVAL, errno.E2BIG, errno.ESRCH, errno.ENOENT, errno.EACCES, errno.ECHILD, errno.EPERM):
                        complain(f"{path}: {data[:20]!r}: {errno.errorcode[e.errno]}")
    check("lines")


# Growth

def daemon_state():
    rss = int([l for l in open(f"/proc/{DAEMON}/status") if l.startswith("VmRSS")][0].split()[1])
    return rss, len(os.listdir(f"/proc/{DAEMON}/fd"))


def part_growth(rng):
    states = []
    for turn in range(8):
        furnish(rng)
        mine = random.Random(7)
        for _ in range(300):
            run(f"proc/{mine.choice(pids())}/ctl", random_command(mine, COMMANDS), want_log=False)
            live = pids()
            if len(live) > 30:
                for p in live[15:]:
                    run(f"proc/{p}/ctl", "kill KILL", want_log=False)
        read_all("proc/1", budget=100)
        for i in range(50):
            with open(f"files/g{i}", "w") as f:
                f.write("x" * 20000)
        os.mkdir("hosts/grow")
        must("hosts/grow/ctl", "spawn x")
        os.rmdir("hosts/grow")
        reset()
        subprocess.run(["sh", "-c", "echo 2 > /proc/sys/vm/drop_caches"], stderr=subprocess.DEVNULL)
        states.append(daemon_state())
    print("RSS kB, descriptors:", states)
    same("descriptors", len({s[1] for s in states[2:]}), 1)
    if states[-1][0] > states[3][0] * 1.10 + 4096:
        complain(f"it grows: {states}")


# Under `ulimit -v 1048576; ulimit -n 16`

def part_limits(rng):
    a = must(H + "ctl", "spawn a")
    must(f"proc/{a}/ctl", "mmap 0x10000000 64G rw- private,anon,fixed,noreserve")
    for line in ("touch 0x10000000 40M w", "touch 0x10000000 64G w", "fork", "fork"):
        run(f"proc/{a}/ctl", line)
    run(H + "ctl", "reboot")
    run(H + "mem/geometry", "va=6 pa=6 page=1 pte=1 split=3,3 ppn=0+6 valid=7")
    run(H + "ctl", "reboot")
    run(H + "mem/size", "1T")
    must(H + "mem/size", "64M")
    a = must(H + "ctl", "spawn a")
    os.write(many := os.open(H + "ctl", os.O_RDWR), b"spawn -n 200000 x\n")
    os.close(many)
    for text in (b"x" * (1 << 20), b"0-1000 rw-p 0 0:0 0\n" * 50000):
        fd = os.open(f"proc/{a}/maps", os.O_WRONLY)
        code, sent = 0, 0
        try:
            while sent < 256 << 20:
                sent += os.write(fd, text)
        except OSError as e:
            code = e.errno
        code = close(fd, "maps") or code
        same("a huge text", code in (errno.E2BIG, errno.ENOMEM, errno.EINVAL), True)
        same("it says why", "error: " in last_error(), True)
    try:
        with open("files/big", "wb") as f:
            for _ in range(64):
                f.write(b"x" * (1 << 20))
    except OSError as e:
        same("a full disk", e.errno in (errno.ENOSPC, errno.ENOMEM), True)
    fds = [os.open("check", os.O_RDONLY) for _ in range(300)]
    for fd in fds:
        os.read(fd, 10)
        os.close(fd)
    timed.limit = 30  # 200,000 processes end
    reset()
    check("limits")


# Writers against each other

def part_writers(rng):
    furnish(rng)
    end = time.monotonic() + float(os.environ.get("HOSTILE_TIME", "8")) / 2

    def writer(n):
        mine = random.Random(n)
        fd = os.open("proc/2/ctl", os.O_RDWR)
        while time.monotonic() < end:
            text = "".join(random_command(mine, {k: v for k, v in COMMANDS.items() if k not in ("wait", "exit", "kill", "fork")}) + "\n"
                           for _ in range(mine.randrange(1, 20))).encode()
            cut = mine.randrange(len(text))
            for part in (text[:cut], text[cut:]):
                try:
                    with timed(f"writer {part[:60]!r}"):
                        os.write(fd, part)
                    os.read(fd, 4096)
                except OSError as e:
                    if e.errno in (errno.ENOTCONN, errno.ECONNABORTED):
                        complain("died")
                        return
        os.close(fd)

    threads = [threading.Thread(target=writer, args=(rng.random(),)) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("writers")
