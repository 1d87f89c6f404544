#!/bin/sh
# 47 - DHCP: where a computer's address comes from.
. "$(dirname "$0")/lib.sh"
lesson "DHCP"

say "A router with a DHCP server: it gives out 10.0.0.100 to 10.0.0.102, for 600 s each."
host router
plug router eth0 lan0 10.0.0.1/24
show "printf '%s\n' 'spawn dhcpd' '2 serve dhcp 67 range=10.0.0.100-10.0.0.102 router=10.0.0.1 dns=10.0.0.53 domain=virginia.edu lease=600s' > hosts/router/ctl"
say "A computer that is switched on:"
show "mkdir net/ifs/eth0; echo lan0 > net/ifs/eth0/wire; echo 1 > net/ifs/eth0/up"
ask "It has no address, and does not know the server's. From where to where does its first message go?"
show "echo dhcp > net/ifs/eth0/address"
show "cat net/ifs/eth0/address"
show "awk '{ print \$6, \$7, \$8, \$9, \$10 }' wires/lan0/frames"
say "DISCOVER to all, an OFFER, REQUEST to all, ACK; then three times ARP: has somebody this address? Nobody: it is taken, and told."
show "cat net/leases"
say "With the address came a way out and a name server:"
show "awk 'NR == 1 || /default/ { print \$1, \$2, \$3 }' net/routes; cat net/resolv"
show "cat hosts/router/net/leases"

ask "For how long may it keep the address?"
say "It asks its server again after half of the time (t1), any server after 7/8 (t2). We let 301 s go by:"
show "echo 'advance 301s' > clock; awk '{ print \$6, \$7, \$8 }' net/leases"
say "Renewed: the times are new ones. Now the server is switched off:"
show "echo '2 kill KILL' > hosts/router/ctl; echo 'advance 305s' > clock; awk '{ print \$6, \$7, \$8 }' net/leases"
show "echo 'advance 240s' > clock; awk '{ print \$6, \$7, \$8 }' net/leases"
show "echo 'advance 60s' > clock; awk '{ print \$6, \$7, \$8 }' net/leases; cat net/ifs/eth0/address"
say "Its lease is over: it may not use the address any more, since the server may give it to another."
show "printf '%s\n' 'spawn dhcpd' '3 serve dhcp 67 range=10.0.0.100-10.0.0.102 lease=600s' > hosts/router/ctl; echo dhcp > net/ifs/eth0/address; cat net/ifs/eth0/address"

say "An address may also be written down by hand (static configuration). Here somebody has taken one of those that the server gives out:"
host thief
plug thief eth0 lan0 10.0.0.101/24
host late
ask "What does the next computer get?"
show "mkdir hosts/late/net/ifs/eth0; echo lan0 > hosts/late/net/ifs/eth0/wire; echo dhcp > hosts/late/net/ifs/eth0/address; echo 1 > hosts/late/net/ifs/eth0/up"
show "cat hosts/late/net/ifs/eth0/address; awk '{ print \$3, \$6 }' hosts/router/net/leases"
say "It was offered 10.0.0.101, asked the neighbours, and declined. There are no more addresses for a third:"
host third
show "mkdir hosts/third/net/ifs/eth0; echo lan0 > hosts/third/net/ifs/eth0/wire; echo 1 > hosts/third/net/ifs/eth0/up"
fails "echo dhcp > hosts/third/net/ifs/eth0/address"
say "Who leaves gives his back:"
show "echo - > hosts/late/net/ifs/eth0/address; echo dhcp > hosts/third/net/ifs/eth0/address; cat hosts/third/net/ifs/eth0/address"
