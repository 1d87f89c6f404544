"""bridge_limits.py - limits, what is not bridged, and time."""
import errno, os, re, socket, stat, time

from bridge_world import *

# --- limits -----------------------------------------------------------------------------------------

def held_by_gateway():
    """Bytes that wait in the gateway's sockets, both ways."""
    rows = [l.split() for l in read("hosts/gw/net/sockets").splitlines()]
    receive, send = rows[0].index("recv-q"), rows[0].index("send-q")
    return sum(int(r[receive]) + int(r[send]) for r in rows[1:] if r[4] not in ("LISTEN", "TIME-WAIT"))


def part_limits():
    assert read("bridge/limits") == "sessions=256\nrate=100\nbuffer=64M\n"
    write("bridge/limits", "sessions=3 rate=100000 buffer=1M")
    assert read("bridge/limits") == "sessions=3\nrate=100000\nbuffer=1M\n"
    for bad in "sessions=0", "sessions=x", "rate=0", "buffer=1", "colour=red", "sessions=5 rate=0":
        try:
            write("bridge/limits", bad)
            raise AssertionError(bad)
        except OSError as e:
            assert e.errno in (errno.EINVAL, errno.ERANGE)
    assert read("bridge/limits") == "sessions=3\nrate=100000\nbuffer=1M\n"
    port = listen_rule("host0:7")
    held = []
    for _ in range(3):
        c = client(port)
        c.sendall(b"x")
        assert c.recv(1) == b"x"
        held.append(c)
    assert shut_out(port)
    assert rules()[0][6] == "1"
    held.pop().close()
    until("one has gone", lambda: len(connections()) == 2)
    c = client(port)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    held.append(c)
    for c in held:
        c.close()
    no_connections()

    # Connects over the rate wait.
    write("bridge/limits", "sessions=256 rate=20")
    start = time.monotonic()
    many = [client(port) for _ in range(40)]
    for c in many:
        c.sendall(b"x")
    for c in many:
        assert c.recv(1) == b"x"
        c.close()
    assert time.monotonic() - start > 0.8
    no_connections()

    # What sessions hold together is never more than the buffer, although the first ones had it all to themselves.
    write("bridge/limits", "sessions=8 rate=100000 buffer=512K")   # so many that little is kept for those to come
    source = listen_rule("host0:19")
    deaf = []
    for _ in range(6):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", source))
        deaf.append(s)
        held = -1
        while held != held_by_gateway():           # until it is full
            held = held_by_gateway()
            time.sleep(0.05)
        # A half is for the other direction; a window is told in units of some bytes.
        assert held <= (256 << 10) + 4096, (held, len(deaf))
    # How much the first has depends on when the others come; without a good part in use the bound would say nothing.
    until("much of the half is in use", lambda: held_by_gateway() > 96 << 10)
    assert held_by_gateway() <= (256 << 10) + 4096
    c = client(port)                               # and there is something left for others
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    for s in deaf + [c]:
        reset(s)
    no_connections()
    # So many that not even the least of each would fit are not let in.
    write("bridge/limits", "buffer=64K")
    held = [client(port) for _ in range(2)]
    for c in held:
        c.sendall(b"x")
        assert c.recv(1) == b"x"
    assert shut_out(port)
    for c in held:
        reset(c)
    no_connections()

    # A peer that never reads, against a server that never stops: what is held is bounded by the buffer.
    write("bridge/limits", "sessions=256 rate=100000 buffer=8M")
    before = memory()
    deaf = [client(source) for _ in range(32)]
    deep = [client(port) for _ in range(32)]
    for c in deep:                     # says much, and hears nothing of the echo
        c.setblocking(False)
        try:
            while True:
                c.send(bytes(65536))
        except BlockingIOError:
            pass
    last = -1
    while last != sum(int(r[6]) + int(r[7]) for r in connections()):
        last = sum(int(r[6]) + int(r[7]) for r in connections())
        time.sleep(0.5)
    grown = memory() - before
    # Beside it: the log of frames, events, the simulated servers' own buffers.
    print(f"64 deaf peers: {grown >> 20} MiB")
    assert SANITIZED or grown < (8 << 20) + (64 << 20), grown
    for c in deaf + deep:
        reset(c)
    no_connections()

    # Many connects in a row leave nothing behind.
    for c in [client(port) for _ in range(20)]:
        c.close()
    no_connections()
    files = descriptors()
    size = None
    rounds = int(os.environ.get("BRIDGE_CONNECTS", "500" if SANITIZED else "2000"))
    for i in range(rounds):
        if i == rounds // 2:
            size = memory()
        c = client(port)
        if i % 3 == 0:
            c.sendall(b"x")
        if i % 3 == 1:
            reset(c)
        else:
            c.close()
    no_connections()
    assert descriptors() == files
    print(f"{rounds} connects: {(memory() - size) >> 10} KiB more in the second half")
    assert SANITIZED or memory() - size < (32 << 20)


