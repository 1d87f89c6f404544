"""hostile.py PART SEED - bad input of one kind for the world mounted in the current directory; see hostile.sh.

Whatever is thrown at it: an errno and a text, or a defined result; every operation within LIMIT; afterwards `check`
finds nothing but pokes. The seed is printed; the same seed throws the same things.
"""
import errno, os, random, signal, stat, struct, subprocess, sys, threading, time

LIMIT = float(os.environ.get("HOSTILE_LIMIT", "2"))  # seconds an operation may take in a sanitized build
H = "hosts/host0/"
bad = []
slowest = (0, "")


def complain(text):
    if len(bad) < 20:
        print("BAD:", text[:600], flush=True)
    bad.append(text)


class timed:
    def __init__(self, what):
        self.what = what

    def __enter__(self):
        self.start = time.monotonic()

    def __exit__(self, *_):
        global slowest
        took = time.monotonic() - self.start
        if took > slowest[0]:
            slowest = (took, str(self.what)[:120])
        if took > LIMIT:
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
    print(f"slowest: {slowest[0]:.3f} s: {slowest[1]}")
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


# maps

def part_maps(rng):
    must(H + "ctl", "spawn one")
    own = open("/proc/self/maps", "rb").read()

    def write_maps(text, pid=2):
        fd = os.open(f"proc/{pid}/maps", os.O_WRONLY | os.O_TRUNC)
        code = 0
        try:
            with timed(f"maps {text[:50]!r}"):
                while text and not code:
                    text = text[os.write(fd, text):]
        except OSError as e:
            code = e.errno
        try:
            with timed("maps, close"):
                os.close(fd)
        except OSError as e:
            code = code or e.errno
        if code and "error: " not in last_error():
            complain("maps: no text")
        return code

    same("own maps", write_maps(own), 0)
    before = read_whole("proc/2/maps")
    line = b"00400000-00401000 r-xp 00000000 08:01 7 /bin/x\n"
    two = b"00400000-00402000 rw-p 00000000 00:00 0\n00401000-00403000 rw-p 00000000 00:00 0\n"
    nonsense = [b"\n", b"x", b"-\n", two, line + line, line.replace(b"00401000", b"003ff000"), line.replace(b"00401000", b"00400000"),
                line.replace(b"00401000", b"00400fff"), line.replace(b"00400000", b"00400001", 1), line.replace(b"r-xp", b"r-xq"),
                line.replace(b"r-xp", b"rwxrwx"), line.replace(b"r-xp", b""), line.replace(b"08:01", b"08"), line.replace(b" 7 ", b" "),
                line.replace(b"00401000", b"10000000000000000"), line.replace(b"00401000", b"fffffffffffff000"),
                b"fffffffffffff000-0000000000000000 rw-p 00000000 00:00 0\n", b"ffff800000000000-ffff800000001000 rw-p 00000000 00:00 0\n",
                b"7ffffffff000-800000000000 rw-p 00000000 00:00 0\n", b"800000000000-800000001000 rw-p 00000000 00:00 0\n",
                line.replace(b" 00000000 ", b" fffffffffffff000 "), line.replace(b" 00000000 ", b" 00000001 "),
                line.replace(b"/bin/x", b"\xff\xfe"), line.replace(b"/bin/x", b"/" + b"a" * 100000), line.replace(b"/bin/x", b"a\0b"),
                line.replace(b" ", b"\t"), line.replace(b" ", b"  "), line.upper(), b"0-1000 rw-p 0 0:0 0\n" * 2, b"\0" * 5000]
    for text in nonsense:
        code = write_maps(text)
        if code:
            same(f"{text[:60]!r} changes nothing", read_whole("proc/2/maps"), before)
            if code not in (errno.EINVAL, errno.ENOMEM, errno.EOVERFLOW, errno.ENAMETOOLONG):
                complain(f"{text[:60]!r}: {errno.errorcode[code]}")
        else:
            write_maps(own)
            before = read_whole("proc/2/maps")
        check(f"maps {text[:60]!r}")
    same("empty", write_maps(b""), 0)
    for cut in list(range(1, 400)) + list(range(len(own) - 200, len(own))):
        write_maps(own[:cut])
    check("maps cut")
    for _ in range(300):
        text = bytearray(own)
        for _ in range(rng.randrange(1, 6)):
            text[rng.randrange(len(text))] = rng.choice(b"0123456789abcdef -rwxps:\n\0\xff")
        write_maps(bytes(text))
    check("maps changed")
    for s in ("touch 0x400000 64K w", "fork"):
        run("proc/2/ctl", s)
    global LIMIT
    before, LIMIT = LIMIT, 30
    many = b"".join(b"%x-%x rw-p 00000000 00:00 0\n" % (0x10000000 + i * 0x2000, 0x10001000 + i * 0x2000) for i in range(200000))
    code = write_maps(many)
    if code not in (0, errno.ENOMEM):
        complain(f"200,000 areas: {code}")
    many = b"".join(b"%x-%x rw-p 00000000 08:01 %d /f/%d\n" % (0x10000000 + i * 0x2000, 0x10001000 + i * 0x2000, i + 1, i) for i in range(60000))
    write_maps(many)
    read_whole("proc/2/smaps", cap=64 << 20)
    check("many areas")
    same("own maps again", write_maps(own), 0)
    LIMIT = before
    for p in pids():
        if p > 1:
            run(f"proc/{p}/ctl", "exit", want_log=False)
    check("maps")


