# http.sh - the simulated web server under real clients that are slow, never end, or ask what two servers would read differently.
. "$(dirname "$0")/lib.sh"

mount_world
mkdir wires/lan0 hosts/b hosts/b/net/ifs/eth0
echo lan0 > hosts/b/net/ifs/eth0/wire
echo 10.0.0.2/24 > hosts/b/net/ifs/eth0/address
echo 1 > hosts/b/net/ifs/eth0/up
echo hello > hosts/b/files/page
# one process, so that who is slow holds it; and one without patience's end
printf '%s\n' 'spawn httpd' 'spawn patient' '2 serve http 80 timeout=2s' '3 serve http 81 timeout=0' > hosts/b/ctl

python3 - <<'EOT' || fail "see above"
import socket, sys

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def bridge(port):
    real = free_port()
    with open("bridge/rules", "w") as f:
        f.write(f"listen tcp 127.0.0.1:{real} to b:{port}\n")
    return real

hasty, patient = bridge(80), bridge(81)

def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=100)

def rest(s):
    out = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                break
            out += more
    except ConnectionError:
        pass
    return out

def send(s, data):
    try:
        s.sendall(data)
    except ConnectionError:
        pass                                # it has been answered already

def check(what, got, wanted):
    if not got.startswith(wanted):
        sys.exit(f"{what}: {got[:100]!r}, not {wanted!r}")

def asks(request, wanted):
    with connect(patient) as s:
        send(s, request)
        if wanted == b"HTTP/1.1 200":
            s.shutdown(socket.SHUT_WR)
        got = rest(s)
        check(request, got, wanted)
        if got.count(b"HTTP/1.1 ") != 1:
            sys.exit(f"{request}: {got!r}")

HEAD = b"GET /page HTTP/1.1\r\nHost: b\r\n"
SECOND = b"GET /page HTTP/1.1\r\nHost: b\r\n\r\n"
asks(HEAD + b"\r\n", b"HTTP/1.1 200")
asks(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nGET\r\n0\r\n\r\n", b"HTTP/1.1 200")
for body in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
             b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3;x\nGET\r\n0\r\n\r\n",
             b"Transfer-Encoding: chunked\r\n\r\n3;" + b"x" * 9000 + b"\r\n", b"X: a\r\n folded\r\n\r\n", b"X : a\r\n\r\n"):
    asks(HEAD + body + SECOND, b"HTTP/1.1 400")
asks(b"GET /page HTTP/1.1\nHost: b\n\n" + SECOND, b"HTTP/1.1 400")
asks(b"GET /" + b"x" * 20000, b"HTTP/1.1 414")
asks(HEAD + b"A: b\r\n" * 4000, b"HTTP/1.1 431")

# three that do not go on, and one behind them that asks: the time of three is all that it waits
slow = [connect(hasty) for _ in range(3)]
for s in slow:
    s.sendall(b"GET /page HT")
with connect(hasty) as s:
    s.sendall(b"GET /page HTTP/1.0\r\n\r\n")
    check("behind slow clients", rest(s), b"HTTP/1.1 200")
for s in slow:
    check("a slow client", rest(s), b"HTTP/1.1 408")
    s.close()

# a head that never ends, a line now and then
with connect(hasty) as s:
    s.settimeout(0.1)
    got = b""
    s.sendall(HEAD)
    for _ in range(1000):
        try:
            got = s.recv(100)
            break
        except socket.timeout:
            send(s, b"X-More: 1\r\n")
        except ConnectionError:
            break
    check("a head without end", got, b"HTTP/1.1 408")
EOT
check_world
