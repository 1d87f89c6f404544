# frames.py tap|tun COUNT - writes frames into the device t0 that no kernel would send, as tun.sh hostile wants them.
import random, socket, struct, sys, time

kind, count = sys.argv[1], int(sys.argv[2])
rng = random.Random(6)
HOST, HOST6, ME, ME6 = "10.0.0.1", "2001:db8::1", "10.0.0.9", "2001:db8::9"
ALL = b"\xff" * 6

if kind == "tap":
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
else:
    out = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)


def send(frame):
    try:
        if kind == "tap":
            out.sendto(frame, ("t0", 0))
        else:
            protocol = 0x86dd if len(frame) > 14 and frame[14] >> 4 == 6 else 0x0800
            out.sendto(frame[14:], ("t0", protocol))
    except OSError:
        pass                                  # longer than the device takes, or its queue is full


def total(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def eth(payload, type, to=ALL, source=b"\2\0\0\0\0\x99"):
    return to + source + struct.pack(">H", type) + payload


def ip(payload, proto, source=ME, to=HOST, *, options=b"", fragment=0, ttl=64, length=None, ihl=None, version=4, spoilt=False, ident=1):
    words = 5 + len(options) // 4
    head = bytearray(struct.pack(">BBHHHBBH4s4s", version << 4 | (words if ihl is None else ihl), 0,
                                 4 * words + len(payload) if length is None else length, ident, fragment, ttl, proto, 0,
                                 socket.inet_aton(source), socket.inet_aton(to))) + options
    head[10:12] = struct.pack(">H", total(bytes(head)) ^ (1 if spoilt else 0))
    return eth(bytes(head) + payload, 0x0800)


def ip6(payload, proto, source=ME6, to=HOST6, *, length=None, version=6, hops=64):
    return eth(struct.pack(">IHBB", version << 28, len(payload) if length is None else length, proto, hops) +
               socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, to) + payload, 0x86dd)


