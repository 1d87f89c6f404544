/* remap.c - mremap. */
