#!/usr/bin/env python3
"""Runs unmodified tools inside `vitrine enter` and compares what they print with the engine's own tables.

usage: tools.py VITRINE MOUNT [TOOL...]    for the host that tools.sh has made
A line each: ok, FAIL with what differs, or skip where the tool is missing. Ends with 1 after a FAIL.
"""
import json, os, re, shutil, socket, subprocess, sys, tempfile, time, urllib.request

VITRINE, MOUNT, ONLY = sys.argv[1], sys.argv[2], sys.argv[3:]
HOST = os.path.join(MOUNT, "hosts/host0")
ENV = dict(os.environ, PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C", TERM="xterm", COLUMNS="400",
           LINES="100", HOME="/nonexistent")
PAGE = 4


class Skip(Exception):
    pass


def read(path):
    with open(os.path.join(HOST, path)) as f:
        return f.read()


def table(path):
    return json.loads(read(path + ".json"))


def inside(*command, env=None, status=(0,), prefix=()):
    if not shutil.which(command[0], path=ENV["PATH"]):
        raise Skip("not installed")
    p = subprocess.run([VITRINE, "enter", MOUNT, "--", *prefix, *command], env=dict(ENV, **(env or {})), stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, errors="replace", timeout=60)
    assert p.returncode in status, "%s: exit status %d: %s" % (" ".join(command), p.returncode, p.stderr.strip()[:200])
    return p.stdout


def rows(text):
    """Lines as words by the names of the header line; the last column takes the rest."""
    lines = [l for l in text.splitlines() if l.strip()]
    head = lines[0].split()
    return [dict(zip(head, l.split(None, len(head) - 1))) for l in lines[1:]]


def same(what, got, want):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


def near(what, got, want, by):
    assert abs(got - want) <= by, "%s: got %r, want %r +-%r" % (what, got, want, by)


# What the engine knows, from tables that no tool reads.
PROCESSES = {  # pid: name, command line, state, parent, uid, nice, user ticks
    1: ("init", "/sbin/init splash", "S", 0, 0, 0, 150), 2: ("editor", "/usr/bin/editor -nw notes.txt", "R", 1, 1000, 0, 4500),
    3: ("editor", "/usr/bin/editor -nw notes.txt", "S", 2, 1000, 0, 0), 4: ("server", "server", "S", 1, 33, 5, 0),
    6: ("ended", "[ended] <defunct>", "Z", 1, 0, 0, 0), 7: ("disk", "disk", "D", 1, 0, 0, 0)}
ALIVE = [p for p in PROCESSES if p not in (1, 6)]
LEAVES = {p: table("proc/%d/pagetable" % p) for p in ALIVE}
RSS = {p: PAGE * sum(l["pfn"] is not None for l in LEAVES[p]) for p in ALIVE}
SWAP = {p: PAGE * sum(l["slot"] is not None for l in LEAVES[p]) for p in ALIVE}
AREAS = {p: [(int(l.split("-")[0], 16), int(l.split()[0].split("-")[1], 16)) for l in read("proc/%d/maps" % p).splitlines()]
         for p in ALIVE}
