/* help.c - README and help/: a text for each kind of file. */
#include "bridge.h"
#include "root.h"
#include "text.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

static const char readme[] =
"Vitrine: a small simulated world of computers, as files.\n"
"\n"
"Reading looks, writing acts. Nothing that `ls` shows blocks or changes anything when it is read; an echo\n"
"into a ctl file makes things happen, one command a line.\n"
"\n"
"    echo 'spawn demo' > hosts/host0/ctl        a process; its pid:  cat hosts/host0/ctl\n"
"    cat proc/2/maps                            its address space\n"
"    echo 'write 0x404000 \"hi\"' > proc/2/ctl    a store: a page fault, a frame, a page-table entry\n"
"    cat proc/2/walk/0x404000                   the translation, step by step\n"
"    ls -li proc/2/pt/*/*/*/*                   the page table as a tree; the inode is the frame\n"
"    echo fork > proc/2/ctl                     two processes share those frames until one writes\n"
"    cat proc/2/faults events                   what has happened\n"
"\n"
"When a write fails, the shell shows the errno and error_log tells what, where and why.\n"
"\n"
"    help/        a text for each kind of file: cat help/process-ctl\n"
"    hosts/       the computers; mkdir hosts/b adds one. proc, mem, swap, files and net lead to host0's\n"
"    wires/       the network between them; mkdir wires/lan0 adds a segment\n"
"    proc/        its processes, in Linux's formats and beyond\n"
"    mem/         its physical memory: RAM byte for byte, frames, TLB, geometry, costs, counters\n"
"    swap/        pages that are not in RAM, and the devices that they are on\n"
"    files/       its disk: copy real files in, let simulated processes map and execute them\n"
"    net/         its interfaces, routes and sockets\n"
"    bridge/      simulated sockets joined to real ones\n"
"    clock        simulated time          events       what has happened, a line each\n"
"    check        recounts everything     error_log    why writes failed\n"
"\n"
"A table T is also T.json and T.csv. Names that take an argument (walk/ADDRESS, page/ADDRESS, mem/frame/PFN)\n"
"and streams (events.follow) exist but are not listed.\n";

struct help { const char *topic, *text; const struct command *commands; };

#define RULES \
	"Several lines may be written at once; they run in order up to the first that fails. Words are split at\n" \
	"blanks; \"quoted words\" take C escapes; # starts a comment. Numbers are decimal, 0x hexadecimal, or with\n" \
	"K, M, G. The result of a command is read back from the same file. Why one failed is in error_log.\n"

