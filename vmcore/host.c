/* host.c - a simulated computer comes, is reshaped, goes; its memory summed up. */
