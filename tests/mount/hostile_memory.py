"""hostile_memory.py - maps, executables, geometries and bytes of page tables."""
import errno, os, struct

from hostile_world import *

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
    before, timed.limit = timed.limit, 30
    many = b"".join(b"%x-%x rw-p 00000000 00:00 0\n" % (0x10000000 + i * 0x2000, 0x10001000 + i * 0x2000) for i in range(200000))
    code = write_maps(many)
    if code not in (0, errno.ENOMEM):
        complain(f"200,000 areas: {code}")
    many = b"".join(b"%x-%x rw-p 00000000 08:01 %d /f/%d\n" % (0x10000000 + i * 0x2000, 0x10001000 + i * 0x2000, i + 1, i) for i in range(60000))
    write_maps(many)
    read_whole("proc/2/smaps", cap=64 << 20)
    check("many areas")
    same("own maps again", write_maps(own), 0)
    timed.limit = before
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
