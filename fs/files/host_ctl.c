/*
 * host_ctl.c - hosts/H/ctl: commands to a whole host, and `PID COMMAND...` to one of its processes.
 */
#include "host_ctl.h"

#include "command.h"
#include "job.h"
#include "text.h"
#include "vm_disk.h"
#include "vm_proc.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { SPAWN_MAX = 4000000 };   /* pids end at 2^22 */

/* spawn */

/* What the words of one `spawn` say; strings belong to the call, `path` and `argv` to this. */
struct spawn {
	struct vm_spawn request;
	uint64_t count;
	unsigned name;              /* the argument that is NAME */
	char    *path;
	GPtrArray *argv;
};

static void spawn_clear(struct spawn *s)
{
	g_free(s->path);
	if (s->argv)
		g_ptr_array_unref(s->argv);
}

static bool option_id(const struct call *c, const char *name, uint64_t most, uint64_t *v, struct err *e)
{
	if (!option_number(c, name, v, e))
		return false;
	if (*v <= most)
		return true;
	err_set(e, EINVAL, -1, "%s=%" PRIu64 " is more than %" PRIu64, name, *v, most);
	return false;
}

static int read_options(const struct call *c, struct spawn *s, struct err *e)
{
	uint64_t uid = 0, gid = 0, pid = 0, ppid = 0, brk = 0;

	if (!option_id(c, "uid", UINT32_MAX - 1, &uid, e) || !option_id(c, "gid", UINT32_MAX - 1, &gid, e) ||
	    !option_id(c, "pid", INT32_MAX, &pid, e) || !option_id(c, "ppid", INT32_MAX, &ppid, e) ||
	    !option_number(c, "brk", &brk, e))
		return -e->code;
	if (!s->request.bare && (arg_option(c, "brk") || arg_option(c, "ptbr")))
		return err_set(e, EINVAL, -1, "brk= and ptbr= are for a bare process");
	if (arg_option(c, "ptbr") && strcmp(arg_option(c, "ptbr"), "-"))
		return err_set(e, EINVAL, -1, "ptbr=- is for a table that comes with the first fault; the address of one is for its ctl");
	if (pid && s->count > 1)
		return err_set(e, EINVAL, -1, "%" PRIu64 " processes cannot all have pid %" PRIu64, s->count, pid);
	s->request.uid = (uint32_t)uid;
	s->request.gid = (uint32_t)gid;
	s->request.pid = (int32_t)pid;
	s->request.ppid = (int32_t)ppid;
	s->request.brk = brk;
	s->request.table_later = arg_option(c, "ptbr") != NULL;
	return 0;
}

/* FILE [ARG...]; the command line starts with FILE as written. */
static int read_program(const struct call *c, unsigned file, struct spawn *s, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	const char *name = c->args[file].text;

	if (!vm)
		return -e->code;
	s->path = g_strconcat(*name == '/' ? "" : "/", name, NULL);
	s->request.path = s->path;
	s->request.file = vm_disk_lookup(vm, s->path, e);
	if (!s->request.file) {
		e->arg = (int)file;
		return -e->code;
	}
	s->argv = g_ptr_array_new();
	for (unsigned i = file; i < c->count; i++)
		g_ptr_array_add(s->argv, c->args[i].text);
	g_ptr_array_add(s->argv, NULL);
	s->request.argv = (const char *const *)s->argv->pdata;
	return 0;
}

static int read_spawn(const struct call *c, struct spawn *s, struct err *e)
{
	s->count = 1;
	if (arg_is(c, 0, "-n")) {
		if (!arg_present(c, 2))
			return err_set(e, EINVAL, (int)c->count, "a name is missing; usage: spawn %s", c->command->grammar);
		if (!arg_number(c, 1, &s->count, e))
			return -e->code;
		if (s->count == 0 || s->count > SPAWN_MAX)
			return err_set(e, EINVAL, 1, "%" PRIu64 " is not from 1 to %d", s->count, SPAWN_MAX);
		s->name = 2;
	}
	s->request.name = c->args[s->name].text;
	if (c->args[s->name].len == 0)
		return err_set(e, EINVAL, (int)s->name, "a process needs a name");
	s->request.bare = arg_is(c, s->name + 1, "bare");
	if (s->request.bare && arg_present(c, s->name + 2))
		return err_set(e, EINVAL, (int)s->name + 2, "a bare process takes no arguments");
	if (read_options(c, s, e))
		return -e->code;
	if (!s->request.bare && arg_present(c, s->name + 1))
		return read_program(c, s->name + 1, s, e);
	return 0;
}

/* A line that fails has changed nothing: those that had been made leave again. */
static void unspawn(struct vm_host *vm, const GArray *pids)
{
	struct vm_ended ended;

	for (unsigned i = 0; i < pids->len; i++) {
		struct vm_proc *p = vm_proc_at(vm, g_array_index(pids, int32_t, i)), *init = vm_proc_at(vm, 1);

		if (p)
			vm_exit(p, 0, NULL);
		if (init)
			vm_wait(init, g_array_index(pids, int32_t, i), &ended, NULL);
	}
}

