/* ram.c - the bytes of RAM, and pokes. */
