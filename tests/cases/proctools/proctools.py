#!/usr/bin/env python3
"""Runs unmodified Linux tools on a simulated /proc and compares what
they print with FACTS.json.  Called by run.sh; see README.md.  Standard library only.

usage: proctools.py [--pidns] [--list] PROC_DIR FACTS.json [TOOL...]
       proctools.py --exec PROC_DIR MODE PIDS IFACES -- command...      (internal)
"""
import ctypes, json, os, pwd, re, shlex, shutil, signal, socket, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
PY = "/usr/bin/python3"
ENV = dict(os.environ, PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C", LANG="C",
           TERM="xterm", COLUMNS="400", LINES="200", PYTHONDONTWRITEBYTECODE="1", HOME="/nonexistent")
for k in ("PROC_ROOT", "PROC_NET_TCP", "PS_FORMAT", "PS_PERSONALITY", "LSOF_ARGS", "HTOPRC"):
    ENV.pop(k, None)

# ------------------------------------------------------------------ namespaces
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWUSER = 0x20000, 0x20000000, 0x40000000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18

def exec_inside(argv):
    """Child side: enter private namespaces, put PROC_DIR over /proc, run the command.
    MODE has letters: p = new pid namespace in which every pid of PIDS is a sleeping
    placeholder and the command itself is pid 1;  n = new network namespace with
    stand-in links named IFACES."""
    proc, mode, pids, ifaces = argv[:4]
    cmd = argv[5:]
    libc = ctypes.CDLL(None, use_errno=True)
    def check(r, what):
        if r != 0:
            sys.exit("proctools: %s: %s" % (what, os.strerror(ctypes.get_errno())))
    flags = CLONE_NEWNS | (CLONE_NEWNET if "n" in mode else 0)
    if os.geteuid() != 0:
        uid, gid = os.geteuid(), os.getegid()
        check(libc.unshare(flags | CLONE_NEWUSER), "unshare")
        open("/proc/self/setgroups", "w").write("deny")
        open("/proc/self/uid_map", "w").write("0 %d 1" % uid)
        open("/proc/self/gid_map", "w").write("0 %d 1" % gid)
    else:
        check(libc.unshare(flags), "unshare")
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate")
    if "n" in mode:
        for name in filter(None, ifaces.split(",")):
            if name == "lo":
                subprocess.run(["ip", "link", "set", "lo", "up"])
                continue
            for kind in ("dummy", "bridge", "ifb"):
                if subprocess.run(["ip", "link", "add", name, "type", kind], stderr=subprocess.DEVNULL).returncode == 0:
                    break
            subprocess.run(["ip", "link", "set", name, "up"])
    if "p" in mode:
        check(libc.unshare(CLONE_NEWPID), "unshare -p")     # after the ip commands: the next fork is pid 1
        child = os.fork()
        if child:
            _, st = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(st) & 255)
        libc.prctl(1, signal.SIGKILL)                       # die with the parent
        class CloneArgs(ctypes.Structure):
            _fields_ = [(n, ctypes.c_uint64) for n in ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal",
                                                       "stack", "stack_size", "tls", "set_tid", "set_tid_size", "cgroup")]
        for p in map(int, filter(None, pids.split(","))):
            if p == 1: continue
            tid = (ctypes.c_int * 1)(p)
            a = CloneArgs(exit_signal=signal.SIGCHLD, set_tid=ctypes.addressof(tid), set_tid_size=1)
            r = libc.syscall(435, ctypes.byref(a), ctypes.sizeof(a))
            if r == 0:
                devnull = os.open("/dev/null", os.O_RDWR)
                for fd in (0, 1, 2): os.dup2(devnull, fd)
                while True: signal.pause()
            if r < 0:
                sys.exit("proctools: no placeholder for pid %d: %s" % (p, os.strerror(ctypes.get_errno())))
    check(libc.mount(os.fsencode(proc), b"/proc", None, MS_BIND | MS_REC, None), "bind %s over /proc" % proc)
    os.chdir("/")
    try:
        os.execvp(cmd[0], cmd)
    except OSError as e:
        sys.exit("proctools: %s: %s" % (cmd[0], e))

# ------------------------------------------------------------------ running tools
class Fail(Exception): pass
class Skip(Exception): pass
class Result:
    def __init__(self, rc, out, err): self.rc, self.out, self.err = rc, out, err
    @property
    def lines(self): return [l for l in self.out.splitlines() if l.strip()]

PROC = FACTS = None
PIDNS = False

def wrap(cmd, mode=""):
    if PIDNS and "p" not in mode: mode += "p"
    pids = ",".join(str(t) for p in FACTS["processes"] for t in p.get("tids", [p["pid"]]))
    ifs = ",".join(i["name"] for i in FACTS.get("interfaces", []))
    return [PY, os.path.abspath(__file__), "--exec", PROC, mode, pids, ifs, "--"] + cmd

def need(*tools):
    for t in tools:
        if not shutil.which(t, path=ENV["PATH"]): raise Skip("%s is not installed" % t)

def run(cmd, mode="", inside=True, env=None, rc=(0,), quiet=True, timeout=40, allow_err=None):
    if isinstance(cmd, str): cmd = shlex.split(cmd)
    need(cmd[0] if cmd[0] != "env" else next(c for c in cmd[1:] if "=" not in c))
    e = dict(ENV, **(env or {}))
    p = subprocess.Popen(wrap(cmd, mode) if inside else cmd, env=e, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL); p.communicate()
        raise Fail("no end after %d s: %s" % (timeout, " ".join(cmd)))
    out, err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    if allow_err: err = "\n".join(l for l in err.splitlines() if not re.search(allow_err, l))
    if rc is not None and p.returncode not in rc:
        raise Fail("%s: exit status %d%s" % (" ".join(cmd), p.returncode, ", " + err.strip().splitlines()[0] if err.strip() else ""))
    if quiet and err.strip():
        raise Fail("%s: says: %s" % (" ".join(cmd), err.strip().splitlines()[0]))
    return Result(p.returncode, out, err)

def eq(what, got, want):
    if got != want: raise Fail("%s: got %s, want %s" % (what, got, want))
def near(what, got, want, tol):
    if abs(got - want) > tol: raise Fail("%s: got %s, want %s (+-%s)" % (what, got, want, tol))
def has(what, cond):
    if not cond: raise Fail(what)

def procs(): return FACTS["processes"]
def user_procs(): return [p for p in procs() if p.get("vmas")]
def by_pid(): return {p["pid"]: p for p in procs()}
def title(p): return " ".join(p["cmdline"]).rstrip() if p["cmdline"] else "[%s]" % p["comm"]
def ptitle(p): return title(p) + (" <defunct>" if p["state"] == "Z" else "")          # procps
def lname(p):                                  # psutil makes a name of 15 characters longer from the command line
    b = os.path.basename(p["cmdline"][0]) if p["cmdline"] else ""
    return b if len(p["comm"]) >= 15 and b.startswith(p["comm"]) else p["comm"]
def args(p):                                   # psutil splits a single argument at its blanks
    return p["cmdline"][0].split(" ") if len(p["cmdline"]) == 1 else p["cmdline"]
def kib(s):                                    # "1540", "12.0g"
    return float(s[:-1]) * dict(m=1024, g=1024 ** 2, t=1024 ** 3)[s[-1].lower()] if s[-1].lower() in "mgt" else int(s)
def scaled(what, got, want):                   # exact unless the tool had to abbreviate
    if got[-1].isdigit(): eq(what, int(got), want)
    else: near(what, kib(got), want, want * 0.05)
def named(): return [p for p in procs() if p["cmdline"] and p.get("vmas")]
def mem(k): return FACTS["memory"][k]
def cached(): return mem("cached_kb") + mem("sreclaimable_kb")
def swap_used(): return mem("swap_total_kb") - mem("swap_free_kb")
def socks(*protos): return [s for s in FACTS["sockets"] if s["proto"] in protos]
def user(uid):
    try: return pwd.getpwuid(uid).pw_name
    except KeyError: return str(uid)
def hz(): return FACTS["host"].get("clk_tck", 100)
def star(a):                                   # 0.0.0.0:0 -> 0.0.0.0:*
    return a[:-2] + ":*" if a.endswith(":0") else a

TESTS = []
def tool(name):
    def deco(f):
        TESTS.append((name, f)); return f
    return deco

# ------------------------------------------------------------------ the file system itself
def rd(path):
    with open(os.path.join(PROC, path), "rb", buffering=0) as f:
        out = b""
        while True:
            b = f.read(131072)
            if not b: return out
            out += b

@tool("listing")
def _():
    """numeric entries are exactly the simulated pids, ascending; threads likewise"""
    names = os.listdir(PROC)
    pids = [int(n) for n in names if n.isdigit()]
    eq("pids", sorted(pids), sorted(by_pid()))
    if not PIDNS: eq("order of the pids", pids, sorted(pids))
    for p in procs():
        eq("threads of %d" % p["pid"], sorted(int(n) for n in os.listdir("%s/%d/task" % (PROC, p["pid"]))), sorted(p["tids"]))
        eq("owner of /proc/%d" % p["pid"], os.stat("%s/%d" % (PROC, p["pid"])).st_uid, p["uid"])
        if "fds" in p:
            fds = [n for n in os.listdir("%s/%d/fd" % (PROC, p["pid"])) if PIDNS is False or n.isdigit()]
            eq("fds of %d" % p["pid"], sorted(fds, key=int), [str(f["fd"]) for f in p["fds"]])
            for f in p["fds"]:
                eq("link %d of %d" % (f["fd"], p["pid"]), os.readlink("%s/%d/fd/%d" % (PROC, p["pid"], f["fd"])), f["target"])

