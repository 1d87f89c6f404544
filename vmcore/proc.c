/* proc.c - processes: birth, life, death. */