static const struct help all[] = {
	{ "bridge",
	  "bridge/: simulated sockets joined to real ones. Nothing is, until a rule says so.\n\n"
	  "    rules          what is let through: help/bridge-rules\n"
	  "    limits         how many, how fast, how much: help/bridge-limits\n"
	  "    connections    what is under way: help/bridge-connections\n\n"
	  "The simulated half of each connection ends at a host of its own, gw: its handshake, losses and windows are in\n"
	  "hosts/gw/net and on its wires, as any other host's. While there is a rule and clock says mode=auto, time\n"
	  "follows the clock on the wall; what it lost because there was too much to do is lag= in clock.\n\n"
	  "    $ echo 'listen tcp 127.0.0.1:8080 to host0:80' > bridge/rules; curl http://127.0.0.1:8080/\n", NULL },
	{ "bridge-connections",
	  "bridge/connections: a table of what is under way: both ends of the real connection and both of the simulated\n"
	  "one (sim_local is the gateway's); the state of the simulated one, or CONNECTING while the real one is being\n"
	  "made; bytes in from real to simulated, and out; age. A row goes when both have closed. Events `bridge` tell\n"
	  "how each began and ended.\n", NULL },
	{ "bridge-limits",
	  "bridge/limits: NAME=VALUE a line, written the same way; several in one line are one change.\n\n"
	  "    sessions    at once; connections above are reset        rate    new ones a second; more have to wait\n"
	  "    buffer      bytes that all together may hold, in equal shares; where it has not 32K left, none is let in\n\n"
	  "    $ echo 'sessions=1000 rate=1000' > bridge/limits\n", NULL },
	{ "bridge-rules",
	  "bridge/rules: a table of what is let through. Real addresses are 127.0.0.1:PORT, [::1]:PORT or unix:/PATH,\n"
	  "with ports from 1024 on; mounted with --bridge-any also others of this machine, but never unspecified,\n"
	  "link-local or multicast ones. The first rule makes the host gw, with an interface on the wire of its target\n"
	  "and the highest free address there (of version 6: the highest below ::ff). Simulated addresses of version 6\n"
	  "stand in brackets. Real clients of an address that gw has by an `allow`, or of a router that hands a port on\n"
	  "to such a one (help/net-nat), come from a second host, gw1, so that they too cross the wires. Write the\n"
	  "`allow` and the router's rule before the `listen` then, so that gw is only inside.\n\n"
	  "    $ echo 'listen tcp 127.0.0.1:8080 to host0:80' > bridge/rules      curl reaches a simulated server\n"
	  "    $ echo 'allow tcp 127.0.0.1:9000 as 10.0.0.9:9000' > bridge/rules  simulated clients reach a real server\n"
	  "    $ echo 'listen tcp [::1]:8080 to [fd00::2]:80' > bridge/rules      the same in version 6\n"
	  "    $ echo 'tap t0 wire lan0' > bridge/rules; ip addr add 10.0.0.9/24 dev t0   so does this machine's kernel\n\n"
	  "tun and tap make an interface of this machine (who may: root, and root of a network namespace of its own), and\n"
	  "switch it on; its address is for you to set. A tap is a card on the wire. A tun has packets of IP version 4\n"
	  "only: on the wire there is a station that answers ARP for the interface's addresses and passes on what goes to\n"
	  "them; packets to other subnets go to the first host there that forwards. In the table accepted counts the\n"
	  "packets that were handed to the interface, refused those that it did not take. Where nobody takes a datagram\n"
	  "of UDP, its sender is told by ICMP; a real one only if root has mounted.\n\n",
	  bridge_commands },
	{ "check",
	  "check: everything recounted, as an fsck of the world: references of frames against page-table entries,\n"
	  "page cache, areas, TLB, free list, the counters of every process.\n\n"
	  "It reads `ok`, or one line a contradiction. Behind that, lines that are no contradictions: `poked:` for\n"
	  "entries changed through mem/ram and page-table bases set by hand, `set:` for values that were overridden.\n\n"
	  "    $ cat check\n    ok\n", NULL },
	{ "clock",
	  "clock: simulated time.\n\n"
	  "    $ cat clock\n    now=1.500000000 mode=auto pending=3 next=1.500200000\n\n"
	  "now is in seconds; pending counts the timers that are set; next is when the first of them fires. In mode auto\n"
	  "time moves by what commands cost (mem/config) and while some operation waits for it. In manual and real, costs\n"
	  "are only counted. In mode real, and in auto while there is a rule of a bridge, time follows the clock on the\n"
	  "wall, and the line ends in lag=: how much was lost because there was too much to do. Written:\n\n",
	  clock_commands },
	{ "error_log",
	  "error_log: why writes failed; the last 64, the newest last.\n\n"
	  "    [12.003456789] hosts/host0/proc/2/ctl: error: mprotect: address 0x601001 is not page aligned\n"
	  "      mprotect 0x601001 4096 r--\n"
	  "               ^\n\n"
	  "The time is simulated; then which file, what failed, why; the line, and a caret under the word at fault.\n"
	  "write(2) itself fails with the errno that Linux would give for the same call.\n", NULL },
	{ "events",
	  "events: everything that has happened, the last 65536 events, a line each.\n\n"
	  "Columns: seq (counts from 1), time, host, pid, kind, then key=value pairs that depend on the kind.\n"
	  "    fault      va, kind, how it was resolved       cow       a page was copied\n"
	  "    evict      a page lost its frame: help/mem-policy    oom_kill  and who had to go, by which sum\n"
	  "    swapout swapin   a page goes to, comes from slot=    interrupt the device is done with a slot\n"
	  "    readahead  slots read along with one, and after how many hits\n"
	  "    fork exit mmap munmap ...                      the calls that change address spaces\n"
	  "    tx rx drop     a frame or packet was sent, received, dropped (why)\n"
	  "    state accept retransmit                        what TCP connections do\n"
	  "    access     every access, only if mem/config has trace_access=1\n"
	  "events.json has one JSON object a line; what a column is called already has the kind before it\n"
	  "(fault_kind, retransmit_seq). events.follow and events.json.follow are streams, which ls does not\n"
	  "show: a reader of one waits for what comes. A reader that is too slow finds a line `lost N`.\n\n"
	  "    $ grep ' fault ' events | tail -3\n"
	  "    $ cat events.follow &\n", NULL },
	{ "files",
	  "files/: the host's disk, an ordinary directory. Real programs copy files in and out; simulated\n"
	  "processes open, map and execute them: files/bin/true is /bin/true to them. The pages of its files live in\n"
	  "simulated frames (the page cache) until they are written back. It behaves as ext4 does (what replaces a\n"
	  "file's content, as `echo x > FILE` does, is written back at close), files/dev/shm as tmpfs. The inode\n"
	  "number that stat shows is the one in maps.\n\n"
	  "    $ cp /bin/true files/\n"
	  "    $ echo 'spawn t /true' > hosts/host0/ctl\n"
	  "    $ cat proc/$(cat hosts/host0/ctl)/maps\n", NULL },
	{ "help",
	  "help/: a text for each kind of file: what it is, how to read it, what may be written.\n\n"
	  "    $ ls help\n    $ cat help/process-ctl\n", NULL },
	{ "host-ctl",
	  "hosts/HOST/ctl: commands to a host. `PID COMMAND...` gives any command of help/process-ctl to that process (or\n"
	  "thread, by its number), for batches; `PID COMMAND... &` starts it and waits for nothing: its result is read\n"
	  "from that process's ctl. Commands to one process run in the order of their lines, `kill` at once.\n\n" RULES "\n"
	  "    $ echo 'spawn demo' > hosts/host0/ctl; pid=$(cat hosts/host0/ctl)\n"
	  "    $ echo \"$pid touch 0x404000 8192 w\" > hosts/host0/ctl\n\n", host_commands },
	{ "fixture",
	  "hosts/HOST/fixture: the commands that rebuild the host's processes as they are now: areas, which pages are\n"
	  "there, threads, descriptors, sockets, times and what was set. Keep it, and write it into the ctl of a fresh\n"
	  "host. Not kept: what pages hold, frames shared after fork, files/, mem/, swap/ and interfaces.\n\n"
	  "    $ cat hosts/host0/fixture > kept; mkdir hosts/copy; cat kept > hosts/copy/ctl\n", NULL },
	{ "hosts",
	  "hosts/: the simulated computers. mkdir hosts/b adds one, rmdir removes it with all that is in it; host0 exists\n"
	  "from the start and stays: proc, mem, swap, files and net in the root lead to it. A new host has the geometry\n"
	  "and size of memory that were given when mounting, and one process, init.\n\n"
	  "    ctl    commands: help/host-ctl         mem/    physical memory: help/mem\n"
	  "    proc/  processes: help/proc            swap/   pages that are not in RAM: help/swap\n"
	  "    net/   its part of the network: help/net   files/  the disk: help/files\n"
	  "    fixture   the commands that rebuild it: help/fixture\n", NULL },
	{ "mem",
	  "mem/: the host's physical memory.\n\n"
	  "    geometry  how addresses split, what a page-table entry looks like    size    bytes of RAM\n"
	  "    ram       RAM itself, byte for byte, read and written                frames  who uses each frame\n"
	  "    frame/N   one frame                                                  map     RAM as text\n"
	  "    tlb       its entries           stats   counters           config  costs and switches\n"
	  "    policy    which page goes       lru     the candidates in their order\n"
	  "    ctl       drop_caches, writeback, next, reclaim, watermark\n", NULL },
	{ "mem-config",
	  "mem/config: what things cost and switches for lessons, NAME=VALUE a line; written the same way.\n\n"
	  "Costs (ns, us, ms, s): tlb_hit walk_step minor_fault major_fault copy zero syscall, and disk, the time to read\n"
	  "a page of a file. What swap costs is its device's: swap/N/device. preset=NAME sets all costs: modern (the\n"
	  "defaults), slow (a machine of the nineties, numbers to calculate with), free (all 0: devices alone take time).\n"
	  "    oom_kill=0         out of memory and swap ends no process: the access fails with ENOMEM\n"
	  "    swap_cache=0       a page that comes back gives up its slot at once\n"
	  "    swap_readahead=8   with a page from swap come those of the slots around it, at most so many (a power of\n"
	  "                       two; 0: off): help/swap\n"
	  "    flush_on_unmap=0   leaves stale TLB entries behind\n"
	  "    eager_fork=1       fork copies every page at once\n"
	  "    share_tables=0     fork copies page tables instead of sharing them until one side writes\n"
	  "    fault_around=64K   so much of a file is mapped at one fault\n"
	  "    trace_access=1     every access is an event\n"
	  "    user_frames=3      at most so many frames hold process pages (0: all). If there are more, they go when the\n"
	  "                       next frame is needed, as many as that takes; at once: echo reclaim N > mem/ctl\n"
	  "    overcommit=1       any amount of memory is promised; 2: no more than half of RAM and all of swap\n\n"
	  "    $ echo eager_fork=1 > mem/config\n", NULL },
	{ "mem-ctl", "mem/ctl: commands to the memory of a host.\n\n" RULES "\n", mem_commands },
	{ "mem-frame",
	  "mem/frame/PFN (not listed; decimal or 0x): one frame, as in mem/frames but NAME=VALUE a line; then all\n"
	  "(process, address) pairs that map it, the file and page that it holds, and its first bytes.\n\n"
	  "    $ cat mem/frame/0x2a\n", NULL },
	{ "mem-frames",
	  "mem/frames: a table, a row for each frame.\n\n"
	  "    pfn    its number                    use   free table anon file zero kernel\n"
	  "    refs   everything that holds it      maps  how many (process, address) pairs map it\n"
	  "    pid va the first of them             flags dirty, referenced, locked, ...\n"
	  "    age    since it was taken into its present use\n\n"
	  "    $ awk '$2 == \"anon\" && $4 > 1' mem/frames      frames that processes share\n", NULL },
	{ "mem-geometry",
	  "mem/geometry: how virtual and physical addresses split and what a page-table entry looks like. Written\n"
	  "(while the host has no process besides a bare init; what was in RAM is lost): a preset's name, or\n"
	  "key=value words, or a preset's name and words that change it.\n\n"
	  "    x86-64 x86-64-la57 x86-32 x86-pae sv32 sv39 sv48 sv57 arm64-4k vpn16\n"
	  "    va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4 endian=little\n\n"
	  "va, pa: bits of addresses. page: bytes. pte: bytes of an entry. split: index bits, the root's first.\n"
	  "ppn=LSB+WIDTH: where the frame number is. valid and, if the format has them, write user nx accessed\n"
	  "dirty huge: bit numbers. table=radix|flat|hashed|inverted. Everything in mem/geometry's own text is\n"
	  "understood when it is written back.\n", NULL },
	{ "mem-lru",
	  "mem/lru: the pages that could go, as the replacement policy holds them: those first whose turn comes first.\n\n"
	  "    turn   1 is looked at first             list   the policy's own: queue, circle, recency ...\n"
	  "    hand   where the hand of a clock stands used dirty  the A and D bits of its entries\n"
	  "    count  references, or age, where the policy counts   pid va  the first who maps it\n\n"
	  "Locked pages are not there: they never go.\n", NULL },
	{ "mem-map",
	  "mem/map: RAM as text, a character a frame, 64 a line. Free ., table T, kernel K, zero page 0, file f,\n"
	  "shared s, else the last digit of its owner's pid; upper case means dirty.\n", NULL },
	{ "mem-policy",
	  "mem/policy: which page goes when a frame is needed: NAME [key=value...] [scope=process].\n\n"
	  "    fifo    the one that came first           lru      not referenced for the longest time\n"
	  "    clock   second chance, by the A bit       clock0   the same, a new page's bit is clear\n"
	  "    mru     referenced last                   lfu      referenced least often\n"
	  "    clock-m clean pages first (U and M bits)  nru      four classes of them: period= evictions\n"
	  "    aging   counters shifted: period= evictions   random   any; seed=N\n"
	  "    2q      a queue before LRU: in=, out= %   arc      two LRU lists that learn their lengths; p=\n"
	  "    s3fifo  three queues: small= %            sieve    a queue with a hand that stays\n"
	  "    wsclock the working set: tau= references  linux    active and inactive lists: swappiness=\n"
	  "    opt     the one needed furthest in the future: only in vitrine replay\n"
	  "    external  a program of yours chooses: help/mem-victim\n\n"
	  "scope=process: a process that needs a frame gives up a page of its own. Frames are needed when RAM is\n"
	  "full, when processes have as many as mem/config user_frames allows, below the low watermark, and by\n"
	  "reclaim (both in mem/ctl). clock-m, nru and wsclock look at scan= frames for a victim, at most.\n\n"
	  "Each eviction is an event: by= who asked (a pid, kswapd, ctl), scanned= the frames looked at as PFN:BITS\n"
	  "(1: used; 10: used, not dirty; for some the policy's own count; -: as it was next in turn), dirty=1 if it had\n"
	  "to be written, slot= where the page is (3:5 is slot 5 of area 3), tlb= how many entries the TLB dropped.\n\n"
	  "    $ echo user_frames=3 > mem/config; echo lru > mem/policy\n"
	  "    $ grep ' evict ' events | tail -n 1; cat mem/lru\n", NULL },
	{ "mem-ram",
	  "mem/ram: RAM itself. Offset is physical address. Page tables live in it: a changed entry is what the\n"
	  "next walk sees (a TLB entry made before stays until it is flushed).\n\n"
	  "    $ xxd -s 0x1000 -l 64 mem/ram\n"
	  "    $ printf '\\x27' | dd of=mem/ram bs=1 seek=$((0x2008)) conv=notrunc\n", NULL },
	{ "mem-size",
	  "mem/size: bytes of RAM. Writable as geometry is, and with K, M, G: echo 1G > mem/size. Only what is\n"
	  "touched takes real memory.\n", NULL },
	{ "mem-stats",
	  "mem/stats: counters since the host was made, NAME VALUE a line: accesses tlb_hits tlb_misses walk_steps\n"
	  "minor_faults major_faults zero_fills cow_copies evictions_clean evictions_dirty swap_ins swap_outs\n"
	  "writebacks, and time, what all that cost.\n", NULL },
	{ "mem-tlb",
	  "mem/tlb: a table of the TLB's valid entries: set way asid vpn pfn flags. Written: `flush`, `flush VA`,\n"
	  "or a new shape, `entries=64 ways=4` (entries=0: no TLB). A set is the low bits of the vpn; it replaces by\n"
	  "bit-PLRU: a use marks its way, and when all are marked the others lose their marks; a new entry takes the\n"
	  "first way that is free, else the first that is not marked. A store through an entry without D walks again.\n", NULL },
	{ "net",
	  "hosts/HOST/net/: a host's part of the network.\n\n"
	  "    ifs/         interfaces: help/net-ifs               sockets, sockets.d/   help/net-sockets\n"
	  "    routes       the routing table: help/net-routes     knobs, forwarding     help/net-knobs\n"
	  "    neighbours   what ARP knows: help/net-neighbours    hosts, services, resolv   help/net-names\n"
	  "    dns_cache    what DNS has answered: help/net-dns      leases   addresses by DHCP: help/net-leases\n"
	  "    nat, nat_table, nat_stats    translation of addresses: help/net-nat\n\n"
	  "    $ mkdir wires/lan0 hosts/a hosts/a/net/ifs/eth0; cd hosts/a/net/ifs/eth0\n"
	  "    $ echo lan0 > wire; echo 10.0.0.1/24 > address; echo 1 > up\n", NULL },
	{ "net-ifs",
	  "net/ifs/: the interfaces; lo is there from the start. mkdir net/ifs/eth0 makes one, rmdir removes it.\n\n"
	  "    wire     the wire it is on; - for none\n"
	  "    address  its addresses with their prefixes, a line each. > replaces them, >> adds; - takes all away\n"
	  "             dhcp: asks for one (help/net-leases), waiting for it if the interface is up\n"
	  "             2001:db8::1/64: the interface speaks IPv6, too, and makes itself a link-local address. Each\n"
	  "             address is probed for a duplicate first; of one that another host has, events say so, and nobody\n"
	  "             uses it\n"
	  "             auto: asks routers, and makes addresses of the prefixes that they advertise (SLAAC); they come\n"
	  "             when time moves, and stand below it in this file\n"
	  "    ra       what a forwarding host (net/forwarding) advertises: off, or on [interval=S] [lifetime=S]\n"
	  "             [valid=S] [preferred=S] [mtu=N] [hop_limit=N]; the prefixes are those of its addresses with /64.\n"
	  "             S: seconds between advertisements, as a default router, and of the addresses made. With it on,\n"
	  "             `run` on clock has no end\n"
	  "    mac      its address on the wire          mtu    bytes; - for that of the wire\n"
	  "    up       1 when it is in use, 0 at first   stats  counters, NAME VALUE a line\n\n"
	  "    $ echo 10.0.0.1/24 > net/ifs/eth0/address; echo 10.0.0.9/24 >> net/ifs/eth0/address\n"
	  "    $ mkdir net/ifs/eth1; echo lan1 > net/ifs/eth1/wire\n"
	  "    $ echo 2001:db8::1/64 > hosts/r/net/ifs/eth0/address; echo 1 > hosts/r/net/forwarding\n"
	  "    $ echo on > hosts/r/net/ifs/eth0/ra; echo auto > hosts/a/net/ifs/eth0/address; echo 'advance 5s' > clock\n", NULL },
	{ "net-knobs",
	  "net/knobs: a table of what can be varied: name value default min max about. Written: NAME VALUE, with Linux's\n"
	  "names (net.ipv4.tcp_ in front may stay), or `preset rfc`, which has the timers and ports of the standards, or\n"
	  "`preset linux`. net/forwarding is the knob ip_forward: 1 passes packets on between interfaces.\n\n"
	  "    $ echo 'syn_retries 2' > net/knobs; echo 'congestion reno' > net/knobs\n"
	  "    $ echo 1 > hosts/router/net/forwarding\n", NULL },
	{ "net-names",
	  "net/hosts, net/services, net/resolv: texts in the form of /etc/hosts, /etc/services and /etc/resolv.conf.\n"
	  "Commands that take a name (resolve, connect, sendto, ping, traceroute, load, get) look in hosts, then ask DNS:\n"
	  "nameserver (up to three, in turn), search or domain, options ndots:N timeout:S attempts:N. A port may be a\n"
	  "name of services. > replaces a text, >> adds to it; a line of another form is refused; those before it are\n"
	  "written.\n\n"
	  "    $ echo '10.0.0.2 b b.example' >> hosts/a/net/hosts; echo nameserver 10.0.0.53 > hosts/a/net/resolv\n"
	  "    $ echo 'resolve www.virginia.edu http' > hosts/a/proc/2/ctl; cat hosts/a/proc/2/ctl\n", NULL },
	{ "net-leases",
	  "net/leases: a table of addresses by DHCP: role if address mac host state expires t1 t2 server. role client:\n"
	  "what an interface of this host has (init selecting requesting probing bound renewing rebinding), with the\n"
	  "times at which it will ask its server again (t1), any server (t2), and give the address up; role server: what\n"
	  "`serve dhcp` here has given (offered bound declined). These times come by `advance` on clock. A client's name\n"
	  "servers stand in net/resolv unless that was written.\n\n"
	  "    $ printf '%s\\n' 'spawn dhcpd' '2 serve dhcp range=10.0.0.100-10.0.0.199 lease=600s' > hosts/a/ctl\n"
	  "    $ echo dhcp > hosts/b/net/ifs/eth0/address; cat hosts/b/net/leases\n", NULL },
	{ "net-dns",
	  "net/dns_cache: a table of what the host remembers of DNS answers: name type ttl data, a row a record. ttl are\n"
	  "the seconds that are left to it. NXDOMAIN: there is no such name; NODATA: it has no record of that type. Write\n"
	  "`flush`.\n\n"
	  "Both the host's own look-ups and a recursive name server on it fill it. A name server is a process: zone=FILE\n"
	  "is a master file (RFC 1035 5) of its files/, with a SOA record, types A AAAA NS CNAME MX PTR SOA TXT; several\n"
	  "may be given.\n\n"
	  "    $ printf '%s\\n' 'spawn named' '2 serve dns 53 zone=/edu.zone' > hosts/edu/ctl\n"
	  "    $ printf '%s\\n' 'spawn named' '2 serve dns 53 recursive root=10.0.0.1' > hosts/resolver/ctl\n"
	  "    $ echo 'resolve virginia.edu type=MX root=10.0.0.1 trace=1' > proc/2/ctl; cat proc/2/ctl\n", NULL },
	{ "net-nat",
	  "net/nat: translation of addresses by a host that forwards (net/forwarding 1), a rule a line, as it is written.\n"
	  "Rules are added; one that is there already changes nothing. net/nat_table has a row for each connection: proto\n"
	  "inside outside remote state expires packets-out bytes-out packets-in bytes-in; the port of a ping is its\n"
	  "identifier; outside is - for what came in untranslated and is left so. States of tcp are SYN_SENT SYN_RECV\n"
	  "ESTABLISHED FIN_WAIT TIME_WAIT CLOSE, of others UNREPLIED REPLIED. An inside end keeps its outside end towards\n"
	  "everybody (RFC 4787), its port if that is free; in come by it the addresses that it has sent to\n"
	  "(filter=address), everybody (endpoint), or only the ports that it has sent to (port). Time-outs and the size\n"
	  "of the table are knobs nat_*. net/nat_stats counts; full, no_port: packets refused because the table was full\n"
	  "or no port was left (the sender gets ICMP 3/13); filtered: from outside, to a port that does not let them in;\n"
	  "no_session: of no connection that is known.\n\n" RULES "\n"
	  "    $ echo 'masquerade eth1' > hosts/router/net/nat; echo 1 > hosts/router/net/forwarding\n"
	  "    $ echo 'dnat eth1 tcp 8080 to 10.0.0.2:80' > hosts/router/net/nat; cat hosts/router/net/nat_table\n\n", nat_commands },
	{ "net-neighbours",
	  "net/neighbours: a table of the neighbours' addresses on the wire, as ARP and (IPv6) neighbour discovery have\n"
	  "found out: address dev mac state age queued. States are Linux's: INCOMPLETE REACHABLE STALE DELAY PROBE FAILED\n"
	  "PERMANENT; queued: packets that wait for the answer.\n\n" RULES "\n"
	  "    $ echo 'add 10.0.0.9 02:00:00:00:00:09 dev eth0' > net/neighbours\n\n", neighbour_commands },
	{ "net-routes",
	  "net/routes: the routing table: destination via dev metric src, in the order in which they are tried. An\n"
	  "address of an interface that is up makes the route to its subnet. net/route/ADDR (not listed) is the row that\n"
	  "ADDR takes, and src the address that a packet then has; ENETUNREACH if there is none. Both versions of IP\n"
	  "stand in it, IPv6 last: routers advertise such routes (metric 1024; prefixes 256). An fe80:: gateway needs\n"
	  "dev.\n\n" RULES "\n"
	  "    $ printf '%s\\n' 'add 10.1.0.0/16 via 10.0.0.254 dev eth0' 'add default via 10.0.0.1' > net/routes\n"
	  "    $ cat net/route/10.1.2.3; echo 'add ::/0 via fe80::1 dev eth0' > net/routes\n\n", route_commands },
	{ "net-sockets",
	  "net/sockets: a table of all sockets: inode proto local remote state recv-q send-q pid fd. tcp6 and udp6 on\n"
	  "[::] take IPv4, too, unless IPV6_V6ONLY is set; such peers are ::ffff:10.0.0.1; fe80::1%eth0: on that link. A\n"
	  "TCP connection that no process holds any more (inode 0) stays until TCP has done its work. recv-q of a LISTEN\n"
	  "row: connections that wait for accept, send-q: how many may. net/sockets.d/INODE/, NAME=VALUE a line:\n\n"
	  "    status   who has it, its timer         local, remote  its ends\n"
	  "    queue    bytes received and not read, sent and not acknowledged, and what they are\n"
	  "    options  as setsockopt sets them       tcb            TCP's variables and timers, as RFC 9293 names them\n\n"
	  "    $ grep -e cwnd -e rto net/sockets.d/*/tcb\n", NULL },
	{ "proc",
	  "proc/: the host's /proc, in Linux's formats, so that real tools read it:\n\n"
	  "    # unshare -m --propagation private sh -c 'mount --bind \"$1\" /proc && exec ps aux' sh $PWD/proc\n\n"
	  "    $ awk '/^MemFree/ { print $2 }' proc/meminfo\n\n"
	  "A directory a process: help/process. Of the whole machine: meminfo stat vmstat uptime loadavg cpuinfo\n"
	  "swaps version filesystems partitions diskstats interrupts softirqs slabinfo buddyinfo zoneinfo (free\n"
	  "frames and the watermarks) pressure/ sys/ (sys/vm: nr_hugepages and page-cluster can be written) and\n"
	  "kpagecount, kpageflags (a 64-bit word a frame). self is the real reader; if no simulated process has its\n"
	  "pid, it sees init's files there.\n", NULL },
	{ "mem-victim",
	  "mem/victim (not listed): with policy external, each eviction that a process needs is a line of candidates,\n"
	  "frame numbers, the oldest first; what is written is the number of the one that goes. Who answers may look at\n"
	  "everything (mem/frame/PFN, mem/frames, proc/PID/pagetable) meanwhile. After 5 s of real time FIFO answers.\n"
	  "An answer that is no candidate is EINVAL, and the question stays; when frames become free it ends by itself.\n\n"
	  "    $ echo external > mem/policy\n"
	  "    $ while read -r first rest; do echo $first > mem/victim; done < mem/victim &     this is FIFO\n", NULL },
	{ "process",
	  "proc/PID/: a process. As in Linux: maps smaps smaps_rollup status stat statm cmdline comm exe cwd root\n"
	  "fd/ fdinfo/ task/ limits io numa_maps mounts ..., and pagemap and mem, which exist but are not listed.\n"
	  "Beyond Linux:\n\n"
	  "    ctl        system calls and memory accesses by it: help/process-ctl\n"
	  "    replay     how far a trace being replayed is\n"
	  "    pagetable  its page-table entries, a table          pt/       the page table as a tree of files\n"
	  "    walk/VA    a translation, step by step              page/VA   all about one page\n"
	  "    cpu        registers that matter here               faults    its last 256 faults\n"
	  "    stream/FD  the data of a socket or pipe             load      how long answers took\n", NULL },
	{ "process-cmdline", "proc/PID/cmdline: its arguments, each ended by a NUL: tr '\\0' ' ' < proc/2/cmdline\n", NULL },
	{ "process-comm", "proc/PID/comm: its name, at most 15 bytes.\n", NULL },
	{ "process-cpu",
	  "proc/PID/cpu: registers that matter here, NAME=VALUE a line: ptbr (x86's cr3; - before the first fault\n"
	  "gives it a table), cr2 (the address of the last fault), pc, sp, mode, asid, and ptbr_by: os, or hand\n"
	  "after `ptbr` in ctl.\n", NULL },
	{ "process-ctl",
	  "proc/PID/ctl: system calls and memory accesses by that process, with Linux's semantics, errno for errno.\n"
	  "An access that would kill a real program fails with EFAULT, and its result tells the signal; the process\n"
	  "lives on. PROT is written as r-x; FLAGS as private,anon.\n\n" RULES "\n"
	  "    $ echo 'mmap - 8K rw- private,anon' > proc/2/ctl; at=$(cat proc/2/ctl)\n"
	  "    $ echo \"write $at \\\"hello\\\"\" > proc/2/ctl\n"
	  "    $ echo fork > proc/2/ctl; child=$(cat proc/2/ctl)\n\n", process_commands },
	{ "process-faults",
	  "proc/PID/faults: a table of its last 256 faults: time, va, access (read write exec), kind (minor, major,\n"
	  "signal), resolution (zero, file, cow, reuse, grow, ... or the signal), cost.\n", NULL },
	{ "process-fd",
	  "proc/PID/fd/: a link for each descriptor: /path, socket:[N], pipe:[N]. fdinfo/: position, flags, inode.\n", NULL },
	{ "process-stream",
	  "proc/PID/stream/FD (not listed): the data of a connected socket or a pipe, as the process's own read(2) and\n"
	  "write(2) would give and take it; time moves while a reader waits. Of a listening socket: waits for a\n"
	  "connection, and reads as its new descriptor. Closing the file does nothing to the socket: FIN comes\n"
	  "from shutdown, close and exit.\n\n"
	  "    $ echo hi > proc/3/stream/4\n"
	  "    $ cat proc/3/stream/4\n", NULL },
	{ "process-io", "proc/PID/io: bytes read and written, calls made.\n", NULL },
	{ "process-limits", "proc/PID/limits: the resource limits, soft and hard; `setrlimit` in ctl sets them.\n", NULL },
	{ "process-links", "proc/PID/exe, cwd, root: links to the file it executes, its directory, its root.\n", NULL },
	{ "process-maps",
	  "proc/PID/maps: its areas (Linux: VMAs), a line each: start-end, permissions (p private, s shared), offset,\n"
	  "device, inode, name. Written, a text of that form replaces the whole address space at close, all or\n"
	  "nothing, with the areas as given:\n\n"
	  "    $ cat /proc/self/maps > proc/2/maps      the layout of a real process\n", NULL },
	{ "process-mem",
	  "proc/PID/mem (not listed): its memory at that offset. Read: as a debugger sees it, whether the page is in\n"
	  "RAM, in its file or not there yet; nothing changes. Written: the process stores these bytes, faults and all.\n\n"
	  "    $ xxd -s 0x404000 -l 16 proc/2/mem\n", NULL },
	{ "process-mounts", "proc/PID/mounts, mountinfo, mountstats: the file systems that it sees.\n", NULL },
	{ "process-net",
	  "proc/PID/net/, reached as proc/net: interfaces (dev), routes (route, fib_trie), neighbours (arp), counters\n"
	  "(snmp, netstat) of the host, and its sockets (tcp, udp, sockstat, protocols ...), in Linux's formats. Of IPv6:\n"
	  "if_inet6 (addresses), ipv6_route, igmp6 (groups), snmp6 (counters), tcp6, udp6, raw6, sockstat6. The same with\n"
	  "names and commands: hosts/HOST/net.\n\n"
	  "    $ vitrine enter DIR a -- netstat -6 -rn; vitrine enter DIR a -- ss -6 -tan\n", NULL },
	{ "process-ns", "proc/PID/ns/: its namespaces; there is one of each kind a host.\n", NULL },
	{ "process-numa_maps", "proc/PID/numa_maps: its areas with counts of pages; there is one node, N0.\n", NULL },
	{ "process-other",
	  "Small files that tools look for, as Linux has them: attr/ cgroup cpuset environ loginuid oom_adj oom_score\n"
	  "oom_score_adj personality schedstat sessionid wchan children. See proc(5).\n", NULL },
	{ "process-page",
	  "proc/PID/page/VA (not listed): all about one page, NAME=VALUE a line.\n\n"
	  "    vma         its line in maps                  state   none zero anon file swapped\n"
	  "    pte, pfn    its entry and frame               slot    where it is in swap, too\n"
	  "    refs, maps  what holds the frame, and maps it mappers PID:ADDRESS of each\n"
	  "    flags       permissions, accessed, dirty      poked   1: the entry was changed through mem/ram\n"
	  "    last_fault  when, kind, how it was resolved\n\n"
	  "    $ cat proc/2/page/0x404000\n", NULL },
	{ "process-pagemap",
	  "proc/PID/pagemap (not listed): Linux's: a 64-bit word a page of 4 KiB. Bit 63 present, 62 swapped, 61 file\n"
	  "or shared, 56 mapped once; bits 0-54 the frame.\n", NULL },
	{ "process-pagetable",
	  "proc/PID/pagetable: a table of its page-table entries: va, the index in each level, pte (as stored), pfn or\n"
	  "slot, flags (the permissions of all levels together, accessed, dirty).\n\n"
	  "    $ column -t proc/2/pagetable; cat proc/2/pagetable.json\n", NULL },
	{ "process-pt",
	  "proc/PID/pt/: the page table as a tree. A directory for each valid entry of an upper table, named by its\n"
	  "index in hexadecimal; in it .table (the table's raw bytes) and .entries (its valid entries, decoded). A\n"
	  "present page is a file with the page's bytes, whose metadata speaks: inode number = frame, link count = how\n"
	  "many (process, address) pairs map it, mode = the entry's permissions. So shared frames are hard links:\n\n"
	  "    $ find proc/2/pt -type f -links +1\n"
	  "    $ ls -li proc/2/pt/*/*/*/\n\n"
	  "A page in swap is a symbolic link to its slot: find proc/2/pt -type l\n", NULL },
	{ "process-load",
	  "proc/PID/load: how long the answers took to the latest `load` of the process, also while it runs: a table of\n"
	  "from to count sum percent bar. A row counts the answers that took at least `from` and less than `to`; sum and\n"
	  "percent: those up to here. The exact percentiles are the result of the command.\n\n"
	  "    $ echo 'load echo 10.0.0.1:7 clients=40' > proc/2/ctl; cat proc/2/ctl proc/2/load\n", NULL },
	{ "process-replay",
	  "proc/PID/replay: how far the command `replay` in ctl is, NAME=VALUE a line: state (none checking running done\n"
	  "failed cancelled), done and total (references), rate (a real second, while it runs). The trace is read once to\n"
	  "see that all of it is right, then the process touches its pages one after the other; meanwhile the tree\n"
	  "can be used. Written: cancel. What is not mapped is SEGV, as for any access: a process gets the pages of a\n"
	  "trace as areas below. For policies against traces, of several processes too: vitrine replay, see vitrine(1).\n\n"
	  "    $ echo 'spawn sort bare' > hosts/host0/ctl; pid=$(cat hosts/host0/ctl)\n"
	  "    $ vitrine convert --to pages sort.lackey - | awk '!seen[$1]++' | sort -n | while read -r page; do\n"
	  "          printf '%x000-%x000 rwxp 0 00:00 0\\n' $page $((page + 1)); done > proc/$pid/maps\n"
	  "    $ cp sort.lackey files/; echo \"$pid replay /sort.lackey &\" > hosts/host0/ctl; cat proc/$pid/replay\n", NULL },
	{ "process-smaps", "proc/PID/smaps: its areas with what is in memory of each, as in Linux; smaps_rollup: their sum.\n", NULL },
	{ "process-stat", "proc/PID/stat and statm: one line of numbers each, in Linux's order; see proc(5).\n", NULL },
	{ "process-status", "proc/PID/status: Name, State, Pid, VmSize, VmRSS, ... a line each; see proc(5).\n", NULL },
	{ "process-task",
	  "proc/PID/task/: a directory for each thread. Its ctl takes commands by that thread; `clone` in ctl starts one.\n", NULL },
	{ "process-walk",
	  "proc/PID/walk/VA (not listed): the translation of VA, step by step, as the MMU does it; nothing changes.\n\n"
	  "    $ cat proc/2/walk/0x131\n"
	  "    va=0x131 ptbr=0x20\n"
	  "    level=1 index=0x4 pte_addr=0x24 pte=0xd4 valid=1 ppn=0x6 flags=-\n"
	  "    level=2 index=0x6 pte_addr=0x36 pte=0x75 valid=1 ppn=0x3 flags=-\n"
	  "    pa=0x19 byte=0x61\n\n"
	  "or, as its last line, fault=not-present level=2: not-present, protection-write, protection-exec,\n"
	  "protection-user, non-canonical or bad-pte.\n", NULL },
	{ "swap",
	  "swap/: pages that are not in RAM. A directory N/ for each area, which is a device with its slots:\n\n"
	  "    N/slots    a table: slot, its state, how many entries refer to it, the first owner's pid and va, pages\n"
	  "               written to it. used: the page is here alone; cached: a frame has the same bytes\n"
	  "    N/slot/S   (not listed) the page that slot S keeps\n"
	  "    N/device   how long transfers take, how many are under way, until when\n\n"
	  "An ssd or nvme has channels that wait side by side and one bus; an hdd has one head, which seeks and then\n"
	  "waits for the platter to turn. A process that waits for its page is in state D, others go on: write several\n"
	  "lines `PID COMMAND... &` at once to the host's ctl.\n\n"
	  "swap/timeline is a table of the last transfers: pid and va of who faulted (va - : a page goes out), the victim\n"
	  "that made room as PID:VA, when the device began and ended, and who ran meanwhile. timeline.svg: the same,\n"
	  "drawn.\n\n"
	  "With mem/config swap_readahead=N (proc/sys/vm/page-cluster: its log2) a page that is read brings along the\n"
	  "others of an aligned window of slots around it, at most N with itself, as Linux does: on an hdd one turn for\n"
	  "all. They are in the swap cache (SwapCached in proc/meminfo, cached in slots, swapcache in mem/frames) until\n"
	  "somebody faults on them, which is a minor fault, or the policy has them go. The window grows with the pages\n"
	  "that were of use (swap_ra_hit of swap_ra in proc/vmstat) and halves without; an event `readahead` says which\n"
	  "slots were read, and how many hits there had been. `madvise ADDR LEN willneed` begins to read the pages of a\n"
	  "range, and waits for none. Both want swap_cache=1.\n\n"
	  "swap/ctl:\n" RULES "\n", swap_commands },
	{ "tables",
	  "A table T is text: a header line, then rows, columns aligned for people and split by blanks for awk; a\n"
	  "value that is absent is `-`. T.json (an array of objects) and T.csv have the same columns; ls does not show\n"
	  "them. In JSON, counts and times (nanoseconds) are numbers, addresses and flags strings.\n\n"
	  "    $ cat mem/frames.json | python3 -m json.tool\n", NULL },
	{ "version", "version: of this program, how it was built, the geometries it knows by name.\n", NULL },
	{ "wire-capture",
	  "wires/WIRE/capture.pcapng: the frames of `frames` as pcapng, each once, as sent, with times in nanoseconds;\n"
	  "what happened to one on its way is in its comment. capture.follow (not listed) is a stream of what is sent\n"
	  "from now on: tcpdump and tshark follow it live.\n\n"
	  "    $ tcpdump -nr wires/lan0/capture.pcapng\n"
	  "    $ tshark -l -i - < wires/lan0/capture.follow &\n", NULL },
	{ "wire-ctl",
	  "wires/WIRE/ctl: faults for single frames. MATCH: words that must all be true of a frame: arp icmp udp tcp\n"
	  "tcp.syn tcp.ack (an acknowledgement and nothing else) tcp.fin tcp.data rdt rdt.ack rdt.data ip6 nd (neighbour\n"
	  "discovery) src=A dst=A port=N (either side's); and nth=K: the Kth such frame is the first. Faults are used up\n"
	  "in the order of writing, one a frame. wires/WIRE/faults: a table of those that are not used up; left - means\n"
	  "until release.\n\n" RULES "\n"
	  "    $ echo 'drop next 1 tcp.ack nth=2' > wires/lan0/ctl        lose the second acknowledgement\n"
	  "    $ echo 'delay next 2 200ms udp port=53' > wires/lan0/ctl\n\n", wire_commands },
	{ "wire-frames",
	  "wires/WIRE/frames: a table of the frames that were sent (the last 16384, or 4 MiB), taken apart.\n\n"
	  "    frame    its number on this wire       time, arrival  first bit sent, last bit received\n"
	  "    from     HOST.INTERFACE that sent it   bytes          without preamble and checksum (FCS)\n"
	  "    src, dst addresses, with ports         len            bytes of data in the innermost layer\n"
	  "    info     options, what ARP and ICMP say, fragments, bad_checksum ...\n"
	  "    fate     lost, corrupted_bit_N, duplicated, ...; _by_rule: by a fault of ctl\n\n"
	  "wires/WIRE/frame/N (not listed): one of them, layer by layer, with the bytes of each.\n\n"
	  "    $ awk '$8 == \"tcp\" && $18 != \"-\"' wires/lan0/frames\n    $ cat wires/lan0/frame/1\n", NULL },
	{ "wire-sequence",
	  "wires/WIRE/sequence: the frames as a ladder, to look at (sequence.svg: drawn, the last 900): time sent, an\n"
	  "arrow, time of arrival. Sequence numbers of TCP count from the SYN. --X is lost, ~~> was damaged, `again` has\n"
	  "been sent before, : is a pause.\n\n"
	  "    $ less -S wires/lan0/sequence\n", NULL },
	{ "wire-settings",
	  "wires/WIRE: settings, one value a file.\n\n"
	  "    kind     ethernet (a switch), hub or wifi\n"
	  "    rate     bits a second (K, M: 1024s), 0: no limit\n"
	  "    delay, jitter    times: 5ms; jitter is added, 0 to so much\n"
	  "    loss corrupt duplicate reorder                 per cent of the frames: 10%, 0.5%\n"
	  "    mtu      bytes behind the Ethernet header, 68 to 65535       queue   frames that may wait at a port\n\n"
	  "    $ echo 10% > wires/lan0/loss; echo 20ms > wires/lan0/delay\n", NULL },
	{ "wires",
	  "wires/: network segments. mkdir wires/lan0 makes one, rmdir removes it; interfaces join it by their file\n"
	  "`wire` (help/net-ifs).\n\n"
	  "    kind rate delay jitter loss corrupt duplicate reorder mtu queue    help/wire-settings\n"
	  "    ctl, faults   faults for single frames: help/wire-ctl    frames    what was sent: help/wire-frames\n"
	  "    sequence  the same as a ladder: help/wire-sequence    capture.pcapng, capture.follow: help/wire-capture\n"
	  "    macs      what the switch has learned: mac, port, age\n"
	  "    stats     counters, NAME VALUE a line: frames and bytes sent, copies delivered, lost, corrupted, ...\n\n"
	  "An ethernet wire is a switch with a full-duplex link to each interface. On a hub all share one cable, and\n"
	  "frames collide. On wifi the receiver acknowledges each frame, and what was not acknowledged the sender\n"
	  "repeats, 8 times in all.\n", NULL },
	{ "world-ctl", "ctl: commands to the whole world.\n\n" RULES "\n", root_commands },
};

