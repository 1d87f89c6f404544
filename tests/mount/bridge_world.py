"""bridge_world.py - what the parts of bridge.py share: rules, real peers, the simulated client, waiting."""
import ctypes, errno, os, random, re, shutil, signal, socket, struct, subprocess, sys, threading, time

scratch, daemon = sys.argv[2], int(sys.argv[3])
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
    def unmounted():                       # busy, while another test's tool looks round all mounts
        return subprocess.run(["fusermount3", "-u", *options, tree], stderr=subprocess.DEVNULL, timeout=LONG).returncode == 0
    until("it unmounts", unmounted)
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


CLIENT = "hosts/b/proc/2/ctl"


def command(line):
    """By the simulated client; its result as bytes."""
    write(CLIENT, line)
    with open(CLIENT, "rb") as f:
        return f.read()


def carried():
    """Bytes of all frames that the wire has carried."""
    return int(re.search(r"^bytes (\d+)", read("wires/lan0/stats"), re.M).group(1))


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def stands(what, number):
    """Waits until that does not change any more."""
    last = None
    def still():
        nonlocal last
        before, last = last, number()
        time.sleep(0.1)
        return before == last
    until(what, still)


def put_file(name, data):
    with open("files/" + name, "wb") as f:
        f.write(data)


def die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)   # PR_SET_PDEATHSIG
