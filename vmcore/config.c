/* config.c - costs and switches. */
