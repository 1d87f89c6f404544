/* check.c - recounting everything. */
