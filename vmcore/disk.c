/* disk.c - directories and inodes. */
