/* main.c - the program and its subcommands. */
#include "enter.h"
#include "mount.h"
#include "mount_world.h"
#include "replay.h"
#include "say.h"
#include "settings.h"
#include "version.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

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

static int say_it(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) ? fail("%s", g_strerror(errno)) : OK;
}

static int run_mount(int argc, char **argv, const char *source)
{
	struct settings s;
	int rc;

	settings_init(&s, source);
	rc = settings_parse(&s, argc, argv);
	if (rc == OK && argc - optind != 1) {
		fputs(usage, stderr);
		rc = USAGE;
	}
	if (rc == OK)
		rc = mount_world(&s, argv[optind]);
	settings_clear(&s);
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
	if (argc >= 2 && is_one_of(argv[1], "help", "--help", "-h"))
		return say_it(usage);
	if (argc >= 2 && is_one_of(argv[1], "version", "--version", "-V"))
		return say_it("vitrine " VITRINE_VERSION "\n");
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
