/* frame.c - the frame array. */
