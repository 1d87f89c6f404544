"""hostile_world.py - what hostile.py throws things with: operations that are timed, commands of every kind, a world to break."""
import errno, os, stat, sys, time

TOP = os.getcwd()
H = "hosts/host0/"
with open(os.environ["PIDFILE"]) as f:
    DAEMON = int(f.read())
bad = []


def complain(text):
    if len(bad) < 20:
        print("BAD:", text[:600], flush=True)
    bad.append(text)


def now():
    """A clock that stands while the program or this thread waits for a processor that others have."""
    waited = 0
    for path in f"/proc/{DAEMON}/schedstat", "/proc/thread-self/schedstat":
        try:
            with open(path, "rb", buffering=0) as f:
                waited += int(f.read().split()[1])
        except OSError:
            pass                     # it has died, which somebody else will notice
    return time.monotonic() - waited / 1e9


class timed:
    limit = float(os.environ.get("HOSTILE_LIMIT", "2"))  # seconds an operation may take in a sanitized build
    slowest = (0, "")

    def __init__(self, what):
        self.what = what

    def __enter__(self):
        self.start = now()

    def __exit__(self, *_):
        took = now() - self.start
        if took > timed.slowest[0]:
            timed.slowest = (took, str(self.what)[:120])
        if took > timed.limit:
            complain(f"{took:.2f} s: {str(self.what)[:200]}")


def same(what, got, wanted):
    if got != wanted:
        complain(f"{what}: got {got!r}, wanted {wanted!r}")


def last_error():
    with open("error_log", "rb") as f:
        return f.read().decode("utf-8", "replace")


def close(fd, what):
    """0, or the errno of what ran at close."""
    try:
        with timed(f"close after {str(what)[:100]}"):
            os.close(fd)
        return 0
    except OSError as e:
        return e.errno


def run(path, line, want_log=True):
    """One command: (errno or 0, result)."""
    data = line if isinstance(line, bytes) else line.encode()
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # a wait has nobody to end it
    except OSError as e:
        return e.errno, b""
    try:
        with timed(f"{path}: {data[:100]!r}"):
            try:
                n = os.write(fd, data)
                code = 0 if n == len(data) else -1
            except OSError as e:
                code = e.errno
        if code == 0:
            result = os.read(fd, 1 << 20).strip()
            code, fd = close(fd, line), -1
            if code == 0:
                return 0, result
        if code in (errno.ENOTCONN, errno.ECONNABORTED):
            complain(f"the program died at {path}: {data[:300]!r}")
            finish()
        if want_log and code > 0:
            log = last_error()
            entries = log.split("\n[")
            if not entries[-1].strip() or "error: " not in entries[-1]:
                complain(f"no text: {path}: {data[:100]!r}: {errno.errorcode.get(code, code)}")
            elif entries[-1].split("error: ", 1)[1].split("\n")[0].strip() in ("", os.strerror(code)):
                complain(f"no reason: {path}: {data[:100]!r}: {entries[-1][:200]!r}")
            if code in (errno.EIO, errno.ENOSYS, errno.EPROTO):
                complain(f"wrong errno {errno.errorcode[code]}: {path}: {data[:100]!r}: {entries[-1][:200]!r}")
        return code, b""
    finally:
        if fd >= 0:
            close(fd, line)


def must(path, line):
    code, result = run(path, line)
    if code:
        complain(f"{path}: {line!r}: {errno.errorcode.get(code, code)}: {last_error()[-300:]}")
    return result.decode()


def check(what):
    with timed(f"check after {what}"):
        text = open("check").read()
    wrong = [l for l in text.splitlines() if l != "ok" and not l.startswith(("poked:", "set:"))]
    if wrong:
        complain(f"check after {what}: {wrong[:5]}")
    return not wrong


