"""bridge_rules.py - what rules do: real clients of simulated servers, simulated clients of real ones, datagrams."""
import errno, os, re, socket, stat, struct

from bridge_world import *

# --- real clients, simulated server -----------------------------------------------------------------

def part_listen():
    assert not rules() and "lag=" not in read("clock")
    port = listen_rule("host0:7")
    assert rules()[0][:5] == ["1", "listen", "tcp", f"127.0.0.1:{port}", "host0:7"], rules()
    assert read("hosts/gw/net/ifs/eth0/address") == "10.0.0.254/24\n"
    assert "mode=auto" in read("clock") and "lag=" in read("clock")

    c = client(port)
    c.sendall(b"hello")
    assert c.recv(100) == b"hello"
    proto, real_local, real_remote, sim_local, sim_remote, state, into, out, age = connections()[0]
    assert (proto, real_local, sim_remote, state) == ("tcp", f"127.0.0.1:{port}", "10.0.0.1:7", "ESTABLISHED")
    assert real_remote == "127.0.0.1:%d" % c.getsockname()[1] and (into, out) == ("5", "5") and float(age) >= 0
    row = [l.split() for l in read("hosts/gw/net/sockets").splitlines() if "10.0.0.1:7" in l][0]
    assert row[2] == sim_local and row[4] == "ESTABLISHED", row
    assert "cwnd" in read(f"hosts/gw/net/sockets.d/{row[0]}/tcb")
    # The end of what we say; what comes back still comes.
    c.sendall(b"bye")
    c.shutdown(socket.SHUT_WR)
    assert take_all(c) == (b"bye", None)
    no_connections()
    assert re.search(r"bridge rule=1 .*what=closed in=8 out=8 real=127", read("events"))

    data = noise(4 << 20)
    for loss in "0", "5%":
        write("wires/lan0/loss", loss)
        echoed(client(port), data, loss)
    write("wires/lan0/loss", "0")

    # Unix sockets and the loopback of version 6
    path = scratch + "/socket"
    write("bridge/rules", f"listen tcp unix:{path} to 10.0.0.1:7")
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
    with socket.socket(socket.AF_UNIX) as u:
        u.connect(path)
        u.sendall(b"by path")
        assert u.recv(100) == b"by path"
    if os.path.exists("/proc/net/if_inet6") and " lo" in read("/proc/net/if_inet6"):
        port6 = listen_rule("host0:7", host="[::1]")
        with socket.create_connection(("::1", port6), LONG) as v6:
            v6.sendall(b"six")
            assert v6.recv(100) == b"six"
    no_connections()

    # A rule that goes takes its connections and its name along.
    c = client(port)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    write("bridge/rules", "del 1")
    assert take_all(c) == (b"", errno.ECONNRESET)
    write("bridge/rules", "del 2")
    assert not os.path.exists(path)
    refused(errno.ENOENT, "del 1")
    try:
        client(port)
        raise AssertionError("somebody still listens")
    except ConnectionRefusedError:
        pass
    for r in rules():
        write("bridge/rules", f"del {r[0]}")
    assert "lag=" not in read("clock")


# --- version 6 on the simulated side ----------------------------------------------------------------

