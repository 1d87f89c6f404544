#!/bin/sh
# 03 - a walk by hand: 9-bit virtual addresses, 6-bit physical ones, 8-byte pages, 1-byte entries.
. "$(dirname "$0")/lib.sh"
lesson "A page-table walk by hand" --geometry "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4 endian=big"

walk() { echo "ptbr $1" > proc/$pid/ctl; show "cat proc/$pid/walk/$2"; }

memory="00 11 22 33 44 55 66 77  88 99 AA BB CC DD EE FF  1A 2A 3A 4A 1B 2B 3B 4B  1C 2C 3C 4C 1C 2C 3C 4C
	D0 D1 D2 D3 D4 D5 D6 D7  89 9A AB BC CD DE EF F0  BA 0A BA 0A DB 0B DB 0B  EC 0C EC 0C FC 0C FC 0C"
say "Two levels of 3 bits each, 3 bits of offset. An entry is a byte: PPN in the upper three bits, then the valid bit."
show "cat hosts/host0/mem/geometry"
say "All of physical memory:"
spawn exercise bare
poke 0 "$memory"
show "od -A x -t x1 -w8 -v hosts/host0/mem/ram"

ask "Page table base 0x20, virtual address 0x131 = 100 110 001. Which byte does the program read?"
walk 0x20 0x131
ask "Base 0x08, virtual address 0x0FB = 011 111 011?"
walk 0x08 0x0fb
ask "Base 0x08, virtual address 0x00B = 000 001 011?"
walk 0x08 0x00b
ask "Base 0x08, virtual address 0x1CB = 111 001 011?"
walk 0x08 0x1cb
say "Now bytes 0x10 to 0x13 are 1A 2A 5A 4A."
poke 0x10 "1A 2A 5A 4A"
ask "Base 0x10, virtual address 0x109 = 100 001 001?"
walk 0x10 0x109

say "Another machine: 10-bit virtual addresses, 16-byte pages, entries of 2 bytes: PPN in the upper two bits, then valid."
echo reboot > $H/ctl
show 'echo "va=10 pa=6 page=16 pte=2 split=3,3 ppn=14+2 valid=13 endian=big" > hosts/host0/mem/geometry'
spawn exercise bare
poke 0 "$memory"
poke 0x1c "AC BC DC EC  D0 E1 D2 D3 D4 E5 D6 E7"
ask "Base 0x10, virtual address 0x376 = 110 111 0110?"
walk 0x10 0x376
