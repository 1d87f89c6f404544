/* lock.c - mlock, munlock. */