@tool("own-pid")
def _():
    """the reader's own pid is answered though it is not listed (ps needs it)"""
    if PIDNS: raise Skip("running as pid 1 of a pid namespace instead")
    r = run(["sh", "-c", "read x < /proc/$$/stat && read y < /proc/self/stat && ls /proc && echo me=$$"])
    me = re.search(r"me=(\d+)", r.out).group(1)
    has("own pid %s is listed" % me, me not in r.out.split() or int(me) in by_pid())

@tool("reading")
def _():
    """small reads, rereads after seek(0) and pread give the same text as one big read"""
    for f in ["meminfo", "stat", "uptime", "net/tcp", "swaps"] + ["%d/%s" % (p["pid"], n) for p in user_procs()[:2] for n in ("stat", "status", "maps", "smaps")]:
        whole = rd(f)
        has("%s is empty" % f, whole)
        with open(os.path.join(PROC, f), "rb", buffering=0) as h:
            parts = b"".join(iter(lambda: h.read(61), b""))
            h.seek(0); again = h.read(131072)
            third = os.pread(h.fileno(), 40, 5)
        for what, x, w in (("read in pieces", parts, whole), ("read again", again, whole[:len(again)]), ("pread", third, whole[5:45])):
            if f not in ("uptime", "stat"): eq("%s %s" % (f, what), x, w)
            else: has("%s %s: empty" % (f, what), x)
        has("%s read again: empty" % f, again)

FORMATS = {
    "PID/stat": r"\d+ \(.{1,64}\) [RSDTtZXIPWKx](?: -?\d+){49}\n",
    "PID/statm": r"\d+(?: \d+){6}\n",
    "PID/comm": r".{1,64}\n",
    "PID/maps": r"(?:[0-9a-f]{8,16}-[0-9a-f]{8,16} [r-][w-][x-][sp] [0-9a-f]{8,} [0-9a-f]{2,}:[0-9a-f]{2,} \d+ (?: *\S.*)?\n)*",
    "PID/task/PID/stat": r"\d+ \(.{1,64}\) [RSDTtZXIPWKx](?: -?\d+){49}\n",
    "uptime": r"\d+\.\d\d \d+\.\d\d\n",
    "loadavg": r"\d+\.\d\d \d+\.\d\d \d+\.\d\d \d+/\d+ \d+\n",
    "meminfo": r"(?:[A-Za-z0-9_()]+: +\d+(?: kB)?\n)+",
    "vmstat": r"(?:\w+ -?\d+\n)+",
    "swaps": r"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n(?:\S+ +(?:partition|file\t)\t\d+\t\t?\d+\t\t?-?\d+\n)*",
    "net/tcp": r"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode *\n"
               r"(?: *\d+: [0-9A-F]{8}:[0-9A-F]{4} [0-9A-F]{8}:[0-9A-F]{4} [0-9A-F]{2} [0-9A-F]{8}:[0-9A-F]{8} [0-9A-F]{2}:[0-9A-F]{8,16} [0-9A-F]{8} +\d+ +\d+ \d+ \d+ [0-9a-f]{8,16}(?: -?\d+){0,5} *\n)*",
    "net/udp": r" *sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops *\n"
               r"(?: *\d+: [0-9A-F]{8}:[0-9A-F]{4} [0-9A-F]{8}:[0-9A-F]{4} [0-9A-F]{2} [0-9A-F]{8}:[0-9A-F]{8} [0-9A-F]{2}:[0-9A-F]{8,16} [0-9A-F]{8} +\d+ +\d+ \d+ \d+ [0-9a-f]{8,16} \d+ *\n)*",
    "net/route": r"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT *\n(?:\S+\t[0-9A-F]{8}\t[0-9A-F]{8}\t[0-9A-F]{4}\t\d+\t\d+\t\d+\t[0-9A-F]{8}\t\d+\t\d+\t\d+ *\n)*",
    "net/arp": r"IP address       HW type     Flags       HW address            Mask     Device\n(?:[\d.]{7,15} +0x[0-9a-f]+ +0x[0-9a-f]+ +[0-9a-f:]{17} +\* +\S+\n)*",
    "net/dev": r"Inter-\|   Receive {48}\|  Transmit\n face \|bytes    packets errs drop fifo frame compressed multicast\|bytes    packets errs drop fifo colls carrier compressed\n(?: *\S+: +(?:\d+ +){15}\d+\n)*",
}
@tool("format")
def _():
    for k, rx in FORMATS.items():
        for p in (user_procs() if "PID" in k else [None]):
            f = k.replace("PID", str(p["pid"])) if p else k
            t = rd(f).decode()
            if not re.fullmatch(rx, t):
                bad = next((l for l in t.splitlines() if l and not re.search(re.escape(l), "".join(m.group(0) for m in re.finditer(rx, t)))), t[:80])
                raise Fail("%s does not have the kernel's form, near: %r" % (f, bad[:100]))
    for p in user_procs():
        for f in ("maps", "smaps"):
            for l in rd("%d/%s" % (p["pid"], f)).decode().splitlines():
                m = re.match(r"[0-9a-f]+-[0-9a-f]+ .{4} \S+ \S+ \d+ ( *)(\S.*)?$", l)
                if m and m.group(2): eq("%d/%s: column of the name in %r" % (p["pid"], f, l), len(l) - len(m.group(2)), 73)
    for f, n in (("net/tcp", 149), ("net/udp", 127), ("net/route", 127)):
        for l in rd(f).decode().splitlines(): eq("%s: line length" % f, len(l.expandtabs(1)), n)

