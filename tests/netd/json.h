/* json.h - just enough JSON to read the data of tests/cases. Any mistake in the text fails the test. */
#ifndef TEST_JSON_H
#define TEST_JSON_H

#include <glib.h>

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	char      *key;    /* in an object */
	char      *text;   /* of a string or number */
	double     number; /* true is 1 */
	GPtrArray *items;  /* struct json *, of an array or object */
};

struct json *json_read(const char *case_name);
void         json_free(struct json *j);
/* A member of an object: NULL if it has none of that name. */
const struct json *json_get(const struct json *j, const char *key);
/* The same, but it must be there. */
const struct json *json_need(const struct json *j, const char *key);
const char *json_text(const struct json *j, const char *key);
double      json_number(const struct json *j, const char *key); /* also "0x..." in a string */
unsigned    json_count(const struct json *j);
const struct json *json_at(const struct json *j, unsigned index);

#endif
