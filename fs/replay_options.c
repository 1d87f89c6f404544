/* replay_options.c - the command line of `vitrine replay`. */
#include "replay_inner.h"
#include "command.h"
#include "say.h"
#include "table.h"

#include <getopt.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	WORKERS_MAX = 1024,
	CURVE_SHARE = 3,         /* a curve gets a third of the room for tables: it has arrays of four times those */
	LONG = 256,              /* where options begin, behind all characters */
};

static const char usage[] =
	"usage: vitrine replay [OPTIONS] TRACE...   policies x frames over traces; `-` is the standard input\n"
	"\n"
	"  --policy LIST     fifo,lru,... or all (clock); parameters as \"wsclock tau=5000\"\n"
	"  --frames LIST     as 3,4,16-64,100-1000/50,16-4096*2: single sizes, ranges, in steps, by a factor\n"
	"  --format F        lackey din pages bin64 compact; else the name or the beginning tells\n"
	"  --tlb SPEC        64x4, or 64x4,1536x12 for two levels (that is the default); off: every reference walks;\n"
	"                    filter: the same, quicker\n"
	"  --curve           misses at every number of frames: exact for lru, sampled for others\n"
	"  --sample RATE     of sampled curves: so large a part of the pages (as it fits)\n"
	"  --steps           a row a reference: ref page result victim\n"
	"  --csv, --json     instead of text\n"
	"  --parallel N      threads (one a processor)\n"
	"  --seed N          of random numbers (1)\n"
	"  --tables SIZE     real memory for page tables of one run\n"
	"  --help            this\n";

void replay_settings_init(struct replay_settings *s)
{
	*s = (struct replay_settings){
		.batch = {
			.jobs = g_ptr_array_new_with_free_func(g_free), .sources = g_ptr_array_new(),
			.path = VM_REPLAY_TLB, .tlb = { { 64, 4 }, { 1536, 12 } }, .seed = 1,
			.workers = g_get_num_processors(), .progress = isatty(2),
		},
		.policies = g_ptr_array_new_with_free_func(g_free), .format = TRACE_GUESS,
		.frames = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
	};
}

void replay_settings_clear(struct replay_settings *s)
{
	replay_batch_clear(&s->batch);
	g_ptr_array_unref(s->policies);
	g_array_unref(s->frames);
}

/* One of the list: N, A-B, A-B/STEP, A-B*FACTOR. */
static int parse_range(const char *text, GArray *frames, struct err *e)
{
	g_auto(GStrv) ends = g_strsplit(text, "-", 2);
	uint64_t from, to, by = 1;
	char *how, kind = '/';

	if (!ends[0] || parse_number(ends[0], &from, e))
		return err_set(e, EINVAL, -1, "\"%.40s\" is no number of frames", text);
	to = from;
	if (ends[1]) {
		how = strpbrk(ends[1], "/*");
		if (how) {
			kind = *how;
			*how = '\0';
			if (parse_number(how + 1, &by, e) || by < (kind == '*' ? 2 : 1))
				return err_set(e, EINVAL, -1, "\"%.40s\" does not get on", text);
		}
		if (parse_number(ends[1], &to, e) || to < from)
			return err_set(e, EINVAL, -1, "\"%.40s\" is no range", text);
	}
	if (from == 0)
		return err_set(e, ERANGE, -1, "0 frames hold no page: at least 1");
	if ((kind == '/' ? (to - from) / by : 64) > 1 << 22)
		return err_set(e, ERANGE, -1, "\"%.40s\" are too many numbers", text);
	for (uint64_t n = from;; n = kind == '*' ? n * by : n + by) {
		g_array_append_val(frames, n);
		if (kind == '*' ? n > to / by : to - n < by)
			return 0;
	}
}

static int set_frames(struct replay_settings *s, const char *value, struct err *e)
{
	g_auto(GStrv) parts = g_strsplit_set(value, ", ", -1);

	for (unsigned i = 0; parts[i]; i++)
		if (*parts[i] && parse_range(parts[i], s->frames, e))
			return -e->code;
	return s->frames->len ? 0 : err_set(e, EINVAL, -1, "no number of frames");
}

/* Each once. Only the name is checked here; parameters by check_runs(). */
static int add_policy(struct replay_settings *s, const char *text, struct err *e)
{
	size_t len = strcspn(text, " ");

	if (g_ptr_array_find_with_equal_func(s->policies, text, g_str_equal, NULL))
		return 0;

	for (unsigned i = 0; vm_replay_policies[i]; i++)
		if (strlen(vm_replay_policies[i]) == len && !strncmp(vm_replay_policies[i], text, len)) {
			g_ptr_array_add(s->policies, g_strdup(text));
			return 0;
		}
	return err_set(e, EINVAL, -1, "\"%.40s\" is no policy of replays", text);
}