def part_six():
    write("net/ifs/eth0/address", "10.0.0.1/24\nfd00::1/64")
    write("hosts/b/net/ifs/eth0/address", "10.0.0.2/24\nfd00::2/64")
    for pid, line in (6, "serve echo 70"), (7, "serve chargen 190"):
        write("hosts/host0/ctl", "spawn server")
        write(f"proc/{pid}/ctl", line)
    real6 = os.path.exists("/proc/net/if_inet6") and " lo" in read("/proc/net/if_inet6")
    loopback = "[::1]" if real6 else "127.0.0.1"

    # From either version outside; the gateway's address is of the target's subnet.
    port = listen_rule("[fd00::1]:70")
    assert rules()[0][4] == "[fd00::1]:70", rules()
    assert read("hosts/gw/net/ifs/eth0/address").startswith("fd00::fe/64"), read("hosts/gw/net/ifs/eth0/address")
    c = client(port)
    c.sendall(b"hello")
    assert c.recv(100) == b"hello"
    row = connections()[0]
    assert re.match(r"\[fd00::fe\]:[0-9]+$", row[3]) and row[4:6] == ["[fd00::1]:70", "ESTABLISHED"], row
    line = [l.split() for l in read("hosts/gw/net/sockets").splitlines() if "[fd00::1]:70" in l][0]
    assert line[2] == row[3] and "cwnd" in read(f"hosts/gw/net/sockets.d/{line[0]}/tcb"), line
    c.shutdown(socket.SHUT_WR)
    assert take_all(c) == (b"", None)
    no_connections()
    assert re.search(r"bridge rule=1 sim=fd00::1 port=70 what=closed in=5 out=5", read("events"))
    if real6:
        port6 = listen_rule("[fd00::1]:70", host="[::1]")
        with socket.create_connection(("::1", port6), LONG) as v6:
            v6.sendall(b"six")
            assert v6.recv(100) == b"six"

    # Whole, through losses; and version 4 beside it
    data = noise(1 << 20, 6)
    write("wires/lan0/loss", "5%")
    for to in "[fd00::1]:70", "10.0.0.1:7":
        echoed(client(listen_rule(to)), data, to)
    write("wires/lan0/loss", "0")
    assert "\n10.0.0.254/24\n" in read("hosts/gw/net/ifs/eth0/address")
    no_connections()
    # Nobody listens there.
    assert shut_out(listen_rule("[fd00::1]:71"))

    # Simulated clients of a real server
    s = socket.socket(socket.AF_INET6 if real6 else socket.AF_INET)
    s.settimeout(LONG)
    s.bind(("::1" if real6 else "127.0.0.1", 0))
    s.listen()
    write("bridge/rules", f"allow tcp {loopback}:{s.getsockname()[1]} as [fd00::9]:9000")
    assert rules()[-1][4] == "[fd00::9]:9000"
    fd = command("socket tcp6").decode().strip()
    command(f"connect {fd} [fd00::9]:9000")
    a, _ = s.accept()
    a.settimeout(LONG)
    command(f'send {fd} "from inside"')
    assert a.recv(100) == b"from inside"
    a.sendall(b"from outside")
    assert command(f"recv {fd} 100") == b"from outside"
    assert connections()[-1][3] == "[fd00::9]:9000"
    a.close()
    assert command(f"recv {fd} 100") == b""
    command(f"close {fd}")
    fd = command("socket tcp6").decode().strip()
    refused(errno.ECONNREFUSED, f"connect {fd} [fd00::9]:9001", CLIENT)
    command(f"close {fd}")
    no_connections()
    # Right through
    c = client(listen_rule("[fd00::9]:9000"))
    a, _ = s.accept()
    c.sendall(b"in")
    assert a.recv(10) == b"in"
    a.sendall(b"out")
    assert c.recv(10) == b"out"
    assert {row[3].split("]")[0] for row in connections()} == {"[fd00::9", "[fd00::fd"}, connections()
    c.close()
    a.close()
    no_connections()

    # Datagrams, both ways
    fd = command("socket udp6").decode().strip()
    command(f"bind {fd} [fd00::2]:5353")
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(LONG)
    u.connect(("127.0.0.1", listen_rule("[fd00::2]:5353", "udp")))
    for size in 1, 1400, 20000:
        data = noise(size, size)
        u.send(data)
        sender, _, rest = command(f"recv {fd} 65000").partition(b" ")
        assert rest == data and sender.startswith(b"[fd00::"), (sender, size)  # either address of gw: RFC 6724
        command(f"sendto {fd} {sender.decode()} {data[:1000].hex()}")
        assert u.recv(65536) == data[:1000]
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.settimeout(LONG)
    far.bind(("127.0.0.1", 0))
    write("bridge/rules", f"allow udp 127.0.0.1:{far.getsockname()[1]} as [fd00::9]:5000")
    for i in range(2):                 # two clients: two sessions
        fd = command("socket udp6").decode().strip()
        command(f'sendto {fd} [fd00::9]:5000 "question"')
        got, sender = far.recvfrom(100)
        far.sendto(b"answer %d" % i, sender)
        assert command(f"recv {fd} 100").endswith(b"answer %d" % i)
    assert len(connections()) == 3

    for bad, code in (("fd00::1:70", errno.EINVAL), ("[fd00::1]", errno.EINVAL), ("[fd00::1]:0", errno.EINVAL),
                      ("[fd00::1:70", errno.EINVAL), ("[10.0.0.1]:70", errno.EINVAL), ("[nonsense]:70", errno.EINVAL),
                      ("[::1]:70", errno.EADDRNOTAVAIL), ("[::]:70", errno.EADDRNOTAVAIL), ("[ff02::1]:70", errno.EADDRNOTAVAIL),
                      ("[fe80::1]:70", errno.EADDRNOTAVAIL), ("[2001:db8::1]:70", errno.ENETUNREACH)):
        refused(code, f"listen tcp 127.0.0.1:{free_port()} to {bad}")
        refused(code, f"allow tcp 127.0.0.1:{free_port()} as {bad}")
    refused(errno.EADDRINUSE, f"allow tcp 127.0.0.1:{free_port()} as [fd00::1]:9000")
    for r in rules():
        write("bridge/rules", f"del {r[0]}")
    assert "fd00::9" not in read("hosts/gw/net/ifs/eth0/address") and "fd00::fe" in read("hosts/gw/net/ifs/eth0/address")
    # A host that has no other address is reached by that.
    with open("hosts/b/net/ifs/eth0/address", "w") as f:
        f.write("fd00::2/64\n")
    write(CLIENT, "serve echo 7")
    c = client(listen_rule("b:7"))
    c.sendall(b"x")
    assert c.recv(1) == b"x" and connections()[0][4] == "[fd00::2]:7", connections()


