#!/bin/sh
# 30 - an Ethernet frame: the frame of the slide, poured onto a wire, a little more each time.
. "$(dirname "$0")/lib.sh"
lesson "One Ethernet frame, byte by byte"

frame=4ccc6aba1cb9d807b6d9ae50080045000060db894000f206cfcd3460e6a2c0a8019501bbaac4402bd6467c9d15e48018400265fe
frame=${frame}00000101080a038398621970279e170303002700000000000000c8b9ab8150e0ef1ad89773769aee33d49acb1729f0fa1c134cb007ef928b0aa9
first() { printf "%.$(($1 * 2))s" $frame; }

show "mkdir wires/lan0"
say "A frame has at least its header: two addresses of 6 bytes and a type of 2."
fails "echo inject $(first 13) > wires/lan0/ctl"
say "What can the receiver tell after 14 bytes, 34, 66, and all 110?"
for bytes in 14 34 66 110; do echo "inject $(first $bytes)" > wires/lan0/ctl; done
show "awk '{ printf \"%5s %-17s %-17s %-6s %-17s %-19s %s\\n\", \$5, \$6, \$7, \$8, \$9, \$10, \$17 }' wires/lan0/frames"
say "(The IP header says that 96 bytes follow; until they are there its length is wrong.)"
ask "Which bytes belong to which layer? Are both checksums right?"
show "cat wires/lan0/frame/4 | sed 's/time=[0-9.]* arrival=[-0-9.]* //'"
ask "A router passes it on with ttl 241. What is the checksum of the header then?"
router=$(printf %s $frame | sed 's/^\(.\{44\}\)f206cfcd/\1f106d0cd/')
show "echo inject $router > wires/lan0/ctl"
show "grep ^ipv4 wires/lan0/frame/5"
say "The sum went up by what the ttl went down: cfcd + 0100 = d0cd. Had the router forgotten:"
forgot=$(printf %s $frame | sed 's/^\(.\{44\}\)f2/\1f1/')
show "echo inject $forgot > wires/lan0/ctl"
show "grep ^ipv4 wires/lan0/frame/6"
ask "Two 16-bit words of the data change places. Who notices?"
swapped=$(printf %s $frame | sed 's/^\(.\{132\}\)\(....\)\(....\)/\1\3\2/')
show "echo inject $swapped > wires/lan0/ctl"
show "grep -e ^tcp -e ^frame wires/lan0/frame/7 | sed 's/time=[0-9.]* arrival=[-0-9.]* //'"
say "Not TCP: a sum does not see the order. Ethernet's own check (fcs) does; it was another one above."
