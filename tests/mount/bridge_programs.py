"""bridge_programs.py - curl, ssh, a browser and others on the other side of simulated sockets."""
import hashlib, os, re, shutil, struct, subprocess, sys, tempfile, zlib

from bridge_world import *

# --- programs ---------------------------------------------------------------------------------------

def sha(data):
    return hashlib.sha256(data).hexdigest()


def file_sha(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


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