@tool("consistency")
def _():
    """the same quantity is the same in every file that tells it"""
    page = FACTS["host"].get("page_size", 4096) // 1024 or 1
    for p in user_procs():
        pid = p["pid"]
        st = rd("%d/stat" % pid).decode().rsplit(")", 1)[1].split()
        sm = list(map(int, rd("%d/statm" % pid).split()))
        status = dict(l.split(":", 1) for l in rd("%d/status" % pid).decode().splitlines())
        kb = lambda k: int(status[k].split()[0])
        smaps = rd("%d/smaps" % pid).decode(); roll = rd("%d/smaps_rollup" % pid).decode()
        tot = lambda k, t=smaps: sum(int(x) for x in re.findall(r"^%s: +(\d+) kB$" % k, t, re.M))
        maps = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) ", rd("%d/maps" % pid).decode(), re.M)
        size = sum(int(b, 16) - int(a, 16) for a, b in maps) // 1024
        for what, got in (("stat", int(st[20]) // 1024), ("status VmSize", kb("VmSize")), ("statm", sm[0] * page), ("maps", size), ("smaps", tot("Size"))):
            eq("pid %d size by %s" % (pid, what), got, p["vsz_kb"])
        for what, got in (("stat", int(st[21]) * page), ("status VmRSS", kb("VmRSS")), ("statm", sm[1] * page), ("smaps", tot("Rss")), ("smaps_rollup", tot("Rss", roll)),
                          ("RssAnon+RssFile+RssShmem", kb("RssAnon") + kb("RssFile") + kb("RssShmem"))):
            eq("pid %d rss by %s" % (pid, what), got, p["rss_kb"])
        for what, got in (("status VmSwap", kb("VmSwap")), ("smaps", tot("Swap")), ("smaps_rollup", tot("Swap", roll))):
            eq("pid %d swap by %s" % (pid, what), got, p["swap_kb"])
        near("pid %d smaps Shared+Private" % pid, tot("Shared_Clean") + tot("Shared_Dirty") + tot("Private_Clean") + tot("Private_Dirty"), tot("Rss"), 0)
        eq("pid %d threads" % pid, int(status["Threads"]), len(p["tids"]))
        eq("pid %d start time" % pid, int(st[19]), p["start_ticks"])
    m = dict(re.findall(r"^(\S+): +(\d+)", rd("meminfo").decode(), re.M))
    sw = [l.split() for l in rd("swaps").decode().splitlines()[1:]]
    eq("SwapTotal against /proc/swaps", int(m["SwapTotal"]), sum(int(x[2]) for x in sw))
    eq("SwapTotal-SwapFree against /proc/swaps", int(m["SwapTotal"]) - int(m["SwapFree"]), sum(int(x[3]) for x in sw))
    has("MemFree > MemAvailable or > MemTotal", int(m["MemFree"]) <= int(m["MemTotal"]) and int(m["MemAvailable"]) <= int(m["MemTotal"]))
    v = dict(l.split() for l in rd("vmstat").decode().splitlines())
    eq("nr_free_pages against MemFree", int(v["nr_free_pages"]) * 4, int(m["MemFree"]))
    cpu = [list(map(int, l.split()[1:])) for l in rd("stat").decode().splitlines() if l.startswith("cpu")]
    eq("cpu line against the sum of cpuN lines in stat", cpu[0], [sum(c) for c in zip(*cpu[1:])])
    cells = re.findall(r"^\s*\d+: \S+ \S+ .{2} \S+ \S+ \S+ +\d+ +\d+ (\d+)", rd("net/tcp").decode(), re.M)
    eq("tcp inodes", sorted(int(c) for c in cells if c != "0"), sorted(s["inode"] for s in socks("tcp") if s.get("inode")))

@tool("pagemap")
def _():
    """a page-types like reader: pagemap of each process joined with kpagecount and kpageflags"""
    page = 4096
    maxpfn = mem("total_kb") * 1024 // page
    kc, kf = rd("kpagecount"), rd("kpageflags")
    has("kpagecount too short for %d frames" % maxpfn, len(kc) >= maxpfn * 8)
    eq("kpageflags length", len(kf), len(kc))
    anon_seen = {}
    for p in user_procs():
        present = swapped = 0
        pss = 0.0
        with open("%s/%d/pagemap" % (PROC, p["pid"]), "rb", buffering=0) as f:
            for v in p["vmas"]:
                a, b = int(v["start"], 16), int(v["end"], 16)
                f.seek(a // page * 8)
                raw = b""
                while len(raw) < (b - a) // page * 8:
                    x = f.read((b - a) // page * 8 - len(raw))
                    if not x: raise Fail("pagemap of %d ends inside %s" % (p["pid"], v["start"]))
                    raw += x
                n = s = 0
                for (e,) in struct.iter_unpack("=Q", raw):
                    if e >> 63 & 1:
                        pfn = e & ((1 << 55) - 1); n += 1
                        count = struct.unpack_from("=Q", kc, pfn * 8)[0]; flags = struct.unpack_from("=Q", kf, pfn * 8)[0]
                        has("pfn %d of pid %d has mapcount 0" % (pfn, p["pid"]), count > 0)
                        has("pfn %d of pid %d: kpageflags lacks MMAP (bit 11)" % (pfn, p["pid"]), flags >> 11 & 1)
                        if flags >> 12 & 1: anon_seen[pfn] = 1
                        pss += 1 / count
                    elif e >> 62 & 1:
                        s += 1
                present += n; swapped += s
                eq("pid %d vma %s present kB" % (p["pid"], v["start"]), n * 4, v["rss_kb"])
                eq("pid %d vma %s swapped kB" % (p["pid"], v["start"]), s * 4, v["swap_kb"])
        eq("pid %d present kB" % p["pid"], present * 4, p["rss_kb"])
        eq("pid %d swapped kB" % p["pid"], swapped * 4, p["swap_kb"])
        near("pid %d pss from kpagecount" % p["pid"], pss * 4, p["pss_kb"], len(p["vmas"]) + 1)
    free = sum(1 for (x,) in struct.iter_unpack("=Q", kf[:maxpfn * 8]) if x >> 10 & 1)
    eq("frames with BUDDY (bit 10) against MemFree", free * 4, mem("free_kb"))
    anon = sum(1 for (x,) in struct.iter_unpack("=Q", kf) if x >> 12 & 1)
    eq("frames with ANON (bit 12) against those mapped", anon, len(anon_seen))

# ------------------------------------------------------------------ procps
@tool("ps aux")
def _():
    r = run("ps auxww")
    rows = {int(l.split()[1]): l.split(None, 10) for l in r.lines[1:]}
    eq("pids", sorted(rows), sorted(by_pid()))
    for pid, p in by_pid().items():
        f = rows[pid]
        eq("pid %d VSZ" % pid, int(f[4]), p["vsz_kb"]); eq("pid %d RSS" % pid, int(f[5]), p["rss_kb"])
        eq("pid %d STAT" % pid, f[7][0], p["state"]); eq("pid %d COMMAND" % pid, f[10].rstrip(), ptitle(p))
        near("pid %d %%MEM" % pid, float(f[3]), 100.0 * p["rss_kb"] / mem("total_kb"), 0.11)

@tool("ps -ef")
def _():
    r = run("ps -efww")
    rows = {int(l.split()[1]): l.split(None, 7) for l in r.lines[1:]}
    eq("pids", sorted(rows), sorted(by_pid()))
    for pid, p in by_pid().items():
        eq("pid %d PPID" % pid, int(rows[pid][2]), p["ppid"]); eq("pid %d CMD" % pid, rows[pid][7].rstrip(), ptitle(p))

@tool("ps -eLf")
def _():
    rows = [l.split(None, 9) for l in run("ps -eLfww").lines[1:]]
    eq("threads", sorted((int(f[1]), int(f[3])) for f in rows), sorted((p["pid"], t) for p in procs() for t in p["tids"]))
    for f in rows:
        eq("pid %s NLWP" % f[1], int(f[5]), len(by_pid()[int(f[1])]["tids"]))

@tool("ps -o")
def _():
    cols = "pid ppid state vsz rss nlwp ni uid gid min_flt maj_flt pss uss times etimes".split()
    r = run(["ps", "-eww"] + [x for c in cols + ["comm"] for x in ("-o", c + "=")])
    seen = set()
    for l in r.lines:
        f = dict(zip(cols + ["comm"], l.split(None, len(cols))))
        p = by_pid()[int(f["pid"])]; seen.add(p["pid"])
        want = dict(ppid=p["ppid"], state=p["state"], vsz=p["vsz_kb"], rss=p["rss_kb"], nlwp=len(p["tids"]), ni=p.get("nice", 0), uid=p["uid"], gid=p["gid"],
                    min_flt=p["minflt"], maj_flt=p["majflt"], pss=p["pss_kb"], uss=p["uss_kb"], times=(p["utime_ticks"] + p["stime_ticks"]) // hz(),
                    comm=p["comm"])
        for k, w in want.items(): eq("pid %d %s" % (p["pid"], k), f[k], str(w))
        near("pid %d etimes" % p["pid"], int(f["etimes"]), FACTS["host"]["uptime_s"] - p["start_ticks"] / hz(), 1 + FACTS["host"].get("uptime_tolerance_s", 1))
    eq("pids", sorted(seen), sorted(by_pid()))

@tool("ps --forest")
def _():
    r = run(["ps", "-eww", "--forest", "-o", "pid=", "-o", "ppid=", "-o", "args="])
    depth = {0: -1}                            # children of pid 1 are not indented, as on any Linux
    for l in r.lines:
        m = re.match(r" *(\d+) +(\d+) (.*)", l)
        pid, ppid, rest = int(m[1]), int(m[2]), m[3]
        d = rest.find("\\_ ") // 4 + 1 if "\\_ " in rest else 0
        has("parent %d is not printed before %d" % (ppid, pid), ppid in depth)
        eq("depth of %d" % pid, d, 0 if ppid == 1 else depth[ppid] + 1)
        depth[pid] = d
        has("pid %d: %r does not end in %r" % (pid, rest, ptitle(by_pid()[pid])), rest.rstrip().endswith(ptitle(by_pid()[pid])))
    eq("pids", sorted(depth)[1:], sorted(by_pid()))

@tool("top")
def _():
    r = run("top -b -n1 -E k -e k -w 400")
    o = r.out
    m = re.search(r"KiB Mem : *(\d+) total, *(\d+) free, *(\d+) used, *(\d+) buff/cache", o)
    has("no memory line", m)
    eq("Mem total/free/used/buffcache", tuple(map(int, m.groups())), (mem("total_kb"), mem("free_kb"), mem("total_kb") - mem("available_kb"), mem("buffers_kb") + cached()))
    m = re.search(r"KiB Swap: *(\d+) total, *(\d+) free, *(\d+) used\. *(\d+) avail Mem", o)
    eq("Swap total/free/used/avail", tuple(map(int, m.groups())), (mem("swap_total_kb"), mem("swap_free_kb"), swap_used(), mem("available_kb")))
    m = re.search(r"Tasks: *(\d+) total, *(\d+) running, *(\d+) sleeping, *(\d+) stopped, *(\d+) zombie", o)
    n = lambda s: sum(p["state"] in s for p in procs())
    eq("Tasks", tuple(map(int, m.groups())), (len(procs()), n("R"), n("SDI"), n("Tt"), n("Z")))
    if "loadavg" in FACTS["host"]: has("load average", "load average: %.2f, %.2f, %.2f" % tuple(FACTS["host"]["loadavg"]) in o)
    rows = {int(l.split()[0]): l.split(None, 11) for l in re.split(r"COMMAND *\n", o)[-1].splitlines() if l.strip()}
    eq("pids", sorted(rows), sorted(by_pid()))
    for pid, p in by_pid().items():
        f = rows[pid]
        eq("pid %d NI" % pid, int(f[3]), p.get("nice", 0)); scaled("pid %d VIRT" % pid, f[4], p["vsz_kb"]); scaled("pid %d RES" % pid, f[5], p["rss_kb"])
        eq("pid %d S" % pid, f[7], p["state"]); eq("pid %d COMMAND" % pid, f[11].strip(), p["comm"])

@tool("top -H")
def _():
    r = run("top -b -H -n1 -w 200")
    body = re.split(r"COMMAND *\n", r.out)[-1]
    eq("threads", sorted(int(l.split()[0]) for l in body.splitlines() if l.strip()), sorted(t for p in procs() for t in p["tids"]))

def visible(pids): return sorted(p for p in pids if not (PIDNS and p == 1))   # pgrep never shows its own pid

@tool("pgrep")
def _():
    for comm in {p["comm"] for p in procs()}:
        pids = visible(p["pid"] for p in procs() if p["comm"] == comm)
        r = run(["pgrep", "-x", re.escape(comm)], rc=(0,) if pids else (1,))
        eq("pgrep -x %s" % comm, sorted(map(int, r.out.split())), pids)
    got = dict((int(a), b.rstrip()) for a, b in (l.split(None, 1) for l in run("pgrep -a .").lines))
    eq("pgrep -a", got, {p["pid"]: ptitle(p) for p in procs() if p["pid"] in visible(by_pid())})
    for pp in {p["ppid"] for p in procs()} - {0}:
        eq("pgrep -P %d" % pp, sorted(map(int, run("pgrep -P %d" % pp).out.split())), visible(p["pid"] for p in procs() if p["ppid"] == pp))

@tool("pkill -0")
def _():
    p = next(p for p in procs() if p["pid"] != 1 and p["comm"] not in [q["comm"] for q in procs() if q is not p])
    r = run(["pkill", "-0", "-e", "-x", re.escape(p["comm"])], mode="p")   # placeholders: the signal goes to them
    eq("pkill -0 -e", r.out.strip(), "%s killed (pid %d)" % (p["comm"], p["pid"]))
    r = run(["pkill", "-0", "-x", "nosuchname"], mode="p", rc=(1,))

@tool("pidof")
def _():
    for name in {p["comm"] for p in named() if os.path.basename(p["cmdline"][0]) == p["comm"]}:
        got = run(["pidof", name]).out.split()
        eq("pidof %s" % name, sorted(map(int, got)), sorted(q["pid"] for q in procs() if q["comm"] == name))

@tool("free")
def _():
    r = run("free -k -w")
    eq("Mem", tuple(map(int, r.lines[1].split()[1:])), (mem("total_kb"), mem("total_kb") - mem("available_kb"), mem("free_kb"), mem("shared_kb"),
                                                       mem("buffers_kb"), cached(), mem("available_kb")))
    eq("Swap", tuple(map(int, r.lines[2].split()[1:])), (mem("swap_total_kb"), swap_used(), mem("swap_free_kb")))

@tool("vmstat")
def _():
    r = run("vmstat -w")
    f = dict(zip(r.lines[1].split(), r.lines[2].split()))
    for k, w in dict(swpd=swap_used(), free=mem("free_kb"), buff=mem("buffers_kb"), cache=cached()).items(): eq(k, int(f[k]), w)

@tool("vmstat -s")
def _():
    t = {b.strip(): int(a) for a, b in re.findall(r"^ *(\d+) (.*)$", run("vmstat -s").out, re.M)}
    want = {"K total memory": mem("total_kb"), "K used memory": mem("total_kb") - mem("available_kb"), "K free memory": mem("free_kb"),
            "K buffer memory": mem("buffers_kb"), "K swap cache": cached(), "K total swap": mem("swap_total_kb"), "K used swap": swap_used(), "K free swap": mem("swap_free_kb")}
    for k, n in (("active_kb", "K active memory"), ("inactive_kb", "K inactive memory")):
        if k in FACTS["memory"]: want[n] = mem(k)
    v = FACTS.get("vmstat", {})
    for k, n in (("pgpgin", "K paged in"), ("pgpgout", "K paged out"), ("pswpin", "pages swapped in"), ("pswpout", "pages swapped out")):
        if k in v: want[n] = v[k]
    c = FACTS.get("cpu_ticks", {})
    for k, n in (("user", "non-nice user cpu ticks"), ("nice", "nice user cpu ticks"), ("system", "system cpu ticks"), ("idle", "idle cpu ticks"), ("iowait", "IO-wait cpu ticks")):
        if k in c: want[n] = c[k]
    h = FACTS["host"]
    for k, n in (("ctxt", "CPU context switches"), ("intr", "interrupts"), ("forks", "forks"), ("btime", "boot time")):
        if k in h: want[n] = h[k]
    for k, w in want.items(): eq(k, t.get(k), w)

@tool("vmstat -m")
def _():
    if not os.path.exists(PROC + "/slabinfo"): raise Skip("no slabinfo (optional)")
    r = run("vmstat -m"); eq("header", r.lines[0].split(), ["Cache", "Num", "Total", "Size", "Pages"])
    got = {l.split()[0]: tuple(map(int, l.split()[1:])) for l in r.lines[1:]}
    for l in rd("slabinfo").decode().splitlines()[2:]:
        f = l.split(); eq("cache %s" % f[0], got.get(f[0]), (int(f[1]), int(f[2]), int(f[3]), int(f[4])))

@tool("slabtop")
def _():
    if not os.path.exists(PROC + "/slabinfo"): raise Skip("no slabinfo (optional)")
    rows = [l.split() for l in rd("slabinfo").decode().splitlines()[2:]]
    m = re.search(r"Active / Total Objects .*: (\d+) / (\d+)", run("slabtop -o").out)
    eq("objects", tuple(map(int, m.groups())), (sum(int(f[1]) for f in rows), sum(int(f[2]) for f in rows)))

def pmap_rows(out):
    return {int(m[1], 16): m for m in re.finditer(r"^([0-9a-f]{8,16}) +(.*)$", out, re.M)}

@tool("pmap")
def _():
    for p in user_procs():
        r = run("pmap %d" % p["pid"]); rows = pmap_rows(r.out)
        eq("title of %d" % p["pid"], r.lines[0].rstrip(), "%d:   %s" % (p["pid"], title(p)))
        eq("vmas of %d" % p["pid"], sorted(rows), [int(v["start"], 16) for v in p["vmas"]])
        for v in p["vmas"]:
            f = rows[int(v["start"], 16)][2].split(None, 2)
            eq("%d: size of %s" % (p["pid"], v["start"]), f[0], "%dK" % v["size_kb"])
            eq("%d: mode of %s" % (p["pid"], v["start"]), f[1][:3], v["perms"][:3])
            if v["name"].startswith("/"): eq("%d: name of %s" % (p["pid"], v["start"]), f[2], os.path.basename(v["name"]))
        eq("total of %d" % p["pid"], re.search(r"total +(\d+)K", r.out)[1], str(p["vsz_kb"]))

@tool("pmap -x")
def _():
    for p in user_procs():
        r = run("pmap -x %d" % p["pid"]); rows = pmap_rows(r.out)
        eq("vmas of %d" % p["pid"], sorted(rows), [int(v["start"], 16) for v in p["vmas"]])
        for v in p["vmas"]:
            eq("%d: %s Kbytes RSS Dirty" % (p["pid"], v["start"]), list(map(int, rows[int(v["start"], 16)][2].split()[:3])), [v["size_kb"], v["rss_kb"], v["dirty_kb"]])
        eq("total of %d" % p["pid"], list(map(int, re.search(r"total kB +(\d+) +(\d+) +(\d+)", r.out).groups())),
           [p["vsz_kb"], p["rss_kb"], sum(v["dirty_kb"] for v in p["vmas"])])

def pmapX(opt):
    for p in user_procs():
        r = run("pmap %s %d" % (opt, p["pid"])); head = r.lines[1].split()
        rows = pmap_rows("\n".join(l.strip() for l in r.lines[2:-2]))       # without the totals
        eq("vmas of %d" % p["pid"], sorted(rows), [int(v["start"], 16) for v in p["vmas"]])
        for v in p["vmas"]:
            f = dict(zip(head[1:], rows[int(v["start"], 16)][2].split(None, len(head) - 2)))
            for k, w in dict(Perm=v["perms"], Size=v["size_kb"], Rss=v["rss_kb"], Pss=v["pss_kb"], Swap=v["swap_kb"], Inode=v["inode"], Device=v["dev"],
                             Offset="%08x" % int(v["offset"], 16)).items():
                eq("%d: %s %s" % (p["pid"], v["start"], k), f[k], str(w))
        tot = r.lines[-1].split()
        names = [h for h in head if h not in ("Address", "Perm", "Offset", "Device", "Inode", "Mapping")]
        t = dict(zip(names, tot))
        eq("total Size, Rss, Swap of %d" % p["pid"], (t["Size"], t["Rss"], t["Swap"]), (str(p["vsz_kb"]), str(p["rss_kb"]), str(p["swap_kb"])))
@tool("pmap -X")
def _(): pmapX("-X")
@tool("pmap -XX")
def _(): pmapX("-XX")

@tool("pwdx")
def _():
    for p in user_procs(): eq("pwdx", run("pwdx %d" % p["pid"]).out.strip(), "%d: %s" % (p["pid"], p["cwd"]))

def check_uptime(o):
    m = re.search(r" up (?:(\d+) days?, )? *(?:(\d+):(\d+)|(\d+) min),", o)
    has("no uptime in %r" % o, m)
    got = int(m[1] or 0) * 1440 + (int(m[2]) * 60 + int(m[3]) if m[2] else int(m[4]))
    near("minutes up", got, FACTS["host"]["uptime_s"] // 60, 1 if FACTS["host"].get("uptime_tolerance_s", 1) > 1 else 0)
    if "loadavg" in FACTS["host"]: has("load average", "load average: %.2f, %.2f, %.2f" % tuple(FACTS["host"]["loadavg"]) in o)
@tool("uptime")
def _(): check_uptime(run("uptime").out)
@tool("w")
def _(): check_uptime(run("w").lines[0])

@tool("watch")
def _():
    """watch needs a terminal: give it one for two seconds"""
    need("watch", "script")
    p = procs()[-1]
    cmd = " ".join(map(shlex.quote, wrap(["timeout", "--foreground", "-s", "INT", "2", "watch", "-t", "-n", "0.5", "pgrep -l -x '%s'" % re.escape(p["comm"])])))
    r = run(["script", "-qec", cmd, "/dev/null"], inside=False, rc=None, env=dict(COLUMNS="80", LINES="24", TERM="xterm"))
    has("watch pgrep does not show %d %s" % (p["pid"], p["comm"]), re.search(r"\b%d %s" % (p["pid"], re.escape(p["comm"])), re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\(B|[=>])", " ", r.out)))

@tool("pstree")
def _():
    r = run("pstree -p -A")
    desc = {1}
    while True:
        n = desc | {p["pid"] for p in procs() if p["ppid"] in desc}
        if n == desc: break
        desc = n
    want = {"%s(%d)" % (by_pid()[d]["comm"], d) for d in desc} | {"{%s}(%d)" % (by_pid()[d]["comm"], t) for d in desc for t in by_pid()[d]["tids"] if t != d}
    for w in sorted(want): has("%s is missing" % w, w in r.out)
    eq("number of members", len(re.findall(r"\(\d+\)", r.out)), len(want))
    for d in sorted(desc)[:12]:
        chain, x = [], d
        while x in by_pid(): chain.insert(0, "%s(%d)" % (by_pid()[x]["comm"], x)); x = by_pid()[x]["ppid"]
        got = run("pstree -s -p -A %d" % d).lines[0]
        has("ancestors of %d: %s" % (d, got), got.startswith("---".join(chain)))

@tool("swapon --show")
def _():
    r = run("swapon --show=NAME,TYPE,SIZE,USED,PRIO --bytes --noheadings --raw")
    eq("swaps", [l.split() for l in r.lines], [[s["path"], s["type"], str(s["size_kb"] * 1024), str(s["used_kb"] * 1024), str(s["priority"])] for s in FACTS["swaps"]])
@tool("swapon -s")
def _():
    r = run("swapon -s")
    eq("swaps", [l.split() for l in r.lines[1:]], [[s["path"], s["type"], str(s["size_kb"]), str(s["used_kb"]), str(s["priority"])] for s in FACTS["swaps"]])

# ------------------------------------------------------------------ sockets
def lsof_fields(out):
    pid = fd = None; res = []
    for l in out.splitlines():
        k, v = l[0], l[1:]
        if k == "p": pid = int(v); fd = None
        elif k == "f": fd = {"pid": pid, "f": v}; res.append(fd)
        elif fd is not None:
            if k == "T": fd["T" + v.split("=")[0]] = v.split("=", 1)[1]
            else: fd[k] = v
    return res

@tool("lsof -i")
def _():
    if not socks("tcp", "udp"): raise Skip("no sockets in the facts")
    r = run("lsof -nP -i -Tqs -F pfPnT")
    got = sorted((x["pid"], x["f"], x["P"].lower(), x["n"], x.get("TST", ""), x.get("TQR", ""), x.get("TQS", "")) for x in lsof_fields(r.out))
    want = []
    for s in socks("tcp", "udp"):
        if s.get("pid") is None: continue
        a = lambda t: t.replace("0.0.0.0:", "*:")
        n = a(s["local"]) + ("" if s["remote"].endswith(":0") else "->" + a(s["remote"]))
        st = s["state"] if s["proto"] == "tcp" else ""
        want.append((s["pid"], str(s["fd"]), s["proto"], n, st, str(s["recvq"]), str(s["sendq"])))
    strip = lambda rows: sorted(r if r[2] == "tcp" else r[:4] for r in rows)
    eq("sockets", strip(got), strip(want))

@tool("lsof -p")
def _():
    for p in user_procs():
        if "fds" not in p: continue
        r = run("lsof -nP -p %d -F pfnti" % p["pid"]); rows = lsof_fields(r.out)
        eq("fds of %d" % p["pid"], sorted(int(x["f"]) for x in rows if x["f"].isdigit()), sorted(f["fd"] for f in p["fds"]))
        for f in p["fds"]:
            x = next(x for x in rows if x["f"] == str(f["fd"]))
            s = next((s for s in FACTS["sockets"] if s.get("pid") == p["pid"] and s.get("fd") == f["fd"]), None)
            if s: eq("type of fd %d of %d" % (f["fd"], p["pid"]), x["t"], "unix" if s["proto"] == "unix" else "IPv4")
            elif f["target"].startswith("/"): eq("name of fd %d of %d" % (f["fd"], p["pid"]), x["n"].split(" (")[0], f["target"])
        x = next(x for x in rows if x["f"] == "cwd"); eq("cwd of %d" % p["pid"], x["n"].split(" (")[0], p["cwd"])
        x = next(x for x in rows if x["f"] == "txt"); has("exe of %d: %s, want %s" % (p["pid"], x["n"], p["exe"]), (x["n"] + " (").startswith(p["exe"] + " ("))

def netstat_rows(out, pid=False, extra=False):
    rows = []
    for l in out.splitlines():
        f = l.split()
        if f and f[0] in ("tcp", "udp", "tcp6", "udp6"):
            if f[0].startswith("udp") and not (len(f) > 5 and f[5].isupper()): f.insert(5, "")
            rows.append(f)
    return rows
def want_socks(ss): return sorted((s["proto"], s["recvq"], s["sendq"], s["local"], star(s["remote"]), s["state"] if s["proto"] == "tcp" else "") for s in ss)
def got_socks(rows): return sorted((f[0], int(f[1]), int(f[2]), f[3], f[4], (f[5] if len(f) > 5 else "") if f[0] == "tcp" else "") for f in rows)

def listening(s): return s["state"] == "LISTEN" or (s["proto"] == "udp" and s["remote"].endswith(":0"))

@tool("netstat -tan")
def _(): eq("tcp", got_socks(netstat_rows(run("netstat -tan").out)), want_socks(socks("tcp")))
@tool("netstat -tulpen")
def _():
    rows = netstat_rows(run("netstat -tulpen").out); want = [s for s in socks("tcp", "udp") if listening(s)]
    eq("sockets", got_socks(rows), want_socks(want))
    for f in rows:
        s = next(s for s in want if s["proto"] == f[0] and s["local"] == f[3])
        owner = "%d/%s" % (s["pid"], os.path.basename(by_pid()[s["pid"]]["cmdline"][0]))[:20]
        eq("%s %s user, inode, program" % (f[0], f[3]), [f[6], f[7], f[8]], [str(s["uid"]), str(s["inode"]), owner])
@tool("netstat --inet")
def _():
    act = lambda ss: want_socks(s for s in ss if not listening(s))
    eq("active", got_socks(netstat_rows(run("netstat --inet --inet6 --numeric").out)), act(socks("tcp", "udp")))
    eq("listening", got_socks(netstat_rows(run("netstat --inet --inet6 --numeric --listen").out)), want_socks(s for s in socks("tcp", "udp") if listening(s)))
@tool("netstat -xan")
def _():
    r = run("netstat -xanp"); rows = [l for l in r.lines if l.startswith("unix")]
    eq("number of unix sockets", len(rows), len(socks("unix")))
    for s in socks("unix"):
        has("unix socket %s" % s, any(re.search(r"%s .*\b%d +%d/.*%s" % (s["type"], s["inode"], s["pid"], re.escape(s["path"])), l) for l in rows))
@tool("netstat -s")
def _():
    if "tcp_counters" not in FACTS: raise Skip("no tcp_counters in the facts")
    o = run("netstat -s").out; c = FACTS["tcp_counters"]
    for k, rx in dict(ActiveOpens=r"(\d+) active connection openings", PassiveOpens=r"(\d+) passive connection openings", InSegs=r"(\d+) segments received",
                      OutSegs=r"(\d+) segments sent out", RetransSegs=r"(\d+) segments retransmitted", CurrEstab=r"(\d+) connections established").items():
        m = re.search(rx, o); has("no line %r" % rx, m); eq(k, int(m[1]), c[k])
def route_rows(o): return sorted((f[0], f[1], f[2], f[3], f[-1]) for f in (l.split() for l in o.splitlines()[2:]) if f)
def want_routes(): return sorted((r["dest"], r["gateway"], r["mask"], r["flags"], r["iface"]) for r in FACTS["routes"])
@tool("netstat -rn")
def _(): eq("routes", route_rows(run("netstat -rn").out), want_routes())
@tool("netstat -i")
def _():
    rows = {l.split()[0]: l.split() for l in run("netstat -i", mode="n").lines[2:]}
    eq("interfaces", sorted(rows), sorted(i["name"] for i in FACTS["interfaces"]))
    for i in FACTS["interfaces"]:
        f = rows[i["name"]]
        eq(i["name"], [int(x) for x in (f[2], f[3], f[4], f[6], f[7], f[8])], [i["rx_packets"], i["rx_errs"], i["rx_drop"], i["tx_packets"], i["tx_errs"], i["tx_drop"]])
@tool("route -n")
def _(): eq("routes", route_rows(run("route -n").out), want_routes())
@tool("arp -n")
def _():
    rows = {}
    for l in run("arp -n").lines[1:]:
        f = l.split(); rows[f[0]] = ("", f[-1]) if "(incomplete)" in l else (f[2], f[-1])
    eq("arp", rows, {a["ip"]: ((a["mac"] if a["flags"] & 2 else ""), a["iface"]) for a in FACTS["arp"]})
@tool("ifconfig")
def _():
    o = run("ifconfig -a", mode="n").out
    blocks = {re.match(r"(\S+): ", b)[1]: b for b in re.split(r"\n\n", o) if b.strip()}
    for i in FACTS["interfaces"]:
        b = blocks.get(i["name"]); has("no interface %s" % i["name"], b)
        m = re.search(r"RX packets (\d+)  bytes (\d+).*?RX errors (\d+)  dropped (\d+).*?TX packets (\d+)  bytes (\d+).*?TX errors (\d+)  dropped (\d+)", b, re.S)
        eq(i["name"], list(map(int, m.groups())), [i[k] for k in "rx_packets rx_bytes rx_errs rx_drop tx_packets tx_bytes tx_errs tx_drop".split()])

SS_STATE = dict(ESTABLISHED="ESTAB", TIME_WAIT="TIME-WAIT", CLOSE="UNCONN", SYN_SENT="SYN-SENT", SYN_RECV="SYN-RECV", FIN_WAIT1="FIN-WAIT-1",
                FIN_WAIT2="FIN-WAIT-2", CLOSE_WAIT="CLOSE-WAIT", LAST_ACK="LAST-ACK", LISTEN="LISTEN", CLOSING="CLOSING")
def ss_check(opt, proto):
    r = run("ss -H %s" % opt, inside=False, env={"PROC_ROOT": PROC}); got = []
    for l in r.lines:
        f = l.split(None, 5); u = re.search(r"pid=(\d+),fd=(\d+)", l)
        got.append((f[0], int(f[1]), int(f[2]), f[3], f[4], (int(u[1]), int(u[2])) if u else None))
    want = [(SS_STATE[s["state"]], s["recvq"], s["sendq"], s["local"], star(s["remote"]), (s["pid"], s["fd"]) if s.get("pid") else None) for s in socks(proto)]
    eq(proto, sorted(got, key=str), sorted(want, key=str))
@tool("ss -tanp")
def _(): ss_check("-tanp", "tcp")
@tool("ss -uanp")
def _(): ss_check("-uanp", "udp")
@tool("ss -xanp")
def _():
    r = run("ss -H -xanp", inside=False, env={"PROC_ROOT": PROC})
    eq("number of unix sockets", len(r.lines), len(socks("unix")))
    for s in socks("unix"):
        has("unix socket %s in %r" % (s, r.out), any("%s %d" % (s["path"] or "*", s["inode"]) in l and "pid=%d,fd=%d" % (s["pid"], s["fd"]) in l for l in r.lines))
@tool("ss -s")
def _():
    o = run("ss -s", inside=False, env={"PROC_ROOT": PROC}).out; t = socks("tcp"); tw = sum(s["state"] == "TIME_WAIT" for s in t)
    m = re.search(r"^TCP: +(\d+) \(estab (\d+), closed (\d+), orphaned (\d+), timewait (\d+)\)", o, re.M)
    eq("TCP estab, timewait", (int(m[2]), int(m[5])), (sum(s["state"] in ("ESTABLISHED", "CLOSE_WAIT") for s in t), tw))
    m = re.search(r"^TCP\s+(\d+)\s+(\d+)\s+(\d+)", o, re.M); eq("TCP in use", int(m[1]), len(t) - tw)
    m = re.search(r"^UDP\s+(\d+)", o, re.M); eq("UDP in use", int(m[1]), len(socks("udp")))
@tool("nstat")
def _():
    if "tcp_counters" not in FACTS: raise Skip("no tcp_counters in the facts")
    with tempfile.TemporaryDirectory() as d:
        o = run("nstat -az", inside=False, env={"PROC_ROOT": PROC, "NSTAT_HISTORY": d + "/h"}).out
    got = dict(re.findall(r"^(\w+) +(\d+)", o, re.M))
    for k, v in FACTS["tcp_counters"].items():
        if k != "CurrEstab": eq("Tcp" + k, got.get("Tcp" + k), str(v))

# ------------------------------------------------------------------ monitors
@tool("htop")
def _():
    need("htop", "tmux")
    d = tempfile.mkdtemp(prefix="proctools."); sock = d + "/tmux"
    cmd = "unset COLUMNS LINES; TERM=screen HTOPRC=%s/rc HOME=%s LC_ALL=C %s 2>%s/err; echo END" % (d, d, " ".join(map(shlex.quote, wrap(["htop", "-C", "-d", "10"]))), d)
    T = ["tmux", "-S", sock, "-f", "/dev/null"]; e = dict(ENV, LC_ALL="C.UTF-8")
    try:
        subprocess.run(T + ["new-session", "-d", "-x", "220", "-y", str(20 + sum(len(p["tids"]) for p in procs()) % 200), cmd + "; sleep 30"], env=e, check=True)
        o = ""
        for _ in range(40):
            time.sleep(0.25)
            o = subprocess.run(T + ["capture-pane", "-p"], env=e, capture_output=True, text=True).stdout
            if "F10" in o and re.search(r"^ *\d+ \S+ +-?\d", o, re.M): break
            if "END" in o: break
    finally:
        subprocess.run(T + ["kill-server"], env=e, stderr=subprocess.DEVNULL)
        err = open(d + "/err").read() if os.path.exists(d + "/err") else ""
        shutil.rmtree(d, ignore_errors=True)
    has("htop did not draw: %s %s" % (err.strip()[:200], o.strip()[:200]), "F10" in o)
    rows = {}
    for l in o.splitlines():
        m = re.match(r" *(\d+) (\S+) +(-?\d+|RT) +(-?\d+) +(\S+) +(\S+) +(\S+) ([A-Z]) +([\d.]+) +([\d.]+) +(\S+) (.*)", l)
        if m: rows[int(m[1])] = m
    def human(kb, s):
        v = float(s[:-1]) * dict(K=1, M=1024, G=1024 ** 2)[s[-1]] if s[-1] in "KMG" else float(s)
        return abs(v - kb) <= max((0.05 if s[-1] in "GT" else 0.02) * kb, 1)   # htop 3.2 misprints fractions of G
    for p in user_procs():
        has("pid %d not shown: %s" % (p["pid"], sorted(rows)), p["pid"] in rows); m = rows[p["pid"]]
        eq("pid %d NI" % p["pid"], int(m[4]), p.get("nice", 0)); eq("pid %d S" % p["pid"], m[8], p["state"]); eq("pid %d Command" % p["pid"], m[12].strip()[:100], (title(p) if p["cmdline"] else p["comm"])[:100])
        has("pid %d VIRT %s RES %s, want %d %d" % (p["pid"], m[5], m[6], p["vsz_kb"], p["rss_kb"]), human(p["vsz_kb"], m[5]) and human(p["rss_kb"], m[6]))
    m = re.search(r"Mem\[.*?([\d.]+[KMG])/([\d.]+[KMG])\]", o); has("no Mem meter", m); has("Mem total %s" % m[2], human(mem("total_kb"), m[2]))
    m = re.search(r"Swp\[.*?([\d.]+[KMG])/([\d.]+[KMG])\]", o); has("no Swp meter", m)
    has("Swp %s/%s" % (m[1], m[2]), human(mem("swap_total_kb"), m[2]) and human(swap_used(), m[1]))

@tool("atop")
def _():
    o = run("atop -P MEM,SWP,PRG,PRM,NET 1 1", env=dict(ATOPACCT="")).out      # else it adds really exited processes
    def rec(k):                                # the name in parentheses may hold blanks and parentheses
        rows = []
        for l in o.splitlines():
            if not l.startswith(k + " "): continue
            m = re.match(r"(.*? \d+) \((.*)\) ([A-Z]) (\d.*)$", l) if k == "PRM" else None
            rows.append(m[1].split() + [m[2], m[3]] + m[4].split() if m else l.split())
        return rows
    f = rec("MEM")[0]; eq("MEM physical, free pages", (int(f[7]) * 4, int(f[8]) * 4), (mem("total_kb"), mem("free_kb")))
    f = rec("SWP")[0]; eq("SWP total, free pages", (int(f[7]) * 4, int(f[8]) * 4), (mem("swap_total_kb"), mem("swap_free_kb")))
    prm = {int(f[6]): f for f in rec("PRM") if f[22] == "y"}
    eq("pids", sorted(set(prm)), sorted(by_pid()))
    for pid, p in by_pid().items():
        f = prm[pid]; eq("pid %d name, state, vsize, rss" % pid, (f[7], f[8], int(f[10]), int(f[11])), (p["comm"], p["state"], p["vsz_kb"], p["rss_kb"]))
        eq("pid %d minflt, majflt, swap" % pid, (int(f[15]), int(f[16]), int(f[20])), (p["minflt"], p["majflt"], p["swap_kb"]))
        if p["cmdline"]: has("pid %d command line" % pid, "(%s" % title(p)[:100] in "\n".join(l for l in o.splitlines() if l.startswith("PRG ") and l.split()[6] == str(pid)))
    net = {f[6]: f for f in rec("NET")}
    for i in FACTS["interfaces"]:
        eq("NET %s" % i["name"], list(map(int, net[i["name"]][7:11])), [i["rx_packets"], i["rx_bytes"], i["tx_packets"], i["tx_bytes"]])

@tool("smem")
def _():
    rows = {int(l.split()[0]): l.split() for l in run("smem -H -c 'pid swap uss pss rss vss'").lines}
    eq("pids", sorted(rows), sorted(p["pid"] for p in named()))          # smem leaves out empty command lines
    for p in named():
        f = list(map(int, rows[p["pid"]]))
        eq("pid %d swap, uss, rss, vss" % p["pid"], (f[1], f[2], f[4], f[5]), (p["swap_kb"], p["uss_kb"], p["rss_kb"], p["vsz_kb"]))
        near("pid %d pss" % p["pid"], f[3], p["pss_kb"], len(p["vmas"]))
@tool("smem -P")
def _():
    p = named()[-1]
    eq("smem -P", [l.split() for l in run(["smem", "-H", "-c", "pid rss", "-P", "^" + re.escape(p["cmdline"][0])]).lines],
       [[str(q["pid"]), str(q["rss_kb"])] for q in sorted(named(), key=lambda q: q["pss_kb"]) if q["cmdline"][0].startswith(p["cmdline"][0])])
@tool("smem -U")
def _():
    if os.geteuid() != 0: raise Skip("smem asks stat(2) for the owner, and an ordinary user's namespace knows one alone")
    uid = named()[-1]["uid"]
    eq("smem -U", sorted([l.split() for l in run(["smem", "-H", "-c", "pid rss", "-U", "^%s$" % user(uid)]).lines]),
       sorted([str(q["pid"]), str(q["rss_kb"])] for q in named() if q["uid"] == uid))
@tool("smem -w")
def _():
    m = re.search(r"free memory +(\d+)", run("smem -w").out); eq("free memory", int(m[1]), mem("free_kb"))
@tool("smem -m")
def _():
    rows = {l.rsplit(None, 2)[0].strip(): l.rsplit(None, 2)[1:] for l in run("smem -H -m -c 'map pids pss'").lines}
    for name in {v["name"] for p in named() for v in p["vmas"] if v["name"] and " " not in v["name"]}:
        vs = [(p["pid"], v) for p in named() for v in p["vmas"] if v["name"] == name]
        has("no map %s" % name, name in rows); eq("%s pids" % name, int(rows[name][0]), len({x[0] for x in vs}))
        near("%s pss" % name, int(rows[name][1]), sum(v["pss_kb"] for _, v in vs), len(vs))

PSUTIL = r'''
import json, sys, psutil, warnings
warnings.simplefilter("error")
psutil.PROCFS_PATH = sys.argv[1]
out = {"procs": {}}
for p in psutil.process_iter():
    d = p.as_dict(attrs=["pid", "ppid", "name", "cmdline", "status", "uids", "num_threads", "cpu_times", "create_time", "num_fds", "cwd"])
    mi = p.memory_info(); d["rss"], d["vms"] = mi.rss, mi.vms
    if mi.vms:
        f = p.memory_full_info(); d["uss"], d["pss"], d["swap"] = f.uss, f.pss, f.swap
        d["maps"] = [(m.addr, m.perms, m.path, m.size, m.rss, m.swap) for m in p.memory_maps(grouped=False)]
        d["exe"] = p.exe()
        d["threads"] = sorted(t.id for t in p.threads())
        d["conns"] = len(p.connections("inet"))
    out["procs"][p.pid] = d
out["vm"] = psutil.virtual_memory()._asdict(); out["swap"] = psutil.swap_memory()._asdict(); out["cpu"] = psutil.cpu_times()._asdict()
out["conns"] = [[c.fd, c.type == 1, list(c.laddr), list(c.raddr), c.status, c.pid] for c in psutil.net_connections("inet")]
out["nic"] = {k: v._asdict() for k, v in psutil.net_io_counters(pernic=True).items()}
out["boot"] = psutil.boot_time()
print(json.dumps(out))
'''
@tool("psutil")
def _():
    if subprocess.run([PY, "-c", "import psutil"], env=ENV, capture_output=True).returncode: raise Skip("python3-psutil is not installed")
    d = json.loads(run([PY, "-c", PSUTIL, PROC], inside=False).out)
    eq("pids", sorted(map(int, d["procs"])), sorted(by_pid()))
    st = dict(R="running", S="sleeping", D="disk-sleep", T="stopped", Z="zombie", I="idle", t="tracing-stop")
    for pid, p in by_pid().items():
        q = d["procs"][str(pid)]
        for k, w in dict(ppid=p["ppid"], name=lname(p), cmdline=args(p), status=st[p["state"]], rss=p["rss_kb"] * 1024, vms=p["vsz_kb"] * 1024, num_threads=len(p["tids"])).items():
            eq("pid %d %s" % (pid, k), q[k], w)
        near("pid %d cpu" % pid, q["cpu_times"][0], p["utime_ticks"] / hz(), 0.01)
        near("pid %d create_time" % pid, q["create_time"], FACTS["host"]["btime"] + p["start_ticks"] / hz(), 1.01)
        if not PIDNS and "fds" in p: eq("pid %d num_fds" % pid, q["num_fds"], len(p["fds"]))
        if p.get("vmas"):
            for k, w in dict(uss=p["uss_kb"] * 1024, swap=p["swap_kb"] * 1024, exe=p["exe"], cwd=p["cwd"], threads=sorted(p["tids"])).items(): eq("pid %d %s" % (pid, k), q[k], w)
            near("pid %d pss" % pid, q["pss"], p["pss_kb"] * 1024, 1024 * len(p["vmas"]))
            eq("pid %d maps" % pid, [tuple(m) for m in q["maps"]], [("%08x-%08x" % (int(v["start"], 16), int(v["end"], 16)), v["perms"], v["name"].removesuffix(" (deleted)") or "[anon]",
                                                                     v["size_kb"] * 1024, v["rss_kb"] * 1024, v["swap_kb"] * 1024) for v in p["vmas"]])
    eq("virtual_memory total, free, available", (d["vm"]["total"], d["vm"]["free"], d["vm"]["available"]), (mem("total_kb") * 1024, mem("free_kb") * 1024, mem("available_kb") * 1024))
    eq("swap_memory total, used, free", (d["swap"]["total"], d["swap"]["used"], d["swap"]["free"]), (mem("swap_total_kb") * 1024, swap_used() * 1024, mem("swap_free_kb") * 1024))
    for k, v in FACTS.get("cpu_ticks", {}).items():
        if k in d["cpu"]: near("cpu_times %s" % k, d["cpu"][k], v / hz(), 0.01)
    hp = lambda a: [] if a.endswith(":0") and a.startswith("0.0.0.0") else [a.rsplit(":", 1)[0], int(a.rsplit(":", 1)[1])]
    want = sorted(([s["fd"] if s.get("fd") is not None else -1, s["proto"] == "tcp", hp(s["local"]), hp(s["remote"]), s["state"] if s["proto"] == "tcp" else "NONE", s.get("pid")]
                   for s in socks("tcp", "udp")), key=str)
    got = sorted((c[:4] + [{"LISTEN": "LISTEN"}.get(c[4], c[4])] + [c[5]] for c in d["conns"]), key=str)
    eq("net_connections", got, want)
    for i in FACTS["interfaces"]: eq("nic %s" % i["name"], (d["nic"][i["name"]]["bytes_recv"], d["nic"][i["name"]]["bytes_sent"]), (i["rx_bytes"], i["tx_bytes"]))

@tool("prometheus-node-exporter")
def _():
    need("prometheus-node-exporter")
    s = socket.socket(); s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]; s.close()
    log = tempfile.TemporaryFile()
    p = subprocess.Popen(["prometheus-node-exporter", "--path.procfs=" + PROC, "--web.listen-address=127.0.0.1:%d" % port, "--no-collector.netdev.netlink",
                          "--collector.processes", "--log.level=error"], env=ENV, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    o = ""
    try:
        for _ in range(60):
            time.sleep(0.25)
            try:
                c = socket.create_connection(("127.0.0.1", port), 10); c.settimeout(20)
                c.sendall(b"GET /metrics HTTP/1.0\r\n\r\n"); b = b""
                while True:
                    x = c.recv(65536)
                    if not x: break
                    b += x
                o = b.decode(); break
            except ConnectionRefusedError: pass
    finally:
        p.kill(); p.wait()
    has("no answer", "node_memory_MemTotal_bytes" in o)
    m = {k: float(v) for k, v in re.findall(r"^(node_\S+) (\S+)$", o, re.M)}
    for c in ("cpu", "loadavg", "meminfo", "netdev", "netstat", "sockstat", "stat", "vmstat", "arp", "filefd", "diskstats", "processes", "pressure", "softnet", "udp_queues"):
        eq("collector %s success" % c, m.get('node_scrape_collector_success{collector="%s"}' % c), 1.0)
    want = {"memory_MemTotal_bytes": mem("total_kb") * 1024, "memory_MemFree_bytes": mem("free_kb") * 1024, "memory_SwapTotal_bytes": mem("swap_total_kb") * 1024,
            "memory_SwapFree_bytes": mem("swap_free_kb") * 1024, "processes_pids": len(procs()), "processes_threads": sum(len(p["tids"]) for p in procs())}
    if "loadavg" in FACTS["host"]: want["load1"] = FACTS["host"]["loadavg"][0]
    for k, v in FACTS.get("vmstat", {}).items(): want["vmstat_" + k] = v
    for k, v in FACTS.get("tcp_counters", {}).items(): want["netstat_Tcp_" + k] = v
    for i in FACTS["interfaces"]:
        if i["name"] != "lo": want['network_receive_bytes_total{device="%s"}' % i["name"]] = i["rx_bytes"]
    for dev in {a["iface"] for a in FACTS["arp"]}: want['arp_entries{device="%s"}' % dev] = sum(a["iface"] == dev for a in FACTS["arp"])
    for x in FACTS.get("disks", []): want['disk_reads_completed_total{device="%s"}' % x["name"]] = x["reads"]
    want["sockstat_TCP_tw"] = sum(s["state"] == "TIME_WAIT" for s in socks("tcp"))
    for k, w in want.items(): eq("node_" + k, m.get("node_" + k), float(w))

@tool("glances")
def _():
    # glances asks the kernel for the nice value of each pid, so every pid must really exist: use placeholders
    with tempfile.TemporaryDirectory() as home:
        r = run("glances --stdout mem.total,mem.free,memswap.total,memswap.used,processcount,processlist --stop-after 1", mode="p", env=dict(HOME=home, XDG_CONFIG_HOME=home), timeout=90, quiet=False)
    v = dict(l.split(": ", 1) for l in r.lines if ": " in l)
    eq("mem.total", int(v["mem.total"]), mem("total_kb") * 1024)
    eq("memswap", (int(v["memswap.total"]), int(v["memswap.used"])), (mem("swap_total_kb") * 1024, swap_used() * 1024))
    if not PIDNS or 1 in by_pid():
        eq("processcount", re.search(r"'total': (\d+)", v["processcount"])[1], str(len(procs())))
    for p in procs():
        m = re.search(r"'pid': %d\b" % p["pid"], v["processlist"]); has("pid %d is not in the process list" % p["pid"], m)
        has("pid %d: name, rss" % p["pid"], re.search(r"\{(?=[^{}]*(?:\{[^{}]*\}[^{}]*)*'pid': %d\b)(?=[^{}]*'name': '%s')(?=[^{}]*pmem\(rss=%d,)" % (p["pid"], re.escape(lname(p)), p["rss_kb"] * 1024), v["processlist"]))

# ------------------------------------------------------------------ busybox, gdb, sysstat, numactl
def bb(applet):
    need("busybox")
    if applet not in subprocess.run(["busybox", "--list"], capture_output=True, text=True, env=ENV).stdout.split(): raise Skip("this busybox has no %s" % applet)
@tool("busybox ps")
def _():
    bb("ps"); rows = {int(l.split()[0]): l.split(None, 2) for l in run("busybox ps").lines[1:]}
    eq("pids", sorted(rows), sorted(by_pid()))
    for pid, p in by_pid().items(): has("pid %d: %r does not hold %r" % (pid, rows[pid][2], title(p)), title(p)[:100] in rows[pid][2])
@tool("busybox top")
def _():
    bb("top"); o = run("busybox top -b -n1").out
    m = re.search(r"Mem: (\d+)K used, (\d+)K free", o); eq("Mem used, free", (int(m[1]), int(m[2])), (mem("total_kb") - mem("free_kb"), mem("free_kb")))
    rows = {int(l.split()[0]): l.split(None, 7) for l in o.split("COMMAND\n")[1].splitlines() if l.strip()}
    eq("pids", sorted(rows), sorted(by_pid()))
    for pid, p in by_pid().items():
        l = next(l for l in o.splitlines() if re.match(r" *%d +%d " % (pid, p["ppid"]), l))
        m = re.match(r" *%d +%d +\S+ +(\S)[WN< ]* *([\d.]+[mg]|\d+)(?= |\d+%%)" % (pid, p["ppid"]), l)
        has("pid %d row: %r" % (pid, l), m); eq("pid %d STAT" % pid, m[1], p["state"])
        scaled("pid %d VSZ" % pid, m[2], p["vsz_kb"])
@tool("busybox pidof")
def _():
    bb("pidof"); p = named()[-1]; n = os.path.basename(p["cmdline"][0])
    eq("pidof %s" % n, sorted(map(int, run(["busybox", "pidof", n]).out.split())), sorted(q["pid"] for q in named() if os.path.basename(q["cmdline"][0]) == n))
@tool("busybox free")
def _():
    bb("free"); eq("available (the other columns come from sysinfo(2), not from /proc)", int(run("busybox free -k").lines[1].split()[6]), mem("available_kb"))
@tool("busybox netstat")
def _():
    bb("netstat"); eq("sockets", got_socks(netstat_rows(run("busybox netstat -tuan").out)), want_socks(socks("tcp", "udp")))
    eq("routes", route_rows(run("busybox netstat -rn").out), want_routes())
@tool("busybox route")
def _(): bb("route"); eq("routes", route_rows(run("busybox route -n").out), want_routes())
@tool("busybox arp")
def _():
    bb("arp"); o = run("busybox arp -an").out
    for a in FACTS["arp"]: has("arp %s in %r" % (a["ip"], o), "? (%s) at %s" % (a["ip"], a["mac"] if a["flags"] & 2 else "<incomplete>") in o)
@tool("busybox pstree")
def _():
    bb("pstree"); o = run("busybox pstree -p").out
    for p in procs():
        if p["ppid"]: has("pid %d" % p["pid"], "%s(%d)" % (p["comm"], p["pid"]) in o)
@tool("busybox pmap")
def _():
    bb("pmap")
    for p in user_procs(): has("total of %d" % p["pid"], "%dK" % p["vsz_kb"] in run("busybox pmap %d" % p["pid"]).out)

@tool("gdb")
def _():
    p = user_procs()[0]
    o = run(["gdb", "-nx", "-q", "-batch", "-ex", "set architecture i386:x86-64", "-ex", "info proc mappings %d" % p["pid"], "-ex", "info proc cmdline %d" % p["pid"]]).out
    rows = [(int(a, 16), int(b, 16), int(c, 16), perm, n) for a, b, c, _, perm, n in re.findall(r"^\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+(\S+)\s+(\S*)\s*$", o, re.M)]
    eq("mappings", rows, [(int(v["start"], 16), int(v["end"], 16), int(v["end"], 16) - int(v["start"], 16), v["perms"], v["name"]) for v in p["vmas"]])
    has("cmdline", "cmdline = '%s'" % title(p) in o)

@tool("mpstat")
def _():
    if "cpu_ticks" not in FACTS: raise Skip("no cpu_ticks in the facts")
    l = run("mpstat").lines; head = l[-2].split(); f = l[-1].split(); c = FACTS["cpu_ticks"]; tot = sum(v for k, v in c.items() if not k.startswith("guest"))
    near("%idle", float(f[head.index("%idle")]), 100 * c["idle"] / tot, 0.02); near("%sys", float(f[head.index("%sys")]), 100 * c["system"] / tot, 0.02)
@tool("pidstat")
def _():
    rows = {}
    l = run("pidstat -r -p ALL").lines; head = l[1].split()
    for r in l[2:]:
        f = dict(zip(head[1:], r.split(None, len(head) - 1)[1:])); rows[int(f["PID"])] = f
    eq("pids", sorted(rows), sorted(by_pid()))
    for pid, p in by_pid().items(): eq("pid %d VSZ, RSS, Command" % pid, (rows[pid]["VSZ"], rows[pid]["RSS"], rows[pid]["Command"]), (str(p["vsz_kb"]), str(p["rss_kb"]), p["comm"]))
@tool("sar")
def _():
    need("sar"); l = run("sar -r 1 1").lines; f = dict(zip(l[-3].split()[1:], l[-2].split()[1:]))
    eq("kbmemfree, kbavail", (f["kbmemfree"], f["kbavail"]), (str(mem("free_kb")), str(mem("available_kb"))))
    l = run("sar -S 1 1").lines; f = dict(zip(l[-3].split()[1:], l[-2].split()[1:])); eq("kbswpfree, kbswpused", (f["kbswpfree"], f["kbswpused"]), (str(mem("swap_free_kb")), str(swap_used())))
@tool("numastat")
def _():
    p = user_procs()[-1]; o = run("numastat -p %d" % p["pid"]).out
    near("Total MB of %d" % p["pid"], float(re.search(r"^Total +([\d.]+)", o, re.M)[1]), p["rss_kb"] / 1024, 0.02)

# ------------------------------------------------------------------ main
def main():
    global PROC, FACTS, PIDNS
    a = sys.argv[1:]
    if a and a[0] == "--exec": exec_inside(a[1:])
    if "--list" in a: print("\n".join(n for n, _ in TESTS)); return 0
    if "--pidns" in a: PIDNS = True; a.remove("--pidns")
    if len(a) < 2: sys.exit("usage: run.sh [--pidns] PROC_DIR FACTS.json [TOOL...]")
    PROC = os.path.abspath(a[0])
    if PROC == "/proc": sys.exit("proctools: give the simulated /proc, not /proc itself")
    with open(a[1]) as f: FACTS = json.load(f)
    only = a[2:]
    for n in only:
        if n not in [t[0] for t in TESTS]: sys.exit("proctools: no test %r; try --list" % n)
    ok = bad = skipped = 0
    for name, f in TESTS:
        if only and name not in only: continue
        try:
            f(); ok += 1; print("ok " + name)
        except Skip as e: skipped += 1; print("skip %s %s" % (name, e))
        except Fail as e: bad += 1; print("FAIL %s %s" % (name, str(e).replace("\n", " ")[:400]))
        except Exception as e:                              # output that could not be parsed is a failure of the subject
            bad += 1; tb = sys.exc_info()[2]
            while tb.tb_next: tb = tb.tb_next
            print("FAIL %s cannot understand the output: %s: %s (line %d)" % (name, type(e).__name__, str(e)[:200], tb.tb_lineno))
            if os.environ.get("PROCTOOLS_DEBUG"): raise
        sys.stdout.flush()
    print("%d passed, %d failed%s" % (ok, bad, ", %d skipped" % skipped if skipped else ""))
    return 1 if bad or not ok else 0

if __name__ == "__main__":
    sys.exit(main())
