#!/bin/sh
# 02 - a two-level page table: 16-bit virtual page numbers, 256 entries a table, 4 KiB pages.
. "$(dirname "$0")/lib.sh"
lesson "A two-level page table" --geometry vpn16 --ram 8M

say "A program uses some pages of the ranges 0x0000-0x00FF, 0x0100-0x01FF and 0x0300-0x03FF:"
spawn demo bare
act $pid "mmap 0x0010000 8K r-x private,anon,fixed"
act $pid "mmap 0x0100000 4K rw- private,anon,fixed"
act $pid "mmap 0x0300000 12K rw- private,anon,fixed"
act $pid "mmap 0x0304000 4K rw- private,anon,fixed"
for at in 0x0100000 0x0300000 0x0301000 0x0302000 0x0304000; do echo "write $at 41" > proc/$pid/ctl; done
echo "touch 0x0010000 8K r" > proc/$pid/ctl

say "The first level: an entry for each range of 256 pages; one that is not valid stands for 256 missing pages at once."
show "cat proc/$pid/pt/.entries"
say "A directory for each valid entry of the first level:"
show "ls proc/$pid/pt"
say "The second-level table of the range 0x0300-0x03FF:"
show "cat proc/$pid/pt/03/.entries"

ask "What does the MMU read to translate 0x0301abc? What for 0x0303000, and for 0x0205000?"
show "cat proc/$pid/walk/0x0301abc"
show "cat proc/$pid/walk/0x0303000"
show "cat proc/$pid/walk/0x0205000"