static int set_policy(struct replay_settings *s, const char *value, struct err *e)
{
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);

	if (!*value)
		return add_policy(s, value, e);
	for (unsigned i = 0; parts[i]; i++) {
		g_strstrip(parts[i]);
		if (!strcmp(parts[i], "all")) {
			for (unsigned k = 0; vm_replay_policies[k]; k++)
				if (strcmp(vm_replay_policies[k], "clock1"))      /* another name of clock */
					add_policy(s, vm_replay_policies[k], e);
		} else if (add_policy(s, parts[i], e)) {
			return -e->code;
		}
	}
	return 0;
}

static int set_format(struct replay_settings *s, const char *value, struct err *e)
{
	return trace_format_parse(value, &s->format, e);
}

/* "64x4", "entries=64 ways=4". */
static int parse_shape(const char *text, struct vm_tlb_shape *shape, struct err *e)
{
	unsigned entries, ways;
	char rest;

	if (strchr(text, '-') || (sscanf(text, "%9ux%9u%c", &entries, &ways, &rest) != 2 &&
				  sscanf(text, "entries=%9u ways=%9u%c", &entries, &ways, &rest) != 2))
		return err_set(e, EINVAL, -1, "\"%.40s\": as 64x4 (64 entries, 4 ways), off or filter", text);
	if (entries == 0)
		return err_set(e, ERANGE, -1, "a level without entries");
	*shape = (struct vm_tlb_shape){ entries, ways };
	return 0;
}

static int set_tlb(struct replay_settings *s, const char *value, struct err *e)
{
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);
	unsigned n = g_strv_length(parts);

	s->batch.path = VM_REPLAY_TLB;
	if (!strcmp(value, "off"))
		s->batch.path = VM_REPLAY_WALK;
	if (!strcmp(value, "filter"))
		s->batch.path = VM_REPLAY_FILTER;
	if (s->batch.path != VM_REPLAY_TLB)
		return 0;
	if (n == 2 && g_str_has_prefix(parts[1], "ways=")) {      /* entries=64,ways=4 */
		g_autofree char *whole = g_strdup_printf("%s %s", parts[0], parts[1]);

		s->batch.tlb[1] = (struct vm_tlb_shape){ 0 };
		return parse_shape(whole, &s->batch.tlb[0], e);
	}
	if (n < 1 || n > 2)
		return err_set(e, EINVAL, -1, "one level or two");
	s->batch.tlb[1] = (struct vm_tlb_shape){ 0 };
	for (unsigned i = 0; i < n; i++)
		if (parse_shape(parts[i], &s->batch.tlb[i], e))
			return -e->code;
	return 0;
}

static int set_sample(struct replay_settings *s, const char *value, struct err *e)
{
	char *end;

	s->batch.sample = g_ascii_strtod(value, &end);
	if (*end || end == value || !(s->batch.sample > 0 && s->batch.sample <= 1))
		return err_set(e, ERANGE, -1, "\"%.40s\": more than 0, at most 1", value);
	return 0;
}

static int set_parallel(struct replay_settings *s, const char *value, struct err *e)
{
	uint64_t n;

	if (parse_number(value, &n, e))
		return -e->code;
	if (n < 1 || n > WORKERS_MAX)
		return err_set(e, ERANGE, -1, "1 to %d", WORKERS_MAX);
	s->batch.workers = (unsigned)n;
	return 0;
}

static int set_seed(struct replay_settings *s, const char *value, struct err *e)
{
	return parse_number(value, &s->batch.seed, e);
}

static int set_tables(struct replay_settings *s, const char *value, struct err *e)
{
	return parse_number(value, &s->batch.table_bytes, e);
}

static int set_curve(struct replay_settings *s, const char *value, struct err *e) { s->curve = true; return 0; }
static int set_steps(struct replay_settings *s, const char *value, struct err *e) { s->steps = true; return 0; }
static int set_help(struct replay_settings *s, const char *value, struct err *e) { s->help = true; return 0; }
static int set_csv(struct replay_settings *s, const char *value, struct err *e) { s->output = FORMAT_CSV; return 0; }
static int set_json(struct replay_settings *s, const char *value, struct err *e) { s->output = FORMAT_JSON; return 0; }

