/* map.c - mmap, munmap, brk: areas made and taken away. */
