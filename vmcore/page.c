/* page.c - what system calls do to entries. */
