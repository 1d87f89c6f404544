/* area.c - the tree of areas. */
