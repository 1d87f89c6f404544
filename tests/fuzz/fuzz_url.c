/* fuzz_url.c - hostile URLs: taken apart, written, resolved, asked for. */
#include "net_http.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A base and a reference, a NUL between. */
static void fuzz_url(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	size_t first = nul ? (size_t)(nul - data) : size;
	struct net_url base, ref = { 0 }, target, again;
	g_autoptr(GString) text = g_string_new(NULL);

	if (net_url_parse((const char *)data, first, &base, NULL))
		return;
	net_url_write(&base, text);
	g_assert(text->len == first && !memcmp(text->str, data, first));
	net_http_request(&base, text, NULL);
	if (nul && !net_url_parse((const char *)nul + 1, size - first - 1, &ref, NULL) && !net_url_resolve(&base, &ref, &target, NULL)) {
		g_string_truncate(text, 0);
		net_url_write(&target, text);
		g_assert(!net_url_parse(text->str, text->len, &again, NULL));
		net_url_clear(&again);
		net_url_clear(&target);
	}
	net_url_clear(&ref);
	net_url_clear(&base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree uint8_t *exact = g_memdup2(data, size); /* so that one byte beyond is seen */

	if (size)
		fuzz_url(exact, size);
	return 0;
}
