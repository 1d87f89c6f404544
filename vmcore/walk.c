/* walk.c - the MMU. */
