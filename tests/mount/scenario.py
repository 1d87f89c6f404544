#!/usr/bin/env python3
"""scenario.py MOUNT SEED FACTS - makes a host out of random commands, and writes what tools have to say about it.

What was commanded goes into the facts as it was commanded; which pages are there, shared and dirty comes from the engine's
tables (pagetable, mem/frames, swap/N/slots, net/sockets), which no tool reads.
"""
import json, os, random, sys

MOUNT, SEED, FACTS = sys.argv[1], int(sys.argv[2]), sys.argv[3]
HOST = os.path.join(MOUNT, "hosts/host0")
PAGE = 4096
R, HUGE = random.Random(SEED), random.Random(~SEED)   # two, so that what one adds changes nothing else
POOL = 0                                               # huge pages that nobody has yet
NAMES = ["nginx", "a) R (b", "kworker x", "per%cent", "brac[ket]", "(sd-pam)", "x" * 15, "semi;colon", "7", "java"]
WORDS = ["--port=80", "-c", "/etc/a b.conf", "%d%n", "'quoted'", "a\\b", "$HOME", "*", "#no", "-"]


def read(path):
    with open(os.path.join(HOST, path)) as f:
        return f.read()


def table(path):
    return json.loads(read(path + ".json"))


def quote(word):
    return '"%s"' % word.replace("\\", "\\\\").replace('"', '\\"')


def command(*lines):
    with open(os.path.join(HOST, "ctl"), "w") as f:
        f.write("".join(l + "\n" for l in lines))
    return read("ctl").split()


def put(path, text):
    with open(os.path.join(HOST, path), "w") as f:
        f.write(text + "\n")


# --- processes ---

def image(name, inode):
    """What spawn gives a process without a FILE."""
    top = 0x7ffffffff000
    rows = [(0x400000, 0x402000, "r-xp", 0, "08:01", inode, "/" + name), (0x402000, 0x404000, "rw-p", 0x2000, "08:01", inode, "/" + name),
            (0x404000, 0x408000, "rw-p", 0, "00:00", 0, "[heap]"), (top - 0x21000, top, "rw-p", 0, "00:00", 0, "[stack]")]
    return [dict(zip(("start", "end", "perms", "offset", "dev", "inode", "name"), r)) for r in rows]


def spawn(pid, name, parent, uid):
    got = command("spawn %s uid=%d gid=%d pid=%d ppid=%d" % (quote(name), uid, uid + 1, pid, parent))
    assert got == [str(pid)], got
    p = dict(pid=pid, ppid=parent, comm=name.encode()[:15].decode(errors="ignore"), cmdline=[name], state="S", uid=uid, gid=uid + 1, tids=[pid], nice=0,
             kthread=False, zombie=False, tty=0, exe="/" + name, cwd="/", fds=[], vmas=image(name, inode_at(pid, 0x400000)), minflt=0, majflt=0)
    return p


def inode_at(pid, at):
    return next(int(l.split()[4]) for l in read("proc/%d/maps" % pid).splitlines() if int(l.split("-")[0], 16) == at)


def occupy(p):
    """Pages of all kinds, at places of our own."""
    pid = p["pid"]
    command("%d touch 0x400000 %d x" % (pid, PAGE * R.randint(1, 2)), "%d touch 0x402000 %d w" % (pid, PAGE * R.randint(1, 2)),
            "%d touch 0x404000 %d w" % (pid, PAGE * R.randint(1, 4)), "%d push 1" % pid)
    for at in range(0x7f0000000000, 0x7f0000000000 + R.randint(0, 3) * 0x10000000, 0x10000000):
        pages, shared = R.randint(1, 40), pid > 2 and R.random() < 0.4
        prot = "rw-"
        command("%d mmap 0x%x %d %s %s,anon,fixed" % (pid, at, pages * PAGE, prot, "shared" if shared else "private"),
                "%d touch 0x%x %d w" % (pid, at, PAGE * R.randint(1, pages)))
        p["vmas"].append(dict(start=at, end=at + pages * PAGE, perms=prot + ("s" if shared else "p"), offset=0, dev="00:01" if shared else "00:00",
                              inode=inode_at(pid, at) if shared else 0, name="/dev/zero (deleted)" if shared else ""))
        if not shared and R.random() < 0.5:
            command("%d madvise 0x%x %d pageout" % (pid, at, PAGE * R.randint(1, pages)))