int show_readme(const struct node *n, GString *out, struct err *e)
{
	put_text(out, readme);
	return 0;
}

static int show_topic(const struct node *n, GString *out, struct err *e)
{
	const struct help *h = &all[n->arg - 1];

	put_text(out, h->text);
	if (h->commands)
		command_help(h->commands, out);
	return 0;
}

static const struct row topic_row = {
	.name = "TOPIC", .kind = ROW_TEXT, .mode = 0444, .show = show_topic, .help = "help",
};

/* A topic's node has its place in the list, counted from 1, as arg; which is its cookie too. */
static struct node topic_node(const struct node *dir, size_t i)
{
	return (struct node){ .row = &topic_row, .world = dir->world, .arg = i + 1 };
}

static size_t topic_at(const char *name)
{
	size_t i = 0;

	while (i < G_N_ELEMENTS(all) && strcmp(all[i].topic, name))
		i++;
	return i;
}

bool help_exists(const char *topic)
{
	return topic_at(topic) < G_N_ELEMENTS(all);
}

static int find_topic(const struct node *dir, const char *name, struct node *child)
{
	size_t i = topic_at(name);

	if (i == G_N_ELEMENTS(all))
		return -ENOENT;
	*child = topic_node(dir, i);
	return 0;
}

static bool next_topic(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	if (*cookie >= G_N_ELEMENTS(all))
		return false;
	g_strlcpy(name, all[*cookie].topic, 256);
	*child = topic_node(dir, *cookie);
	++*cookie;
	return true;
}

const struct dir_ops help_dir = { .find = find_topic, .next = next_topic };