# ELF

def part_elf(rng):
    must(H + "ctl", "spawn one")
    elf = open("/bin/true", "rb").read()

    def execute(data):
        with open("files/prog", "wb") as f:
            f.write(data)
        code, _ = run("proc/2/ctl", "execve /prog a b c")
        if code not in (0, errno.ENOEXEC, errno.EINVAL, errno.ENOMEM, errno.ENOENT, errno.EACCES, errno.EIO, errno.ELIBBAD, errno.E2BIG,
                        errno.EPERM, errno.EFAULT):
            complain(f"execve: {errno.errorcode.get(code, code)}")
        if code == 0:
            for line in open("proc/2/maps").read().splitlines()[:4]:
                run("proc/2/ctl", f"touch 0x{line.split('-')[0]} 4096 r", want_log=False)
        if 2 not in pids() or open("proc/2/stat").read().split()[2] == "Z":
            run("proc/1/ctl", "wait", want_log=False)
            if not os.path.exists("proc/2"):
                must(H + "ctl", "spawn one pid=2")

    for cut in list(range(0, 1100)) + list(range(1100, len(elf), 401)):
        execute(elf[:cut])
    check("ELF cut")
    for i in range(1200):
        data = bytearray(elf)
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            where = rng.randrange(64 + 56 * 14) if rng.random() < 0.9 else rng.randrange(len(data))
            data[where] = rng.choice([0, 1, 0xff, 0x7f, 0x80, rng.randrange(256)])
        execute(bytes(data))
        if i % 50 == 0:
            check(f"ELF flipped {i}")
    for field, size in ((16, 2), (18, 2), (20, 4), (24, 8), (32, 8), (40, 8), (52, 2), (54, 2), (56, 2), (58, 2), (60, 2)):
        for value in (0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, 1 << 47, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
            data = bytearray(elf)
            data[field:field + size] = (value & ((1 << size * 8) - 1)).to_bytes(size, "little")
            execute(bytes(data))
    for header in range(14):
        for field, size in ((0, 4), (4, 4), (8, 8), (16, 8), (32, 8), (40, 8), (48, 8)):
            for value in (0, 1, 3, 0xfff, 0x1000, 0x7fffffffffff, 1 << 47, (1 << 63), (1 << 64) - 4096, (1 << 64) - 1):
                data = bytearray(elf)
                at = 64 + 56 * header + field
                data[at:at + size] = (value & ((1 << size * 8) - 1)).to_bytes(size, "little")
                execute(bytes(data))
    check("ELF fields")
    with open("files/loopexec", "w") as f:
        f.write("#!/loopexec\n")
    run("proc/2/ctl", "execve /loopexec")
    run(H + "ctl", "spawn x /loopexec")
    run(H + "ctl", "spawn x /prog " + "a" * 900000)
    run(H + "ctl", "spawn x /prog " + "a " * 400000)
    for p in pids():
        if p > 1:
            run(f"proc/{p}/ctl", "exit", want_log=False)
    check("ELF")


# Geometries

def random_split(rng, bits, levels):
    cuts = sorted(rng.sample(range(1, bits), min(levels - 1, bits - 1))) if bits > 1 else []
    edges = [0] + cuts + [bits]
    return [b - a for a, b in zip(edges, edges[1:])]


def part_geometry(rng):
    fixed = [
        "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4", "va=6 pa=6 page=1 pte=1 split=3,3 ppn=0+6 valid=7",
        "va=8 pa=8 page=1 pte=2 split=8 ppn=0+8 valid=15 write=14", "va=64 pa=52 page=1G pte=8 split=8,8,8,10 ppn=12+22 valid=0",
        "va=64 pa=52 page=4K pte=8 split=9,9,9,9,16 ppn=12+40 valid=0 write=1", "va=20 pa=20 page=4K pte=4 split=1,1,1,1,1,1,1,1 ppn=12+8 valid=0 write=1",
        "va=8 pa=10 page=1 pte=1 split=1,1,1,1,1,1,1,1 ppn=0+7 valid=7", "va=13 pa=13 page=4K pte=8 split=1 ppn=12+40 valid=0",
        "va=64 pa=52 page=4K pte=8 table=hashed ppn=12+40 valid=0 write=1", "va=48 pa=40 page=4K pte=8 table=inverted ppn=12+28 valid=0 write=1",
        "va=24 pa=24 page=4K pte=4 table=flat ppn=12+12 valid=0 write=1", "va=32 pa=32 page=1 pte=4 table=flat ppn=0+28 valid=31",
        "va=48 pa=52 page=4K pte=8 split=36 ppn=12+40 valid=0 write=1", "va=10 pa=4 page=16 pte=1 split=6 ppn=0+1 valid=7",
        "va=64 pa=52 page=1 pte=8 split=8,8,8,8,8,8,8,8 ppn=0+52 valid=63 write=62",
        "va=16 pa=16 page=16 pte=2 split=4,4,4 ppn=4+12 valid=0 endian=big", "va=30 pa=30 page=2 pte=4 split=10,10,9 ppn=2+29 valid=0",
        "va=16 pa=12 page=256 pte=1 split=8 ppn=0+4 valid=7 write=6 user=5 nx=4", "va=33 pa=30 page=4K pte=4 split=3,9,9 ppn=12+18 valid=0 accessed=1 dirty=2 huge=3",
        "va=48 pa=52 page=1G pte=8 split=9,9 ppn=30+22 valid=0 write=1 huge=2", "va=2 pa=1 page=1 pte=1 split=1,1 ppn=0+1 valid=7",
        "va=1 pa=1 page=1 pte=1 split=1 ppn=0+1 valid=7", "x86-64 va=57", "x86-64 page=1", "x86-64 ppn=0+64", "sv39 va=38", "arm64-4k pte=4",
        "x86-64 split=9,9,9", "x86-64 valid=12", "x86-64 valid=64", "x86-64 write=0", "x86-64 table=flat", "x86-64 table=hashed", "sv48 table=inverted",
        "x86-32 endian=big", "vpn16", "x86-64-la57", "sv57", "sv32", "x86-pae", "arm64-4k", "sv39", "sv48", "x86-32", "x86-64",
        "x86-64 endian=middle", "x86-64 x86-32", "va=", "va=0", "=9", "va=9 va=9", "page=3", "page=0", "page=8G", "split=,", "split=1,,1", "split=-1",
        "ppn=5", "ppn=+", "ppn=5+", "ppn=99999999999+1", "table=", "table=tree", "\"x86-64\"", "x86-64 " * 1000, "split=" + ",".join(["1"] * 1000),
    ]

    def one(text):
        run(H + "ctl", "reboot")
        code, _ = run(H + "mem/geometry", text)
        if code:
            if code not in (errno.EINVAL, errno.ERANGE, errno.ENOMEM, errno.EBUSY):
                complain(f"geometry {text!r}: {errno.errorcode.get(code, code)}")
            return False
        g = open(H + "mem/geometry").read()
        if rng.random() < 0.5:
            run(H + "mem/size", rng.choice(["1", "2", "16", "64", "4096", "64K", "1M", "16M", "64M"]), want_log=True)
        page = int(g.split(" page=")[1].split()[0])
        va = int(g.split(" va=")[1].split()[0])
        code, pid = run(H + "ctl", rng.choice(["spawn a bare", "spawn a", "spawn a bare brk=0x10"]))
        if code:
            if code not in (errno.ENOMEM, errno.EINVAL, errno.EAGAIN):
                complain(f"spawn under {text!r}: {errno.errorcode.get(code, code)}: {last_error()[-200:]}")
            check(f"spawn under {text}")
            return True
        ctl = f"proc/{pid.decode()}/ctl"
        top = 1 << va
        spots = [0, page, 2 * page, top // 2, top // 2 - page, top - page, top - 1, top, rng.randrange(top), rng.randrange(top) // page * page]
        done = []
        for _ in range(12):
            at = rng.choice(spots) & ((1 << 64) - 1)
            n = rng.choice([1, page, 2 * page, 3 * page, 17 * page])
            run(ctl, rng.choice([
                f"mmap 0x{at:x} {n} rw- private,anon,fixed", f"mmap - {n} rwx shared,anon", f"mmap 0x{at:x} {n} rw- private,anon,fixed,populate",
                f"touch 0x{at:x} 1 w", f"touch 0x{at:x} {n} r", f"write 0x{at:x} 41", f"read 0x{at:x} 3", f"exec 0x{at:x}", "fork", f"brk +{n}", f"brk {n}",
                f"mprotect 0x{at:x} {n} r--", f"munmap 0x{at:x} {n}", f"mlock 0x{at:x} {n}", "push 7", "clone", f"madvise 0x{at:x} {n} dontneed",
                f"mremap 0x{at:x} {n} {2 * n} maymove", f"ptbr 0x{at:x}", f"mincore 0x{at:x} {n}", f"madvise 0x{at:x} {n} hugepage"]))
        for at in spots:
            for f in (f"walk/0x{at:x}", f"page/0x{at:x}"):
                read_whole(f"proc/{pid.decode()}/{f}")
        check(f"geometry {text}")
        for f in ("pagetable", "smaps", "maps", "status", "cpu", "faults", "stat"):
            got = read_whole(f"proc/{pid.decode()}/{f}")
            gone = isinstance(got, int) and pid not in os.listdir(b"proc")  # out of memory has ended it
            if isinstance(got, int) and got != errno.ESRCH and not gone:
                complain(f"{f} under {text!r}: {errno.errorcode[got]}")
        for f in ("frames", "tlb", "stats", "map", "geometry", "size", "frame/0", "frame/1"):
            read_whole(H + "mem/" + f)
        read_all(f"proc/{pid.decode()}/pt", budget=40)
        for p in pids():
            if p > 1:
                run(f"proc/{p}/ctl", "exit", want_log=False)
        check(f"exit under {text}")
        return True

    # a root without entries that stands for 2^64 pages
    must(H + "mem/geometry", "va=64 pa=52 page=1 pte=8 split=8,8,8,8,8,8,8,8 ppn=0+52 valid=63 write=62")
    must(H + "ctl", "spawn a bare")
    for line in ("mmap 0x2000 16 rw- private,anon,fixed", "touch 0x2000 1 w", "munmap 0x2000 16"):
        must("proc/2/ctl", line)
    check("an empty root")
    for text in fixed:
        one(text)
    taken = 0
    for _ in range(int(os.environ.get("HOSTILE_GEOMETRIES", "60"))):
        page_bits = rng.choice([0, 0, 1, 2, 3, 4, 6, 8, 12, 12, 16, 21, 30])
        pte = rng.choice([1, 2, 4, 8])
        bits = pte * 8
        levels = rng.randrange(1, 9)
        vpn = rng.randrange(1, min(64 - page_bits, 12 * levels) + 1)
        ppn = rng.randrange(1, min(bits - 1, 52 - page_bits if page_bits < 52 else 1) + 1)
        shift = rng.randrange(0, bits - ppn)
        free = [b for b in range(bits) if not shift <= b < shift + ppn]
        rng.shuffle(free)
        text = f"va={vpn + page_bits} pa={min(52, max(1, ppn + page_bits - rng.randrange(2)))} page={1 << page_bits} pte={pte} ppn={shift}+{ppn} valid={free.pop()}"
        for key in ("write", "user", "nx", "accessed", "dirty", "huge"):
            if free and rng.random() < 0.4:
                text += f" {key}={free.pop()}"
        kind = rng.choice(["radix", "radix", "radix", "flat", "hashed", "inverted"])
        if kind == "radix":
            text += " split=" + ",".join(map(str, random_split(rng, vpn, levels)))
        else:
            text += " table=" + kind
        if rng.random() < 0.2:
            text += " endian=big"
        if rng.random() < 0.1:
            words = text.split()
            words[rng.randrange(len(words))] = rng.choice(words)
            text = " ".join(words)
        taken += bool(one(text))
    print(f"{taken} random geometries taken")
    reset()


# Pokes

def part_poke(rng):
    for turn in range(int(os.environ.get("HOSTILE_POKES", "9"))):
        furnish(rng)
        frames = [l.split() for l in open(H + "mem/frames").read().splitlines()[1:]]
        tables = [int(f[0], 16) for f in frames if f[1] == "table"]
        used = [int(f[0], 16) for f in frames if f[1] in ("anon", "file", "zero")]
        count = len(frames)
        ram = os.open(H + "mem/ram", os.O_RDWR)
        log = []
        for _ in range(rng.choice([1, 1, 3, 10, 60])):
            t = rng.choice(tables)
            entries = [i for i in range(512) if struct.unpack("<Q", os.pread(ram, 8, t * 4096 + i * 8))[0]]
            i = rng.choice(entries) if entries and rng.random() < 0.8 else rng.randrange(512)
            old = struct.unpack("<Q", os.pread(ram, 8, t * 4096 + i * 8))[0]
            kind = rng.randrange(10)
            new = [0, (1 << 64) - 1, old ^ 1, old ^ 2, old ^ 0x80, (t << 12) | 7, (rng.choice(tables) << 12) | 7, (rng.choice(used) << 12) | 0x67,
                   ((count + rng.randrange(5)) << 12) | 7, rng.getrandbits(64)][kind]
            os.pwrite(ram, struct.pack("<Q", new), t * 4096 + i * 8)
            log.append((hex(t), i, hex(new)))
        check(f"poke {turn} {log[:3]}")
        for p in pids():
            for f in ("pagetable", "smaps", "smaps_rollup", "status", "statm", "cpu", "maps"):
                got = read_whole(f"proc/{p}/{f}")
                if isinstance(got, int) and got != errno.ESRCH:
                    complain(f"{f}: {errno.errorcode[got]}")
            for at in NEAR:
                read_whole(f"proc/{p}/walk/{at}")
                read_whole(f"proc/{p}/page/{at}")
            with open(f"proc/{p}/pagemap", "rb") as f:
                f.seek(0x10000000 // 4096 * 8)
                f.read(512)
        for f in ("frames", "tlb", "map", "stats"):
            read_whole(H + "mem/" + f)
        read_all(f"proc/{rng.choice(pids())}/pt", budget=60)
        for i in range(60):
            run(f"proc/{rng.choice(pids())}/ctl", random_command(rng, COMMANDS))
            if i % 6 == 0:
                # RAM anywhere, while they run
                os.pwrite(ram, rng.randbytes(rng.choice([1, 8, 4096])), rng.choice(tables + used) * 4096 + rng.choice([0, 8, 4095 - 8]))
            if i % 10 == 0 and not check(f"poke {turn}.{i} {log[:3]}"):
                break
        for p in pids():
            if p > 1:
                run(f"proc/{p}/ctl", rng.choice(["exit", "kill KILL"]), want_log=False)
        run("proc/1/ctl", "wait", want_log=False)
        check(f"exit after poke {turn} {log[:3]}")
        run(H + "mem/ctl", "drop_caches")
        os.close(ram)
        left = [l for l in open(H + "mem/frames").read().splitlines()[1:] if l.split()[1] == "anon" and l.split()[4] != "1"]
        if left:
            complain(f"poke {turn}: {left} left: {log}")
        if turn % 3 == 2:
            run(H + "ctl", "reboot")
        else:
            reset()
    # the same in small and strange machines
    for g in ("va=9 pa=8 page=8 pte=1 split=3,3 ppn=3+5 valid=0 write=1", "va=16 pa=16 page=256 pte=2 table=hashed ppn=8+8 valid=0 write=1",
              "va=16 pa=16 page=256 pte=2 table=inverted ppn=8+8 valid=0 write=1", "va=16 pa=16 page=256 pte=2 table=flat ppn=8+8 valid=0 write=1",
              "va=10 pa=8 page=4 pte=1 split=2,2,2,2 ppn=2+6 valid=0", "sv39", "arm64-4k", "va=20 pa=20 page=4K pte=4 split=1,1,1,1,1,1,1,1 ppn=12+8 valid=0 write=1"):
        for turn in range(6):
            run(H + "ctl", "reboot")
            code, _ = run(H + "mem/geometry", g)
            same(f"geometry {g}", code, 0)
            run(H + "mem/size", "1M")
            size = int(open(H + "mem/size").read())
            page = int(open(H + "mem/geometry").read().split(" page=")[1].split()[0])
            code, pid = run(H + "ctl", "spawn a bare")
            if code:
                continue
            ctl = f"proc/{pid.decode()}/ctl"
            ram = os.open(H + "mem/ram", os.O_RDWR)
            for i in range(60):
                live = pids()
                ctl = f"proc/{rng.choice(live)}/ctl"
                at = rng.randrange(8) * page
                n = rng.choice([1, 2, 4]) * page
                run(ctl, rng.choice([f"mmap 0x{at:x} {n} rw- private,anon,fixed", f"touch 0x{at:x} {n} w", f"touch 0x{at:x} {n} w", "fork", f"write 0x{at:x} 41",
                                     f"munmap 0x{at:x} {n}", f"mprotect 0x{at:x} {n} r--", "exit", f"madvise 0x{at:x} {n} dontneed", f"mremap 0x{at:x} {n} {2 * n} maymove",
                                     f"ptbr 0x{rng.randrange(size):x}"]))
                if rng.random() < 0.4:
                    try:
                        os.pwrite(ram, rng.randbytes(rng.choice([1, 2, 8])), rng.randrange(min(size, 8192)))
                    except OSError as e:
                        complain(f"ram: {e}")
                if i % 8 == 0:
                    check(f"{g} {turn}.{i}")
                    for p in live[:4]:
                        for f in ("pagetable", "smaps", f"walk/0x{at:x}", f"page/0x{at:x}"):
                            read_whole(f"proc/{p}/{f}")
                    read_whole(H + "mem/frames")
            read_all(f"proc/{rng.choice(pids())}", budget=60)
            os.close(ram)
            for p in pids():
                run(f"proc/{p}/ctl", "exit", want_log=False) if p > 1 else None
            check(f"{g} {turn}: exits")
    reset()


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
                p.wait(timeout=3)
            except subprocess.TimeoutExpired:
                complain("a reader cannot be killed")
    check("reading")


# Growth

def daemon_state():
    pid = int(open(os.environ["PIDFILE"]).read())
    rss = int([l for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")][0].split()[1])
    return rss, len(os.listdir(f"/proc/{pid}/fd"))


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
    global LIMIT
    LIMIT = 30  # 200,000 processes end
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


if __name__ == "__main__":
    TOP = os.getcwd()
    name, seed = sys.argv[1], int(sys.argv[2])
    print(f"hostile {name}: seed {seed}", flush=True)
    globals()["part_" + name](random.Random(seed))
    finish()