# --- simulated clients, real server -----------------------------------------------------------------

def part_allow():
    s, port = server()
    write("bridge/rules", f"allow tcp 127.0.0.1:{port} as 10.0.0.9:9000")
    assert read("hosts/gw/net/ifs/eth0/address") == "10.0.0.254/24\n10.0.0.9/24\n"
    fd = command("socket tcp").decode().strip()
    command(f"connect {fd} 10.0.0.9:9000")
    a, peer = s.accept()
    a.settimeout(LONG)
    command(f'send {fd} "from inside"')
    assert a.recv(100) == b"from inside"
    a.sendall(b"from outside")
    assert command(f"recv {fd} 100") == b"from outside"
    row = connections()[0]
    assert row[1] == "127.0.0.1:%d" % peer[1] and row[2] == f"127.0.0.1:{port}" and row[3] == "10.0.0.9:9000", row
    command(f"shutdown {fd} w")
    assert a.recv(1) == b""
    a.sendall(b"last words")
    a.close()
    assert command(f"recv {fd} 100") == b"last words"
    assert command(f"recv {fd} 100") == b""
    command(f"close {fd}")
    no_connections()

    # A port of that address without a rule, and a server that is away.
    fd = command("socket tcp").decode().strip()
    refused(errno.ECONNREFUSED, f"connect {fd} 10.0.0.9:9001", CLIENT)
    command(f"close {fd}")
    s.close()
    fd = command("socket tcp").decode().strip()
    refused(errno.ECONNREFUSED, f"connect {fd} 10.0.0.9:9000", CLIENT)
    command(f"close {fd}")
    # It comes back.
    s = socket.socket()
    s.settimeout(LONG)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    fd = command("socket tcp").decode().strip()
    command(f"connect {fd} 10.0.0.9:9000")
    a, _ = s.accept()
    # A reset comes through as a reset.
    a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    a.close()
    refused(errno.ECONNRESET, f"recv {fd} 1", CLIENT)
    no_connections()

    # Right through: a real client, the simulated world, a real server. It crosses the wire.
    front = listen_rule("10.0.0.9:9000")
    assert read("hosts/gw1/net/ifs/eth0/address") == "10.0.0.253/24\n"
    data = noise(2 << 20, 3)
    before = carried()
    c = client(front)
    a, _ = s.accept()
    t = background(say, c, data)
    got, how = take_all(a)
    t.join()
    assert how is None and got == data
    assert carried() - before > len(data)
    assert {row[3].split(":")[0] for row in connections()} == {"10.0.0.9", "10.0.0.253"}, connections()
    a.close()
    assert take_all(c) == (b"", None)
    no_connections()
    try:
        os.rmdir("hosts/gw1")
        raise AssertionError("a gateway went")
    except OSError as e:
        assert e.errno == errno.EBUSY
    # The rule that gives the address may come later than the one that leads there.
    later = listen_rule("10.0.0.77:7700")
    assert shut_out(later)
    write("bridge/rules", f"allow tcp 127.0.0.1:{port} as 10.0.0.77:7700")
    c = client(later)
    s.accept()[0].close()
    assert take_all(c) == (b"", None)
    c.close()
    no_connections()
    write("bridge/rules", "del " + rules()[-1][0])
    refused(errno.EADDRINUSE, f"allow tcp 127.0.0.1:{port} as 10.0.0.1:9000")
    refused(errno.EADDRINUSE, f"allow tcp 127.0.0.1:{port} as 10.0.0.9:9000")
    refused(errno.ENETUNREACH, f"allow tcp 127.0.0.1:{port} as 192.168.7.7:9000")
    write("bridge/rules", "del 1")
    assert read("hosts/gw/net/ifs/eth0/address") == "10.0.0.254/24\n"