static const struct setting {
	struct option option;
	int (*set)(struct replay_settings *s, const char *value, struct err *e);
} known[] = {
	{ { "policy", required_argument, NULL, 0 }, set_policy }, { { "frames", required_argument, NULL, 0 }, set_frames },
	{ { "format", required_argument, NULL, 0 }, set_format }, { { "tlb", required_argument, NULL, 0 }, set_tlb },
	{ { "curve", no_argument, NULL, 0 }, set_curve }, { { "sample", required_argument, NULL, 0 }, set_sample },
	{ { "steps", no_argument, NULL, 0 }, set_steps }, { { "csv", no_argument, NULL, 0 }, set_csv },
	{ { "json", no_argument, NULL, 0 }, set_json }, { { "parallel", required_argument, NULL, 0 }, set_parallel },
	{ { "help", no_argument, NULL, 0 }, set_help },
	{ { "seed", required_argument, NULL, 0 }, set_seed }, { { "tables", required_argument, NULL, 0 }, set_tables },
};

static int parse_options(struct replay_settings *s, int argc, char **argv)
{
	struct option longs[G_N_ELEMENTS(known) + 1] = { 0 };
	int c, i;

	for (i = 0; i < (int)G_N_ELEMENTS(known); i++) {
		longs[i] = known[i].option;
		longs[i].val = LONG + i;               /* else getopt takes what may be any of them for the first */
	}
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", longs, &i)) != -1) {
		struct err e = { 0 };

		if (c == '?' && optopt > 0 && optopt < LONG)
			return misused("unknown option -%c; try `vitrine replay`", optopt);
		if (c < LONG)
			return misused("%s %s; try `vitrine replay`", c == ':' ? "a value is missing behind" :
				       optopt ? "no value belongs to" : "unknown option", argv[optind - 1]);
		if (known[i].set(s, optarg, &e)) {
			g_autofree char *name = g_strdup_printf("--%s", known[i].option.name);

			return misused("%s: %s", name, e.why);
		}
	}
	return OK;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Each once, in order. */
static void sort_frames(GArray *frames)
{
	unsigned kept = 0;

	g_array_sort(frames, compare_numbers);
	for (unsigned i = 0; i < frames->len; i++)
		if (i == 0 || g_array_index(frames, uint64_t, i) != g_array_index(frames, uint64_t, i - 1))
			g_array_index(frames, uint64_t, kept++) = g_array_index(frames, uint64_t, i);
	g_array_set_size(frames, kept);
}

uint64_t replay_table_share(unsigned workers)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
	struct rlimit space;

	if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
		bytes = MIN(bytes, space.rlim_cur / 8);        /* addresses of a machine's RAM: a few times its tables */
	return MAX(bytes / workers, 1);
}

/* Policies, their parameters, the TLB and frames, before any trace is read. */
static int check_runs(const struct replay_settings *s)
{
	static const uint32_t no_future;
	unsigned n = s->frames->len;
	uint64_t most = n ? g_array_index(s->frames, uint64_t, n - 1) : 1;
	struct err e = { 0 };

	for (unsigned i = 0; i < s->policies->len; i++) {
		struct vm_replay_options o = {
			.policy = g_ptr_array_index(s->policies, i), .path = s->batch.path, .level = { s->batch.tlb[0], s->batch.tlb[1] },
			.frames = s->curve && !strcmp(g_ptr_array_index(s->policies, i), "lru") ? 1 : most,
			.table_bytes = s->batch.table_bytes, .next_use = &no_future,
		};
		struct vm_replay *r = vm_replay_new(&o, &e);

		if (!r && e.code == ENOMEM)
			return fail("%s", e.why);
		if (!r)
			return misused("%s", e.why);
		vm_replay_free(r);
	}
	return OK;
}

static int check_settings(struct replay_settings *s, int traces)
{
	if (traces < 1) {
		fputs(usage, stderr);
		return USAGE;
	}
	if (s->policies->len == 0)
		g_ptr_array_add(s->policies, g_strdup(s->curve ? "lru" : "clock"));
	if (s->frames->len == 0 && !s->curve)
		return misused("how many frames? --frames LIST, or --curve");
	if (s->steps && s->curve)
		return misused("--steps are of one number of frames each, not of a curve");
	if (s->batch.table_bytes == 0)
		s->batch.table_bytes = replay_table_share(s->batch.workers) / (s->curve ? CURVE_SHARE : 1);
	sort_frames(s->frames);
	return check_runs(s);
}

int replay_settings_parse(struct replay_settings *s, int argc, char **argv)
{
	int rc = parse_options(s, argc, argv);

	if (rc == OK && s->help)
		return fputs(usage, stdout) < 0 || fflush(stdout) ? fail("%s", g_strerror(errno)) : OK;
	return rc == OK ? check_settings(s, argc - optind) : rc;
}
