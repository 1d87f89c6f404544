/* walk.c - walk/VA, page/VA and cpu of a process: one translation, one page, the registers. */
#include "command.h"
#include "process.h"
#include "text.h"
#include "vm_frame.h"
#include "vm_walk.h"

#include <string.h>

static const struct { unsigned flag; const char *name; } pte_flags[] = {
	{ VM_PTE_WRITE, "write" }, { VM_PTE_USER, "user" }, { VM_PTE_EXEC, "exec" },
	{ VM_PTE_ACCESSED, "accessed" }, { VM_PTE_DIRTY, "dirty" }, { VM_PTE_HUGE, "huge" },
};

void put_pte_flags(GString *out, unsigned flags)
{
	size_t start = out->len;

	for (size_t i = 0; i < G_N_ELEMENTS(pte_flags); i++) {
		if (!(flags & pte_flags[i].flag))
			continue;
		if (out->len > start)
			put_char(out, ',');
		put_text(out, pte_flags[i].name);
	}
	if (out->len == start)
		put_char(out, '-');
}

static void put_0x(GString *out, const char *name, uint64_t value)
{
	put_text(out, name);
	put_text(out, "0x");
	put_hex(out, value);
}

static void put_number(GString *out, const char *name, uint64_t value)
{
	put_text(out, name);
	put_dec(out, value);
}

/* `-` for what is absent. */
static void put_0x_or_none(GString *out, const char *name, uint64_t value, bool there)
{
	if (there) {
		put_0x(out, name, value);
	} else {
		put_text(out, name);
		put_char(out, '-');
	}
}

/* --- names that are addresses --- */

static int find_address(const struct node *dir, const struct row *row, const char *name, struct node *child)
{
	struct err e = { 0 };

	*child = *dir;
	child->row = row;
	return parse_number(name, &child->arg, &e) ? -ENOENT : 0;
}

static bool next_none(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	return false;
}

/* --- walk/VA --- */

static void put_step(GString *out, const struct vm_walk_step *s)
{
	put_number(out, "level=", s->level);
	put_0x(out, " index=", s->index);
	put_0x(out, " pte_addr=", s->pte_addr);
	put_0x(out, " pte=", s->pte);
	put_number(out, " valid=", s->valid);
	put_0x(out, " ppn=", s->ppn);
	put_text(out, " flags=");
	put_pte_flags(out, s->flags);
	put_char(out, '\n');
}

static void put_translated(GString *out, const struct vm_host *h, const struct vm_walk *w)
{
	uint8_t byte;

	put_0x(out, "pa=", w->pa);
	put_text(out, " byte=");
	if (vm_ram_read(h, w->pa, &byte, 1)) {
		put_text(out, "0x");
		put_hex_width(out, byte, 2);
	} else {
		put_char(out, '-');
	}
	put_char(out, '\n');
}

static int show_walk(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = process_alive(n, e);
	struct vm_walk w;

	if (!p)
		return -e->code;
	vm_walk_look(p, n->arg, &w);
	put_0x(out, "va=", w.va);
	put_0x_or_none(out, " ptbr=", w.ptbr, w.ptbr != PA_NONE);
	put_char(out, '\n');
	for (unsigned i = 0; i < w.steps; i++)
		put_step(out, &w.step[i]);
	if (w.fault == VM_WALK_OK) {
		put_translated(out, vm_proc_host(p), &w);
		return 0;
	}
	put_text(out, "fault=");
	put_text(out, vm_walk_fault_names[w.fault]);
	if (w.fault_level)
		put_number(out, " level=", w.fault_level);
	else
		put_text(out, " level=-");
	put_char(out, '\n');
	return 0;
}

static const struct row walk_row = {
	.name = "VA", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_UNLISTED, .show = show_walk, .help = "process-walk",
};

static int walk_find(const struct node *dir, const char *name, struct node *child)
{
	return find_address(dir, &walk_row, name, child);
}

const struct dir_ops walk_ops = { .find = walk_find, .next = next_none };

/* --- page/VA --- */

/* "1234000-1236000 rw-p 00000000 [heap]", or "-". */
static void put_page_area(GString *out, const struct node *n, const struct vm_proc *p)
{
	struct area_reader r;
	const char *label;
	struct vm_area a;

	put_text(out, "vma=");
	if (!vm_area_above(p, n->arg, &a) || a.start > n->arg) {
		put_text(out, "-\n");
		return;
	}
	put_hex_width(out, a.start, 8);
	put_char(out, '-');
	put_hex_width(out, a.end, 8);
	put_char(out, ' ');
	put_char(out, a.flags & VM_F_READ ? 'r' : '-');
	put_char(out, a.flags & VM_F_WRITE ? 'w' : '-');
	put_char(out, a.flags & VM_F_EXEC ? 'x' : '-');
	put_char(out, a.flags & VM_F_MAYSHARE ? 's' : 'p');
	put_char(out, ' ');
	put_hex_width(out, a.offset, 8);
	area_reader_init(&r, n, p);
	label = area_label(&r, &a);
	if (label) {
		put_char(out, ' ');
		put_text(out, label);
	}
	area_reader_clear(&r);
	put_char(out, '\n');
}

