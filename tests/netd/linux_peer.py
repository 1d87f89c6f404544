#!/usr/bin/env python3
"""linux_peer.py SCRIPT.pkt... - runs packetdrill scripts (those that pkt runs) against the real kernel, through a TUN device
in a network namespace of its own. So what our scripts expect is held against Linux too.

Exit status 0: all passed, 1: one failed, 77: not possible here. In real time, so leave out scripts that wait for minutes
(--max SECONDS, 12 if not said, leaves out those whose times add up to more). The values of the kernel's clock are not compared, nor
is PSH: the kernel makes large segments and marks the last of those that each is cut into."""
import errno, fcntl, os, re, select, shutil, socket, struct, subprocess, sys, threading, time

LOCAL, REMOTES, PORT = "192.168.0.1", "192.0.2.", 8080
TOLERANCE = 0.1
TOGETHER = 4  # scripts at a time, each in a namespace of its own: most of the time they wait
ICMP_CODES = {"net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2, "port_unreachable": 3, "frag_needed": 4,
              "source_route_failed": 5, "net_unknown": 6, "host_unknown": 7, "net_prohibited": 9, "host_prohibited": 10,
              "packet_filtered": 13}
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32}


class Wrong(Exception):
    pass


class Skip(Exception):
    pass


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def number(text):
    return int(text, 0)


class Segment:
    """As a script writes it: FLAGS seq:end(len) [ack N] [win N] [<options>]"""
    pattern = re.compile(r"([SFRPU.]+|-)\s+(\d+):(\d+)\((\d+)\)(?:\s+ack\s+(\d+))?(?:\s+win\s+(\d+))?"
                         r"(?:\s+urg\s+(\d+))?(?:\s+<(.*)>)?$")

    def __init__(self, text):
        m = self.pattern.match(text.strip())
        if not m:
            raise Skip(f"a segment not understood: {text}")
        self.text = text.strip()
        self.flags = sum(FLAGS.get(c, 0) for c in m[1])
        self.seq, self.end, self.len = int(m[2]), int(m[3]), int(m[4])
        self.ack = int(m[5]) if m[5] else None
        self.win = int(m[6]) if m[6] else None
        self.urgent = int(m[7]) if m[7] else 0
        self.options = m[8]


