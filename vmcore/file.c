/* file.c - open file descriptions and descriptors. */
