/* settings.c - the options of `vitrine mount`, each a row: on the command line, in -o, in a journal. */
#include "settings.h"

#include "command.h"
#include "geometry_text.h"
#include "journal_file.h"
#include "record.h"
#include "say.h"
#include "version.h"

#include <getopt.h>
#include <string.h>

void settings_init(struct settings *s, const char *source)
{
	*s = (struct settings){
		.world = { .ram_bytes = 64 * MiB, .swap_bytes = 128 * MiB, .seed = 1, .cpus = 1,
			   .geometry = *vm_geometry_preset("x86-64") },
		.source = source, .fuse = g_string_new(NULL),
	};
}

void settings_clear(struct settings *s)
{
	g_free(s->journal);
	g_free(s->replay);
	g_string_free(s->fuse, TRUE);
	g_free(s->policy);
	g_free(s->root);
	g_free(s->pidfile);
}

static int set_ram(struct settings *s, const char *value, struct err *e)
{
	s->ram_given = true;
	return parse_number(value, &s->world.ram_bytes, e);
}

static int set_swap(struct settings *s, const char *value, struct err *e)
{
	return parse_number(value, &s->world.swap_bytes, e);
}

static int set_swap_device(struct settings *s, const char *value, struct err *e)
{
	const struct vm_device_model *m = vm_device_preset(value);

	if (!m)
		return err_set(e, EINVAL, -1, "'%.20s' is none of hdd ssd nvme", value);
	s->world.swap_device = vm_device_names[m->kind];
	return 0;
}

static int set_geometry(struct settings *s, const char *value, struct err *e)
{
	return geometry_parse(value, &s->world.geometry, e);
}

static int set_policy(struct settings *s, const char *value, struct err *e)
{
	g_free(s->policy);
	s->world.policy = s->policy = g_strdup(value);
	return 0;
}

static int set_seed(struct settings *s, const char *value, struct err *e)
{
	return parse_number(value, &s->world.seed, e);
}

static int set_cpus(struct settings *s, const char *value, struct err *e)
{
	uint64_t n;

	if (parse_number(value, &n, e))
		return -e->code;
	if (n < 1 || n > 1024)
		return err_set(e, ERANGE, -1, "1 to 1024");
	s->world.cpus = (unsigned)n;
	return 0;
}

static int set_root(struct settings *s, const char *value, struct err *e)
{
	g_free(s->root);
	s->root = g_strdup(value);
	return 0;
}

static int set_pidfile(struct settings *s, const char *value, struct err *e)
{
	g_free(s->pidfile);
	s->pidfile = g_canonicalize_filename(value, NULL);
	return 0;
}

static int set_bridge_any(struct settings *s, const char *value, struct err *e)
{
	s->world.bridge_any = true;
	return 0;
}

static int set_journal(struct settings *s, const char *value, struct err *e)
{
	g_free(s->journal);
	s->journal = g_canonicalize_filename(value, NULL);
	return 0;
}

static int set_replay(struct settings *s, const char *value, struct err *e)
{
	g_free(s->replay);
	s->replay = g_canonicalize_filename(value, NULL);
	return 0;
}

static const struct setting {
	const char *name;
	int (*set)(struct settings *s, const char *value, struct err *e);
	bool of_world;      /* a journal's header has it */
} settings_known[] = {
	{ "ram", set_ram, true }, { "swap", set_swap, true }, { "swap-device", set_swap_device, true },
	{ "geometry", set_geometry, true }, { "policy", set_policy, true }, { "seed", set_seed, true }, { "cpus", set_cpus, true },
	{ "root", set_root, true }, { "pidfile", set_pidfile, false }, { "journal", set_journal, false },
	{ "replay", set_replay, false }, { "bridge-any", set_bridge_any, false },
};

static int set(struct settings *s, const char *name, const char *value)
{
	struct err e = { 0 };

	for (unsigned i = 0; i < G_N_ELEMENTS(settings_known); i++)
		if (!strcmp(settings_known[i].name, name)) {
			s->world_given |= settings_known[i].of_world;
			return settings_known[i].set(s, value, &e) ? misused("%s: %s", name, e.why) : OK;
		}
	return -1;
}

