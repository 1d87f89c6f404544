/*
 * fixture.c - hosts/H/fixture: the commands that rebuild the host's processes.
 *
 * Parents come before children. A process is made bare and gets its areas one by one; pages that are there are touched, with the
 * area writable meanwhile where it must be; pages that are swapped out go out again; then come threads, descriptors, and the times and counts
 * that all this has disturbed. What pages hold, and which frames are shared between processes, is not kept.
 */
#include "fixture.h"
#include "net.h"

#include "process.h"
#include "socket_file.h"
#include "system.h"
#include "text.h"
#include "vm_access.h"
#include "vm_file.h"
#include "vm_page.h"

#include <string.h>

static void put_0x(GString *out, uint64_t v)
{
	put_text(out, " 0x");
	put_hex(out, v);
}

/* "12 touch 0x1000 0x2000 w" */
static void put_range(GString *out, int32_t pid, const char *command, va_t at, uint64_t len, const char *rest)
{
	put_dec(out, (uint64_t)pid);
	put_char(out, ' ');
	put_text(out, command);
	put_0x(out, at);
	put_0x(out, len);
	put_text(out, rest);
	put_char(out, '\n');
}

/* --- pages --- */

enum presence { ABSENT, LOADED, STORED, SWAPPED };

static enum presence presence_at(const struct vm_proc *p, va_t va, bool shared)
{
	struct vm_page page;

	vm_page_at(p, va, &page);
	switch (page.state) {
	case VM_PAGE_NONE: return ABSENT;
	case VM_PAGE_ANON: return STORED;
	case VM_PAGE_SWAPPED: return SWAPPED;
	default: return shared && page.flags & VM_PTE_DIRTY ? STORED : LOADED;
	}
}

/* A run of pages of one kind, from *at on; false at the end of the area. */
static bool next_run(const struct vm_proc *p, const struct vm_area *a, va_t *at, uint64_t *len, enum presence *what)
{
	const struct vm_geometry *g = process_geometry(p);
	bool shared = a->flags & VM_F_SHARED;
	uint64_t page = vm_page_size(g);
	vpn_t vpn;

	while (*at < a->end) {
		if (!vm_page_above(p, *at >> g->page_bits, &vpn) || (va_t)vpn << g->page_bits >= a->end)
			return false;
		*at = (va_t)vpn << g->page_bits;
		*what = presence_at(p, *at, shared);
		*len = page;
		if (*what == ABSENT) {
			*at += page;
			continue;
		}
		while (*at + *len < a->end && presence_at(p, *at + *len, shared) == *what)
			*len += page;
		return true;
	}
	return false;
}

static bool must_be_written(const struct vm_proc *p, const struct vm_area *a)
{
	enum presence what;
	uint64_t len;

	for (va_t at = a->start; next_run(p, a, &at, &len, &what); at += len)
		if (what != LOADED || !(a->flags & (VM_F_READ | VM_F_EXEC)))
			return true;
	return false;
}

static void put_pages(GString *out, const struct vm_proc *p, int32_t pid, const struct vm_area *a)
{
	enum presence what;
	uint64_t len;

	for (va_t at = a->start; next_run(p, a, &at, &len, &what); at += len) {
		put_range(out, pid, "touch", at, len, what != LOADED ? " w" : a->flags & VM_F_READ ? " r" : " x");
		if (what == SWAPPED)
			put_range(out, pid, "madvise", at, len, " pageout");
	}
}

/* --- areas --- */

static void put_prot(char *to, unsigned flags)
{
	to[0] = flags & VM_F_READ ? 'r' : '-';
	to[1] = flags & VM_F_WRITE ? 'w' : '-';
	to[2] = flags & VM_F_EXEC ? 'x' : '-';
	to[3] = '\0';
}

/* Device and inode belong to this host; and no newline. "start-end perms offset device inode name" */
static void forget_identity(GString *line)
{
	char *at = line->str, *end;

	for (unsigned blanks = 0; blanks < 3; at++)
		blanks += *at == ' ';
	end = strchr(strchr(at, ' ') + 1, ' ');
	end += strspn(end, " ");
	g_string_truncate(line, line->len - 1);
	g_string_overwrite_len(line, at - line->str, "00:00 0 ", 8);
	g_string_erase(line, at - line->str + 8, end - at - 8);
}

static void put_area_command(GString *out, struct area_reader *r, int32_t pid, const struct vm_area *a)
{
	g_autoptr(GString) line = g_string_new(NULL);
	bool open_up = !(a->flags & VM_F_WRITE) && !(a->flags & VM_F_ONLY_SHOWN) && must_be_written(r->p, a);
	struct vm_area shown = *a;
	char prot[5] = " ";

	if (open_up)
		shown.flags |= VM_F_READ | VM_F_WRITE;
	put_area(line, r, &shown);
	forget_identity(line);
	put_dec(out, (uint64_t)pid);
	put_text(out, " area ");
	put_quoted(out, line->str);
	put_char(out, '\n');
	if (a->flags & VM_F_ONLY_SHOWN)
		return;
	put_pages(out, r->p, pid, open_up ? &shown : a);
	if (open_up) {
		put_prot(prot + 1, a->flags);
		put_range(out, pid, "mprotect", a->start, a->end - a->start, prot);
	}
	if (a->flags & VM_F_LOCKED)
		put_range(out, pid, "mlock", a->start, a->end - a->start, a->flags & VM_F_LOCKONFAULT ? " onfault" : "");
}