static int spawn_all(struct vm_host *vm, const struct spawn *s, GString *result, struct err *e)
{
	g_autoptr(GArray) pids = g_array_new(false, false, sizeof(int32_t));

	for (uint64_t i = 0; i < s->count; i++) {
		struct vm_proc *p = vm_spawn(vm, &s->request, e);
		int32_t pid;

		if (!p) {
			unspawn(vm, pids);
			return -e->code;
		}
		pid = vm_proc_pid(p);
		g_array_append_val(pids, pid);
	}
	g_string_append_printf(result, "%" PRId32, g_array_index(pids, int32_t, 0));
	if (s->name)
		g_string_append_printf(result, " %" PRId32, g_array_index(pids, int32_t, pids->len - 1));
	return 0;
}

static int run_spawn(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	struct spawn s = { 0 };
	int error;

	if (!vm)
		return -e->code;
	error = read_spawn(c, &s, e);
	if (!error)
		error = spawn_all(vm, &s, c->result, e);
	spawn_clear(&s);
	return error;
}

/* set: values of the whole host, kept as words in host->settings. */

enum setting_kind { SETTING_NUMBERS, SETTING_LOADS, SETTING_UPTIME, SETTING_WORD, SETTING_COUNTER };
struct setting {
	const char *name;
	enum setting_kind kind;
	unsigned least, most;      /* values */
};
static const struct setting settings[] = {
	{ "loadavg", SETTING_LOADS, 3, 3 },
	{ "uptime", SETTING_UPTIME, 1, 1 },
	{ "btime", SETTING_NUMBERS, 1, 1 },
	{ "ctxt", SETTING_NUMBERS, 1, 1 },
	{ "intr", SETTING_NUMBERS, 1, 1 },
	{ "forks", SETTING_NUMBERS, 1, 1 },
	{ "hostname", SETTING_WORD, 1, 1 },
	{ "cpu", SETTING_NUMBERS, 4, 10 },
	{ "vmstat", SETTING_COUNTER, 2, 2 },
};

static int append_value(const struct call *c, const struct setting *s, unsigned i, GString *text, struct err *e)
{
	uint64_t number;
	char *end;
	double load;

	switch (s->kind) {
	case SETTING_LOADS:
		load = g_ascii_strtod(c->args[i].text, &end);
		if (end == c->args[i].text || *end || !(load >= 0 && load < 1e6))
			return err_set(e, EINVAL, (int)i, "'%.40s' is no load", c->args[i].text);
		g_string_append_printf(text, "%.2f", load);
		return 0;
	case SETTING_WORD:
		if (c->args[i].len == 0 || c->args[i].len > 64 || strpbrk(c->args[i].text, " \t\n"))
			return err_set(e, EINVAL, (int)i, "'%.40s' is no name of 1 to 64 characters", c->args[i].text);
		g_string_append(text, c->args[i].text);
		return 0;
	default:
		if (!arg_number(c, i, &number, e))
			return -e->code;
		put_dec(text, number);
		return 0;
	}
}

static void keep_setting(struct host *h, const char *name, const char *text)
{
	g_hash_table_replace(h->settings, g_strdup(name), g_strdup(text));
}

/* The clock goes on from there. */
static int set_uptime(struct call *c, struct host *h, struct err *e)
{
	g_autoptr(GString) text = g_string_new(NULL);
	ns_t up;

	if (!arg_time(c, 1, &up, e))
		return -e->code;
	h->made = c->n->world->clock.now - up;
	vm_host_set_boot_time(h->vm, h->made);
	put_time(text, up);
	keep_setting(h, "uptime", text->str);
	return 0;
}

static int set_counter(struct call *c, struct host *h, struct err *e)
{
	g_autofree char *name = g_strconcat("vmstat ", c->args[1].text, NULL);
	g_autoptr(GString) text = g_string_new(NULL);

	for (const char *at = c->args[1].text; at == c->args[1].text || *at; at++) {
		if (!g_ascii_isgraph(*at))
			return err_set(e, EINVAL, 1, "'%.40s' is no name of a counter", c->args[1].text);
	}
	if (append_value(c, &settings[2], 2, text, e))
		return -e->code;
	keep_setting(h, name, text->str);
	return 0;
}

static int run_set(struct call *c, struct err *e)
{
	struct host *h = world_host(c->n, e);
	g_autoptr(GString) text = g_string_new(NULL);
	const struct setting *s = NULL;

	if (!h)
		return -e->code;
	for (size_t i = 0; i < G_N_ELEMENTS(settings) && !s; i++) {
		if (arg_is(c, 0, settings[i].name))
			s = &settings[i];
	}
	if (!s)
		return err_set(e, EINVAL, 0, "'%.40s' cannot be set: loadavg uptime btime ctxt intr forks hostname cpu vmstat",
			       c->args[0].text);
	if (c->count - 1 < s->least || c->count - 1 > s->most)
		return err_set(e, EINVAL, (int)c->count, "%s takes %u to %u values", s->name, s->least, s->most);
	if (s->kind == SETTING_UPTIME)
		return set_uptime(c, h, e);
	if (s->kind == SETTING_COUNTER)
		return set_counter(c, h, e);
	for (unsigned i = 1; i < c->count; i++) {
		if (i > 1)
			put_char(text, ' ');
		if (append_value(c, s, i, text, e))
			return -e->code;
	}
	keep_setting(h, s->name, text->str);
	return 0;
}