# --- nothing else is bridged ------------------------------------------------------------------------

def part_security():
    port = free_port()
    for real in ("0.0.0.0", "10.1.2.3", "192.168.1.1", "8.8.8.8", "169.254.169.254", "224.0.0.1", "255.255.255.255", "[::]",
                 "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[fe80::1]", "[ff02::1]", "[2001:db8::1]"):
        refused(errno.EACCES, f"listen tcp {real}:{port} to host0:7")
        refused(errno.EACCES, f"allow tcp {real}:{port} as 10.0.0.9:9000")
        refused(errno.EACCES, f"allow udp {real}:{port} as 10.0.0.9:9000")
    for real in ("localhost", "example.com", "127.1", "0x7f.1", "2130706433", "[::1", "", "[127.0.0.1]", "127.0.0.1 "):
        refused(errno.EINVAL, f'listen tcp "{real}:{port}" to host0:7')
    for bad in 0, 1, 22, 80, 1023:
        refused(errno.EACCES, f"listen tcp 127.0.0.1:{bad} to host0:7")
        refused(errno.EACCES, f"allow tcp [::1]:{bad} as 10.0.0.9:9000")
    for bad in "65536", "-1", "99999999999999999999", "x", "":
        refused(errno.EINVAL, f'allow tcp "127.0.0.1:{bad}" as 10.0.0.9:9000')
    for line in ("listen", "listen tcp", f"listen sctp 127.0.0.1:{port} to host0:7", f"listen tcp 127.0.0.1:{port} as host0:7",
                 f"listen tcp 127.0.0.1:{port} to host0", f"listen tcp 127.0.0.1:{port} to host0:0", "del", "del x",
                 f"allow tcp 127.0.0.1:{port} as host0:7", "nonsense"):
        refused(errno.EINVAL, line)
    # A path inside the mount would have us wait for ourselves.
    os.symlink(os.getcwd(), scratch + "/link")
    for path in (os.getcwd() + "/files/s", scratch + "/link/files/s", scratch + "/../" + os.path.basename(scratch) + "/m/files/s"):
        refused(errno.EACCES, f"listen tcp unix:{path} to host0:7")
        refused(errno.EACCES, f"allow tcp unix:{path} as 10.0.0.9:9000")
    refused(errno.EINVAL, "listen tcp unix:relative to host0:7")
    refused(errno.ENAMETOOLONG, f"listen tcp unix:/{'x' * 200} to host0:7")
    assert not rules() and not connections() and not os.path.exists("hosts/gw")

    # The bridge does not talk to itself.
    port = listen_rule("host0:7")
    refused(errno.EINVAL, f"allow tcp 127.0.0.1:{port} as 10.0.0.9:9000")
    other = free_port()
    write("bridge/rules", f"allow tcp 127.0.0.1:{other} as 10.0.0.9:9000")
    refused(errno.EINVAL, f"listen tcp 127.0.0.1:{other} to host0:7")
    # Only what a rule says is reached from inside.
    s, away = server()
    fd = command("socket tcp").decode().strip()
    refused(errno.ECONNREFUSED, f"connect {fd} 10.0.0.9:{away}", CLIENT)
    refused(errno.ECONNREFUSED, f"connect {fd} 10.0.0.254:{away}", CLIENT)
    refused(errno.ENETUNREACH, f"connect {fd} 8.8.8.8:53", CLIENT)
    # Looked at again when it is connected to: a path may lead elsewhere by then.
    path = scratch + "/target"
    u = socket.socket(socket.AF_UNIX)
    u.settimeout(LONG)
    u.bind(path + ".real")
    u.listen()
    os.symlink(path + ".real", path)
    write("bridge/rules", f"allow tcp unix:{path} as 10.0.0.9:9001")
    number = rules()[-1][0]
    def connects(why=None):
        fd = command("socket tcp").decode().strip()
        if why:
            refused(errno.ECONNREFUSED, f"connect {fd} 10.0.0.9:9001", CLIENT)
            told = [l for l in read("events").splitlines() if " bridge " in l][-1]
            assert f"what={why}" in told, told
        else:
            command(f"connect {fd} 10.0.0.9:9001")
        command(f"close {fd}")
    def lead_to(where):
        os.symlink(where, path + ".new")
        os.rename(path + ".new", path)
    connects()
    u.accept()[0].close()
    # A socket in the mount itself: to ask for it would be to wait for ourselves.
    lead_to(os.getcwd() + "/files/s")
    connects("EACCES")
    # Our own listener under another name, also as another path to it: the bridge would talk to itself.
    own = scratch + "/own"
    write("bridge/rules", f"listen tcp unix:{own} to 10.0.0.9:9001")
    for other in own, scratch + "/./own", scratch + "//own":
        lead_to(other)
        refused(errno.EINVAL, f"allow tcp unix:{other if other != own else path} as 10.0.0.10:9000")
        connects("EINVAL")
    os.link(own, path + ".hard")
    lead_to(path + ".hard")
    connects("EINVAL")
    # A real client of what would be asked for ever: nothing goes round.
    with socket.socket(socket.AF_UNIX) as c:
        c.settimeout(LONG)
        c.connect(own)
        assert take_all(c)[0] == b""      # sockets of the file system know no reset
    no_connections()
    lead_to(path + ".real")
    connects()
    u.accept()[0].close()
    # The listener's own name: what is there by then is not ours to take away, nor to ask for when it leads to us.
    for other in "somebody's", "the mount's":
        where = scratch + "/dir"
        os.mkdir(where)
        write("bridge/rules", f"listen tcp unix:{where}/s to host0:7")
        if other == "the mount's":
            os.rename(where, where + ".old")
            os.symlink(os.getcwd() + "/files", where)
        else:
            os.unlink(where + "/s")
            open(where + "/s", "w").close()
        write("bridge/rules", "del " + rules()[-1][0])
        if other == "somebody's":
            os.unlink(where + "/s")
            os.rmdir(where)
    write("bridge/rules", "del " + rules()[-1][0])
    assert not os.path.exists(own)
    write("bridge/rules", "del " + number)
    # Files are the owner's.
    for f in "rules", "limits", "connections":
        assert stat.S_IMODE(os.stat("bridge/" + f).st_mode) & 0o077 == 0, f
    # What real sockets can be told by names and numbers of descriptors, they are not: closed on exec, nothing but loopback.
    inodes = {l[8:-1] for l in (os.readlink(f"/proc/{daemon}/fd/{n}") for n in os.listdir(f"/proc/{daemon}/fd"))
              if l.startswith("socket:")}
    for line in read(f"/proc/{daemon}/net/tcp").splitlines()[1:]:
        words = line.split()
        if words[9] in inodes:
            assert words[1].startswith("0100007F:"), line


