#!/bin/sh
# 29 - layers: one write of a program, and what each layer has put around it.
. "$(dirname "$0")/lib.sh"
lesson "One write, four layers"

say "A browser and a web server, on two computers at one wire:"
host a
host b
plug a eth0 lan0 10.0.0.1/24
plug b eth0 lan0 10.0.0.2/24
echo 02:00:00:00:00:0a > hosts/a/net/ifs/eth0/mac
echo 02:00:00:00:00:0b > hosts/b/net/ifs/eth0/mac
run b server
on b $pid "socket tcp"
on b $pid "bind 0 10.0.0.2:80"
on b $pid "listen 0"
run a browser
on a $pid "socket tcp"
on a $pid "connect 0 10.0.0.2:80"
say "The program writes 41 bytes to its descriptor. It knows nothing of packets:"
on a $pid 'send 0 "GET /quiz HTTP/1.0\r\nHost: www.example\r\n\r\n"'
say "Time passes while the server waits for them:"
on b 2 "accept 0"
on b 2 "recv 1"
ask "Which bytes travel over the wire, and who has put them there?"
# Numbers that depend on the time of day are left out.
number=$(awk '$16 > 0 && $8 == "tcp" { print $1 }' wires/lan0/frames)
show "sed 's/time=[0-9.]* arrival=[-0-9.]* //; s/ fcs=.*//; s/,right ts=.*//; s/seq=[0-9]* ack=[0-9]*/seq=... ack=.../; /^tcp/s/checksum=.*/checksum=.../' wires/lan0/frame/$number |
	grep -v '^  00[3-5]'"
say "HTTP (data) is what the program wrote. TCP adds ports and numbers, IP the hosts, Ethernet the neighbours on
this wire. Each layer reads its own header and hands the rest up, or to the next wire:"
show "awk '\$16 > 0 && \$8 == \"tcp\" { print \$5 \" bytes = 14 ethernet + 20 ip + \" \$5 - 34 - \$16 \" tcp + \" \$16 \" http\" }' wires/lan0/frames"
