/* access.c - loads, stores and fetches. */
