/* geometry.c - presets, and the contradictions of a geometry. */