def part_nat():
    # A real server behind a router that hands a port on to it; host0's network is outside.
    os.mkdir("wires/home")
    os.mkdir("hosts/router")
    for eth, wire, address in ("eth0", "home", "192.168.1.1/24"), ("eth1", "lan0", "10.0.0.5/24"):
        net = f"hosts/router/net/ifs/{eth}/"
        os.mkdir(net)
        write(net + "wire", wire)
        write(net + "address", address)
        write(net + "up", "1")
    write("hosts/router/net/forwarding", "1")
    s, port = server()
    write("bridge/rules", f"allow tcp 127.0.0.1:{port} as 192.168.1.9:80")
    write("hosts/router/net/nat", "dnat eth1 tcp 8080 to 192.168.1.9:80")

    # A simulated client; the gateway has a way back, for the router forwards.
    fd = command("socket tcp").decode().strip()
    command(f"connect {fd} 10.0.0.5:8080")
    a, _ = s.accept()
    a.settimeout(LONG)
    command(f'send {fd} "hello"')
    assert a.recv(100) == b"hello"
    a.close()
    command(f"close {fd}")
    no_connections()

    # A real one: what it says goes out at one gateway and comes in at another.
    c = client(listen_rule("10.0.0.5:8080"))
    a, _ = s.accept()
    a.settimeout(LONG)
    c.sendall(b"hello")
    assert a.recv(100) == b"hello"
    ends = {(row[3], row[4]) for row in connections()}
    mine = next(near for near, far in ends if far == "10.0.0.5:8080")
    assert mine.startswith("10.0.0.254:") and ("192.168.1.9:80", mine) in ends, ends
    assert read("hosts/gw1/net/ifs/eth0/address") == "10.0.0.254/24\n"
    a.close()
    assert take_all(c) == (b"", None)
    c.close()
    no_connections()

    # The same with datagrams.
    uport = free_port(socket.SOCK_DGRAM)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(LONG)
    u.bind(("127.0.0.1", uport))
    write("bridge/rules", f"allow udp 127.0.0.1:{uport} as 192.168.1.9:53")
    write("hosts/router/net/nat", "dnat eth1 udp 5300 to 192.168.1.9:53")
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.settimeout(LONG)
    c.connect(("127.0.0.1", listen_rule("10.0.0.5:5300", "udp")))
    c.send(b"hello")
    data, peer = u.recvfrom(100)
    assert data == b"hello"
    u.sendto(b"answer", peer)
    assert c.recv(100) == b"answer"


