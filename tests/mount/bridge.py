# bridge.py PART SCRATCH PID - what bridge.sh checks; runs in the root of the mount, which process PID serves.
import ctypes, errno, hashlib, os, random, re, resource, select, shutil, signal, socket, stat, struct, subprocess, sys, tempfile, threading, time, zlib

part, scratch, daemon = sys.argv[1], sys.argv[2], int(sys.argv[3])
LONG = 60  # seconds after which anything has failed


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, (text + "\n").encode())
    finally:
        os.close(fd)


def read(path):
    with open(path) as f:
        return f.read()


def refused(code, line, path="bridge/rules"):
    try:
        write(path, line)
    except OSError as e:
        assert e.errno == code, f"{line}: {errno.errorcode[e.errno]}, not {errno.errorcode[code]}"
        return
    raise AssertionError(f"{line}: was accepted")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listen_rule(target, proto="tcp", host="127.0.0.1"):
    """A rule to that target; its port."""
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    for _ in range(20):
        port = free_port(kind)
        try:
            write("bridge/rules", f"listen {proto} {host}:{port} to {target}")
            return port
        except OSError as e:
            if e.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("no port is free")


def server(listening=True):
    """A real socket that listens, and its port."""
    s = socket.socket()
    s.settimeout(LONG)
    s.bind(("127.0.0.1", 0))
    if listening:
        s.listen(64)
    return s, s.getsockname()[1]


def client(port):
    s = socket.create_connection(("127.0.0.1", port), LONG)
    s.settimeout(LONG)
    return s


def take_all(s):
    """What comes until the end, and how that was: None, or an errno."""
    got = []
    try:
        while True:
            piece = s.recv(1 << 16)
            if not piece:
                return b"".join(got), None
            got.append(piece)
    except OSError as e:
        return b"".join(got), e.errno


def say(c, data):
    """All of it, then the end."""
    c.sendall(data)
    c.shutdown(socket.SHUT_WR)


def echoed(c, data, what):
    """All that is said to an echo server comes back, then the end."""
    t = background(say, c, data)
    got, how = take_all(c)
    t.join()
    assert how is None and got == data, (what, len(got), how)


def shut_out(port):
    """Whether a client is accepted, which cannot be helped, and reset at once; it may hear of both together."""
    try:
        return take_all(client(port)) == (b"", errno.ECONNRESET)
    except ConnectionResetError:
        return True


def until(what, condition, seconds=LONG):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: never"
        time.sleep(0.01)


def connections():
    return [line.split() for line in read("bridge/connections").splitlines()[1:]]


def no_connections():
    until("connections go", lambda: not connections())


def rules():
    return [line.split() for line in read("bridge/rules").splitlines()[1:]]


def is_gone():
    """The program: there is no such process, or one that nobody has collected yet."""
    return not os.path.exists(f"/proc/{daemon}") or ") Z " in read(f"/proc/{daemon}/stat")


def leave(*options):
    """Unmounts where we are. Another test's private namespace, made meanwhile, may have a copy: the program would live on for it."""
    tree = os.getcwd()
    os.chdir("/")
    subprocess.run(["fusermount3", "-u", *options, tree], check=True, timeout=LONG)
    held = subprocess.run(f"grep -qs ' {tree} ' /proc/[0-9]*/mountinfo", shell=True, timeout=LONG).returncode == 0
    if held and not is_gone():
        os.kill(daemon, signal.SIGTERM)


def descriptors():
    return len(os.listdir(f"/proc/{daemon}/fd"))


def memory():
    return int(re.search(r"VmRSS:\s+(\d+)", read(f"/proc/{daemon}/status")).group(1)) * 1024


# A sanitizer keeps what has been freed: then memory says nothing.
SANITIZED = "asan" in read(f"/proc/{daemon}/maps")


def background(function, *args):
    t = threading.Thread(target=function, args=args, daemon=True)
    t.start()
    return t


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def have(program):
    return shutil.which(program) is not None


def run(*command, **kwargs):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LONG, **kwargs)


# --- real clients, simulated server ---------------------------------------------------------------

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


# --- programs ---------------------------------------------------------------------------------------

def sha(data):
    return hashlib.sha256(data).hexdigest()