def summed(payload, at, proto, source=ME, to=HOST):
    """With the checksum that goes with these addresses, of either version."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    pseudo = socket.inet_pton(family, source) + socket.inet_pton(family, to) + struct.pack(">II", len(payload), proto)
    b = bytearray(payload)
    if len(b) >= at + 2:
        b[at:at + 2] = b"\0\0"
        b[at:at + 2] = struct.pack(">H", total(pseudo + bytes(b)) or 0xffff)
    return bytes(b)


def tcp(flags, *, port=80, options=b"", offset=None, data=b"", source=4000, seq=0, ack=0, window=1000, urgent=0):
    words = 5 + len(options) // 4
    return struct.pack(">HHIIBBHHH", source, port, seq & 0xffffffff, ack & 0xffffffff, (words if offset is None else offset) << 4, flags,
                       window, 0, urgent) + options + data


def udp(data, port, length=None, source=5000):
    return struct.pack(">HHHH", source, port, 8 + len(data) if length is None else length, 0) + data


def icmp(type, code, rest):
    b = struct.pack(">BBH", type, code, 0) + rest
    return b[:2] + struct.pack(">H", total(b)) + b[4:]


def arp(op, hlen=6, plen=4, proto=0x0800, sender=ME, target=HOST, mac=b"\2\0\0\0\0\x99"):
    return eth(struct.pack(">HHBBH", 1, proto, hlen, plen, op) + mac + socket.inet_aton(sender) + b"\0" * 6 + socket.inet_aton(target), 0x0806)


def named():
    """One of each kind that has a name."""
    t = lambda *a, **k: summed(tcp(*a, **k), 16, 6)
    inner = ip(udp(b"", 53), 17, HOST, ME)[14:]
    inner_tcp = ip(tcp(16), 6, HOST, ME)[14:]
    yield from (b"", b"x" * 13, eth(b"", 0x0800), eth(b"", 0x86dd), eth(b"", 0x0806), eth(b"x" * 5, 0x8100), eth(b"", 3), eth(b"x" * 1500, 0xffff))
    yield from (ip(t(2), 6, ihl=n) for n in range(16))
    yield from (ip(t(2), 6, length=n) for n in (0, 1, 19, 20, 21, 39, 41, 60, 1500, 65535))
    yield from (ip(t(2), 6, version=n) for n in (0, 3, 5, 6, 15))
    yield from (ip(t(2), 6, spoilt=True), ip(t(2), 6, ttl=0), ip(b"", 6), ip(b"x", 6), ip(b"x" * 19, 6), ip(b"", 17), ip(b"x" * 7, 17),
                ip(b"", 1), ip(b"x" * 3, 1), ip(b"x" * 40, 255))
    yield from (ip(t(2), 6, source) for source in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", HOST))
    yield from (ip(t(2), 6, to=to) for to in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", "240.0.0.1", "10.1.0.9"))
    yield from (ip(t(2), 6, options=o) for o in (b"\x44\0\0\0", b"\7\3\4\0", b"\x83\7\4" + socket.inet_aton(HOST) + b"\0", b"\x44\xff\5\0",
                                                 b"\7\x27\xff" + b"\0" * 37, b"\1" * 40, b"\x88\1\0\0", b"\x94\4\0\0"))
    # pieces: too long together, one over another, without an end, of length 0, many of many
    yield from (ip(b"x" * 1400, 17, fragment=0x1fff), ip(b"x" * 1400, 17, fragment=0x3fff), ip(b"", 17, fragment=0x2000), ip(b"x", 17, fragment=0x2001),
                ip(b"x" * 24, 17, fragment=0x2000), ip(b"x" * 24, 17, fragment=0x2001), ip(b"x" * 8, 17, fragment=1))
    yield from (ip(b"x" * 16, 17, fragment=0x2000 | n, ident=i) for i in range(2, 40) for n in (0, 1, 5))
    # flags that exclude each other, headers that say more than there is, options that do not end
    yield from (ip(t(f), 6) for f in range(64))
    yield from (ip(t(2, offset=n), 6) for n in range(16))
    yield from (ip(t(2, options=o), 6) for o in (b"\2\4\0\0", b"\2\0\0\0", b"\2\x28\5\xb4", b"\3\3\xff\0", b"\5\2\0\0", b"\5\x0a" + b"\xff" * 10,
                                                 b"\x08\x0a" + b"\xff" * 8 + b"\0\0", b"\x1e\xff\0\0", b"\1" * 40, b"\xfd\1\xfd\1", b"\4\1\0\0"))
    yield from (ip(tcp(2), 6), ip(t(2, port=0), 6), ip(t(2, source=0), 6), ip(t(0x29, urgent=65535), 6), ip(t(16, seq=1 << 31, ack=1 << 31), 6),
                ip(summed(tcp(2, source=80), 16, 6, HOST), 6, HOST), ip(t(2, data=b"x" * 1000), 6), ip(t(4, data=b"x"), 6))
    yield from (ip(summed(udp(b"hello", 7, n), 6, 17), 17) for n in (0, 1, 7, 8, 12, 13, 14, 65535))
    yield from (ip(udp(b"hello", 5999)[:6] + b"\0\0hello", 17), ip(udp(b"hello", 53)[:6] + b"\x12\x34hello", 17), ip(summed(udp(b"", 0), 6, 17), 17))
    # names that point at themselves or outside, counts that are not true
    head = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0)
    for q in (b"\xc0\x0c\0\1\0\1", b"\xc0\xff\0\1\0\1", b"\x3f" + b"a" * 10, b"\x40a\0\0\1\0\1", b"\1a" * 200 + b"\0\0\1\0\1", b"", b"\0", b"\0\0\1"):
        yield ip(summed(udp(head + q, 53), 6, 17), 17)
    yield ip(summed(udp(struct.pack(">HHHHHH", 7, 0x100, 65535, 65535, 65535, 65535), 53), 6, 17), 17)
    # a client of DHCP that has no end, overloads, asks with wrong lengths
    for options in (b"", b"\x35\1\1", b"\x35\xff\1", b"\x35\0", b"\x34\1\3\x35\1\1\xff", b"\x35\1\3\x32\xff", b"\x35\1\1\x0c\xff" + b"x" * 255, b"\0" * 300):
        bootp = b"\1\1\6\0" + b"\0" * 24 + b"\2\0\0\0\0\x99" + b"\0" * 202 + b"\x63\x82\x53\x63" + options
        yield ip(summed(udp(bootp, 67, source=68), 6, 17, "0.0.0.0", "255.255.255.255"), 17, "0.0.0.0", "255.255.255.255")
    # errors about what was never sent, and about half a header
    for type in (3, 4, 5, 11, 12):
        for rest in (inner, inner_tcp, inner[:19], b"", inner[:20] + b"\0\0", b"\x4f" + inner[1:], ip(icmp(3, 1, b"\0" * 4 + inner), 1, HOST, ME)[14:]):
            yield from (ip(icmp(type, code, b"\0\0\0\x10" + rest), 1) for code in (0, 4))
    yield from (ip(icmp(8, 0, b"\0" * n), 1) for n in (0, 3, 4, 8000))
    yield from (ip(icmp(t, 0, b"\0" * 20), 1) for t in range(0, 256, 5))
    yield ip(icmp(8, 0, b"\0" * 20), 1)[:36] + b"\x55\x55" + b"\0" * 18
    yield from (arp(op) for op in (0, 1, 2, 3, 65535))
    yield from (arp(1, hlen=0), arp(1, plen=16), arp(1, hlen=255, plen=255), arp(1, proto=0x86dd), arp(2, mac=ALL), arp(2, sender=HOST), arp(1, sender="0.0.0.0"),
                arp(1)[:20], arp(2, sender="255.255.255.255"), arp(2, sender="224.0.0.1", mac=b"\0" * 6))
    # version 6
    t6 = lambda *a, **k: summed(tcp(*a, **k), 16, 6, ME6, HOST6)
    i6 = lambda b: summed(b, 2, 58, ME6, HOST6)
    yield from (ip6(t6(2), 6, length=n) for n in (0, 1, 19, 21, 65535))
    yield from (ip6(t6(2), 6, version=4), ip6(t6(2), 6, hops=0), ip6(tcp(2), 6), ip6(t6(2), 6, source="::"), ip6(t6(2), 6, source="::1"), ip6(t6(2), 6, source="ff02::1"),
                ip6(t6(2), 6, to="::"), ip6(t6(2), 6, to="::1"), ip6(t6(2), 6, to="ff02::1"), ip6(t6(2), 6, source="::ffff:10.0.0.9"))
    for following in (0, 43, 44, 50, 51, 59, 60, 135, 255):
        for ext in (b"", b"\6", bytes((6, 0)) + b"\0" * 6, bytes((6, 255)) + b"\0" * 6, bytes((0, 0)) + b"\xc2\4\xff\xff\xff\xff", bytes((60, 0)) + b"\5\xff\0\0\0\0",
                    bytes((44, 0)) + b"\0\1\0\0\0\7", bytes((58, 0)) + b"\xff\xf9\0\0\0\7"):
            yield ip6(ext + t6(2), following)
    yield ip6(b"".join(bytes((60, 0)) + b"\1\4\0\0\0\0" for _ in range(170)) + t6(2), 60)
    for type in (1, 2, 3, 4, 128, 130, 133, 134, 135, 136, 137, 143, 255):
        for rest in (b"", b"\0" * 4, b"\0" * 4 + socket.inet_pton(socket.AF_INET6, HOST6), b"\0" * 20 + b"\1\0" + b"\0" * 6, b"\0" * 20 + b"\1\xff\0",
                     b"\0" * 12 + b"\3\4\x80\xc0" + b"\xff" * 8 + b"\0" * 20, b"\0" * 12 + b"\5\1\0\0\0\0\0\1", b"\0\0\0\1" + ip6(t6(2), 6)[14:]):
            yield from (ip6(i6(struct.pack(">BBH", type, 0, 0) + rest), 58, hops=h) for h in (64, 255))


def spoil(frame):
    """A good one with some bytes that are not, cut off or with more behind it."""
    b = bytearray(frame)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if b:
            b[rng.randrange(len(b)) if rng.random() < 0.5 else min(len(b) - 1, 14 + rng.randrange(40))] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
    if rng.random() < 0.2:
        del b[rng.randrange(len(b) + 1):]
    if rng.random() < 0.1:
        b += rng.randbytes(rng.randrange(2000))
    return bytes(b)


frames = list(named())
sent = 0
while sent < count:
    for frame in frames:
        send(frame if sent < len(frames) else spoil(frame) if rng.random() < 0.98 else rng.randbytes(rng.randrange(14, 3000)))
        sent += 1
        if sent % 50 == 0:
            time.sleep(0.005)
print(kind, len(frames), "named,", sent, "in all")