static bool put_mapper(void *arg, int32_t pid, va_t va)
{
	GString *out = arg;

	if (out->str[out->len - 1] != '=')
		put_char(out, ',');
	put_dec(out, (uint64_t)pid);
	put_0x(out, ":", va);
	return true;
}

static void put_frame(GString *out, const struct vm_proc *p, const struct vm_page *page)
{
	bool present = page->pfn != PFN_NONE;

	put_0x_or_none(out, "pfn=", page->pfn, present);
	put_number(out, "\nrefs=", page->refs);
	put_number(out, "\nmaps=", page->maps);
	put_text(out, "\nmappers=");
	if (present)
		vm_frame_mappers(vm_proc_host(p), page->pfn, put_mapper, out);
	if (out->str[out->len - 1] == '=')
		put_char(out, '-');
	put_char(out, '\n');
}

/* The latest of the process's last faults on this page. */
static void put_last_fault(GString *out, const struct vm_proc *p, va_t page, uint64_t bytes)
{
	struct vm_fault_record f, last = { 0 };
	uint64_t cursor = 0;
	bool found = false;

	while (vm_fault_next(p, &cursor, &f)) {
		if (f.va - page < bytes) {
			last = f;
			found = true;
		}
	}
	put_text(out, "last_fault=");
	if (!found) {
		put_text(out, "-\n");
		return;
	}
	put_time(out, last.time);
	put_char(out, ' ');
	put_text(out, last.kind);
	put_char(out, ' ');
	put_text(out, last.resolution);
	put_char(out, '\n');
}

/* N:S in any area but the first. */
static void put_slot(GString *out, const struct vm_page *page)
{
	if (page->slot == PFN_NONE)
		put_char(out, '-');
	else if (page->swap_area)
		g_string_append_printf(out, "%u:%" PRIu64, page->swap_area, page->slot);
	else
		put_dec(out, page->slot);
}

static int show_page(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc_info info;
	struct vm_proc *p = process_alive(n, e);
	struct vm_page page;
	uint64_t bytes;

	if (!p)
		return -e->code;
	bytes = vm_page_size(process_geometry(p));
	vm_page_at(p, n->arg, &page);
	put_0x(out, "va=", n->arg & ~(bytes - 1));
	put_char(out, '\n');
	put_page_area(out, n, p);
	put_text(out, "state=");
	put_text(out, vm_page_state_names[page.state]);
	put_0x_or_none(out, "\npte=", page.pte, page.state != VM_PAGE_NONE || page.pte);
	put_char(out, '\n');
	put_frame(out, p, &page);
	put_text(out, "flags=");
	put_pte_flags(out, page.flags | (page.huge_bits ? VM_PTE_HUGE : 0));
	put_text(out, "\nslot=");
	put_slot(out, &page);
	put_number(out, "\npoked=", page.poked);
	put_char(out, '\n');
	put_last_fault(out, p, n->arg & ~(bytes - 1), bytes);
	vm_proc_info(p, &info);
	put_process_settings(p, "set=", info.set, out);
	return 0;
}

static const struct row page_row = {
	.name = "VA", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_UNLISTED, .show = show_page, .help = "process-page",
};

static int page_find(const struct node *dir, const char *name, struct node *child)
{
	return find_address(dir, &page_row, name, child);
}

const struct dir_ops page_ops = { .find = page_find, .next = next_none };

/* --- cpu --- */

/* Empty for a zombie, as its other files: what is listed can be read. */
int show_cpu(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = process_alive(n, NULL);
	struct vm_cpu c;

	if (!p)
		return world_proc(n, e) ? 0 : -e->code;
	vm_cpu(p, &c);
	put_0x_or_none(out, "ptbr=", c.ptbr, c.ptbr != PA_NONE);
	put_0x(out, "\ncr2=", c.fault_addr);
	put_0x(out, "\npc=", c.pc);
	put_0x(out, "\nsp=", c.sp);
	put_text(out, c.user_mode ? "\nmode=user" : "\nmode=kernel");
	put_number(out, "\nasid=", c.asid);
	put_text(out, c.by_hand ? "\nptbr_by=hand\n" : "\nptbr_by=os\n");
	return 0;
}
