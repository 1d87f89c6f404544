#!/bin/sh
# 08 - loading a program: execve maps only; pages come in as they are touched.
. "$(dirname "$0")/lib.sh"
lesson "Loading a program"

say "A small program: a page of text, a page of initialised data, and 8 KiB of bss behind it. As an ELF file:"
# Header, two program headers (text r-x at 0x400000, data rw- at 0x401000: 16 bytes in the file, 8208 in memory).
{
	printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\076\000\001\000\000\000'
	printf '\260\000\100\000\000\000\000\000\100\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
	printf '\000\000\000\000\100\000\070\000\002\000\100\000\000\000\000\000'
	printf '\001\000\000\000\005\000\000\000\000\000\000\000\000\000\000\000\000\000\100\000\000\000\000\000'
	printf '\000\000\100\000\000\000\000\000\300\000\000\000\000\000\000\000\300\000\000\000\000\000\000\000'
	printf '\000\020\000\000\000\000\000\000'
	printf '\001\000\000\000\006\000\000\000\000\020\000\000\000\000\000\000\000\020\100\000\000\000\000\000'
	printf '\000\020\100\000\000\000\000\000\020\000\000\000\000\000\000\000\020\040\000\000\000\000\000\000'
	printf '\000\020\000\000\000\000\000\000'
	printf '\061\300\220\220\220\220\220\220\220\220\220\220\220\220\220\220'
	dd if=/dev/zero bs=3904 count=1 status=none
	printf 'initialised data'
} > files/program
show "stat -c %s files/program"
spawn program /program
say "execve has made areas. Which of their pages are in RAM?"
show "sed 's/ *[0-9]* *\\// \\//' proc/$pid/maps"
show "awk '{ print \$1, \$(NF - 2), \$NF }' proc/$pid/pagetable"
say "Only two, which execve itself wrote to: the end of the last page of data, cleared because the bss begins there, and
the arguments on the stack."
ask "The first instruction is fetched from 0x4000b0. Where does its page come from? And a load from the bss?"
act $pid "exec 0x4000b0"
act $pid "read 0x401000 16"
act $pid "read 0x402000 4"
act $pid "write 0x402000 2a"
show "tail -n 4 proc/$pid/faults | awk '{ print \$2, \$3, \$4, \$5 }'"
show "awk '{ print \$1, \$(NF - 2), \$NF }' proc/$pid/pagetable"