class Machine:
    def __init__(self):
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, 0x400454ca, struct.pack("16sH", b"tun0", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
        for line in (f"addr add {LOCAL}/16 dev tun0", "link set tun0 up", "link set lo up", f"route add {REMOTES}0/24 dev tun0"):
            subprocess.run(["ip"] + line.split(), check=True)
        for name, value in (("tcp_syn_linear_timeouts", "0"), ("tcp_ecn", "0"), ("tcp_early_retrans", "0"),
                            ("tcp_no_metrics_save", "1"), ("tcp_rmem", "4096 131072 33554432"),
                            ("tcp_wmem", "4096 16384 4194304")):
            try:
                open(f"/proc/sys/net/ipv4/{name}", "w").write(value)
            except OSError:
                pass
        self.port = PORT
        self.remote = 0

    def close(self):
        os.close(self.tun)

    def setting(self, name, value):
        """Writes it; gives what undoes that."""
        path = "/proc/sys/" + name.replace(".", "/")
        try:
            old = open(path).read()
            open(path, "w").write(value)
        except OSError as e:
            raise Skip(f"{name}: {e.strerror}")
        return lambda: open(path, "w").write(old)


class Run:
    def __init__(self, machine, path):
        self.m, self.path, self.fds = machine, path, {}
        self.iss = self.irs = None       # the kernel's first number, ours
        self.ts = None                   # script's clock of the kernel's timestamps
        self.host_port, self.peer_port = None, 20000 + os.getpid() % 1000
        machine.port += 1                # so that no connection of the last script is met,
        machine.remote = machine.remote % 250 + 1
        self.remote = REMOTES + str(machine.remote)   # and nothing is known about the path
        self.bound = machine.port
        self.seen, self.undo = [], []
        self.waiting = None              # a thread with a call that has not returned

    # the wire
    def packets(self):
        while True:
            try:
                p = os.read(self.m.tun, 65536)
            except BlockingIOError:
                return
            if p[0] >> 4 != 4 or p[9] != 6:
                continue
            at = (p[0] & 15) * 4
            sport, dport, seq, ack, off, flags, win = struct.unpack("!HHIIBBH", p[at:at + 16])
            self.seen.append((time.monotonic(), sport, dport, seq, ack, flags, win, len(p) - at - (off >> 4) * 4,
                              p[at + 20:at + (off >> 4) * 4]))

    def inject(self, s):
        if self.irs is None:
            self.irs = 1000000
        if self.host_port is None:
            self.host_port = self.bound
        options = self.encode(s.options) if s.options else b""
        ack = (self.iss + s.ack) & 0xffffffff if s.ack is not None and self.iss is not None else s.ack or 0
        tcp = struct.pack("!HHIIBBHHH", self.peer_port, self.host_port, (self.irs + s.seq) & 0xffffffff, ack,
                          (20 + len(options)) // 4 << 4, s.flags, min(s.win or 0, 65535), 0, s.urgent) + options + b"x" * s.len
        a, b = socket.inet_aton(self.remote), socket.inet_aton(LOCAL)
        total = checksum(a + b + struct.pack("!HH", 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, a, b)
        os.write(self.m.tun, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp)

    def inject_icmp(self, text):
        """[seq:end(len)] icmp unreachable CODE [mtu N]: the router's word about a segment of the kernel's."""
        m = re.match(r"\[(\d+):\d+\((\d+)\)\]\s*icmp\s+unreachable\s+(\w+)(?:\s+mtu\s+(\d+))?$", text.strip())
        if not m or m[3] not in ICMP_CODES:
            raise Skip(f"not understood: {text}")
        a, b = socket.inet_aton(LOCAL), socket.inet_aton(self.remote)
        quote = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + int(m[2]), 0, 0x4000, 64, 6, 0, a, b) + \
            struct.pack("!HHI", self.host_port, self.peer_port, (self.iss + int(m[1])) & 0xffffffff)
        body = struct.pack("!BBHHH", 3, ICMP_CODES[m[3]], 0, 0, int(m[4] or 0)) + quote
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, 1, 0, socket.inet_aton("192.168.0.2"), a)
        os.write(self.m.tun, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + body)

    def encode(self, text):
        out = b""
        for word in text.split(","):
            w = word.split()
            if not w:
                continue
            if w[0] == "mss":
                out += struct.pack("!BBH", 2, 4, int(w[1]))
            elif w[0] == "nop":
                out += b"\1"
            elif w[0] == "sackOK":
                out += b"\4\2"
            elif w[0] == "wscale":
                out += struct.pack("!BBB", 3, 3, int(w[1]))
            elif w[0] == "TS":
                echo = int(w[4]) + (self.ts or 0) if int(w[4]) else 0
                out += struct.pack("!BBII", 8, 10, int(w[2]), echo & 0xffffffff)
            elif w[0] == "sack":
                blocks = [b.split(":") for b in w[1:]]
                out += struct.pack("!BB", 5, 2 + 8 * len(blocks))
                for left, right in blocks:
                    out += struct.pack("!II", (self.iss + int(left)) & 0xffffffff, (self.iss + int(right)) & 0xffffffff)
            else:
                raise Skip(f"option {w[0]}")
        return out + b"\0" * (-len(out) % 4)

    def note_clock(self, s, options):
        """The script's `TS val` of the first segment stands for what the kernel really sent."""
        if self.ts is not None or not s.options or "TS val" not in s.options:
            return
        i = 0
        while i < len(options):
            kind = options[i]
            if kind < 2:
                i += 1
                continue
            if kind == 8:
                self.ts = struct.unpack("!I", options[i + 2:i + 6])[0] - int(re.search(r"TS val (\d+)", s.options)[1])
            i += max(options[i + 1], 2)

    def same_options(self, s, live):
        """As far as they can be known: not what the kernel's clock says."""
        if s.options is None:
            return not live
        if s.options == "...":
            return True
        told, i = [], 0
        while i < len(live) and live[i] != 0:
            kind, size = live[i], live[i + 1] if live[i] > 1 else 1
            body, i = live[i + 2:i + size], i + size
            if kind == 1:
                told.append("nop")
            elif kind == 2:
                told.append(f"mss {struct.unpack('!H', body)[0]}")
            elif kind == 3:
                told.append(f"wscale {body[0]}")
            elif kind == 4:
                told.append("sackOK")
            elif kind == 5:
                edges = struct.unpack(f"!{len(body) // 4}I", body)
                told.append("sack " + " ".join(f"{(a - self.irs) & 0xffffffff}:{(b - self.irs) & 0xffffffff}"
                                               for a, b in zip(edges[::2], edges[1::2])))
            elif kind == 8:
                told.append(f"TS ecr {struct.unpack('!I', body[4:])[0]}")
        want = [re.sub(r"TS val \d+ ", "TS ", " ".join(w.split())) for w in s.options.split(",") if w.strip()]
        self.told = ",".join(told)
        return want == told

    def expect(self, s, low, high):
        """The next packet that is no bare ACK passed over, between the two times."""
        began = time.monotonic()
        late = TOLERANCE + (max(high - began, 0) / 8 if high is not None else 0)   # the grain of the timer wheel
        while True:
            self.packets()
            while self.seen:
                at, sport, dport, seq, ack, flags, win, length, options = self.seen.pop(0)
                if self.iss is None or flags & FLAGS["S"]:   # also of the next connection between the same ends
                    self.iss, self.host_port, self.peer_port = seq, sport, dport
                self.note_clock(s, options)
                mine = (seq - self.iss) & 0xffffffff
                got_ack = (ack - self.irs) & 0xffffffff if self.irs is not None else 0
                same = (flags ^ s.flags) & 0x37 == 0 and length == s.len and (mine == s.seq or s.flags & 4) and \
                    (s.ack is None or got_ack == s.ack) and (s.win is None or win == s.win)
                bare = flags & 0x3f == 16 and length == 0
                told = f"{''.join(c for c in FLAGS if flags & FLAGS[c])} {mine}:{mine + length}({length}) ack {got_ack} win {win}"
                if same and not self.same_options(s, options):
                    same, told = False, f"{told} <{getattr(self, 'told', '')}>"
                if not same:
                    if bare:
                        continue
                    raise Wrong(f"the kernel sent {told}")
                if low is not None and not low - TOLERANCE <= at <= high + late:
                    raise Wrong(f"{told} came {at - low:+.3f} s from when it was expected")
                self.now = at
                return
            limit = high + late if high is not None else began + 5
            if time.monotonic() > limit:
                raise Wrong("the kernel sent nothing") if high is not None else Skip("it waits too long")
            select.select([self.m.tun], [], [], max(limit - time.monotonic(), 0.001))

    # calls
    def call(self, name, args, result, error):
        try:
            got = self.make(name, args, result)
        except OSError as e:
            if result != "-1" or errno.errorcode.get(e.errno) != error:
                raise Wrong(f"{name} failed: {errno.errorcode.get(e.errno)}")
            return
        if result == "-1":
            raise Wrong(f"{name} did not fail with {error}")
        if result != "..." and got is not None and got != int(result, 0):
            raise Wrong(f"{name} gave {got}")

    def call_waits(self, name, args, result, error, low, high):
        """It is made by a thread, and returns in between."""
        def go():
            try:
                self.call(name, args, result, error)
            except Exception as e:
                self.waiting_error = e
            self.waiting_end = time.monotonic()
        self.waiting_error = None
        self.waiting_until, self.waiting = (low, high), threading.Thread(target=go, daemon=True)
        self.waiting.start()

    def end_waiting(self):
        if not self.waiting:
            return
        self.waiting.join(max(self.waiting_until[1] + TOLERANCE - time.monotonic(), 0))
        if self.waiting.is_alive():
            raise Wrong("the call does not return")
        self.waiting = None
        if self.waiting_error:
            raise self.waiting_error
        if not self.waiting_until[0] - TOLERANCE <= self.waiting_end <= self.waiting_until[1] + TOLERANCE:
            raise Wrong(f"the call returned {self.waiting_end - self.waiting_until[0]:+.3f} s from when it was expected")

    def constant(self, text):
        known = {**vars(os), **vars(socket)}
        return sum(int(known[w]) if w in known else number(w) for w in text.split("|"))

    def make(self, name, a, result):
        if name == "socket":
            if a[1] != "SOCK_STREAM":
                raise Skip("not tcp")
            self.fds[int(result)] = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            return None
        if not a[0].isdigit():
            raise Skip(f"call {name}")
        s = self.fds[int(a[0])]
        if name == "bind":
            return s.bind((LOCAL, self.bound)) or 0
        if name == "listen":
            return s.listen(int(a[1])) or 0
        if name == "accept":
            if s.gettimeout() is None:
                s.settimeout(12)
            try:
                self.fds[int(result)] = s.accept()[0]
            except TimeoutError:
                raise Wrong("nothing to accept")
            return None
        if name == "connect":
            return s.connect((self.remote, PORT)) or 0
        if name in ("write", "send"):
            return s.send(b"y" * number(a[2]), self.constant(a[3]) if len(a) > 3 else 0)
        if name == "sendto":
            return s.sendto(b"y" * number(a[2]), self.constant(a[3]), (self.remote, PORT))
        if name in ("read", "recv", "recvfrom"):
            return len(s.recv(number(a[2]), self.constant(a[3]) if len(a) > 3 else 0))
        if name == "close":
            return self.fds.pop(int(a[0])).close() or 0
        if name == "shutdown":
            return s.shutdown(self.constant(a[1])) or 0
        if name == "fcntl":
            if "O_NONBLOCK" in a[2]:
                s.setblocking(False)
            return 0
        if name == "setsockopt":
            level = {"SOL_SOCKET": socket.SOL_SOCKET, "SOL_TCP": 6, "IPPROTO_TCP": 6, "SOL_IP": 0, "IPPROTO_IP": 0}[a[1]]
            if a[2] == "SO_LINGER":
                on, seconds = re.findall(r"\d+", " ".join(a[3:]))[:2]
                s.setsockopt(level, socket.SO_LINGER, struct.pack("ii", int(on), int(seconds)))
            else:
                s.setsockopt(level, getattr(socket, a[2]), number(a[3].strip("[]")))
            return 0
        if name == "ioctl":
            code = {"SIOCINQ": 0x541b, "SIOCOUTQ": 0x5411}[a[1]]
            got = struct.unpack("i", fcntl.ioctl(s, code, b"\0\0\0\0"))[0]
            if got != number(a[2].strip("[]")):
                raise Wrong(f"{a[1]} is {got}")
            return 0
        if name == "getsockopt" and a[2] == "SO_ERROR":
            code = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            wanted = a[3].strip("[]")
            if errno.errorcode.get(code, str(code)) != wanted:
                raise Wrong(f"SO_ERROR is {errno.errorcode.get(code, code)}")
            return 0
        raise Skip(f"call {name}")

    def poll(self, text, result):
        m = re.match(r"\[\{fd\s*=\s*(\d+),\s*events\s*=\s*([\w|]+),\s*revents\s*=\s*([\w|]*)\}\],\s*1,\s*0", text)
        if not m:
            raise Skip(f"not understood: poll({text})")
        bits = lambda t: sum(getattr(select, w, None) or number(w) for w in t.split("|") if w)
        p = select.poll()
        p.register(self.fds[int(m[1])], bits(m[2]))
        got = sum(r for _, r in p.poll(0))
        if got != bits(m[3]) or (got != 0) != number(result):
            raise Wrong(f"poll says {got:#x}, expected {bits(m[3]):#x}")

    # time
    def when(self, text):
        """(low, high); None: any time."""
        if text == "*":
            return None, None
        low, _, high = text.partition("~")
        value = lambda t: (self.now if t.startswith("+") else self.begun) + float(t.lstrip("+") or 0)
        return value(low), value(high or low)

    def run(self):
        if "/*" in open(self.path).read():
            raise Skip("comments over lines")
        self.begun = self.now = time.monotonic()
        for n, line in enumerate(open(self.path), 1):
            line = re.sub(r"//.*", "", line).strip()
            if not line or line.startswith("--"):
                if "mtu" in line:
                    raise Skip("a setting")
                continue
            if line.startswith("`"):
                for name, value in re.findall(r"([a-z][\w.]+)=([^\s;`]+)", line):
                    self.undo.append(self.m.setting(name, value.strip("\"'")))
                continue
            when, rest = line.split(None, 1)
            until = None
            if "..." in when:
                when, until = when.split("...")
                if when.startswith("+"):
                    until = "+" + until.lstrip("+")
            try:
                low, high = self.when(when)
                if until:
                    self.end_waiting()
                    until = self.when(until)[0]
                if rest[0] in "<>":
                    if "icmp" in rest and rest[0] == "<":
                        self.wait(low)
                        self.inject_icmp(rest[1:])
                        continue
                    if "icmp" in rest or "udp" in rest:
                        raise Skip("icmp or udp")
                    segment = Segment(rest[1:])
                    if rest[0] == ">":
                        self.expect(segment, low, high)
                        continue
                self.wait(low)
                if rest[0] == "<":
                    self.inject(segment)
                else:
                    m = re.match(r"(\w+)\((.*)\)\s*=\s*(\S+)(?:\s+(\w+))?", rest)
                    if not m:
                        raise Skip(f"not understood: {rest}")
                    time.sleep(0.005)    # what was injected is looked at
                    if m[1] == "poll":
                        self.poll(m[2], m[3])
                        continue
                    args = [w.strip() for w in m[2].split(",")]
                    if until:
                        self.call_waits(m[1], args, m[3], m[4], until, until)
                        time.sleep(0.005)
                    else:
                        if self.waiting and time.monotonic() > self.waiting_until[0] - TOLERANCE:
                            self.end_waiting()
                        self.call(m[1], args, m[3], m[4])
            except Wrong as e:
                raise Wrong(f"line {n}: {line}: {e}")
        self.end_waiting()

    def wait(self, until):
        if until is None:
            until = time.monotonic()
        while time.monotonic() < until:
            select.select([self.m.tun], [], [], max(until - time.monotonic(), 0))
            self.packets()
        self.now = max(until, self.now)

    def end(self):
        for s in self.fds.values():
            try:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
            s.close()
        for undo in self.undo:
            undo()
        time.sleep(0.01)
        self.packets()


def length(path):
    total = 0
    for line in open(path):
        m = re.match(r"\+?(\d*\.?\d+)", line)
        total += float(m[1]) if m else 0
    return total


def main():
    if os.environ.get("LINUX_PEER") != "inside":
        wrap = ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-rn"]
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK) or not shutil.which("ip") or \
                subprocess.run(wrap + ["true"], stderr=subprocess.DEVNULL).returncode:
            sys.exit(77)
        options, files = (sys.argv[1:3], sys.argv[3:]) if sys.argv[1:2] == ["--max"] else ([], sys.argv[1:])
        some = [subprocess.Popen(wrap + [sys.executable, sys.argv[0]] + options + files[i::TOGETHER],
                                 env={**os.environ, "LINUX_PEER": "inside"}) for i in range(min(TOGETHER, len(files)))]
        sys.exit(max((p.wait() for p in some), default=77))
    args, most = sys.argv[1:], 12.0
    if args[:1] == ["--max"]:
        most, args = float(args[1]), args[2:]
    machine, failed, passed = Machine(), 0, 0
    for path in args:
        if length(path) > most:
            continue
        for again in range(3):           # real time on a busy machine: two more chances
            run = Run(machine, path)
            try:
                run.run()
                passed += 1
                print(f"ok   {path}", flush=True)
                break
            except Skip as e:
                print(f"skip {path}: {e}")
                break
            except Wrong as e:
                if again == 2:
                    failed += 1
                    print(f"FAIL {path}: {e}")
            finally:
                run.end()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
