#!/usr/bin/env python3
"""Records a real machine's processes and sockets, from its /proc, as a fixture for Vitrine.

    python3 examples/record-proc.py > machine.fixture           # --pages: which pages are present, too (slow; own processes or root)
    cat machine.fixture > m/hosts/host0/ctl                     # into a fresh host
    vitrine enter m -- ps -ef

Kernel threads become processes without memory. What cannot be read (other users' maps and descriptors) is left out.
"""
import os, re, socket, struct, sys

PAGES = "--pages" in sys.argv[1:]
PROC = os.environ.get("PROC_ROOT", "/proc")
PAGE = os.sysconf("SC_PAGESIZE")
TICK = os.sysconf("SC_CLK_TCK")
STATES = {"0A": "LISTEN", "01": "ESTABLISHED", "02": "SYN_SENT", "03": "SYN_RECV", "04": "FIN_WAIT1", "05": "FIN_WAIT2",
          "06": "TIME_WAIT", "07": "CLOSE", "08": "CLOSE_WAIT", "09": "LAST_ACK", "0B": "CLOSING"}


def read(path):
    try:
        with open(os.path.join(PROC, path), "rb") as f:
            return f.read()
    except OSError:
        return b""


def quoted(text):
    """A word of the command language: bytes as they are, unless they would end it."""
    out = '"'
    for byte in os.fsencode(text) if isinstance(text, str) else text:
        char = chr(byte)
        out += "\\" + char if char in '"\\' else char if 0x20 <= byte < 0x7f else "\\%03o" % byte
    return out + '"'


def seconds(ticks):
    return "%.2fs" % (int(ticks) / TICK)