static void put_areas(GString *out, const struct node *n, const struct vm_proc *p, int32_t pid)
{
	struct area_reader r;
	const struct vm_area *a;

	area_reader_init(&r, n, p);
	while ((a = area_reader_next(&r)))
		put_area_command(out, &r, pid, a);
	area_reader_clear(&r);
}

/* --- what else a process has --- */

/* A new thread has the name of who makes it: the first. */
static void put_thread_name(GString *out, const struct vm_proc *p, int32_t tid)
{
	struct vm_proc_info process, thread;

	vm_proc_info(p, &process);
	if (!vm_thread_info(p, tid, &thread) || !strcmp(thread.comm, process.comm))
		return;
	g_string_append_printf(out, "%d set comm ", tid);
	put_quoted(out, thread.comm);
	put_char(out, '\n');
}

static void put_threads(GString *out, const struct vm_proc *p, int32_t pid)
{
	for (int32_t tid = vm_thread_above(p, 0); tid; tid = vm_thread_above(p, tid))
		if (tid != pid) {
			g_string_append_printf(out, "%d clone tid=%d\n", pid, tid);
			put_thread_name(out, p, tid);
		}
}

static void put_descriptors(GString *out, const struct node *n, const struct vm_proc *p, int32_t pid)
{
	static const char *const modes[] = { "r", "r", "w", "rw" };
	struct node dir = *n, child;
	struct vm_fd f;

	dir.process = vm_proc_serial(p);
	for (int fd = 0; vm_fd_above(p, fd, &f); fd = f.fd + 1) {
		g_autoptr(GString) text = g_string_new(NULL);
		char name[16];

		if (f.ops && !strcmp(f.ops->kind, "socket"))
			continue;                        /* sockets have commands of their own */
		g_snprintf(name, sizeof name, "%d", f.fd);
		if (fd_ops.find(&dir, name, &child) || node_show(&child, text, NULL))
			continue;
		g_string_append_printf(out, "%d set fd %d ", pid, f.fd);
		put_quoted(out, text->str);
		put_char(out, ' ');
		put_text(out, modes[f.mode & 3]);
		if (f.position)
			g_string_append_printf(out, " %" PRIu64, f.position);
		put_char(out, '\n');
	}
}

static void put_limits(GString *out, const struct vm_proc *p, int32_t pid)
{
	for (unsigned i = 0; i < VM_RLIMITS; i++) {
		struct vm_limit l = vm_getrlimit(p, i);

		if (l.soft == vm_limit_default(i).soft)
			continue;
		g_string_append_printf(out, "%d setrlimit %s ", pid, limit_names[i]);
		if (l.soft == VM_RLIM_INFINITY)
			put_text(out, "unlimited\n");
		else
			g_string_append_printf(out, "%" PRIu64 "\n", l.soft);
	}
}

/* Which values differ from what `spawn NAME bare pid=N` leaves, or are disturbed by what is done to it since. */
static uint32_t settings_of(const struct vm_proc *p, const struct vm_proc_info *i)
{
	uint32_t set = i->set | 1u << VM_SET_UTIME | 1u << VM_SET_STIME | 1u << VM_SET_STARTTIME | 1u << VM_SET_MINFLT | 1u << VM_SET_MAJFLT;
	size_t len, name = strlen(i->comm) + 1;
	const char *line = vm_proc_cmdline(p, &len);

	if (len != name || memcmp(line, i->comm, name))
		set |= 1u << VM_SET_CMDLINE;
	if (i->pgrp != i->pid)
		set |= 1u << VM_SET_PGRP;
	if (i->session != i->pid)
		set |= 1u << VM_SET_SESSION;
	if (i->tty)
		set |= 1u << VM_SET_TTY;
	if (i->nice)
		set |= 1u << VM_SET_NICE;
	if (i->nvcsw)
		set |= 1u << VM_SET_NVCSW;
	if (i->nivcsw)
		set |= 1u << VM_SET_NIVCSW;
	if (i->rchar || i->wchar || i->syscr || i->syscw || i->read_bytes || i->write_bytes)
		set |= 1u << VM_SET_IO;
	if (vm_proc_exe(p))
		set |= 1u << VM_SET_EXE;
	if (i->has_memory && (i->pid != 1 || vm_area_count(p)))
		set |= 1u << VM_SET_IMAGE;
	if (i->ppid || i->pid == 1)
		set &= ~(1u << VM_SET_PPID);
	set &= ~(1u << VM_SET_COMM | 1u << VM_SET_STATE);
	return i->has_memory ? set : set & ~(1u << VM_SET_CMDLINE | 1u << VM_SET_EXE | 1u << VM_SET_IMAGE);
}

