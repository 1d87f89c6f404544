/* cache.c - the page cache. */