# --- datagrams --------------------------------------------------------------------------------------

def part_udp():
    # A simulated server that answers one datagram; the client is real.
    write(CLIENT, "socket udp")
    fd = read(CLIENT).strip()
    command(f"bind {fd} 10.0.0.2:5353")
    port = listen_rule("b:5353", "udp")
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(LONG)
    u.connect(("127.0.0.1", port))
    for size in 1, 1400, 20000:
        data = noise(size, size)
        u.send(data)
        got = command(f"recv {fd} 65000")
        sender, _, rest = got.partition(b" ")
        assert rest == data, (size, len(rest))
        command(f"sendto {fd} {sender.decode()} {data[:1000].hex()}")
        assert u.recv(65536) == data[:1000]
    row = connections()[0]
    assert row[0] == "udp" and row[4] == "10.0.0.2:5353" and row[6] == "21401", row

    # The other way round
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(LONG)
    s.bind(("127.0.0.1", 0))
    write("bridge/rules", f"allow udp 127.0.0.1:{s.getsockname()[1]} as 10.0.0.9:5000")
    fd2 = command("socket udp").decode().strip()
    for i in range(3):
        command(f'sendto {fd2} 10.0.0.9:5000 "question {i}"')
        got, sender = s.recvfrom(100)
        assert got == b"question %d" % i
        s.sendto(b"answer %d" % i, sender)
        assert command(f"recv {fd2} 100").endswith(b"answer %d" % i)
    assert len(connections()) == 2
    write("bridge/rules", "del 1")
    write("bridge/rules", "del 2")
    assert not connections()


def part_refusals():
    """Nobody at the far end of a datagram: the near end hears of it by ICMP, as far as this machine lets us send any."""
    # A real server that is not there; then it is.
    write(CLIENT, "socket udp")
    fd = read(CLIENT).strip()
    port = free_port(socket.SOCK_DGRAM)
    write("bridge/rules", f"allow udp 127.0.0.1:{port} as 10.0.0.9:5000")
    command(f"connect {fd} 10.0.0.9:5000")
    for _ in range(3):
        command(f'send {fd} "anybody?"')
        refused(errno.ECONNREFUSED, f"recv {fd} 100", CLIENT)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(LONG)
    s.bind(("127.0.0.1", port))
    command(f'send {fd} "and now?"')
    got, sender = s.recvfrom(100)
    assert got == b"and now?"
    s.sendto(b"yes", sender)
    assert command(f"recv {fd} 100").endswith(b"yes")
    write("bridge/rules", "del 1")
    # A simulated server that is not there
    for family, address in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "[::1]"):
        port = listen_rule("host0:5999", "udp", address)
        u = socket.socket(family, socket.SOCK_DGRAM)
        u.settimeout(LONG if os.getuid() == 0 else 1)
        u.connect((address.strip("[]"), port))
        for _ in range(2):
            u.send(b"anybody?")
            try:
                u.recv(100)
                raise AssertionError("an answer")
            except ConnectionRefusedError:
                assert os.getuid() == 0
            except socket.timeout:
                assert os.getuid() != 0  # only root may send what is missing
    # One that nobody has asked anything hears nothing.
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.settimeout(0.2)
    other.connect(("127.0.0.1", port))
    try:
        other.recv(100)
        raise AssertionError("an answer")
    except socket.timeout:
        pass