def read_whole(path, cap=4 << 20, chunk=1 << 20):
    """Its bytes, or its errno."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as e:
        if e.errno in (errno.ENOTCONN, errno.ECONNABORTED):
            complain(f"the program died at {path}")
            finish()
        return e.errno
    try:
        got = b""
        while len(got) < cap:
            with timed(f"read {path}"):
                part = os.read(fd, chunk)
            if not part:
                break
            got += part
        return got
    except OSError as e:
        if e.errno in (errno.ENOTCONN, errno.ECONNABORTED):
            complain(f"the program died reading {path}")
            finish()
        return e.errno
    finally:
        os.close(fd)


def read_all(top, cap=4 << 20, budget=3000):
    """Every listed file below `top`, `budget` at most."""
    for directory, dirs, files in os.walk(top):
        dirs.sort()
        for name in sorted(files) + dirs:
            path = os.path.join(directory, name)
            try:
                with timed(f"lstat {path}"):
                    s = os.lstat(path)
            except OSError:
                continue
            if stat.S_ISLNK(s.st_mode):
                try:
                    os.readlink(path)
                except OSError:
                    pass
            elif stat.S_ISREG(s.st_mode):
                got = read_whole(path, cap)
                if isinstance(got, bytes) and len(got) < cap and len(got) != s.st_size and "error_log" not in path:
                    complain(f"{path}: st_size {s.st_size}, {len(got)} bytes")
                if isinstance(got, int) and got not in (errno.ESRCH, errno.ENOENT, errno.ESTALE, errno.EACCES):
                    complain(f"{path}: {errno.errorcode[got]}")
                budget -= 1
                if budget < 0:
                    return


def pids():
    return sorted(int(n) for n in os.listdir("proc") if n.isdigit())


def finish():
    print(f"slowest: {timed.slowest[0]:.3f} s: {timed.slowest[1]}")
    print(f"{len(bad)} complaints")
    sys.exit(1 if bad else 0)


def reset():
    os.chdir(TOP)
    must("ctl", "reset")


# Commands with every kind of argument.

NUMBERS = ["0", "1", "-1", "7", "0x1", "0xfff", "4095", "4096", "4097", "0x1000", "-0x1000", "-4096", "64K", "1M", "1G", "4G",
           "1T", "0x400000", "0x601000", "0x602000", "0x7ffff7ff0000", "0x7fffffffe000", "0x7fffffffefff", "0x7fffffffffff",
           "0x800000000000", "0x7ffffffff000", "0xffff7fffffffffff", "0xffff800000000000", "0xfffffffffffff000",
           "0xffffffffffffffff", "18446744073709551615", "18446744073709551616", "0x10000000000000000", "9223372036854775807",
           "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "2147483647", "2147483648", "4294967295",
           "4294967296", "99999999999999999999999999", "16777216T", "0x", "1e3", "1.5", "+1", "+4096", "+1G", "4k", "0X10", "١",
           '"0x1000"', '""', '"', "x" * 300, "-", "--", "'1'"]
PROTS = ["rwx", "rw-", "r--", "---", "--x", "-w-", "r-x", "rw", "rwxx", "wrx", "RWX", "", "7", '"rw-"']
FLAGS = ["private", "private,anon", "shared,anon", "shared", "private,shared,anon", "anon", "private,anon,fixed",
         "private,anon,fixed_noreplace", "private,anon,populate", "private,anon,populate,locked", "private,anon,growsdown",
         "private,anon,hugetlb", "private,anon,noreserve", ",", "private,", ",private", "private,,anon", "nonsense", '"private,anon"']
FILES = ["/bin/prog", "bin/prog", "/data", "data", "/", "/none", "/bin", "/data/x", "/loop", "fd:3", "fd:0", "fd:-1", "fd:", "fd:x",
         "fd:99999999999", '"fd:3"', "/" * 300, "/" + "n" * 255, "/" + "n" * 256, "/" + "n" * 4000, "/../../data", "//data", "/./data",
         '"/a\\0b"', '"data"', "/dir/../data"]
WORDS = ["maymove", "fixed", "dontunmap", "onfault", "sync", "async", "invalidate", "r", "w", "x", "rw", "set", "cur", "end", "dontneed",
         "free", "remove", "cold", "pageout", "willneed", "populate_read", "populate_write", "dontfork", "dofork", "wipeonfork",
         "keeponfork", "hugepage", "collapse", "mergeable", "normal", "STACK", "NOFILE", "AS", "DATA", "MEMLOCK", "NPROC", "unlimited",
         "sp", "SEGV", "KILL", "TERM", "STOP", "CONT", "0", "9", "64", "65", "bare", "-n", "brk=0x1000", "uid=-1", "uid=4294967296", "uid=1",
         "pid=1", "pid=0", "pid=4194304", "pid=99999999999", "ppid=77", "entries=0", "entries=7", "ways=0", "ways=3", "entries=4294967296",
         "x2", "x0", "x-1", "x1e300", "1s", "-1s", "1ns", "99999999999s", "0.5s", "1.s", "loadavg", "uptime", "hostname", "cpu", "vmstat",
         '"hex"', '"text\\x00\\xff"', "00", "0", "0g", "ab" * 3000, '"\\q"', "cmdline", "name"]
COMMANDS = {
    "mmap": [NUMBERS + ["-"], NUMBERS, PROTS, FLAGS, FILES, NUMBERS], "munmap": [NUMBERS, NUMBERS],
    "mprotect": [NUMBERS, NUMBERS, PROTS], "mremap": [NUMBERS, NUMBERS, NUMBERS, WORDS[:3], WORDS[:3] + NUMBERS, WORDS[:3]],
    "madvise": [NUMBERS, NUMBERS, WORDS[14:30] + NUMBERS], "mlock": [NUMBERS, NUMBERS, WORDS], "munlock": [NUMBERS, NUMBERS],
    "mincore": [NUMBERS, NUMBERS], "msync": [NUMBERS, NUMBERS, WORDS, WORDS], "brk": [NUMBERS], "read": [NUMBERS, NUMBERS],
    "write": [NUMBERS, WORDS + ["41" * 40, "41" * 5000]], "exec": [NUMBERS], "touch": [NUMBERS, NUMBERS, WORDS[7:10] + NUMBERS, NUMBERS],
    "push": [NUMBERS], "fork": [], "clone": [], "execve": [FILES, WORDS, WORDS], "exit": [NUMBERS], "kill": [WORDS[42:48] + NUMBERS],
    "wait": [NUMBERS], "open": [FILES, WORDS], "close": [NUMBERS], "dup": [NUMBERS], "lseek": [NUMBERS, NUMBERS, WORDS],
    "recv": [NUMBERS, NUMBERS], "send": [NUMBERS, WORDS], "setrlimit": [WORDS[34:42], NUMBERS + ["unlimited"]],
    "setuid": [NUMBERS], "set": [WORDS, NUMBERS], "ptbr": [NUMBERS], "nonsense": [WORDS], '"fork"': [], "": [],
}
HOST = {"spawn": [WORDS, FILES + WORDS, WORDS, WORDS], "set": [WORDS[-20:], NUMBERS, NUMBERS, NUMBERS], "reboot": [WORDS[:1]],
        "0": [WORDS], "1": [WORDS], "99999999999": [WORDS], "4294967297": [["fork"]]}
OTHERS = {
    "mem/ctl": {"drop_caches": [WORDS], "writeback": [WORDS], "next": [NUMBERS, NUMBERS, NUMBERS], "reclaim": [NUMBERS]},
    "mem/tlb": {"flush": [NUMBERS, NUMBERS], "entries=0": [WORDS], "entries=64": [WORDS], "ways=4": [WORDS], "shape": [WORDS, WORDS],
                "entries=1048576": [["ways=1", "ways=1048576", "ways=3"]]},
    "mem/config": {f"{k}={v}": [WORDS] for k in ("tlb_hit", "share_tables", "eager_fork", "fault_around", "user_frames", "zero", "nope",
                                                  "overcommit", "trace_access")
                   for v in ("0", "1", "2", "-1", "1s", "2s", "1ms", "4K", "1G", "99999999999999999999", "", "x")},
    "mem/size": {n: [WORDS[:2]] for n in NUMBERS},
    "mem/geometry": {n: [WORDS] for n in NUMBERS + ["x86-64", "va=9", "name=x"]},
}
WORLD = {"clock": {"auto": [WORDS], "manual": [WORDS], "real": [WORDS], "advance": [WORDS + ["1s", "1ms"]], "step": [NUMBERS], "run": [WORDS]},
         "ctl": {"seed": [NUMBERS], "snapshot": [WORDS], "restore": [WORDS]}}


def words_of(rng, name, kinds):
    shape = rng.random()
    n = len(kinds)
    if shape < 0.1:
        n = rng.randrange(n + 1)
    elif shape < 0.15:
        n += rng.randrange(1, 4)
    args = []
    for i in range(n):
        pool = kinds[i] if i < len(kinds) and rng.random() < 0.85 else rng.choice([NUMBERS, WORDS, FILES, PROTS])
        args.append(rng.choice(pool) if pool else "x")
    return " ".join([name] + args)


def furnish(rng):
    """Processes with something to break."""
    os.makedirs("files/bin", exist_ok=True)
    if not os.path.exists("files/bin/prog"):
        with open("/bin/true", "rb") as f, open("files/bin/prog", "wb") as g:
            g.write(f.read())
        with open("files/data", "wb") as g:
            g.write(bytes(range(256)) * 80)
        os.makedirs("files/dir", exist_ok=True)
        if not os.path.lexists("files/loop"):
            os.symlink("loop", "files/loop")
    a = must(H + "ctl", "spawn one")
    b = must(H + "ctl", "spawn two /bin/prog a b")
    for p in (a, b):
        must(f"proc/{p}/ctl", "mmap 0x10000000 256K rw- private,anon,fixed,populate")
        must(f"proc/{p}/ctl", "mmap 0x20000000 64K rw- shared,anon,fixed")
        must(f"proc/{p}/ctl", "mmap 0x30000000 20K rw- private,fixed data")
        must(f"proc/{p}/ctl", "mmap 0x31000000 20K rw- shared,fixed data")
        must(f"proc/{p}/ctl", "touch 0x10000000 128K w")
        must(f"proc/{p}/ctl", "touch 0x20000000 32K w")
        must(f"proc/{p}/ctl", "touch 0x30000000 20K w")
        must(f"proc/{p}/ctl", "touch 0x31000000 20K w")
        must(f"proc/{p}/ctl", "open data rw")
        must(f"proc/{p}/ctl", "fork")
    return [int(a), int(b)]


NEAR = ["0x10000000", "0x10001000", "0x10008000", "0x1003f000", "0x20000000", "0x20007000", "0x30000000", "0x30004000", "0x31000000",
        "0x31002000", "0x400000", "0x7fffffffe000", "0x10000001", "0x2000ffff"]
LENGTHS = ["1", "4096", "8192", "4097", "32K", "64K", "256K", "1M", "2M"]


def random_command(rng, table):
    name = rng.choice(list(table))
    kinds = table[name]
    if rng.random() < 0.6:  # plausible numbers, so that it gets somewhere
        kinds = [(NEAR if i == 0 else LENGTHS) if k is NUMBERS else k for i, k in enumerate(kinds)]
    return words_of(rng, name, kinds)
