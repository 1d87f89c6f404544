/* protect.c - mprotect. */