static int run_reboot(struct call *c, struct err *e)
{
	struct host *h = world_host(c->n, e);

	return h ? world_reboot_host(c->n->world, h, e) : -e->code;
}

const struct command host_commands[] = {
	{ "spawn", "[-n N] NAME [bare|FILE [ARG...]] [brk=ADDR] [ptbr=-] [uid=N] [gid=N] [pid=N] [ppid=N]", run_spawn,
	  "a new process, child of init; result: its pid, with -n the first and the last. bare: without areas, and with a table from the "
	  "start, unless ptbr=- leaves that to its first fault" },
	{ "set", "NAME VALUE...", run_set,
	  "what /proc shows of the whole host: loadavg A B C, uptime T, btime ctxt intr forks N, hostname NAME, cpu TICKS..., vmstat NAME N" },
	{ "set-socket", "PROTO LOCAL REMOTE STATE [pid=N] [fd=N] [rxq=N] [txq=N]", run_set_socket,
	  "a row in the socket tables as if by traffic: set-socket tcp 10.0.0.1:80 10.0.0.2:40000 ESTABLISHED pid=3; REMOTE `-`: none" },
	{ "reboot", "", run_reboot, "back to the state after mkdir; files that were open, and a shell inside, find theirs stale" },
	{ 0 }
};

/* PID COMMAND... */

static bool names_a_process(const struct word *w)
{
	if (w->quoted || w->len == 0)
		return false;
	for (size_t i = 0; i < w->len; i++) {
		if (!g_ascii_isdigit(w->text[i]))
			return false;
	}
	return true;
}

/* PID COMMAND... & */
static bool is_background(const struct words *w)
{
	const struct word *last = &w->word[w->count - 1];

	return w->count > 1 && !last->quoted && last->len == 1 && *last->text == '&';
}

static int start_background(const struct node *n, const struct node *process, const char *line, const struct words *w,
			    struct err *e)
{
	struct host *h = world_host(n, e);
	int32_t pid = vm_proc_pid(world_proc(process, NULL));
	size_t from = w->word[1].at, to = w->word[w->count - 1].at;
	g_autofree char *command = g_strndup(line + from, to - from), *path = NULL;
	struct node ctl;

	if (!h)
		return -e->code;
	if (w->count == 2)
		return err_set(e, EINVAL, (int)to, "a command is missing");
	path = process->arg ? g_strdup_printf("hosts/%s/proc/%d/task/%" PRIu64 "/ctl", h->name, pid, process->arg)
			    : g_strdup_printf("hosts/%s/proc/%d/ctl", h->name, pid);
	if (tree_path(n->world, path, &ctl))
		return err_set(e, ESRCH, (int)w->word[0].at, "the process is gone");
	jobs_start(n->world, &ctl, g_strchomp(command));
	return 0;
}

static int run_for_process(const struct node *n, const char *line, const struct words *w, GString *result, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct node process = *n;
	struct vm_proc *p;
	uint64_t pid;

	if (!vm || parse_number(w->word[0].text, &pid, e))
		return -e->code;
	p = pid <= INT32_MAX ? vm_proc_at(vm, (int32_t)pid) : NULL;
	if (!p && pid <= INT32_MAX)
		p = vm_thread_owner(vm, (int32_t)pid);
	if (!p)
		return err_set(e, ESRCH, (int)w->word[0].at, "there is no process %" PRIu64, pid);
	process.process = vm_proc_serial(p);
	if ((int32_t)pid != vm_proc_pid(p))
		process.arg = pid;              /* that thread of it */
	if (is_background(w))
		return start_background(n, &process, line, w, e);
	if (w->count > 1 && jobs_pending(n->world, &process) && strcmp(w->word[1].text, "kill"))
		return -EINPROGRESS;            /* lines to one process run in their order */
	if (vm_act_as(p, (int32_t)process.arg, e) && process.arg)
		return -e->code;
	return command_run_words(process_commands, &process, line, w->word + 1, w->count - 1, result, e);
}

int store_host_ctl(const struct node *n, char *line, GString *result, struct err *e)
{
	struct words w;
	int error;

	if (words_split(line, &w, e))
		return -e->code;
	if (w.count && names_a_process(&w.word[0]))
		error = run_for_process(n, line, &w, result, e);
	else
		error = w.count ? command_run_words(host_commands, n, line, w.word, w.count, result, e) : 0;
	words_free(&w);
	return error;
}
