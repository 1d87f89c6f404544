/* table.c - page tables, whatever their layout. */