def occupy_huge(p):
    """A transparent huge page beside small ones; an area of the pool, untouched: pagemap has its pages, Rss and the suite's facts have not."""
    global POOL
    pid, at, pool = p["pid"], 0x7e0000000000, 0x7e4000000000
    command("%d mmap 0x%x 4M rw- private,anon,fixed" % (pid, at), "%d madvise 0x%x 4M hugepage" % (pid, at), "%d touch 0x%x 2M w" % (pid, at))
    p["vmas"].append(dict(start=at, end=at + (4 << 20), perms="rw-p", offset=0, dev="00:00", inode=0, name=""))
    if HUGE.random() < 0.5:
        command("%d munmap 0x%x 64K" % (pid, at), "%d touch 0x%x 3 w" % (pid, at + (3 << 20)))
        p["vmas"][-1]["start"] += 64 << 10
    if POOL > 1 and pid > 2:     # the suite takes no name with a blank in the first process
        POOL -= 2
        command("%d mmap 0x%x 4M rw- private,anon,fixed,hugetlb" % (pid, pool))
        p["vmas"].append(dict(start=pool, end=pool + (4 << 20), perms="rw-p", offset=0, dev="00:01", inode=inode_at(pid, pool),
                              name="/anon_hugepage (deleted)"))


def fork(p, pid):
    got = command("%d fork" % p["pid"])
    child = dict(p, pid=int(got[0]), ppid=p["pid"], vmas=[dict(v) for v in p["vmas"]], fds=[dict(f) for f in p["fds"]], tids=[int(got[0])])
    command("%d write 0x404000 \"own\"" % child["pid"])
    return child


def decorate(p):
    """What is set, so that the facts know it."""
    pid = p["pid"]
    if R.random() < 0.7:
        p["cmdline"] = [R.choice(["/usr/sbin/", "/opt/x/", ""]) + p["comm"]] + R.sample(WORDS, R.randint(0, 4))
        command("%d set cmdline %s" % (pid, " ".join(map(quote, p["cmdline"]))))
    p["nice"] = R.choice([0, 0, 0, 5, 19, -10])
    p["state"] = R.choice("SSSSRDTI")
    p["utime_ticks"], p["stime_ticks"], p["start_ticks"] = R.randint(0, 99999), R.randint(0, 5000), R.randint(1, UPTIME * 100)
    p["minflt"], p["majflt"] = R.randint(0, 1 << 33), R.randint(0, 999)
    command(*("%d set %s" % (pid, s) for s in (
        "nice %d" % p["nice"], "state %s" % p["state"], "utime %dms" % (p["utime_ticks"] * 10), "stime %dms" % (p["stime_ticks"] * 10),
        "starttime %dms" % (p["start_ticks"] * 10), "minflt %d" % p["minflt"], "majflt %d" % p["majflt"], "tty %s" % R.choice(["pts/3", "tty1", "0"]))))
    for n in range(R.choice([0, 0, 0, 1, 5])):
        p["tids"].append(int(command("%d clone" % pid)[0]))
    if R.random() < 0.5:
        p["fds"] = [dict(fd=0, target="/dev/null"), dict(fd=R.randint(20, 2000), target="/var/log/a b.log")]
        command(*("%d set fd %d %s rw" % (pid, f["fd"], quote(f["target"])) for f in p["fds"]))


def zombie(pid, name):
    p = spawn(pid, name, 1, 0)
    decorate(p)
    command("%d set state Z" % pid)
    return dict(p, state="Z", zombie=True, cmdline=[], vmas=[], fds=[], exe="", tids=[pid])


