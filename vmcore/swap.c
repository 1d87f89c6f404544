/* swap.c - the slots of the swap area. */
