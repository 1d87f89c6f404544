/* elf.c - execve of an ELF file. */