def part_any():
    """--bridge-any: other addresses of this machine, but never these."""
    port = free_port()
    for real in ("0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
                 "255.255.255.255", "[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]", "[fe80::1]",
                 "[ff02::1]"):
        refused(errno.EACCES, f"listen tcp {real}:{port} to host0:7")
        refused(errno.EACCES, f"allow tcp {real}:{port} as 10.0.0.9:9000")
    refused(errno.EACCES, "allow tcp 8.8.8.8:53 as 10.0.0.9:9000")     # a port below 1024
    refused(errno.EADDRNOTAVAIL, f"listen tcp 192.0.2.1:{port} to host0:7")
    write("bridge/rules", "allow tcp 192.0.2.1:9000 as 10.0.0.9:9000")  # which says nothing about its being there
    assert len(rules()) == 1
    write("bridge/rules", "del 1")


# --- time -------------------------------------------------------------------------------------------

def now_and_lag():
    return map(float, re.match(r"now=([0-9.]+).*lag=([0-9.]+)", read("clock")).groups())


def now():
    return float(re.match(r"now=([0-9.]+)", read("clock")).group(1))


def part_time():
    port = listen_rule("host0:7")
    before = time.monotonic()
    start, lost = now_and_lag()
    between = time.monotonic()
    time.sleep(0.5)
    after = time.monotonic()
    passed, lag = (at - begun for at, begun in zip(now_and_lag(), (start, lost)))
    # 50 ms may be made up for at any time
    assert after - between - 0.06 < passed + lag < time.monotonic() - before + 0.06, (passed, lag)
    # Simulated programs that wait do so in that time, and readers are served meanwhile.
    write("wires/lan0/delay", "100ms")
    start = time.monotonic()
    c = client(port)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    assert time.monotonic() - start > 0.38  # two round trips
    write("wires/lan0/delay", "5us")
    c.close()
    # Under full load
    source = listen_rule("host0:19")
    stop = False
    def drink():
        s = client(source)
        while not stop:
            s.recv(1 << 18)
        s.close()
    drinkers = [background(drink) for _ in range(4)]
    time.sleep(0.3)
    took = []
    for path in ["clock", "bridge/connections", "hosts/gw/net/sockets", "proc/2/status", "wires/lan0/stats"] * 20:
        begun = time.monotonic()
        read(path)
        took.append(time.monotonic() - begun)
    stop = True
    for t in drinkers:
        t.join()
    took.sort()
    print("a read under load: median %.1f ms, 95 %% below %.1f ms" % (took[50] * 1e3, took[95] * 1e3))
    assert took[50] < float(os.environ.get("BRIDGE_READ", "0.5"))
    # Other modes
    write("clock", "manual")
    start = now()
    time.sleep(0.05)
    assert now() == start and "lag=" not in read("clock")
    write("clock", "real x10")
    start = sum(now_and_lag())
    time.sleep(0.3)
    assert sum(now_and_lag()) - start > 1 and "mode=real x10" in read("clock")
    write("clock", "auto")
    for r in rules():
        write("bridge/rules", f"del {r[0]}")
    start = now()
    time.sleep(0.05)
    assert now() == start