SIZE = {p: sum(b - a for a, b in AREAS[p]) // 1024 for p in ALIVE}
FRAMES = table("mem/frames")
TOTAL = int(read("mem/size")) // 1024
USED = PAGE * sum(f["use"] != "free" for f in FRAMES)
SWAPPED = sum(SWAP.values())
SOCKETS = table("net/sockets")
PSS = {p: sum(PAGE / next(f for f in FRAMES if f["pfn"] == l["pfn"])["maps"] for l in LEAVES[p] if l["pfn"] is not None) for p in ALIVE}
LIVE = {p: (RSS.get(p, 0), SIZE.get(p, 0)) for p in PROCESSES}

TOOLS = []


def tool(f):
    TOOLS.append((f.__name__.replace("_", "-"), f))
    return f


@tool
def ps_aux():
    got = {int(r["PID"]): r for r in rows(inside("ps", "aux"))}
    same("pids", sorted(got), sorted(PROCESSES))
    for pid, (name, line, state, *_) in PROCESSES.items():
        same("%d command" % pid, got[pid]["COMMAND"], line)
        same("%d state" % pid, got[pid]["STAT"][0], state)
        same("%d RSS, VSZ" % pid, (int(got[pid]["RSS"]), int(got[pid]["VSZ"])), LIVE[pid])
    same("%CPU", got[2]["%CPU"], "1.3")


@tool
def ps_ef():
    same("parents", {int(r["PID"]): int(r["PPID"]) for r in rows(inside("ps", "-ef"))}, {p: v[3] for p, v in PROCESSES.items()})


@tool
def ps_eLf():
    same("threads", sorted(int(r["LWP"]) for r in rows(inside("ps", "-eLf"))), [1, 2, 3, 4, 5, 6, 7])


@tool
def ps_fields():
    got = {int(r["PID"]): r for r in rows(inside("ps", "-e", "-o", "pid,ppid,pgid,sid,uid,gid,nice,nlwp,s,min_flt,maj_flt,time,pss,uss,comm"))}
    for pid, (name, _, state, ppid, uid, nice, ticks) in PROCESSES.items():
        r = got[pid]
        same("%d" % pid, (r["COMMAND"].split()[0], r["S"], int(r["PPID"]), int(r["UID"]), int(r["NI"])), (name, state, ppid, uid, nice))
        seconds = sum(int(x) * 60 ** i for i, x in enumerate(reversed(r["TIME"].split(":"))))
        near("%d time" % pid, seconds, ticks / 100 + (5 if pid == 2 else 0), 1)
        if pid in PSS:
            near("%d pss" % pid, int(r["PSS"]), PSS[pid], len(AREAS[pid]))
    every = [l.split()[0] for l in inside("ps", "L").splitlines()]
    for field in every:
        inside("ps", "-e", "-o", field)


@tool
def ps_forest():
    assert re.search(r"editor.*\n.*\\_ .*editor", inside("ps", "-e", "--forest")), "the child is not below its parent"


@tool
def top():
    out = inside("top", "-b", "-n1")
    got = {int(l.split()[0]): l.split() for l in out.splitlines() if re.match(r" *\d+ ", l)}
    same("pids", sorted(got), sorted(PROCESSES))
    same("states", {p: r[7] for p, r in got.items()}, {p: v[2] for p, v in PROCESSES.items()})
    same("memory", {p: (int(r[5]), int(r[4])) for p, r in got.items()}, LIVE)
    assert "load average: 0.25, 0.50, 0.75" in out and "Tasks:   6 total" in out, out[:300]
    same("MiB total", re.search(r"MiB Mem : *([\d.]+) total", out)[1], "%.1f" % (TOTAL / 1024))
    assert "Threads:   7 total" in inside("top", "-b", "-H", "-n1"), "top -H"


@tool
def pgrep():
    same("by name", inside("pgrep", "editor").split(), ["2", "3"])
    same("by line", inside("pgrep", "-f", "init splash").split(), ["1"])
    same("by user", inside("pgrep", "-u", "33").split(), ["4"])


@tool
def pkill():
    same("signal 0", inside("pkill", "-0", "-e", "server").strip(), "server killed (pid 4)")


@tool
def pidof():
    same("pids", sorted(inside("pidof", "editor").split()), ["2", "3"])


@tool
def pstree():
    out = inside("pstree", "-A", "-p", "-T")
    assert "editor(2)---editor(3)" in out and "-server(4)" in out, out
    assert "{server}(5)" in inside("pstree", "-A", "-p"), "the thread"


@tool
def free():
    r = inside("free", "-k").splitlines()
    same("total", int(r[1].split()[1]), TOTAL)
    same("free", int(r[1].split()[3]), TOTAL - USED)
    same("swap", [int(x) for x in r[2].split()[1:]], [128 * 1024, SWAPPED, 128 * 1024 - SWAPPED])


@tool
def vmstat():
    lines = inside("vmstat", "1", "2").splitlines()
    head = lines[1].split()
    for l in lines[2:]:
        r = dict(zip(head, map(int, l.split())))
        same("swpd, free", (r["swpd"], r["free"]), (SWAPPED, TOTAL - USED))
        same("r, b", (r["r"], r["b"]), (1, 1))
    assert "%d K total memory" % TOTAL in inside("vmstat", "-s"), "-s"


@tool
def pmap():
    for pid in ALIVE:
        got = [int(l.split()[0], 16) for l in inside("pmap", str(pid)).splitlines()[1:-1]]
        same("%d addresses" % pid, got, [a for a, _ in AREAS[pid]])
        same("%d -x" % pid, inside("pmap", "-x", str(pid)).splitlines()[-1].split()[2:4], [str(SIZE[pid]), str(RSS[pid])])
        for how in "-X", "-XX":
            lines = inside("pmap", how, str(pid)).splitlines()
            r = dict(zip(lines[1].split()[5:], map(int, lines[-1].split()[:-1])))
            same("%d %s" % (pid, how), (r["Size"], r["Rss"], r["Swap"]), (SIZE[pid], RSS[pid], SWAP[pid]))


@tool
def pwdx():
    same("directory", inside("pwdx", "2"), "2: /\n")


@tool
def uptime():
    assert re.search(r"up +1:00, .*load average: 0.25, 0.50, 0.75", inside("uptime")), inside("uptime")


@tool
def w():
    assert "load average: 0.25, 0.50, 0.75" in inside("w")


@tool
def swapon():
    r = rows(inside("swapon", "--show", "--bytes"))
    same("areas", [(int(x["SIZE"]), int(x["USED"])) for x in r], [(128 << 20, SWAPPED << 10)])


@tool
def lsof():
    out = inside("lsof", "-nP", "-p", "4", status=(0, 1))
    for s in SOCKETS:
        if s["pid"] == 4:
            assert re.search(r"server +4 .* %du +IPv4 +%d " % (s["fd"], s["inode"]), out), "fd %d: %s" % (s["fd"], out)
    assert "10.0.2.15:80->10.0.2.2:51234 (ESTABLISHED)" in inside("lsof", "-nP", "-i"), "lsof -i"


@tool
def netstat():
    got = [l.split() for l in inside("netstat", "-tuanp").splitlines() if l[:3] in ("tcp", "udp")]
    want = [(s["recv-q"], s["send-q"], s["local"], s["remote"]) for s in SOCKETS]
    same("rows", sorted((int(g[1]), int(g[2]), g[3], g[4]) for g in got), sorted(want))
    assert any("4/server" in g[-1] for g in got), "program"
    assert "0.0.0.0:80" in inside("netstat", "-tulpen"), "-tulpen"
    r = rows("\n".join(inside("netstat", "-rn").splitlines()[1:]))
    same("routes", [(x["Destination"], x["Gateway"], x["Flags"]) for x in r],
         [("0.0.0.0", "10.0.2.2", "UG"), ("10.0.2.0", "0.0.0.0", "U")])
    assert "Tcp:" in inside("netstat", "-s"), "-s"


@tool
def netstat_i():
    link = "for t in dummy bridge ifb; do ip link add eth0 type $t 2>/dev/null && break; done; ip link set lo up && ip link set eth0 up && exec netstat -i"
    if os.geteuid():
        raise Skip("needs interfaces of its own")
    try:
        got = rows("\n".join(inside("unshare", "-n", "sh", "-c", link).splitlines()[1:]))
    except AssertionError:
        raise Skip("no interfaces of one's own")
    dev = {l.split(":")[0].strip(): l.split(":")[1].split() for l in read("proc/net/dev").splitlines()[2:]}
    same("counters", {r["Iface"]: (r["RX-OK"], r["TX-OK"]) for r in got}, {n: (v[1], v[9]) for n, v in dev.items()})


@tool
def route():
    r = rows("\n".join(inside("route", "-n").splitlines()[1:]))
    same("routes", [(x["Destination"], x["Iface"]) for x in r], [("0.0.0.0", "eth0"), ("10.0.2.0", "eth0")])


@tool
def arp():
    assert re.search(r"10\.0\.2\.2 +ether +52:54:00:12:34:56 +CM +eth0", inside("arp", "-n")), inside("arp", "-n")


@tool
def ss():
    got = rows(inside("ss", "-tanH", "-O").join(["State RQ SQ Local Peer\n", ""]))
    want = sorted((s["local"], s["recv-q"]) for s in SOCKETS if s["proto"] == "tcp")
    same("rows", sorted((r["Local"], int(r["RQ"])) for r in got), want)
    assert 'users:(("server",pid=4,fd=4))' in inside("ss", "-tanp"), "-p"
    assert "estab 1" in inside("ss", "-s"), "-s"


@tool
def nstat():
    with tempfile.TemporaryDirectory() as d:
        got = dict(l.split()[:2] for l in inside("nstat", "-az", env={"NSTAT_HISTORY": d + "/h"}).splitlines()[1:])
    lines = [l.split() for l in read("proc/net/snmp").splitlines() if l.startswith(("Tcp:", "Ip:"))]
    for names, values in zip(lines[::2], lines[1::2]):
        for name, value in zip(names[1:], values[1:]):
            if name not in ("RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab", "Forwarding", "DefaultTTL"):
                same(name, got[names[0][:-1] + name], value)


@tool
def busybox():
    b = "busybox"
    got = {int(l.split()[0]): l for l in inside(b, "ps").splitlines()[1:]}
    same("ps", sorted(got), sorted(PROCESSES))
    same("pidof", sorted(inside(b, "pidof", "editor").split()), ["2", "3"])
    same("free", [int(x) for x in inside(b, "free").splitlines()[1].split()[1:4:2]], [TOTAL, TOTAL - USED])
    assert "load average: 0.25, 0.50, 0.75" in inside(b, "uptime"), "uptime"
    assert "editor" in inside(b, "top", "-b", "-n1"), "top"
    assert "10.0.2.15:80" in inside(b, "netstat", "-tuan"), "netstat"
    assert "10.0.2.2" in inside(b, "route", "-n") and "52:54:00:12:34:56" in inside(b, "arp", "-n"), "route, arp"


@tool
def smem():
    got = {int(r["PID"]): r for r in rows(inside("smem", "-c", "pid swap uss pss rss"))}
    for pid in ALIVE:
        same("%d swap, rss" % pid, (int(got[pid]["Swap"]), int(got[pid]["RSS"])), (SWAP[pid], RSS[pid]))
        near("%d pss" % pid, int(got[pid]["PSS"]), PSS[pid], len(AREAS[pid]))


PSUTIL = """
import json, psutil
print(json.dumps({"procs": {p.pid: [p.name(), p.memory_info().rss, p.num_threads(), p.nice() if p.pid != 6 else 0, p.cpu_times().user]
 for p in psutil.process_iter()}, "vm": psutil.virtual_memory()._asdict(), "swap": psutil.swap_memory()._asdict(),
 "load": psutil.getloadavg(), "conns": sorted([c.laddr.port, c.pid] for c in psutil.net_connections("tcp") if c.pid)}))
"""


@tool
def psutil():
    if subprocess.run(["/usr/bin/python3", "-c", "import psutil"], capture_output=True).returncode:
        raise Skip("not installed")
    d = json.loads(inside("/usr/bin/python3", "-c", PSUTIL))
    same("pids", sorted(map(int, d["procs"])), sorted(PROCESSES))
    for pid in ALIVE:
        same("%d" % pid, d["procs"][str(pid)][1:4], [RSS[pid] * 1024, 2 if pid == 4 else 1, PROCESSES[pid][5]])
    same("memory", (d["vm"]["total"], d["vm"]["free"]), (TOTAL * 1024, (TOTAL - USED) * 1024))
    same("swap", d["swap"]["used"], SWAPPED * 1024)
    for got, want in zip(d["load"], (0.25, 0.5, 0.75)):
        near("load", got, want, 0.01)
    same("connections", d["conns"], [[80, 4], [80, 4]])


@tool
def node_exporter():
    if not shutil.which("prometheus-node-exporter", path=ENV["PATH"]):
        raise Skip("not installed")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    p = subprocess.Popen([VITRINE, "enter", MOUNT, "--", "prometheus-node-exporter", "--web.listen-address=127.0.0.1:%d" % port,
                          "--no-collector.netdev.netlink", "--log.level=error"], env=ENV, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                out = urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=20).read().decode()
                break
            except OSError:
                time.sleep(0.1)
    finally:
        p.terminate()
        p.wait()
    value = lambda name: float(re.search(r"^%s (\S+)$" % re.escape(name), out, re.M)[1])
    same("MemTotal, MemFree", (value("node_memory_MemTotal_bytes"), value("node_memory_MemFree_bytes")),
         (TOTAL * 1024.0, (TOTAL - USED) * 1024.0))
    same("load", value("node_load1"), 0.25)
    for collector in "cpu", "diskstats", "filefd", "loadavg", "meminfo", "netdev", "netstat", "pressure", "sockstat", "softnet", "stat", "vmstat":
        same(collector, value('node_scrape_collector_success{collector="%s"}' % collector), 1.0)


@tool
def glances():
    out = inside("glances", "--stdout", "mem.total,load.min1", "--stop-after", "1", "--disable-check-update", env={"HOME": "/tmp"})
    assert "mem.total: %d" % (TOTAL * 1024) in out and "load.min1: 0.25" in out, out[:300]


@tool
def sar():
    lines = [l.split() for l in inside("sar", "-r", "1", "1").splitlines() if l.strip()]
    r = dict(zip(lines[-3][1:], lines[-2][1:]))
    same("kbmemfree", int(r["kbmemfree"]), TOTAL - USED)


@tool
def mpstat():
    lines = [l.split() for l in inside("mpstat").splitlines() if l.strip()]
    fields = [int(x) for x in read("proc/stat").splitlines()[0].split()[1:]]
    near("%idle", float(lines[-1][-1]), 100 * fields[3] / sum(fields), 0.1)


@tool
def pidstat():
    got = [l.split() for l in inside("pidstat", "-r", "-p", "ALL").splitlines() if re.search(r" \d+ ", l)]
    got = {int(g[-7]): (int(g[-3]), int(g[-4])) for g in got if g[-7].isdigit()}
    same("RSS, VSZ", got, LIVE)


@tool
def gdb():
    out = inside("gdb", "-nx", "-q", "-batch", "-ex", "set architecture i386:x86-64", "-ex", "info proc mappings 7", env={"HOME": "/tmp"})
    got = [int(m, 16) for m in re.findall(r"^ +(0x[0-9a-f]+) +0x", out, re.M)]
    same("addresses", got, [a for a, _ in AREAS[7]])


@tool
def numastat():
    near("MB", float(re.search(r"^Total +([\d.]+)", inside("numastat", "-p", "4"), re.M)[1]), RSS[4] / 1024, 0.02)


def screen(command, wanted, keys=(), then=lambda: True):
    """What a full-screen program shows in a terminal, once `wanted` is there; typed at it then are `keys`, until `then`."""
    if not shutil.which("tmux") or not shutil.which(command[0], path=ENV["PATH"]):
        raise Skip("not installed")
    name = "vitrine-%d-%s" % (os.getpid(), time.monotonic_ns())
    base = ["tmux", "-L", name, "-f", "/dev/null"]
    line = "unset COLUMNS LINES; TERM=screen " + " ".join("'%s'" % a for a in [VITRINE, "enter", MOUNT, "--", *command])
    subprocess.run([*base, "new-session", "-d", "-x", "200", "-y", "50", line + "; sleep 1"], env=ENV, check=True)
    shown, end = "", time.time() + 60
    try:
        while time.time() < end:
            shown = subprocess.run([*base, "capture-pane", "-p"], env=ENV, capture_output=True, text=True).stdout
            if all(re.search(x, shown) for x in wanted):
                break
            time.sleep(0.2)
        for key in keys:
            subprocess.run([*base, "send-keys", key], env=ENV, check=True)
            time.sleep(0.5)
        while not then() and time.time() < end:
            time.sleep(0.1)
    finally:
        subprocess.run([*base, "kill-server"], env=ENV, capture_output=True)
    for x in wanted:
        assert re.search(x, shown), "%r is not shown:\n%s" % (x, shown)
    return shown


@tool
def htop():
    screen(["env", "HTOPRC=/dev/null", "htop", "-C"], [r"notes\.txt", r"\b4 +(www-data|33|nobody|65534)", r"0\.25 0\.50 0\.75"])


@tool
def htop_kills():
    if not shutil.which("tmux") or not shutil.which("htop", path=ENV["PATH"]):
        raise Skip("not installed")
    ctl = os.path.join(HOST, "ctl")
    with open(ctl, "w") as f:
        f.write("spawn victim\n")
    pid = open(ctl).read().strip()
    is_gone = lambda: not os.path.exists(os.path.join(HOST, "proc", pid))
    screen(["env", "HTOPRC=/dev/null", "htop", "-C", "-p", pid], ["victim"], keys=["F9", "Enter"], then=is_gone)
    assert is_gone(), "F9 has not reached %s" % pid


@tool
def atop():
    out = inside("atop", "-P", "MEM,PRM", "1", "1")
    memory = next(l.split() for l in out.splitlines() if l.startswith("MEM "))
    same("MEM", (int(memory[7]) * PAGE, int(memory[8]) * PAGE), (TOTAL, TOTAL - USED))
    got = [re.match(r"PRM .*? (\d+) \((.*?)\) (.) \d+ (\d+) (\d+) ", l) for l in out.splitlines() if l.startswith("PRM ")]
    got = {int(m[1]): (int(m[5]), int(m[4])) for m in got if m[2] != "server" or m[1] == "4"}
    same("PRM", got, LIVE)
    screen(["atop", "-a", "1"], [r"editor", r"server", r"avg1 +0\.25"])


@tool
def pages():
    """Readers of pagemap and kpage*: pages present are the resident set, their frames are mapped and not free."""
    if os.geteuid():
        raise Skip("kpage* is root's")
    import struct
    with open(os.path.join(HOST, "proc/kpagecount"), "rb") as f:
        counts = f.read()
    with open(os.path.join(HOST, "proc/kpageflags"), "rb") as f:
        flags = f.read()
    for pid in ALIVE:
        present = swapped = 0
        with open(os.path.join(HOST, "proc/%d/pagemap" % pid), "rb", buffering=0) as f:
            for a, b in AREAS[pid]:
                f.seek(a // 4096 * 8)
                data = f.read((b - a) // 4096 * 8)
                for (word,) in struct.iter_unpack("=Q", data):
                    if word >> 63:
                        present += 1
                        pfn = word & (1 << 55) - 1
                        count, flag = struct.unpack_from("=Q", counts, pfn * 8)[0], struct.unpack_from("=Q", flags, pfn * 8)[0]
                        assert count and flag >> 11 & 1 and not flag >> 10 & 1, "frame %#x: count %d, flags %#x" % (pfn, count, flag)
                    swapped += word >> 62 & 1
        same("%d present, swapped" % pid, (present * PAGE, swapped * PAGE), (RSS[pid], SWAP[pid]))
    free_frames = sum(f[0] >> 10 & 1 for f in struct.iter_unpack("=Q", flags))
    same("free frames", free_frames * PAGE, TOTAL - USED)


failed = 0
for name, run in TOOLS:
    if ONLY and name not in ONLY:
        continue
    try:
        run()
        print("ok", name)
    except Skip as why:
        print("skip %s: %s" % (name, why))
    except Exception as why:
        failed += 1
        print("FAIL %s: %s%s" % (name, "" if isinstance(why, AssertionError) else type(why).__name__ + ": ", why))
    sys.stdout.flush()
sys.exit(1 if failed else 0)