class Process:
    def __init__(self, pid):
        stat = read("%d/stat" % pid)
        self.pid, self.comm = pid, stat[stat.index(b"(") + 1:stat.rindex(b")")]
        self.stat = [None, None, None] + stat[stat.rindex(b")") + 2:].decode().split()   # by the numbers of proc(5)
        self.status = dict(l.split(":\t", 1) for l in read("%d/status" % pid).decode(errors="replace").splitlines() if ":\t" in l)
        self.ppid = int(self.stat[4])
        self.ended = self.stat[3] in "ZX"

    def say(self, command):
        print("%d %s" % (self.pid, command))

    def spawn(self, parents):
        if self.pid == 1:
            return
        parent = self.ppid if self.ppid in parents and self.ppid > 1 else 1
        uid, gid = self.status["Uid"].split()[1], self.status["Gid"].split()[1]
        print("spawn %s bare ptbr=- pid=%d ppid=%d uid=%s gid=%s" % (quoted(self.comm or b"?"), self.pid, parent, uid, gid))
        if self.ppid == 0:
            self.say("set ppid 0")   # kthreadd

    def areas(self):
        maps = read("%d/maps" % self.pid).splitlines()
        for line in maps:
            words = line.split(None, 5)
            name = words[5] if len(words) > 5 else b""
            if name == b"[vsyscall]":
                continue
            self.say("area " + quoted(b" ".join([*words[:3], b"00:00", b"0", name])))
            if PAGES:
                self.present(words[0].decode(), words[1].decode())
        if maps:
            s = self.stat
            brk = max([int(l.split(b"-")[1].split()[0], 16) for l in maps if l.endswith(b"[heap]")] or [int(s[47])])
            self.say("set image %s" % " ".join(s[i] if i != "brk" else str(brk) for i in (26, 27, 45, 46, 47, "brk", 28, 48, 49, 50, 51)))

    def present(self, span, perms):
        """Runs of pages that are there: stored to where that may be, else loaded."""
        start, end = (int(x, 16) for x in span.split("-"))
        try:
            with open("%s/%d/pagemap" % (PROC, self.pid), "rb", buffering=0) as f:
                f.seek(start // PAGE * 8)
                words = struct.unpack("=%dQ" % ((end - start) // PAGE), f.read((end - start) // PAGE * 8))
        except (OSError, struct.error):
            return
        anon = [bool(w >> 63) and not w >> 61 & 1 for w in words]
        there = [bool(w >> 63) for w in words]
        at = 0
        while at < len(words):
            run = at
            while run < len(words) and (there[run], anon[run]) == (there[at], anon[at]):
                run += 1
            how = "w" if anon[at] and "w" in perms else "r" if "r" in perms else "x" if "x" in perms else ""
            if there[at] and how:
                self.say("touch 0x%x 0x%x %s" % (start + at * PAGE, (run - at) * PAGE, how))
            at = run

    def descriptors(self, sockets):
        try:
            fds = sorted(os.listdir("%s/%d/fd" % (PROC, self.pid)), key=int)
        except OSError:
            return
        for fd in fds:
            try:
                target = os.readlink("%s/%d/fd/%s" % (PROC, self.pid, fd))
            except OSError:
                continue
            inode = re.fullmatch(r"socket:\[(\d+)\]", target)
            if inode and inode[1] in sockets:
                sockets[inode[1]].setdefault("holder", (self.pid, fd))
                if sockets[inode[1]]["holder"] == (self.pid, fd):
                    continue
            flags = re.search(rb"flags:\t0*(\d+)", read("%d/fdinfo/%s" % (self.pid, fd)))
            mode = ("r", "w", "rw", "rw")[int(flags[1], 8) & 3] if flags else "rw"
            self.say("set fd %s %s %s" % (fd, quoted(target), mode))

    def values(self):
        s = self.stat
        line = read("%d/cmdline" % self.pid)
        if not self.ended:
            self.say(("set cmdline " + " ".join(quoted(w) for w in line.rstrip(b"\0").split(b"\0"))) if line else "set cmdline")
        if not self.ended and os.path.islink("%s/%d/exe" % (PROC, self.pid)):
            try:
                self.say("set exe " + quoted(os.readlink("%s/%d/exe" % (PROC, self.pid))))
            except OSError:
                pass
        for field, value in (("pgrp", s[5]), ("session", s[6]), ("tty", s[7]), ("minflt", s[10]), ("majflt", s[12]), ("nice", s[19]),
                             ("utime", seconds(s[14])), ("stime", seconds(s[15])), ("starttime", seconds(s[22]))):
            self.say("set %s %s" % (field, value))
        for field, name in (("nvcsw", "voluntary_ctxt_switches"), ("nivcsw", "nonvoluntary_ctxt_switches")):
            if name in self.status:
                self.say("set %s %s" % (field, self.status[name]))
        io = dict(l.split(": ") for l in read("%d/io" % self.pid).decode().splitlines())
        if io:
            self.say("set io " + " ".join(io[k] for k in ("rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes")))
        if s[3] in "RSDTtZXI" and (s[3] != "S") and not (s[3] in "ZX" and self.pid == 1):
            self.say("set state " + s[3])

    def threads(self, used):
        try:
            tids = sorted(int(t) for t in os.listdir("%s/%d/task" % (PROC, self.pid)))
        except OSError:
            return
        for tid in tids:
            if tid != self.pid and tid not in used:
                self.say("clone tid=%d" % tid)
                comm = read("%d/task/%d/comm" % (self.pid, tid)).rstrip(b"\n")
                if comm and comm != self.comm:
                    print("%d set comm %s" % (tid, quoted(comm)))


def sockets_of_machine():
    """
    inode: what set-socket says; those without an inode under keys of their own. A connection that changed while the table was read may
    stand in it twice: the last is taken; of listeners that share a port (SO_REUSEPORT), the first.
    """
    found, keys, listeners = {}, {}, []
    for proto in "tcp", "udp":
        for n, line in enumerate(read("net/" + proto).decode().splitlines()[1:]):
            w = line.split()
            ends = []
            for end in w[1], w[2]:
                address, port = end.split(":")
                ends.append("%s:%d" % (socket.inet_ntoa(struct.pack("=I", int(address, 16))), int(port, 16)))
            txq, rxq = (int(q, 16) for q in w[4].split(":"))
            queues = "" if w[3] == "0A" else " rxq=%d txq=%d" % (rxq, txq)
            if w[3] == "0A":
                address, port = w[1].split(":")
                if any(port == p and (address == a or int(address, 16) * int(a, 16) == 0) for a, p in listeners):
                    continue
                listeners.append((address, port))
            if proto == "tcp":
                found.pop(keys.get((proto, *ends)), None)
            key = keys[proto, *ends] = w[9] if w[9] != "0" else "%s %d" % (proto, n)
            found[key] = {"line": "set-socket %s %s %s %s" % (proto, *ends, STATES[w[3]]), "queues": queues}
    return found


def main():
    processes = {}
    for pid in sorted(int(n) for n in os.listdir(PROC) if n.isdigit()):
        try:
            processes[pid] = Process(pid)
        except (ValueError, IndexError, OSError):
            pass                                         # it has ended meanwhile
    processes.pop(os.getpid(), None)
    sockets = sockets_of_machine()
    waiting, order = [p for p in processes.values() if p.ppid not in processes], []
    while waiting:                                       # parents first
        p = waiting.pop(0)
        order.append(p)
        waiting += [c for c in processes.values() if c.ppid == p.pid and c is not p]
    alive = {p.pid for p in order if not p.ended}
    for p in order:
        p.spawn(alive)
    for p in order:
        if not p.ended:
            p.areas()
            p.threads(processes)
            p.descriptors(sockets)
        p.values()
    for s in sockets.values():
        holder = s.get("holder")
        print(s["line"] + (" pid=%d fd=%s" % holder if holder else "") + s["queues"])
    print("set loadavg " + " ".join(read("loadavg").decode().split()[:3]))
    print("set hostname " + quoted(socket.gethostname()[:64]))
    stat = dict(l.split(" ", 1) for l in read("stat").decode().splitlines() if l)
    for name, key in (("btime", "btime"), ("ctxt", "ctxt"), ("forks", "processes")):
        print("set %s %s" % (name, stat[key].split()[0]))
    print("set uptime %ss" % read("uptime").decode().split()[0])


main()
