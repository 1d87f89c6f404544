/* notation.c - the words of a script: numbers, addresses, labels and flags, and results as they are written below a line. */
#include "recorder.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

struct label { char name[32]; uint64_t at; };

static struct label labels[256];
static unsigned label_count;

int64_t number(const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 0);

	switch (*end) {
	case 'K': v <<= 10; break;
	case 'M': v <<= 20; break;
	case 'G': v <<= 30; break;
	case 'T': v <<= 40; break;
	}
	return (int64_t)v;
}

uint64_t address(const char *text)
{
	char name[32];
	size_t n = strcspn(text, "+-");
	uint64_t base = 0;

	if (isdigit((unsigned char)text[0]))
		return (uint64_t)number(text);
	if (strcmp(text, "-") == 0)
		return 0;
	g_strlcpy(name, text, MIN(sizeof name, n + 1));
	if (strcmp(name, "A") == 0)
		base = BASE_A;
	else if (strcmp(name, "H") == 0)
		base = BASE_H;
	else if (strcmp(name, "M") == 0)
		base = BASE_M;
	else if (strcmp(name, "S") == 0)
		base = BASE_S;
	else {
		unsigned i;

		for (i = 0; i < label_count && strcmp(labels[i].name, name); i++)
			;
		if (i == label_count)
			fail(1, "no label %s", name);
		base = labels[i].at;
	}
	if (text[n] == '+')
		base += (uint64_t)number(text + n + 1);
	else if (text[n] == '-')
		base -= (uint64_t)number(text + n + 1);
	return base;
}

static void bind_label(const char *name, uint64_t at)
{
	unsigned i;

	for (i = 0; i < label_count && strcmp(labels[i].name, name); i++)
		;
	if (i == G_N_ELEMENTS(labels))
		fail(1, "too many labels");
	label_count = MAX(label_count, i + 1);
	g_strlcpy(labels[i].name, name, sizeof labels[i].name);
	labels[i].at = at;
}

void put_address(uint64_t at)
{
	if (at >= BASE_A - 0x10000000 && at < BASE_A)
		fprintf(out, "A-0x%" PRIx64, BASE_A - at);
	else if (at >= BASE_A && at < BASE_A + 0x4000000000)
		fprintf(out, "A+0x%" PRIx64, at - BASE_A);
	else if (at >= BASE_H - 0x10000000 && at < BASE_H)
		fprintf(out, "H-0x%" PRIx64, BASE_H - at);
	else if (at >= BASE_H && at < BASE_H + 0x4000000000)
		fprintf(out, "H+0x%" PRIx64, at - BASE_H);
	else if (at > BASE_M && at <= BASE_S)
		fprintf(out, "S-0x%" PRIx64, BASE_S - at);
	else if (at <= BASE_M && at > BASE_M - 0x10000000000)
		fprintf(out, "M-0x%" PRIx64, BASE_M - at);
	else
		fprintf(out, "0x%" PRIx64, at);
}

static const char *errno_name(int64_t e)
{
	return strerrorname_np((int)-e);
}

unsigned prot_of(const char *t)
{
	return (t[0] == 'r' ? PROT_READ : 0) | (t[1] == 'w' ? PROT_WRITE : 0) | (t[2] == 'x' ? PROT_EXEC : 0);
}

uint64_t flags_of(const char *text, const struct word_value *known)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	uint64_t flags = 0;

	for (char **w = words; *w; w++) {
		const struct word_value *k;

		for (k = known; k->word && strcmp(k->word, *w); k++)
			;
		if (!k->word)
			fail(1, "unknown flag %s", *w);
		flags |= k->value;
	}
	return flags;
}

void put_fault(const struct answer *a, uint64_t at, char separator)
{
	const char *name = "?";

	if (a->signal == SIGBUS)
		name = "BUS ADRERR";
	else if (a->code == 1)
		name = "SEGV MAPERR";
	else if (a->code == 2)
		name = "SEGV ACCERR";
	else if (a->code == 4)
		name = "SEGV PKUERR";
	else if (a->code == 128)
		name = "SEGV KERNEL";
	for (; *name; name++)
		fputc(*name == ' ' ? separator : *name, out);
	if (separator == ' ' && a->addr != at)
		fprintf(out, " addr=0x%" PRIx64, a->addr);
}

void put_result(int64_t value)
{
	if (value == 0)
		fprintf(out, "= ok\n");
	else
		fprintf(out, "= %s\n", errno_name(value));
}

void put_address_result(int64_t value, const char *label)
{
	if (value < 0 && value > -4096) {
		fprintf(out, "= %s\n", errno_name(value));
		return;
	}
	fprintf(out, "= ");
	put_address((uint64_t)value);
	fprintf(out, "\n");
	if (label)
		bind_label(label, (uint64_t)value);
}

bool uses_unbound_label(const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \n", -1);
	bool binding = false;

	for (guint i = 0; words[i]; i++) {
		unsigned k = 0;
		size_t n = strcspn(words[i], "+-");

		binding = words[i + 1] && strcmp(words[i + 1], "=") == 0;
		if (binding || words[i][0] != 'k' || !isdigit((unsigned char)words[i][1]))
			continue;
		while (k < label_count && (strlen(labels[k].name) != n || strncmp(labels[k].name, words[i], n)))
			k++;
		if (k == label_count)
			return true;
	}
	return false;
}
