/* mm.c - an address space comes, is copied, goes. */