def measure(p, frames, pages_of):
    """Sizes from the page table, not from anything that a tool reads."""
    sums = dict.fromkeys(("vsz_kb", "rss_kb", "pss_kb", "uss_kb", "swap_kb"), 0)
    leaves = table("proc/%d/pagetable" % p["pid"]) if p["vmas"] else []
    p["vmas"].sort(key=lambda v: v["start"])
    exact_pss = 0.0
    for v in p["vmas"]:
        inside = [l for l in leaves if v["start"] <= int(l["va"], 16) < v["end"]]
        there = [l for l in inside if l["pfn"] is not None for _ in range(512 if "huge" in l["flags"] else 1)]
        shares = [frames[int(l["pfn"], 16)]["maps"] for l in there]
        v["size_kb"] = (v["end"] - v["start"]) >> 10
        v["rss_kb"] = len(there) * 4
        v["pss_kb"] = sum((4096 << 12) // n for n in shares) >> 22
        v["dirty_kb"] = 4 * sum("dirty" in l["flags"] or pages_of(l) for l in there)
        v["swap_kb"] = 4 * sum(l["slot"] is not None for l in inside)
        exact_pss += sum((4096 << 12) // n for n in shares)
        sums["uss_kb"] += 4 * sum(n == 1 for n in shares)
        for k in ("rss_kb", "swap_kb"):
            sums[k] += v[k]
        sums["vsz_kb"] += v["size_kb"]
        v["start"], v["end"], v["offset"] = ("%x" % v[k] for k in ("start", "end", "offset"))
    sums["pss_kb"] = int(exact_pss) >> 22
    p.update(sums)


# --- the network ---

STATES = ["ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE_WAIT", "LAST_ACK", "CLOSING"]


def network():
    os.mkdir(os.path.join(MOUNT, "wires/lan"))
    for name, address in ("eth0", "10.0.2.15/24"), ("eth1", "192.168.7.1/16"):
        os.mkdir(os.path.join(HOST, "net/ifs", name))
        put("net/ifs/%s/wire" % name, "lan")
        put("net/ifs/%s/address" % name, address)
        put("net/ifs/%s/up" % name, "1")
    put("net/routes", "add 0.0.0.0/0 via 10.0.2.2 dev eth0")
    put("net/routes", "add 172.16.0.0/12 via 192.168.7.9 dev eth1")
    put("net/neighbours", "add 10.0.2.2 52:54:00:12:34:56 dev eth0")
    put("net/neighbours", "add 192.168.7.9 52:54:00:12:34:57 dev eth1")
    route = lambda dest, gateway, mask, flags, iface: dict(dest=dest, gateway=gateway, mask=mask, flags=flags, iface=iface, metric=0)
    return ([route("0.0.0.0", "10.0.2.2", "0.0.0.0", "UG", "eth0"), route("172.16.0.0", "192.168.7.9", "255.240.0.0", "UG", "eth1"),
             route("10.0.2.0", "0.0.0.0", "255.255.255.0", "U", "eth0"), route("192.168.0.0", "0.0.0.0", "255.255.0.0", "U", "eth1")],
            [dict(ip="10.0.2.2", hwtype=1, flags=6, mac="52:54:00:12:34:56", iface="eth0"),
             dict(ip="192.168.7.9", hwtype=1, flags=6, mac="52:54:00:12:34:57", iface="eth1")])


def sockets(owners):
    rows, port, fds = [], 1000, {}
    for state in ["LISTEN"] * 3 + STATES * R.randint(1, 3) + ["udp", "udp-connected"] * 2:
        port += 1
        p = R.choice(owners)
        proto = "udp" if state.startswith("udp") else "tcp"
        bare = state in ("TIME_WAIT", "SYN_RECV")
        remote = "0.0.0.0:0" if state in ("LISTEN", "udp") else "10.0.2.%d:%d" % (R.randint(3, 254), R.randint(1, 65535))
        local = "%s:%d" % (R.choice(["0.0.0.0", "10.0.2.15", "127.0.0.1"]) if state in ("LISTEN", "udp") else "10.0.2.15", port)
        s = dict(proto=proto, local=local, remote=remote, state={"udp": "CLOSE", "udp-connected": "ESTABLISHED"}.get(state, state),
                 recvq=0, sendq=0, pid=None, fd=None, uid=0)
        if not bare:
            fd = fds[p["pid"]] = fds.get(p["pid"], 2) + 1
            s.update(pid=p["pid"], fd=fd, uid=p["uid"], recvq=R.choice([0, 0, 17, 100]), sendq=0 if state in ("LISTEN", "udp") else R.choice([1 if state == "SYN_SENT" else 0, 290]))
        command("set-socket %s %s %s %s%s rxq=%d txq=%d" % (proto, local, "-" if remote == "0.0.0.0:0" else remote, "-" if proto == "udp" else state,
                                                            "" if bare else " pid=%d fd=%d" % (s["pid"], s["fd"]), s["recvq"], s["sendq"]))
        rows.append(s)
    inodes = {(r["proto"], r["local"], r["remote"]): r["inode"] for r in table("net/sockets")}
    for s in rows:
        s["inode"] = None if s["pid"] is None else inodes[s["proto"], s["local"], s["remote"].replace("0.0.0.0:0", "0.0.0.0:*")]
        if s["pid"] is not None:
            next(p for p in owners if p["pid"] == s["pid"])["fds"].append(dict(fd=s["fd"], target="socket:[%d]" % s["inode"]))
    return rows


# --- the host ---

UPTIME = R.choice([300, 3600, 86400 * 3, 86400 * 400])
os.makedirs(os.path.join(HOST, "files"), exist_ok=True)
cpus = sum(l.startswith("processor") for l in read("proc/cpuinfo").splitlines())
btime, load = R.choice([1700000000, 946684800]), sorted(round(R.random() * 30, 2) for _ in range(3))
counts = dict(ctxt=R.randint(1, 1 << 40), intr=R.randint(1, 1 << 40), forks=R.randint(1000, 1 << 20))
command("set uptime %ds" % UPTIME, "set btime %d" % btime, "set loadavg %.2f %.2f %.2f" % tuple(load), *("set %s %d" % i for i in counts.items()))
if R.random() < 0.5:
    put("swap/ctl", "on 16M prio=7")
if HUGE.random() < 0.5:
    put("proc/sys/vm/nr_hugepages", "6")
    POOL = int(read("proc/sys/vm/nr_hugepages"))
ticks = dict(user=R.randint(0, UPTIME * 10), nice=R.randint(0, 1000), system=R.randint(0, UPTIME * 10), idle=0, iowait=R.randint(0, 500), irq=3, softirq=4, steal=5,
             guest=0, guest_nice=0)
ticks["idle"] = UPTIME * 100 * cpus - sum(ticks.values())
command("set cpu %s" % " ".join(map(str, ticks.values())))
routes, arp = network()

init = dict(pid=1, ppid=0, comm="init", cmdline=["/sbin/init", "splash"], state="S", uid=0, gid=0, tids=[1], nice=0, kthread=False, zombie=False, tty=0,
            exe="", cwd="/", vmas=[], fds=[], minflt=0, majflt=0, utime_ticks=150, stime_ticks=20, start_ticks=0)
command("1 set cmdline /sbin/init splash", "1 set utime 1500ms", "1 set stime 200ms", "1 set starttime 0s")
processes, pid = [init], 1
for i in range(R.randint(4, 12)):
    pid += R.choice([1, 2, 100]) if i else 1
    parent = R.choice([1] + [p["pid"] for p in processes if p["vmas"]])
    p = spawn(pid, R.choice(NAMES) if i else NAMES[0], parent, R.choice([0, 33, 1000, 65534, 54321]))
    occupy(p)
    if HUGE.random() < 0.3:
        occupy_huge(p)
    if R.random() < 0.3:
        c = fork(p, pid)
        decorate(c)
        processes.append(c)
        pid = max([pid] + c["tids"])
    decorate(p)
    processes.append(p)
    pid = max([pid] + p["tids"])
for i in range(R.randint(0, 2)):
    pid += 1
    processes.append(zombie(pid, "gone-%d" % i))
pid += 1
processes.append(spawn(pid, "only-once", 1, 1000))
occupy(processes[-1])
decorate(processes[-1])
command("%d set state S" % pid)
processes[-1]["state"] = "S"
pid = max(processes[-1]["tids"])

rows = sockets([p for p in processes if p["vmas"] and " " not in p["cmdline"][0]])
command("set uptime %ds" % UPTIME)
frames = {int(f["pfn"], 16): f for f in table("mem/frames")}
dirty_frames = {n for n, f in frames.items() if "dirty" in (f["flags"] or "")}
for p in processes:
    p["fds"].sort(key=lambda f: f["fd"])
    measure(p, frames, lambda l: int(l["pfn"], 16) in dirty_frames)

size = int(read("mem/size")) >> 10
use = lambda *kinds: 4 * sum(f["use"] in kinds for f in frames.values())
swaps = []
for n in sorted((d for d in os.listdir(os.path.join(HOST, "swap")) if d.isdigit()), key=int):
    device = dict(l.split("=") for l in read("swap/%s/device" % n).splitlines())
    swaps.append(dict(path="/dev/swap" + n if int(n) else "/dev/sda2", type="partition", size_kb=4 * int(device["slots"]), used_kb=4 * int(device["used"]),
                      priority=int(device["priority"])))
available = int(next(l for l in read("proc/meminfo").splitlines() if l.startswith("MemAvailable")).split()[1])  # an estimate, by any kernel
facts = dict(
    host=dict(page_size=4096, clk_tck=100, uptime_s=UPTIME, uptime_tolerance_s=0.5, btime=btime, loadavg=load, ncpu=cpus, **counts),
    memory=dict(total_kb=size, free_kb=use("free"), available_kb=available, buffers_kb=0, cached_kb=use("file"), sreclaimable_kb=0,
                shared_kb=4 * sum("shmem" in (f["flags"] or "") for f in frames.values()), swap_total_kb=sum(s["size_kb"] for s in swaps),
                swap_free_kb=sum(s["size_kb"] - s["used_kb"] for s in swaps)),
    swaps=swaps, processes=processes, sockets=rows, routes=routes, arp=arp,
    cpu_ticks=ticks, tcp_counters=dict.fromkeys("ActiveOpens PassiveOpens InSegs OutSegs RetransSegs".split(), 0) | dict(
        CurrEstab=sum(s["proto"] == "tcp" and s["state"] in ("ESTABLISHED", "CLOSE_WAIT") for s in rows)),
    interfaces=[dict({"%s_%s" % (d, k): 0 for d in ("rx", "tx") for k in ("bytes", "packets", "errs", "drop")}, name=n) for n in ("lo", "eth0", "eth1")])
with open(FACTS, "w") as f:
    json.dump(facts, f, indent=1, ensure_ascii=False)