/* What mount(8) and fstab say to themselves, and what we decide. */
static bool is_for_others(const char *option)
{
	static const char *const known[] = { "rw", "defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group",
					     "nofail", "_netdev", "dev", "nodev", "suid", "nosuid", "exec", "noexec", NULL };

	return g_strv_contains(known, option) || g_str_has_prefix(option, "x-") || g_str_has_prefix(option, "comment=") ||
	       g_str_has_prefix(option, "user=") || !*option;
}

static int set_mount_option(struct settings *s, char *option)
{
	char *equals = strchr(option, '=');
	int rc = -1;

	if (is_for_others(option))
		return OK;
	if (equals) {
		*equals = '\0';
		rc = set(s, option, equals + 1);
		*equals = '=';
	}
	if (!strcmp(option, "bridge-any"))
		rc = set(s, option, "");
	if (rc < 0) {
		g_string_append_c(s->fuse, ',');
		g_string_append(s->fuse, option);
		rc = OK;
	}
	return rc;
}

/* A comma inside a value is written \, as FUSE itself has it. */
static int set_mount_options(struct settings *s, const char *list)
{
	g_autoptr(GString) option = g_string_new(NULL);
	int rc = OK;

	for (const char *c = list;; c++) {
		if (*c == '\\' && c[1] == ',') {
			g_string_append_c(option, *++c);
		} else if (*c && *c != ',') {
			g_string_append_c(option, *c);
		} else {
			rc = set_mount_option(s, option->str);
			g_string_truncate(option, 0);
			if (!*c || rc)
				return rc;
		}
	}
}

int settings_parse(struct settings *s, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ram", required_argument, NULL, 0 }, { "swap", required_argument, NULL, 0 },
		{ "geometry", required_argument, NULL, 0 }, { "policy", required_argument, NULL, 0 }, { "seed", required_argument, NULL, 0 },
		{ "swap-device", required_argument, NULL, 0 },
		{ "cpus", required_argument, NULL, 0 }, { "root", required_argument, NULL, 0 },
		{ "bridge-any", no_argument, NULL, 0 },
		{ "journal", required_argument, NULL, 0 }, { "replay", required_argument, NULL, 0 }, { 0 },
	};
	int c, i, rc = OK;

	opterr = 0;
	while (rc == OK && (c = getopt_long(argc, argv, ":fo:", longs, &i)) != -1) {
		if (c == 'f')
			s->foreground = true;
		else if (c == 'o')
			rc = set_mount_options(s, optarg);
		else if (c == 0)
			rc = set(s, longs[i].name, optarg ? optarg : "");
		else {
			rc = misused("%s %s; try `vitrine help`", c == ':' ? "a value is missing behind" : "unknown option",
				     argv[optind - 1]);
		}
	}
	return rc;
}

int settings_read(struct settings *s, const struct journal_file *j)
{
	const char *name, *value;
	int rc = OK;

	for (unsigned i = 0; rc == OK && journal_file_option(j, i, &name, &value); i++) {
		for (unsigned k = 0; k < G_N_ELEMENTS(settings_known); k++)
			if (!strcmp(settings_known[k].name, name) && settings_known[k].of_world)
				rc = set(s, name, value);
	}
	return rc;
}

static void write_number(struct record *r, const char *name, uint64_t value)
{
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);

	record_option(r, name, text);
}

void settings_write(const struct settings *s, struct record *r)
{
	g_autoptr(GString) geometry = g_string_new(NULL);

	geometry_print(&s->world.geometry, geometry);
	record_option(r, "version", VITRINE_VERSION);
	record_option(r, "geometry", geometry->str);
	write_number(r, "ram", s->world.ram_bytes);
	write_number(r, "swap", s->world.swap_bytes);
	write_number(r, "seed", s->world.seed);
	write_number(r, "cpus", s->world.cpus);
	if (s->world.swap_device)
		record_option(r, "swap-device", s->world.swap_device);
	if (s->policy)
		record_option(r, "policy", s->policy);
	if (s->root)
		record_option(r, "root", s->root);
	record_begin(r);
}
