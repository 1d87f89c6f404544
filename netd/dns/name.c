/* name.c - DNS names: text and wire, comparisons (RFC 1035 2.3, 3.1, 5.1; RFC 4343). */
#include "message.h"

#include <errno.h>
#include <string.h>

/* One character or escape at *in; -1: a bad escape. */
static int next_char(const char **in)
{
	const char *c = *in;

	if (*c != '\\') {
		*in = c + 1;
		return (uint8_t)*c;
	}
	if (g_ascii_isdigit(c[1]) && g_ascii_isdigit(c[2]) && g_ascii_isdigit(c[3])) {
		int v = (c[1] - '0') * 100 + (c[2] - '0') * 10 + (c[3] - '0');

		*in = c + 4;
		return v > 255 ? -1 : v;
	}
	if (!c[1] || g_ascii_isdigit(c[1]))
		return -1;
	*in = c + 2;
	return (uint8_t)c[1];
}

int dns_name_parse(const char *text, struct dns_name *out, struct err *e)
{
	struct dns_name n = { 0 };
	unsigned label = 0, len = 0;     /* where the present label's length is, and it */
	const char *in = text;

	if (!*text)
		return err_set(e, EINVAL, 0, "an empty name");
	if (!strcmp(text, "."))
		in++;
	while (*in) {
		if (*in == '.') {
			if (len == 0)
				return err_set(e, EINVAL, 0, "'%.60s' has an empty label", text);
			n.at[label] = (uint8_t)len;
			label += len + 1;
			len = 0;
			in++;
			continue;
		}
		int c = next_char(&in);

		if (c < 0)
			return err_set(e, EINVAL, 0, "'%.60s' has a bad escape", text);
		if (++len > DNS_LABEL_MAX)
			return err_set(e, EINVAL, 0, "'%.60s' has a label of more than %d bytes", text, DNS_LABEL_MAX);
		if (label + len + 2 > DNS_NAME_MAX)
			return err_set(e, EINVAL, 0, "'%.60s...' has more than %d bytes", text, DNS_NAME_MAX);
		n.at[label + len] = (uint8_t)c;
	}
	if (len) {
		n.at[label] = (uint8_t)len;
		label += len + 1;
	}
	n.at[label] = 0;
	n.len = (uint8_t)(label + 1);
	*out = n;
	return 0;
}

void dns_name_write(const struct dns_name *n, GString *out)
{
	if (n->len <= 1)
		g_string_append_c(out, '.');
	for (unsigned at = 0; n->at[at]; at += n->at[at] + 1u) {
		for (unsigned i = 1; i <= n->at[at]; i++) {
			uint8_t c = n->at[at + i];

			if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$')
				g_string_append_printf(out, "\\%c", c);
			else if (g_ascii_isgraph((char)c))
				g_string_append_c(out, (char)c);
			else
				g_string_append_printf(out, "\\%03u", c);
		}
		g_string_append_c(out, '.');
	}
}

/* Lengths are at most 63, below 'A': the bytes of names compare as they are. */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	if (a->len != b->len)
		return false;
	for (unsigned i = 0; i < a->len; i++)
		if (g_ascii_tolower((char)a->at[i]) != g_ascii_tolower((char)b->at[i]))
			return false;
	return true;
}

guint dns_name_hash(const struct dns_name *n)
{
	guint h = 5381;

	for (unsigned i = 0; i < n->len; i++)
		h = h * 33 + (guint)g_ascii_tolower((char)n->at[i]);
	return h;
}

unsigned dns_name_labels(const struct dns_name *n)
{
	unsigned count = 0;

	for (unsigned at = 0; n->at[at]; at += n->at[at] + 1u)
		count++;
	return count;
}

bool dns_name_parent(const struct dns_name *n, struct dns_name *out)
{
	struct dns_name p = { 0 };
	unsigned skip = n->at[0] + 1u;

	if (n->len <= 1)
		return false;
	p.len = (uint8_t)(n->len - skip);
	memcpy(p.at, n->at + skip, p.len);
	*out = p;
	return true;
}

bool dns_name_is_in(const struct dns_name *n, const struct dns_name *zone)
{
	struct dns_name at = *n;
	unsigned labels = dns_name_labels(n), wanted = dns_name_labels(zone);

	while (labels-- > wanted)
		dns_name_parent(&at, &at);
	return dns_name_equal(&at, zone);
}