static void put_spawn(GString *out, const struct vm_proc *p, const struct vm_proc_info *i)
{
	struct vm_cpu cpu;

	vm_cpu(p, &cpu);
	put_text(out, "spawn ");
	put_quoted(out, *i->comm ? i->comm : "?");
	put_text(out, cpu.ptbr == PA_NONE ? " bare ptbr=-" : " bare");
	g_string_append_printf(out, " pid=%d", i->pid);
	if (i->ppid > 1)
		g_string_append_printf(out, " ppid=%d", i->ppid);
	if (i->uid)
		g_string_append_printf(out, " uid=%u", i->uid);
	if (i->gid)
		g_string_append_printf(out, " gid=%u", i->gid);
	put_char(out, '\n');
}

/* init is there already. What it has not changed needs no word. */
static bool is_fresh_init(const struct vm_proc *p, const struct vm_proc_info *i)
{
	return i->pid == 1 && !i->set && !i->utime && !i->stime && !vm_area_count(p);
}

static void put_process(GString *out, const struct node *n, const struct vm_proc *p)
{
	g_autofree char *prefix = NULL;
	struct vm_proc_info i;

	vm_proc_info(p, &i);
	prefix = g_strdup_printf("%d set ", i.pid);
	if (is_fresh_init(p, &i))
		return;
	if (i.pid != 1)
		put_spawn(out, p, &i);
	if (i.has_memory) {
		put_areas(out, n, p, i.pid);
		put_threads(out, p, i.pid);
		put_descriptors(out, n, p, i.pid);
		put_limits(out, p, i.pid);
	}
	put_process_settings(p, prefix, settings_of(p, &i), out);
	if (i.set >> VM_SET_STATE & 1 || !i.has_memory)
		put_process_settings(p, prefix, 1u << VM_SET_STATE, out);
	else if (i.state == VM_STOPPED)
		g_string_append_printf(out, "%d kill STOP\n", i.pid);
}

/* In the order of a family's tree, without going deep: a chain of forks may be long. */
static void put_processes(GString *out, const struct node *n, struct vm_host *vm)
{
	g_autoptr(GArray) waiting = g_array_new(FALSE, FALSE, sizeof(int32_t));
	int32_t pid = 1;

	g_array_append_val(waiting, pid);
	for (guint at = 0; at < waiting->len; at++) {
		struct vm_proc *p = vm_proc_at(vm, g_array_index(waiting, int32_t, at));

		put_process(out, n, p);
		for (pid = vm_child_above(p, 0); pid; pid = vm_child_above(p, pid))
			g_array_append_val(waiting, pid);
	}
}

/* --- the host --- */

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

static void put_host_settings(GString *out, const struct host *h)
{
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(h->settings), by_name);

	for (GList *l = names; l; l = l->next)
		if (strcmp(l->data, "uptime"))
			g_string_append_printf(out, "set %s %s\n", (char *)l->data,
					       (char *)g_hash_table_lookup(h->settings, l->data));
}

/* --- sockets --- */

static void put_endpoint(GString *out, const struct net_endpoint *at)
{
	char text[NET_ENDPOINT_TEXT];

	put_char(out, ' ');
	put_text(out, net_endpoint_text(at, text));
}

/* Whoever else shares a socket after fork does not get it back. */
static void put_socket(GString *out, const struct net_socket_info *s, const struct holder *holder)
{
	put_text(out, "set-socket ");
	put_text(out, socket_proto_name(s));
	put_endpoint(out, &s->local);
	put_endpoint(out, &s->remote);
	put_char(out, ' ');
	put_text(out, net_tcp_state_names[s->state]);
	if (holder)
		g_string_append_printf(out, " pid=%d fd=%d", holder->pid, holder->fd);
	if (s->state != NET_TCP_LISTEN && s->recv_queue)
		g_string_append_printf(out, " rxq=%u", s->recv_queue);
	if (s->state != NET_TCP_LISTEN && s->send_queue)
		g_string_append_printf(out, " txq=%u", s->send_queue);
	put_char(out, '\n');
}

static void put_sockets(GString *out, const struct host *h)
{
	struct holders *holders = holders_new(h);
	struct net_socket_info s = { 0 };

	while (net_socket_above(h->net, s.id, &s))
		if (s.bound)
			put_socket(out, &s, s.inode ? holder_of(holders, s.inode) : NULL);
	holders_free(holders);
}

int show_fixture(const struct node *n, GString *out, struct err *e)
{
	struct host *h = world_host(n, e);

	if (!h)
		return -e->code;
	put_processes(out, n, h->vm);
	put_sockets(out, h);
	put_host_settings(out, h);
	put_text(out, "set uptime ");
	put_time(out, system_uptime(n));
	put_text(out, "s\n");
	return 0;
}
