/* fault.c - from a fault address to an entry or a signal. */
