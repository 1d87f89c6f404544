/* fuzz_http.c - hostile HTTP: requests to the server, answers to the client. The first byte says which the rest is. */
#include "net_http.h"
#include "net_service.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int no_file(void *user, const char *path, GString *out)
{
	g_string_append(out, path);
	return strlen(path) % 3 ? 0 : -ENOENT;
}

/* In pieces, whose lengths the first bytes say. */
static void fuzz_request(const uint8_t *data, size_t size)
{
	const struct net_service *s = net_service_named("http");
	struct net_service_env env = { .file = no_file, .patience = 20 * NS_PER_S };
	g_autoptr(GString) out = g_string_new(NULL);
	void *state = s->open();
	bool more = true;

	s->input(state, &env, "", 0, false, out);
	while (more && size > 1) {
		size_t n = MIN((size_t)data[0] + 1, size - 1);

		more = s->input(state, &env, (const char *)data + 1, n, false, out);
		g_assert(!more || s->deadline(state, &env) > env.time);
		env.time += NS_PER_MS;
		data += 1 + n;
		size -= 1 + n;
	}
	if (more && size)
		s->late(state, &env, out);
	else if (more)
		s->input(state, &env, "", 0, true, out);
	s->close(state);
}

static void fuzz_answer(const uint8_t *data, size_t size)
{
	struct net_http *h = net_http_new();
	struct net_http_answer a;
	int rc = 0;

	while (!rc && size > 1) {
		size_t n = MIN((size_t)data[0] + 1, size - 1);

		rc = net_http_input(h, (const char *)data + 1, n, false, NULL);
		data += 1 + n;
		size -= 1 + n;
	}
	if (!rc && !net_http_input(h, "", 0, true, NULL)) {
		net_http_get(h, &a);
		g_assert(a.done && a.status >= 200 && a.status < 600);
	}
	net_http_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const uint8_t *, size_t) = { fuzz_request, fuzz_answer };
	g_autofree uint8_t *exact = NULL;

	if (size < 2)
		return 0;
	exact = g_memdup2(data + 1, size - 1);           /* so that one byte beyond is seen */
	kinds[(uint8_t)(data[0] - '0') % G_N_ELEMENTS(kinds)](exact, size - 1);
	return 0;
}
