/* kernel_words.c - the notation of recorded scripts: numbers, addresses and labels, and the words of a result. */
#include "kernel_run.h"
#include "vm_area.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

G_NORETURN void bad(struct run *r, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", r->file, r->line, what);
	exit(2);
}

uint64_t number(struct run *r, const char *s)
{
	char *end;
	uint64_t n = g_ascii_strtoull(s, &end, 0);
	const char *unit = "KMGT", *u;

	if (end == s)
		bad(r, "not a number");
	u = *end ? strchr(unit, *end) : NULL;
	return u ? n << (10 * (u - unit + 1)) : n;
}

static bool base(struct run *r, const char *name, uint64_t *at)
{
	static const struct { const char *name; uint64_t at; } bases[] = {
		{ "A", BASE_A }, { "H", BASE_H }, { "M", BASE_M }, { "S", BASE_S },
	};
	uint64_t *label = g_hash_table_lookup(r->labels, name);

	for (size_t i = 0; i < G_N_ELEMENTS(bases); i++)
		if (!strcmp(name, bases[i].name)) {
			*at = bases[i].at;
			return true;
		}
	if (label)
		*at = *label;
	return label;
}

uint64_t address(struct run *r, const char *s)
{
	size_t len = strcspn(s, "+-");
	g_autofree char *name = g_strndup(s, len);
	uint64_t at;

	if (!strcmp(s, "-"))
		return 0;
	if (g_ascii_isdigit(*s))
		return number(r, s);
	if (!base(r, name, &at))
		bad(r, "an unknown label");
	if (s[len] == '\0')
		return at;
	return s[len] == '+' ? at + number(r, s + len + 1) : at - number(r, s + len + 1);
}

const char *word(struct run *r, unsigned i)
{
	for (unsigned k = 0; k <= i; k++)
		if (!r->words[k])
			bad(r, "an operand is missing");
	return r->words[i];
}

uint64_t arg_at(struct run *r, unsigned i) { return address(r, word(r, i)); }
uint64_t arg_n(struct run *r, unsigned i) { return number(r, word(r, i)); }
bool has_word(struct run *r, const char *w)
{
	return g_strv_contains((const char *const *)r->words, w);
}

unsigned protection(const char *s)
{
	return (s[0] == 'r' ? VM_PROT_READ : 0) | (s[1] == 'w' ? VM_PROT_WRITE : 0) | (s[2] == 'x' ? VM_PROT_EXEC : 0);
}

unsigned value_of(struct run *r, const struct name *names, const char *name)
{
	for (; names->name; names++)
		if (!strcmp(names->name, name))
			return names->value;
	bad(r, "an unknown word");
}

void answer(struct run *r, int code)
{
	if (code)
		g_string_append_printf(r->out, "= %s\n", strerrorname_np(code));
	else
		g_string_append(r->out, "= ok\n");
}

void answer_address(struct run *r, int code, uint64_t at, const char *label)
{
	if (code) {
		answer(r, code);
		return;
	}
	g_string_append_printf(r->out, "= 0x%" PRIx64 "\n", at);
	if (label)
		g_hash_table_replace(r->labels, g_strdup(label), g_memdup2(&at, sizeof(at)));
}

void add_runs(GString *out, const char *codes, size_t n)
{
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && codes[k] == codes[i]; k++)
			;
		g_string_append_printf(out, "%zu%c", k - i, codes[i]);
	}
}

char *plain_addresses(struct run *r, const char *line)
{
	GString *out = g_string_new(NULL);

	for (const char *s = line; *s;) {
		bool starts = s == line || strchr(" =:.", s[-1]);

		if (starts && strchr("AHMS", s[0]) && (s[1] == '+' || s[1] == '-') && s[2] == '0' && s[3] == 'x') {
			size_t len = 4 + strspn(s + 4, "0123456789abcdef");
			g_autofree char *one = g_strndup(s, len);

			g_string_append_printf(out, "0x%" PRIx64, address(r, one));
			s += len;
		} else {
			g_string_append_c(out, *s++);
		}
	}
	return g_string_free(out, FALSE);
}

char *named_addresses(const char *line)
{
	static const struct { char name; uint64_t from, to, base; } near[] = {
		{ 'A', BASE_A - BASE_NEAR, BASE_A + BASE_NEAR, BASE_A }, { 'H', BASE_H - BASE_NEAR, BASE_H + BASE_NEAR, BASE_H },
		{ 'M', BASE_M - BASE_NEAR, BASE_M, BASE_M }, { 'S', BASE_M + 1, BASE_S, BASE_S },
	};
	GString *out = g_string_new(NULL);

	for (const char *s = line; *s;) {
		char *end = (char *)s;
		uint64_t at = s[0] == '0' && s[1] == 'x' ? g_ascii_strtoull(s, &end, 16) : 0;
		size_t i;

		for (i = 0; i < G_N_ELEMENTS(near); i++)
			if (end != s && at >= near[i].from && at <= near[i].to)
				break;
		if (end == s) {
			g_string_append_c(out, *s++);
			continue;
		}
		if (i < G_N_ELEMENTS(near) && at >= near[i].base && near[i].name < 'M')
			g_string_append_printf(out, "%c+0x%" PRIx64, near[i].name, at - near[i].base);
		else if (i < G_N_ELEMENTS(near))
			g_string_append_printf(out, "%c-0x%" PRIx64, near[i].name, near[i].base - at);
		else
			g_string_append_len(out, s, end - s);
		s = end;
	}
	return g_string_free(out, FALSE);
}
