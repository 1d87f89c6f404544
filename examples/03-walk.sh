#!/bin/sh
# 03 - a walk by hand: 9-bit virtual addresses, 6-bit physical ones, 8-byte pages, 1-byte entries.
. "$(dirname "$0")/lib.sh"
lesson "A page-table walk by hand" --geometry "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4 endian=big"

pour() { printf '%s' "$1" | xxd -r -p | dd of=$H/mem/ram bs=64 conv=notrunc status=none; }
walk() { echo "ptbr $1" > proc/$pid/ctl; show "cat proc/$pid/walk/$2"; }

memory="00112233445566778899AABBCCDDEEFF1A2A3A4A1B2B3B4B1C2C3C4C1C2C3C4CD0D1D2D3D4D5D6D7899AABBCCDDEEFF0BA0ABA0ADB0BDB0BEC0CEC0CFC0CFC0C"
say "Two levels of 3 bits each, 3 bits of offset. An entry is a byte: PPN in the upper three bits, then the valid bit."
show "cat hosts/host0/mem/geometry"
say "All of physical memory:"
spawn exercise bare
pour $memory
show "xxd -c 8 -g 1 hosts/host0/mem/ram | cut -c1-33"

ask "Page table base 0x20, virtual address 0x131 = 100 110 001. Which byte does the program read?"
walk 0x20 0x131
ask "Base 0x08, virtual address 0x0FB = 011 111 011?"
walk 0x08 0x0fb
ask "Base 0x08, virtual address 0x00B = 000 001 011?"
walk 0x08 0x00b
ask "Base 0x08, virtual address 0x1CB = 111 001 011?"
walk 0x08 0x1cb
say "Now bytes 0x10 to 0x13 are 1A 2A 5A 4A."
pour 00112233445566778899AABBCCDDEEFF1A2A5A4A
ask "Base 0x10, virtual address 0x109 = 100 001 001?"
walk 0x10 0x109

say "Another machine: 10-bit virtual addresses, 16-byte pages, entries of 2 bytes: PPN in the upper two bits, then valid."
echo reboot > $H/ctl
show 'echo "va=10 pa=6 page=16 pte=2 split=3,3 ppn=14+2 valid=13 endian=big" > hosts/host0/mem/geometry'
spawn exercise bare
pour 00112233445566778899AABBCCDDEEFF1A2A3A4A1B2B3B4B1C2C3C4CACBCDCECD0E1D2D3D4E5D6E7899AABBCCDDEEFF0BA0ABA0ADB0BDB0BEC0CEC0CFC0CFC0C
ask "Base 0x10, virtual address 0x376 = 110 111 0110?"
walk 0x10 0x376
