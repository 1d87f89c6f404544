/* settings.h - what `vitrine mount` is asked for: by options, by mount(8), by the journal that it repeats. */
#ifndef FS_SETTINGS_H
#define FS_SETTINGS_H

#include "world.h"

struct journal_file;
struct record;

struct settings {
	struct world_options world;
	bool ram_given, foreground;
	char *policy;       /* world.policy */
	char *root;         /* of --root, or NULL */
	char *pidfile;      /* absolute, or NULL */
	char *journal, *replay; /* of --journal and --replay, or NULL */
	bool world_given;   /* an option that a journal has too */
	const char *source; /* what mount shows as the device */
	GString *fuse;      /* options for FUSE, each with a comma in front */
};

/* settings_clear() also after a failure. Those that give an int give a status of say.h, and have said what is wrong. */
void settings_init(struct settings *s, const char *source);
void settings_clear(struct settings *s);
int settings_parse(struct settings *s, int argc, char **argv);   /* leaves optind at the first word that is none */
int settings_read(struct settings *s, const struct journal_file *j);
/* All options that make a world what it is, those that nobody gave too. */
void settings_write(const struct settings *s, struct record *r);

#endif
