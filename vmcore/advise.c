/* advise.c - madvise, msync, mincore. */
