/* json.c - just enough JSON. */
#include "json.h"

#include "lab.h"

static struct json *value(const char **p);

static void blanks(const char **p)
{
	while (g_ascii_isspace(**p))
		++*p;
}

static char *string(const char **p)
{
	GString *s = g_string_new(NULL);

	assert_int_equal(**p, '"');
	for (++*p; **p != '"'; ++*p) {
		assert_true(**p);
		if (**p != '\\') {
			g_string_append_c(s, **p);
			continue;
		}
		++*p;
		if (**p == 'u') {
			char hex[5] = { (*p)[1], (*p)[2], (*p)[3], (*p)[4], 0 };

			g_string_append_unichar(s, (gunichar)strtoul(hex, NULL, 16));
			*p += 4;
		} else {
			g_string_append_c(s, **p == 'n' ? '\n' : **p == 't' ? '\t' : **p);
		}
	}
	++*p;
	return g_string_free(s, FALSE);
}

static void members(struct json *j, const char **p, char end)
{
	j->items = g_ptr_array_new();
	for (++*p, blanks(p); **p != end; blanks(p)) {
		char *key = NULL;
		struct json *item;

		if (end == '}') {
			key = string(p);
			blanks(p);
			assert_int_equal(*(*p)++, ':');
		}
		item = value(p);
		item->key = key;
		g_ptr_array_add(j->items, item);
		blanks(p);
		if (**p == ',')
			++*p;
		else
			assert_int_equal(**p, end);
		blanks(p);
	}
	++*p;
}

static struct json *value(const char **p)
{
	struct json *j = g_new0(struct json, 1);

	blanks(p);
	if (**p == '"') {
		j->kind = JSON_STRING;
		j->text = string(p);
	} else if (**p == '[') {
		j->kind = JSON_ARRAY;
		members(j, p, ']');
	} else if (**p == '{') {
		j->kind = JSON_OBJECT;
		members(j, p, '}');
	} else if (g_str_has_prefix(*p, "true") || g_str_has_prefix(*p, "false")) {
		j->kind = JSON_BOOL;
		j->number = **p == 't';
		*p += **p == 't' ? 4 : 5;
	} else if (g_str_has_prefix(*p, "null")) {
		*p += 4;
	} else {
		char *end;

		j->kind = JSON_NUMBER;
		j->number = g_ascii_strtod(*p, &end);
		assert_ptr_not_equal(end, *p);
		j->text = g_strndup(*p, (gsize)(end - *p));
		*p = end;
	}
	return j;
}

struct json *json_read(const char *case_name)
{
	char *text = case_file(case_name);
	const char *p = text;
	struct json *j = value(&p);

	blanks(&p);
	assert_int_equal(*p, '\0');
	g_free(text);
	return j;
}

void json_free(struct json *j)
{
	for (unsigned i = 0; j->items && i < j->items->len; i++)
		json_free(j->items->pdata[i]);
	if (j->items)
		g_ptr_array_free(j->items, TRUE);
	g_free(j->key);
	g_free(j->text);
	g_free(j);
}

const struct json *json_get(const struct json *j, const char *key)
{
	for (unsigned i = 0; j->kind == JSON_OBJECT && i < j->items->len; i++) {
		const struct json *item = j->items->pdata[i];

		if (strcmp(item->key, key) == 0)
			return item;
	}
	return NULL;
}

const struct json *json_need(const struct json *j, const char *key)
{
	const struct json *item = json_get(j, key);

	if (!item)
		fail_msg("the data has no %s", key);
	return item;
}

const char *json_text(const struct json *j, const char *key)
{
	return json_need(j, key)->text;
}

double json_number(const struct json *j, const char *key)
{
	const struct json *item = json_need(j, key);

	if (item->kind == JSON_STRING)
		return (double)strtoull(item->text, NULL, 0);
	return item->number;
}

unsigned json_count(const struct json *j) { return j->items->len; }

const struct json *json_at(const struct json *j, unsigned index)
{
	assert_true(index < j->items->len);
	return j->items->pdata[index];
}
