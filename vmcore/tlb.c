/* tlb.c - the TLB. */
