/* main.c - the program: its command line, mounting, becoming a daemon. */
#include "command.h"
#include "enter.h"
#include "geometry_text.h"
#include "mount.h"
#include "node.h"
#include "ops.h"
#include "record.h"
#include "repeat.h"
#include "replay.h"
#include "version.h"
#include "say.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>


static const char usage[] =
	"usage: vitrine mount [OPTIONS] DIR        mounts a simulated world of computers on DIR\n"
	"       vitrine umount DIR\n"
	"       vitrine enter DIR [HOST] -- COMMAND...   runs a real program with that host's proc/ over /proc\n"
	"       vitrine replay [OPTIONS] TRACE...  traces of references against policies; alone it says more\n"
	"       vitrine convert [--from F] [--to F] IN OUT\n"
	"       vitrine help | version\n"
	"       vitrine SOURCE DIR [-o OPTIONS]    as mount(8) calls it for the type fuse.vitrine\n"
	"\n"
	"  --ram SIZE       RAM of each host (64M)\n"
	"  --swap SIZE      swap of each host (128M)\n"
	"  --swap-device D  what it is on: hdd, ssd or nvme (ssd)\n"
	"  --geometry G     a preset as x86-64 or sv39, or key=value words (x86-64)\n"
	"  --policy P       which page goes when a frame is needed: fifo, lru, ... as in help/mem-policy (clock)\n"
	"  --seed N         where random numbers start (1)\n"
	"  --cpus N         processors of each host (1)\n"
	"  --bridge-any     bridge/ may use any address of this machine, not only loopback\n"
	"  --root SUBTREE   mount only that part of the tree, as hosts/host0/proc\n"
	"  --journal FILE   write down all that enters from outside: commands, files, input\n"
	"  --replay FILE    first repeat such a journal; it says the options of the world\n"
	"  -f               stay in the foreground\n"
	"  -o OPTIONS       options of FUSE as allow_other, or those above as ram=64M; pidfile=FILE\n";

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

/* Options */

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

static int parse_options(struct settings *s, int argc, char **argv)
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

/* Mounting */

