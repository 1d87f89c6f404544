/* anon.c - who shares anonymous pages. */
