/*
 * lines.h - mutations of texts that are lines: whole lines moved about, and new ones made by the tables of commands.
 *
 * libFuzzer changes bytes, which seldom makes one command of another; what it does is one of the ways here, too.
 */
#ifndef FUZZ_LINES_H
#define FUZZ_LINES_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's own way */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* A number below `below`, from a state that starts as any. */
unsigned draw(uint32_t *dice, unsigned below);

/* A command of any table, with arguments that may fit; no newline. */
void put_command(GString *out, uint32_t *dice);

/* One line more, less, twice, elsewhere, or with other bytes. `put` makes a new one. */
void mutate_lines(GPtrArray *lines, uint32_t *dice, void (*put)(GString *out, uint32_t *dice));

/* Lines (GString *) of a text, without their newlines. */
GPtrArray *lines_of(const uint8_t *data, size_t size);
void lines_free(GPtrArray *lines);
/* The text of them, as far as there is room for whole ones. */
size_t lines_copy(const GPtrArray *lines, uint8_t *data, size_t max);

/* Some commands only take time: a million processes, a million events. A few of these will do. */
bool takes_long(const char *text, size_t len);

#endif