def file_sha(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def put_file(name, data):
    with open("files/" + name, "wb") as f:
        f.write(data)


def with_curl(web):
    big = noise(8 << 20)
    put_file("big", big)
    put_file("page", b"<h1>a page</h1>\n")
    url = f"http://127.0.0.1:{web}"
    r = run("curl", "-fsS", "--max-time", str(LONG), url + "/page")
    assert r.returncode == 0 and r.stdout == b"<h1>a page</h1>\n", r
    r = run("curl", "-fsS", "--max-time", str(LONG), "-o", scratch + "/got", url + "/big")
    assert r.returncode == 0 and file_sha(scratch + "/got") == sha(big), r
    # One connection, several requests
    r = run("curl", "-fsS", "--max-time", str(LONG), "-w", "%{num_connects} ", *[url + "/page"] * 5)
    assert sum(int(n) for n in re.findall(rb"(\d) ", r.stdout)) == 1, r
    r = run("curl", "-fsS", "-Z", "--parallel-max", "100", "--max-time", str(LONG),
            *[a for _ in range(100) for a in (url + "/page", "-o", "/dev/null")])
    assert r.returncode == 0, r
    # Through losses, while the window can be seen
    write("wires/lan0/loss", "10%")
    write("wires/lan0/delay", "1ms")
    slow = subprocess.Popen(["curl", "-fsS", "--max-time", str(LONG), "-o", scratch + "/got", url + "/big"])
    windows = set()
    while slow.poll() is None:
        for row in connections():
            for line in read("net/sockets").splitlines():
                words = line.split()
                if row[3] in words and words[4] == "ESTABLISHED":
                    try:
                        windows.add(re.search(r"^cwnd=(\d+)", read(f"net/sockets.d/{words[0]}/tcb"), re.M).group(1))
                    except OSError:
                        pass       # it has just closed
    write("wires/lan0/loss", "0")
    write("wires/lan0/delay", "5us")
    assert slow.returncode == 0 and file_sha(scratch + "/got") == sha(big)
    assert len(windows) > 1, windows


def with_wget(web):
    r = run("wget", "-q", "-O", "-", "-T", str(LONG), "-t", "1", f"http://127.0.0.1:{web}/page")
    assert r.stdout == b"<h1>a page</h1>\n", r


def with_nc(echo):
    data = noise(1 << 20, 8)
    r = subprocess.run(["nc", "-N", "127.0.0.1", str(echo)], input=data, stdout=subprocess.PIPE, timeout=LONG)
    assert r.stdout == data
    r = run("nc", "-z", "127.0.0.1", str(echo))
    assert r.returncode == 0


def with_socat(echo):
    data = noise(1 << 20, 9)
    r = subprocess.run(["socat", "-t", str(LONG), "-", f"TCP:127.0.0.1:{echo}"], input=data, stdout=subprocess.PIPE,
                       timeout=LONG)
    assert r.stdout == data


def through(port, near="10.0.0.9:5201"):
    """A real server as a simulated one, and that as a real one again: its port."""
    write("bridge/rules", f"allow tcp 127.0.0.1:{port} as {near}")
    return listen_rule(near)


def die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)   # PR_SET_PDEATHSIG


def listens(port):
    """Told without a connection, which some servers would take for their only client."""
    with open("/proc/net/tcp") as f:
        return any(row[1].endswith(":%04X" % port) and row[3] == "0A" for row in map(str.split, list(f)[1:]))


def serving(port, *command):
    """A real server that has begun to listen; it ends with us whatever happens."""
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         preexec_fn=die_with_us)
    until(command[0], lambda: listens(port) or p.poll() is not None)
    assert p.poll() is None, command
    return p


def with_iperf3():
    port = free_port()
    front = through(port)
    for way in [], ["-R"]:
        p = serving(port, "iperf3", "-s", "-1", "-p", str(port), "-B", "127.0.0.1")
        r = run("iperf3", "-c", "127.0.0.1", "-p", str(front), "-n", "16M", *way)
        assert r.returncode == 0, r
        print("iperf3", *way, *re.findall(rb"([0-9.]+ [GM]bits/sec).*receiver", r.stdout))
        p.wait(LONG)


