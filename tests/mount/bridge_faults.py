"""bridge_faults.py - what goes wrong: peers that go, pipes that are full, a program that ends."""
import errno, os, resource, select, signal, socket, subprocess, time

from bridge_world import *


# Around what segments, buffers and reads begin and end with
OFFSETS = [0, 1, 2, 3, 7, 99, 535, 536, 1023, 1024, 1447, 1448, 1449, 1459, 1460, 1461, 2895, 2896, 2897, 4095, 4096, 4097, 14479, 14480,
           14481, 16383, 16384, 16385, 32768, 65534, 65535, 65536, 65537, 99999, 131072, 262143, 262144, 262145, 400001]


def ends_after(data, n, how, sender, receiver, what):
    """One says n bytes and goes; the other gets all of them if the first ended well, and never anything else."""
    def talk():
        try:
            sender.sendall(data[:n])
        except OSError:
            pass
        how(sender)
    t = background(talk)
    got, end = take_all(receiver)
    t.join()
    if how is reset:                   # what is on its way may be thrown away, by any kernel between
        assert data.startswith(got) and len(got) <= n and end in (errno.ECONNRESET, errno.EPIPE), (what, n, len(got), end)
    else:
        assert got == data[:n] and end is None, (what, n, len(got), end)
    receiver.close()


def deaf_end(data, n, taker, giver, what):
    """One takes n bytes of many and is gone: the other is told, with an error, for bytes were left."""
    def talk():
        try:
            while True:
                giver.sendall(data)
        except OSError as e:
            told.append(e.errno)
    told = []
    t = background(talk)
    left = n
    while left:
        piece = taker.recv(min(left, 1 << 16))
        assert data[n - left:][:len(piece)] == piece, (what, n)
        left -= len(piece)
    taker.close()
    t.join(LONG)
    assert told and told[0] in (errno.ECONNRESET, errno.EPIPE), (what, n, told)
    giver.close()


def part_bytes():
    """A peer that goes at any byte: before the bridge and behind it, ended well or reset, having said n bytes or read n."""
    write("bridge/limits", "rate=1000000")
    s, port = server()
    write("bridge/rules", f"allow tcp 127.0.0.1:{port} as 10.0.0.9:9000")
    front = listen_rule("10.0.0.9:9000")
    data = noise(max(OFFSETS) + 65536)
    bystander = client(listen_rule("host0:7"))
    for n in OFFSETS:
        for how in socket.socket.close, reset:
            for back in False, True:
                c = client(front)
                a, _ = s.accept()
                a.settimeout(LONG)
                ends_after(data, n, how, *((a, c) if back else (c, a)), f"{how.__name__} {'behind' if back else 'before'}")
        for back in False, True:
            c = client(front)
            a, _ = s.accept()
            a.settimeout(LONG)
            deaf_end(data, n, *((a, c) if back else (c, a)), "deaf " + ("behind" if back else "before"))
        bystander.sendall(b"still there?")
        assert bystander.recv(100) == b"still there?"
    # A simulated one that says n bytes and is killed: its kernel delivers what it took.
    for n in 0, 1, 1447, 1448, 1449, 2897, 16385, 65537:
        write("hosts/host0/ctl", "spawn server")
        pid = read("hosts/host0/ctl").strip()
        ctl = f"proc/{pid}/ctl"
        with open(ctl, "w") as f:
            f.write("socket tcp\nsetsockopt 0 SO_REUSEADDR 1\nbind 0 10.0.0.1:1001\nlisten 0\n")
        c = client(listen_rule("10.0.0.1:1001"))
        write(ctl, "accept 0")
        with open(f"proc/{pid}/stream/1", "wb", buffering=0) as f:
            assert n == 0 or f.write(data[:n]) == n
        write(ctl, "kill KILL")
        assert take_all(c) == (data[:n], None), n
        c.close()
    bystander.close()
    no_connections()