static int lock_pidfile(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void write_pidfile(int fd)
{
	if (fd >= 0 && ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", getpid());
}

/*
 * The parent waits until the child has shaken hands with the kernel, and ends with status 0, or 1 when the child is
 * gone before. Gives the descriptor to which the child writes then.
 */
static int become_daemon(void)
{
	int ends[2];
	pid_t child;
	char byte;

	if (pipe(ends))
		return -1;
	child = fork();
	if (child < 0)
		return -1;
	if (child > 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 1 ? OK : FAILED);
	}
	close(ends[0]);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return ends[1];
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (chdir("/"))
		return;
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

/* Of the mount itself, without asking it: we are the one who would have to answer. */
static dev_t device_of(const char *dir)
{
	struct statx st;

	return statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC, STATX_TYPE, &st) ? 0 : makedev(st.stx_dev_major, st.stx_dev_minor);
}

static int mount_and_serve(struct settings *s, struct world *w, struct fs *fs, const char *dir)
{
	int pidfile = -1, ready = -1, rc;

	if (s->pidfile && (pidfile = lock_pidfile(s->pidfile)) < 0)
		return fail("%s: cannot be locked: another vitrine uses it", s->pidfile);
	if (fs_mount(fs, dir))
		return FAILED;
	if (!s->foreground) {
		ready = become_daemon();
		if (ready < 0)
			return fail("%s", g_strerror(errno));
		leave_terminal();
	}
	write_pidfile(pidfile);
	w->device = device_of(dir);
	rc = fs_serve(fs, ready);
	if (pidfile >= 0) {
		unlink(s->pidfile);
		close(pidfile);
	}
	return rc ? fail("%s", g_strerror(-rc)) : OK;
}

/* The options of ours that every mount has come last, so that nothing undoes them. */
static char *fuse_options(const struct settings *s)
{
	g_autoptr(GString) source = g_string_new(NULL);

	for (const char *c = s->source; *c; c++) {
		if (*c == ',' || *c == '\\')
			g_string_append_c(source, '\\');
		g_string_append_c(source, *c);
	}
	return g_strdup_printf("fsname=%s,subtype=vitrine%s,nosuid,nodev,noexec", source->str, s->fuse->str);
}

/* Up to 2^pa bytes, when no size was asked for. */
static void fit_ram(struct settings *s)
{
	uint64_t most = (uint64_t)1 << s->world.geometry.pa_bits;

	if (!s->ram_given)
		s->world.ram_bytes = MIN(s->world.ram_bytes, most);
}

static int set_tree_root(struct settings *s, struct world *w)
{
	struct node root = tree_root(w);
	g_autofree char *path = NULL;
	int rc = s->root ? tree_path(w, s->root, &root) : 0;

	if (rc == 0 && root.row->kind != ROW_DIRECTORY)
		rc = -ENOTDIR;
	if (rc)
		return fail("--root %s: %s", s->root, g_strerror(-rc));
	path = g_canonicalize_filename(s->root ? s->root : "", "/");
	w->knowns = knowns_new(w, &root, path + 1);
	return OK;
}

/* Journals */

static int read_options(struct settings *s, const struct journal_file *j)
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

/* All options that make a world what it is, those that nobody gave too. */
static void write_options(const struct settings *s, struct record *r)
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

static int begin_journal(const struct settings *s, struct world *w)
{
	struct err e = { 0 };

	if (!s->journal)
		return OK;
	w->record = record_new(s->journal, &e);
	if (!w->record)
		return fail("%s", e.why);
	write_options(s, w->record);
	return OK;
}

/* The world stands at the last record that could be carried out, so that one can look at it. */
static void repeat_journal(const struct settings *s, struct fs *fs, struct journal_file *j)
{
	struct err e = { 0 };

	if (j && journal_repeat(fs, j, 0, &e))
		fail("%s: %s; the world stands as it was before", s->replay, e.why);
}

static int open_replay(struct settings *s, struct journal_file **j)
{
	struct err e = { 0 };

	*j = NULL;
	if (!s->replay)
		return OK;
	if (s->world_given)
		return misused("--replay: the journal says ram, swap, swap-device, geometry, policy, seed, cpus and root");
	if (s->journal && !strcmp(s->journal, s->replay))
		return misused("--journal would replace what --replay reads");
	*j = journal_file_open(s->replay, &e);
	if (!*j)
		return fail("%s", e.why);
	return read_options(s, *j);
}

static int mount_world(struct settings *s, const char *dir, struct journal_file *j)
{
	g_autofree char *options = fuse_options(s), *at = NULL;
	struct err e = { 0 };
	struct world *w;
	struct fs *fs;
	int rc;

	at = mount_absolute(dir, &e);
	if (!at || mount_prepare(at, &e))
		return fail("%s", e.why);
	fit_ram(s);
	w = world_new(&s->world, &e);
	if (!w)
		return fail("%s", e.why);
	rc = set_tree_root(s, w);
	if (rc == OK)
		rc = begin_journal(s, w);
	if (rc == OK) {
		fs = fs_new(w, options);
		if (fs)
			repeat_journal(s, fs, j);
		w->real_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		rc = fs ? mount_and_serve(s, w, fs, at) : USAGE;
		if (fs)
			fs_free(fs);
	}
	record_free(g_steal_pointer(&w->record));
	world_free(w);
	return rc;
}

/* The command line */

static int run_mount(int argc, char **argv, const char *source)
{
	struct settings s = {
		.world = { .ram_bytes = 64 * MiB, .swap_bytes = 128 * MiB, .seed = 1, .cpus = 1,
			   .geometry = *vm_geometry_preset("x86-64") },
		.source = source, .fuse = g_string_new(NULL),
	};
	int rc = parse_options(&s, argc, argv);
	struct journal_file *replay = NULL;

	if (rc == OK && argc - optind != 1) {
		fputs(usage, stderr);
		rc = USAGE;
	}
	if (rc == OK)
		rc = open_replay(&s, &replay);
	if (rc == OK)
		rc = mount_world(&s, argv[optind], replay);
	journal_file_free(replay);
	g_free(s.journal);
	g_free(s.replay);
	g_string_free(s.fuse, TRUE);
	g_free(s.policy);
	g_free(s.root);
	g_free(s.pidfile);
	return rc;
}

static int run_umount(int argc, char **argv)
{
	g_autofree char *at = NULL;
	struct err e = { 0 };

	if (argc != 2 || argv[1][0] == '-') {
		fputs(usage, stderr);
		return USAGE;
	}
	at = mount_absolute(argv[1], &e);
	if (!at || mount_end(at, &e))
		return fail("%s", e.why);
	return OK;
}

/* enter DIR [HOST] -- COMMAND... */
static int run_enter(int argc, char **argv)
{
	int dashes = 1;

	while (dashes < argc && strcmp(argv[dashes], "--"))
		dashes++;
	if (dashes < 2 || dashes > 3 || dashes + 1 >= argc) {
		fputs(usage, stderr);
		return USAGE;
	}
	return enter(argv[1], dashes == 3 ? argv[2] : NULL, argv + dashes + 1);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && is_one_of(argv[1], "help", "--help", "-h")) {
		fputs(usage, stdout);
		return OK;
	}
	if (argc >= 2 && is_one_of(argv[1], "version", "--version", "-V")) {
		puts("vitrine " VITRINE_VERSION);
		return OK;
	}
	if (argc >= 2 && !strcmp(argv[1], "mount"))
		return run_mount(argc - 1, argv + 1, "vitrine");
	if (argc >= 2 && !strcmp(argv[1], "umount"))
		return run_umount(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "enter"))
		return run_enter(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "replay"))
		return replay_main(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "convert"))
		return convert_main(argc - 1, argv + 1);
	if (argc >= 3 && argv[1][0] != '-')  /* mount(8): SOURCE DIR -o OPTIONS */
		return run_mount(argc - 1, argv + 1, argv[1]);
	fputs(usage, stderr);
	return USAGE;
}