def with_redis():
    port = free_port()
    p = serving(port, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", scratch)
    front = through(port, "10.0.0.10:6379")
    assert run("redis-cli", "-p", str(front), "set", "key", "value").stdout == b"OK\n"
    assert run("redis-cli", "-p", str(front), "get", "key").stdout == b"value\n"
    p.kill()
    p.wait()


def with_ssh():
    port, keys = free_port(), scratch + "/key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys)
    os.makedirs("/run/sshd", exist_ok=True) if os.getuid() == 0 else None
    p = serving(port, shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-p", str(port), "-h", keys, "-o", "PidFile=none",
                "-o", "StrictModes=no", "-o", f"AuthorizedKeysFile={keys}.pub", "-o", "ListenAddress=127.0.0.1",
                "-o", "UsePAM=no")
    front = through(port, "10.0.0.11:22")
    r = run("ssh", "-F", "none", "-i", keys, "-p", str(front), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "BatchMode=yes", "127.0.0.1", "echo through the bridge")
    assert r.stdout == b"through the bridge\n", r
    p.kill()
    p.wait()


def part_programs():
    write("bridge/limits", "rate=10000")
    web, echo = listen_rule("host0:80"), listen_rule("host0:7")
    for program in "curl", "wget", "nc", "socat":
        if have(program):
            globals()["with_" + program](web if program in ("curl", "wget") else echo)
            print(program)
    if have("iperf3"):
        with_iperf3()
    if have("redis-server") and have("redis-cli"):
        with_redis()
    if have("ssh") and (have("sshd") or os.path.exists("/usr/sbin/sshd")) and os.getuid() == 0:
        with_ssh()
    no_connections()


# --- a browser --------------------------------------------------------------------------------------

def adler(data):
    """As the page reckons it, and zlib."""
    return zlib.adler32(data)


def png(width, seed):
    """A picture of noise, which no checksum of its own lets through damaged."""
    rows = b"".join(b"\0" + noise(width, seed * 1000 + y) for y in range(width))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, width, 8, 0, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# What has come is reckoned before the page counts as loaded: a request that waits, of each file of bytes.
PAGE = """<!doctype html><title>30 files</title>
%s
<body>%s
<script>
function sum(name) {
	var r = new XMLHttpRequest(), a = 1, b = 0;
	r.open("GET", name, false);
	r.overrideMimeType("text/plain; charset=x-user-defined");
	r.send();
	for (var i = 0; i < r.responseText.length; i++) {
		a = (a + (r.responseText.charCodeAt(i) & 255)) %% 65521;
		b = (b + a) %% 65521;
	}
	return b * 65536 + a;
}
window.onload = function () {
	var said = scripts.join(" ");
	for (var i = 0; i < 5; i++)
		said += " " + getComputedStyle(document.getElementById("styled" + i)).width;
	document.querySelectorAll("img").forEach(function (i) { said += " " + i.naturalWidth; });
	for (var i = 0; i < 9; i++)
		said += " " + sum("bytes" + i);
	document.getElementById("said").textContent = said;
}
</script><p id=said>
"""


def part_browser():
    """A page of 30 files: itself, 10 scripts, 5 style sheets, 5 pictures, 9 of bytes."""
    if not have("chromium"):
        print("no chromium here")
        sys.exit(77)
    files = {f"script{i}.js": b"/* %s */ (window.scripts = window.scripts || []).push(%d);\n" % (b"x" * 20000, i) for i in range(10)}
    files.update({f"style{i}.css": b"#styled%d { width: %dpx }\n" % (i, 100 + i) for i in range(5)})
    files.update({f"picture{i}.png": png(40 + 20 * i, i) for i in range(5)})
    files.update({f"bytes{i}": noise(1 << (2 * i + 1), i) for i in range(9)})
    files["index.html"] = (PAGE % (
        "\n".join(f"<link rel=stylesheet href=style{i}.css>" for i in range(5)) +
        "\n".join(f"<script src=script{i}.js></script>" for i in range(10)),
        "".join(f"<div id=styled{i}></div><img src=picture{i}.png>" for i in range(5)))).encode()
    assert len(files) == 30
    for name, data in files.items():
        put_file(name, data)
    wanted = [str(i) for i in range(10)] + [f"{100 + i}px" for i in range(5)] + [str(40 + 20 * i) for i in range(5)]
    wanted += [str(adler(files[f"bytes{i}"])) for i in range(9)]

    write("bridge/limits", "rate=10000")
    url = "http://127.0.0.1:%d/" % listen_rule("host0:80")
    for loss in "0", "5%":
        write("wires/lan0/loss", loss)
        profile = tempfile.mkdtemp(dir=scratch)
        r = run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                "--no-first-run", "--user-data-dir=" + profile, "--dump-dom", url, preexec_fn=die_with_us)
        said = re.search(rb"<p id=.?said.?>([^<]*)", r.stdout)
        assert said and said.group(1).decode().split() == wanted, (loss, r)
        print("chromium, loss", loss)
    write("wires/lan0/loss", "0")
    with open("wires/lan0/capture.pcapng", "rb") as f:
        asked = set(re.findall(rb"GET /([a-z0-9.]*) HTTP/1.1", f.read()))
    assert {n.encode() for n in files} - {b"index.html"} <= asked and b"" in asked, asked
    no_connections()


# --- simulated clients, real server ---------------------------------------------------------------

CLIENT = "hosts/b/proc/2/ctl"


def command(line):
    """By the simulated client; its result as bytes."""
    write(CLIENT, line)
    with open(CLIENT, "rb") as f:
        return f.read()


def carried():
    """Bytes of all frames that the wire has carried."""
    return int(re.search(r"^bytes (\d+)", read("wires/lan0/stats"), re.M).group(1))


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


# --- datagrams ------------------------------------------------------------------------------------

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


# --- what goes wrong ------------------------------------------------------------------------------

def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


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


def stands(what, number):
    """Waits until that does not change any more."""
    last = None
    def still():
        nonlocal last
        before, last = last, number()
        time.sleep(0.1)
        return before == last
    until(what, still)


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


# --- limits ---------------------------------------------------------------------------------------

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


# --- nothing else is bridged ----------------------------------------------------------------------

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


# --- time -----------------------------------------------------------------------------------------

def now():
    return float(re.match(r"now=([0-9.]+)", read("clock")).group(1))


def part_time():
    port = listen_rule("host0:7")
    before = time.monotonic()
    start = now()
    between = time.monotonic()
    time.sleep(0.5)
    after = time.monotonic()
    passed = now() - start
    lag = float(re.search(r"lag=([0-9.]+)", read("clock")).group(1))
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
    start, wall = now(), time.monotonic()
    time.sleep(0.3)
    assert now() - start > 1 and "mode=real x10" in read("clock")
    write("clock", "auto")
    for r in rules():
        write("bridge/rules", f"del {r[0]}")
    start = now()
    time.sleep(0.05)
    assert now() == start


part, _, how = part.partition("-")
globals()["part_" + part](*([how] if how else []))