def part_full():
    """Everything is full, both ways; the program is stopped and continued in the middle; then all is read: nothing is lost."""
    s, port = server()
    path = scratch + "/server"
    u = socket.socket(socket.AF_UNIX)
    u.settimeout(LONG)
    u.bind(path)
    u.listen()
    write("bridge/limits", "buffer=2M")
    def modest(of):
        for buffer in socket.SO_RCVBUF, socket.SO_SNDBUF:
            of.setsockopt(socket.SOL_SOCKET, buffer, 1 << 18)
    modest(s)                          # what is accepted there has the same
    modest(u)
    write("bridge/rules", f"allow tcp 127.0.0.1:{port} as 10.0.0.9:9000")
    write("bridge/rules", f"allow tcp unix:{path} as 10.0.0.9:9001")
    bystander = client(listen_rule("host0:7"))
    there, back = noise(8 << 20, 1), noise(8 << 20, 2)
    for listening, front in (s, listen_rule("10.0.0.9:9000")), (u, listen_rule("10.0.0.9:9001")):
        for stops in 0, 3:
            c = client(front)
            a, _ = listening.accept()
            a.settimeout(LONG)
            modest(c)
            modest(a)
            sent = []
            def say_and_tell(to, data):
                say(to, data)
                sent.append(len(data))
            talkers = [background(say_and_tell, c, there), background(say_and_tell, a, back)]
            stands("both are full", lambda: [r[6:8] for r in connections()])
            assert not sent
            for _ in range(3):
                bystander.sendall(b"still there?")
                assert bystander.recv(100) == b"still there?"
            got = {}
            def hear(of):
                got[of] = take_all(of)
            listeners = [background(hear, c), background(hear, a)]
            for _ in range(stops):
                os.kill(daemon, signal.SIGSTOP)
                time.sleep(0.2)
                os.kill(daemon, signal.SIGCONT)
                time.sleep(0.02)
            for t in talkers + listeners:
                t.join()
            assert got[a] == (there, None), (stops, len(got[a][0]), got[a][1])
            assert got[c] == (back, None), (stops, len(got[c][0]), got[c][1])
            a.close()
            c.close()
    bystander.close()
    no_connections()
    # Real programs with a full pipe behind them: it is read late, and all of it
    if have("nc"):
        put_file("big", there)
        p = subprocess.Popen(["nc", "127.0.0.1", str(listen_rule("host0:80"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             preexec_fn=die_with_us)
        p.stdin.write(b"GET /big HTTP/1.0\r\n\r\n")
        p.stdin.flush()
        stands("the pipe is full", lambda: [r[6:8] for r in connections()])
        assert int(connections()[0][7]) < len(there)
        p.stdin.close()                # of which it says nothing to the server
        read_late = p.stdout.read()
        assert read_late.partition(b"\r\n\r\n")[2] == there, len(read_late)
        p.wait(LONG)
    no_connections()


def part_faults():
    # Nobody listens there.
    dead = listen_rule("host0:81")
    assert shut_out(dead)
    assert rules()[0][5] == "1"
    # A real peer that goes at any byte
    echo = listen_rule("host0:7")
    for n in 0, 1, 1000, 100000:
        for how in reset, socket.socket.close:
            c = client(echo)
            c.setblocking(False)
            data = noise(n)
            while data:
                select.select([c], [c], [])
                try:
                    data = data[c.send(data):]
                except BlockingIOError:
                    pass
            how(c)
    no_connections()
    # A simulated peer that is killed: its kernel says FIN, or RST when it had not read everything.
    write("hosts/host0/ctl", "spawn server")
    pid = read("hosts/host0/ctl").strip()
    ctl = f"proc/{pid}/ctl"
    write(ctl, "socket tcp")
    write(ctl, "bind 0 10.0.0.1:1000")
    write(ctl, "listen 0")
    port = listen_rule("host0:1000")
    c = client(port)
    write(ctl, "accept 0")
    write(ctl, 'send 1 "some words"')
    write(ctl, "close 1")
    assert take_all(c) == (b"some words", None)
    c.close()
    c = client(port)
    write(ctl, "accept 0")
    c.sendall(b"unread")
    until("it arrives", lambda: connections()[-1][6] == "6" and "6" in
          [l.split()[5] for l in read("net/sockets").splitlines() if "10.0.0.1:1000" in l])
    write(ctl, 'send 1 "last words"')
    write(ctl, "close 1")
    assert take_all(c) == (b"last words", errno.ECONNRESET)
    c.close()
    no_connections()

    # A slow reader: the window closes, and what comes later is what would have come: RFC 864's lines.
    c = client(listen_rule("host0:19"))
    stands("its window is closed", lambda: connections()[-1][7])
    took, got = int(connections()[-1][7]), b""
    while len(got) < took + (1 << 20):
        got += c.recv(1 << 16)
    ring = bytes(range(32, 127)) * 2
    lines = got.split(b"\r\n")[:-1]
    start = ring.index(lines[0])
    for i, line in enumerate(lines):
        assert line == ring[(start + i) % 95:][:72], (i, line)
    c.close()
    no_connections()

    # The daemon is stopped for a while.
    data = noise(1 << 20, 5)
    c = client(echo)
    t = background(say, c, data)
    os.kill(daemon, signal.SIGSTOP)
    time.sleep(0.3)
    os.kill(daemon, signal.SIGCONT)
    got, how = take_all(c)
    t.join()
    assert how is None and got == data
    no_connections()
    # The port is in use; the line has changed nothing.
    refused(errno.EADDRINUSE, f"listen tcp 127.0.0.1:{echo} to host0:9")
    refused(errno.ENETUNREACH, f"listen tcp 127.0.0.1:{free_port()} to 172.16.0.1:80")
    refused(errno.ENOENT, f"listen tcp 127.0.0.1:{free_port()} to nobody:80")
    # The gateway stays while it is needed.
    try:
        os.rmdir("hosts/gw")
        raise AssertionError("the gateway went")
    except OSError as e:
        assert e.errno == errno.EBUSY
    # A target that moves away: connections to it end in a timeout, here by the host that goes.
    c = client(echo)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    write("hosts/host0/ctl", "reboot")
    c.sendall(b"y")
    write("ctl", "reset")
    assert take_all(c)[1] == errno.ECONNRESET
    assert not rules() and not os.path.exists("hosts/gw")


def cpu_seconds():
    words = read(f"/proc/{daemon}/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def part_descriptors():
    """No descriptor is left: connections wait until there is one, nobody spins, files can be read."""
    echo = listen_rule("host0:7")
    soft, hard = resource.prlimit(daemon, resource.RLIMIT_NOFILE)
    assert soft == hard
    c = client(echo)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    resource.prlimit(daemon, resource.RLIMIT_NOFILE, (descriptors() + 2, hard))
    many = [client(echo) for _ in range(10)]
    for m in many:
        m.sendall(b"x")
    until("as many as can be", lambda: len(connections()) >= 2)
    before, begun = cpu_seconds(), time.monotonic()
    time.sleep(1)
    assert cpu_seconds() - before < 0.5 * (time.monotonic() - begun)
    assert len(connections()) < 11
    resource.prlimit(daemon, resource.RLIMIT_NOFILE, (soft, hard))
    for m in many:
        assert m.recv(1) == b"x"
        m.close()
    c.close()
    no_connections()


def part_end():
    """The end of the program: who is connected is reset, a path is taken away."""
    port, path = listen_rule("host0:7"), scratch + "/socket"
    write("bridge/rules", f"listen tcp unix:{path} to host0:7")
    c = client(port)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    s, back = server()
    write("bridge/rules", f"allow tcp 127.0.0.1:{back} as 10.0.0.9:9000")
    fd = command("socket tcp").decode().strip()
    command(f"connect {fd} 10.0.0.9:9000")
    a, _ = s.accept()
    a.settimeout(LONG)
    os.chdir("/")
    os.kill(daemon, signal.SIGTERM)
    assert take_all(c) == (b"", errno.ECONNRESET)
    assert take_all(a) == (b"", errno.ECONNRESET)
    until("it is gone", lambda: not os.path.exists(path))


PERIOD = 16064
PATTERN = noise(PERIOD, 3) * 6


class Peer:
    """A real socket that says the pattern for ever, and takes what it hears, which is the pattern as well."""
    def __init__(self, sock):
        self.socket, self.said, self.heard, self.told, self.ended, self.false = sock, 0, 0, None, None, False
        sock.settimeout(LONG)
        self.threads = [background(self.say), background(self.hear)]

    def say(self):
        try:
            while True:
                self.said += self.socket.send(PATTERN[self.said % PERIOD:][:65536])
        except OSError as e:
            self.told = e.errno

    def hear(self):
        try:
            while piece := self.socket.recv(65536):
                at = self.heard % PERIOD
                self.false |= PATTERN[at:at + len(piece)] != piece
                self.heard += len(piece)
        except OSError as e:
            self.ended = e.errno


def part_cut(how):
    """The end of the program while much is under way, both ways, over TCP and Unix sockets, with readers that never read."""
    s, port = server()
    u, path = socket.socket(socket.AF_UNIX), scratch + "/server"
    u.settimeout(LONG)
    u.bind(path)
    u.listen()
    write("bridge/rules", f"allow tcp 127.0.0.1:{port} as 10.0.0.9:9000")
    write("bridge/rules", f"allow tcp unix:{path} as 10.0.0.9:9001")
    front = scratch + "/front"
    write("bridge/rules", f"listen tcp unix:{front} to 10.0.0.9:9001")
    write("wires/lan0/delay", "1ms")
    peers = []
    for make in lambda: (client(listen_rule("10.0.0.9:9000")), s), lambda: (socket.socket(socket.AF_UNIX), u):
        c, listening = make()
        if listening is u:
            c.connect(front)
        peers += [Peer(c), Peer(listening.accept()[0])]
    for p in peers:
        until("bytes come", lambda: p.heard > 1 << 20 and p.said > 1 << 20)
    held = [open(f, "rb") for f in ("wires/lan0/capture.follow", "events.follow", "bridge/rules")] if how == "TERM" else []
    tree = os.getcwd()
    if how == "TERM":
        os.chdir("/")
        os.kill(daemon, signal.SIGTERM)
    else:
        leave()
    for p in peers:
        for t in p.threads:
            t.join(LONG)
            assert not t.is_alive(), "a peer hangs"
        assert not p.false and p.heard > 0, (how, p.heard)
        assert p.told in (errno.EPIPE, errno.ECONNRESET) and p.ended in (None, errno.ECONNRESET), (how, p.told, p.ended)
        # A kernel says once that a connection was reset, to the first who asks; of a Unix socket only where what was said is lost.
        assert p.socket.family == socket.AF_UNIX or errno.ECONNRESET in (p.told, p.ended), (how, p.told, p.ended)
        p.socket.close()
    until("it is gone", is_gone)
    assert not os.path.exists(front) and not os.path.ismount(tree)
    for f in held:
        try:
            f.read(1)
            raise AssertionError("there is something to read")
        except OSError as e:
            assert e.errno in (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO), e.errno
        f.close()


def part_unread():
    """Streams that are open and never read, or only once, cost nothing while much goes by, and do not hold anybody up."""
    amount = (8 if SANITIZED else 96) << 20
    c = client(listen_rule("host0:19"))
    def take(left):
        while left > 0:
            piece = c.recv(1 << 18)
            assert piece
            left -= len(piece)
    take(amount)                           # the wire's memory of frames is full by now
    before = memory()
    names = ["wires/lan0/capture.follow", "events.follow", "events.json.follow"]
    fd = command("socket tcp").decode().strip()
    command(f"connect {fd} 10.0.0.1:19")
    names.append(os.path.dirname(CLIENT) + f"/stream/{fd}")
    unread = [open(n, "rb", buffering=0) for n in names * 4]
    for f in unread[:len(names)]:
        if "events" not in f.name:
            assert f.read(1)               # and nothing more
    take(amount)
    read("check")
    assert SANITIZED or memory() < before + (8 << 20), (before, memory())
    # Whoever reads at last gets what is left, and is told what is not.
    late = unread[-len(names)]
    assert late.read(4) == b"\x0a\x0d\x0d\x0a"
    c.close()
    no_connections()
    leave("-z")
    for f in unread:
        f.close()
    until("it is gone", is_gone)
