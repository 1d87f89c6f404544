/* mem_config.c - hosts/H/mem/config: costs and switches of a host. */
#include "mem.h"

#include "command.h"
#include "text.h"
#include "world.h"

#include <string.h>

static void put_setting(GString *out, const struct vm_config_row *row, uint64_t value)
{
	if (row->unit == VM_UNIT_TIME)
		put_duration(out, value);
	else if (row->unit == VM_UNIT_SIZE)
		put_size(out, value);
	else
		put_dec(out, value);
}

int show_config(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	for (const struct vm_config_row *row = vm_config_rows; row->name; row++) {
		put_text(out, row->name);
		put_char(out, '=');
		put_setting(out, row, *(const uint64_t *)((const char *)vm_config(vm) + row->offset));
		put_char(out, '\n');
	}
	put_text(out, "preset=");
	put_text(out, vm_config_preset_of(vm) ? vm_config_preset_of(vm)->name : "custom");
	put_char(out, '\n');
	return 0;
}

static const struct vm_config_row *config_row(const char *name, size_t len)
{
	for (const struct vm_config_row *row = vm_config_rows; row->name; row++) {
		if (strlen(row->name) == len && strncmp(row->name, name, len) == 0)
			return row;
	}
	return NULL;
}

static int check_preset(const char *name, struct err *e)
{
	if (strcmp(name, "custom") == 0 || vm_config_preset(name))
		return 0;
	return err_set(e, EINVAL, -1, "'%.40s' is none of modern slow free custom", name);
}

/* *row is NULL for a preset. */
static int parse_setting(const char *word, const struct vm_config_row **row, uint64_t *value, struct err *e)
{
	const char *equals = strchr(word, '=');
	ns_t time;

	*row = NULL;
	if (!equals)
		return err_set(e, EINVAL, -1, "%.40s is not NAME=VALUE", word);
	if (g_str_has_prefix(word, "preset="))
		return check_preset(equals + 1, e);
	*row = config_row(word, (size_t)(equals - word));
	if (!*row)
		return err_set(e, EINVAL, -1, "there is no setting %.*s", (int)MIN(equals - word, 40), word);
	if ((*row)->unit == VM_UNIT_TIME) {
		if (parse_time(equals + 1, &time, e))
			return -e->code;
		*value = time;
	} else if (parse_number(equals + 1, value, e)) {
		return -e->code;
	}
	return vm_config_check(*row, *value, e);
}

/* Several NAME=VALUE in a line are one change: all or none. */
int store_config(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	const struct vm_config_row *row;
	struct words w;
	uint64_t value;
	int error = 0;

	if (!vm || words_split(line, &w, e))
		return -e->code;
	error = words_are_text(w.word, w.count, e);
	for (unsigned i = 0; i < w.count && !error; i++) {
		error = parse_setting(w.word[i].text, &row, &value, e);
		if (error)
			e->arg = (int)w.word[i].at;
	}
	for (unsigned i = 0; i < w.count && !error; i++) {
		parse_setting(w.word[i].text, &row, &value, e);
		if (row)
			error = vm_config_set(vm, row, value, e);
		else if (vm_config_preset(w.word[i].text + strlen("preset=")))
			vm_config_use(vm, vm_config_preset(w.word[i].text + strlen("preset=")));
	}
	words_free(&w);
	return error;
}
