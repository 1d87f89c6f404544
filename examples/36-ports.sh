#!/bin/sh
# 36 - ports: several programs at one address.
. "$(dirname "$0")/lib.sh"
lesson "Ports"

say "Two programs of an ordinary user, and one of root, at one address:"
run host0 web uid=1000
web=$pid
run host0 mail uid=1000
mail=$pid
run host0 sshd
sshd=$pid
for who in $web $mail $sshd; do on host0 $who "socket tcp" > /dev/null; done
ask "May an ordinary program have port 80?"
fails "echo 'bind 0 0.0.0.0:80' > hosts/host0/proc/$web/ctl"
say "Ports below 1024 need privilege. 8080 does not; root may have 22:"
on host0 $web "bind 0 0.0.0.0:8080"
on host0 $web "listen 0"
on host0 $sshd "bind 0 0.0.0.0:22"
on host0 $sshd "listen 0"
ask "May another program have 8080, too?"
fails "echo 'bind 0 127.0.0.1:8080' > hosts/host0/proc/$mail/ctl"
say "Not while the first has it for every address. UDP has ports of its own:"
on host0 $mail "socket udp"
on host0 $mail "bind 1 0.0.0.0:8080"
ask "Whoever asks for port 0 gets a free one. From which range?"
on host0 $mail "bind 0 0.0.0.0:0"
show "grep -e name -e '^port' hosts/host0/net/knobs | awk '{ print \$1, \$2 }'"
say "That is Linux's range; the standard has 49152 to 65535:"
show "echo 'preset rfc' > hosts/host0/net/knobs; awk '/^port/ { print \$1, \$2 }' hosts/host0/net/knobs"
on host0 $mail "socket udp"
on host0 $mail "bind 2 0.0.0.0:0"
show "cat hosts/host0/net/sockets"
say "Which program gets a packet? The one whose port it names:"
on host0 $sshd "socket udp"
on host0 $sshd 'sendto 1 127.0.0.1:8080 "for 8080"'
on host0 $mail "recv 1" | sed 's/:[0-9]* /:... /'
