/* maps.c - proc/PID/maps: the areas as lines; written, the text of a real /proc/PID/maps replaces them. */
#include "process.h"
#include "table.h"
#include "text.h"
#include "vm_disk.h"

#include <string.h>

/* What Linux lets a process have (vm.max_map_count, and the one that takes it there), and [vsyscall]. */
enum { AREAS_MAX = 65530 + 2 };
enum { NAME_COLUMN = 73, LINE_BYTES = 112 /* of a usual line */ };

void area_reader_init(struct area_reader *r, const struct node *n, const struct vm_proc *p)
{
	memset(r, 0, sizeof(*r));
	r->n = n;
	r->p = p;
}

void area_reader_clear(struct area_reader *r)
{
	for (size_t i = 0; i < G_N_ELEMENTS(r->name); i++)
		g_free(r->name[i].path);
}

const struct vm_area *area_reader_next(struct area_reader *r)
{
	if (r->used == r->count) {
		r->count = vm_areas(r->p, r->at, r->area, G_N_ELEMENTS(r->area));
		r->used = 0;
		if (!r->count)
			return NULL;
		r->at = r->area[r->count - 1].end;
	}
	return &r->area[r->used++];
}

/* "/bin/true", or "/bin/true (deleted)". */
static char *shown_path(const struct vm_inode *inode, const struct vm_inode_info *info)
{
	char *path;

	path = vm_inode_path(inode);
	if (info->unlinked && !info->unlisted) {
		char *gone = g_strconcat(path, " (deleted)", NULL);

		g_free(path);
		return gone;
	}
	return path;
}

static const struct area_name *area_name(struct area_reader *r, const struct vm_inode *inode)
{
	struct area_name *s = &r->name[((uintptr_t)inode >> 6) % G_N_ELEMENTS(r->name)];
	struct vm_inode_info info;
	const char *device;

	if (s->inode == inode)
		return s;
	vm_inode_info(inode, &info);
	device = info.kind == VM_INODE_SHM ? "00:01" : info.tmpfs ? "00:19" : "08:01";
	g_free(s->path);
	s->inode = inode;
	s->path = shown_path(inode, &info);
	s->path_len = strlen(s->path);
	s->plain = !memchr(s->path, '\n', s->path_len);
	s->identity_len = (size_t)g_snprintf(s->identity, sizeof(s->identity), "%s %" PRIu64 " ", device,
					     world_inode_number(r->n, info.number));
	return s;
}

const char *area_label(struct area_reader *r, const struct vm_area *a)
{
	if (a->inode)
		return area_name(r, a->inode)->path;
	return a->special ? a->special : a->heap ? "[heap]" : a->stack ? "[stack]" : NULL;
}

/* As the kernel's seq_path(): a newline would end the line. */
static char *name_at(char *to, const char *name)
{
	for (; *name; name++) {
		if (*name == '\n')
			to = mempcpy(to, "\\012", 4);
		else
			*to++ = *name;
	}
	return to;
}

/* Eight digits of a 32-bit value, in one go: a nibble a byte, then its character. */
static char *hex8_at(char *to, uint32_t value)
{
	uint64_t n = value, above9;

	n = (n | n << 16) & 0x0000ffff0000ffff;
	n = (n | n << 8) & 0x00ff00ff00ff00ff;
	n = (n | n << 4) & 0x0f0f0f0f0f0f0f0f;
	above9 = (n + 0x0606060606060606) >> 4 & 0x0101010101010101;
	n = GUINT64_TO_BE(n + 0x3030303030303030 + above9 * ('a' - '0' - 10));
	memcpy(to, &n, 8);
	return to + 8;
}

/* At least eight digits. */
static char *hex_at(char *to, uint64_t value)
{
	uint32_t high = (uint32_t)(value >> 32);
	char digits[8];

	if (high) {
		unsigned zeros = (unsigned)__builtin_clz(high) / 4;

		hex8_at(digits, high);
		memcpy(to, digits + zeros, 8 - zeros);
		to += 8 - zeros;
	}
	return hex8_at(to, (uint32_t)value);
}

/* Room for `len` more bytes at the end of `out`; what was written is then told to end_at(). */
static char *begin_at(GString *out, size_t len)
{
	size_t now = out->len;

	if (out->allocated_len - now <= len) {
		g_string_set_size(out, now + len);
		g_string_truncate(out, now);
	}
	return out->str + now;
}

static void end_at(GString *out, char *end)
{
	*end = '\0';
	out->len = (gsize)(end - out->str);
}

/* Lines are put together here rather than by text.h: a process may have 60,000 of them. */
void put_area(GString *out, struct area_reader *r, const struct vm_area *a)
{
	const struct area_name *name = a->inode ? area_name(r, a->inode) : NULL;
	const char *label = name ? name->path : area_label(r, a);
	size_t label_len = name ? name->path_len : label ? strlen(label) : 0;
	char *line = begin_at(out, 160 + 4 * label_len), *at = line;

	static_assert(160 > 16 * 3 + sizeof(name->identity) + NAME_COLUMN, "all but the name fits");
	at = hex_at(at, a->start);
	*at++ = '-';
	at = hex_at(at, a->end);
	*at++ = ' ';
	*at++ = a->flags & VM_F_READ ? 'r' : '-';
	*at++ = a->flags & VM_F_WRITE ? 'w' : '-';
	*at++ = a->flags & VM_F_EXEC ? 'x' : '-';
	/* MAYSHARE: a shared mapping of a read-only descriptor is not VM_F_SHARED, but prints s. */
	*at++ = a->flags & VM_F_MAYSHARE ? 's' : 'p';
	*at++ = ' ';
	at = hex_at(at, a->offset);
	*at++ = ' ';
	at = name ? mempcpy(at, name->identity, name->identity_len) : mempcpy(at, "00:00 0 ", 8);
	if (label && at < line + NAME_COLUMN) {
		memset(at, ' ', (size_t)(line + NAME_COLUMN - at));
		at = line + NAME_COLUMN;
	}
	if (name && name->plain)
		at = mempcpy(at, label, label_len);
	else if (label)
		at = name_at(at, label);
	*at++ = '\n';
	end_at(out, at);
}

int show_maps(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	const struct vm_area *a;
	struct area_reader r;

	if (!p)
		return -e->code;
	if (!process_alive(n, NULL))
		return 0;
	begin_at(out, vm_area_count(p) * LINE_BYTES);
	area_reader_init(&r, n, p);
	while ((a = area_reader_next(&r)))
		put_area(out, &r, a);
	area_reader_clear(&r);
	return 0;
}

/* --- the way back --- */

struct parsed_area {
	struct vm_layout_area area;
	char    *path;    /* of a file; NULL */
	unsigned line;
};

static void parsed_area_clear(void *item)
{
	struct parsed_area *a = item;

	g_free(a->path);
	g_free((char *)a->area.special);
	if (a->area.inode)
		vm_inode_release(a->area.inode);
}

/* Hex digits as maps has them: at least one, no sign, at most 64 bits; then `end`, which is skipped. */
static bool parse_hex(char **at, uint64_t *value, char end)
{
	uint64_t v = 0;
	char *s = *at;

	for (; g_ascii_isxdigit(*s); s++) {
		if (v >> 60)
			return false;
		v = v << 4 | (uint64_t)g_ascii_xdigit_value(*s);
	}
	if (s == *at || *s != end)
		return false;
	*at = s + 1;
	*value = v;
	return true;
}

static bool parse_permissions(char **at, struct vm_layout_area *a)
{
	const char *s = *at;

	if (strlen(s) < 5 || s[4] != ' ')
		return false;
	if (!strchr("r-", s[0]) || !strchr("w-", s[1]) || !strchr("x-", s[2]) || !strchr("ps", s[3]))
		return false;
	a->prot = (s[0] == 'r' ? VM_PROT_READ : 0) | (s[1] == 'w' ? VM_PROT_WRITE : 0) |
		  (s[2] == 'x' ? VM_PROT_EXEC : 0);
	a->shared = s[3] == 's';
	*at += 5;
	return true;
}

/* Device and inode belong to the other machine: their form is checked, their values are not used. */
static bool skip_identity(char **at)
{
	uint64_t unused;
	char *s;

	if (!parse_hex(at, &unused, ':') || !parse_hex(at, &unused, ' '))
		return false;
	s = *at;
	if (!g_ascii_isdigit(*s))
		return false;
	while (g_ascii_isdigit(*s))
		s++;
	if (*s != ' ' && *s)
		return false;
	while (*s == ' ')
		s++;
	*at = s;
	return true;
}

/* In place. Only the newline is escaped by the kernel, so nothing else is undone. */
static void unescape_newlines(char *name)
{
	char *to = name;

	for (const char *from = name; *from; ) {
		if (!strncmp(from, "\\012", 4)) {
			*to++ = '\n';
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

static void name_area(struct parsed_area *a, char *name)
{
	unescape_newlines(name);
	if (!*name)
		return;
	if (!strcmp(name, "[heap]"))
		a->area.heap = true;
	else if (!strcmp(name, "[stack]"))
		a->area.stack = true;
	else if (*name == '[')
		a->area.special = g_strdup(name);
	/* Shared anonymous memory shows as /dev/zero: an object without a name, made by the engine. */
	else if (!a->area.shared || strcmp(name, "/dev/zero (deleted)"))
		a->path = g_strdup(name);
	a->area.only_shown = !strcmp(name, "[vsyscall]");
}

/* start-end perms offset major:minor inode [name] */
static int parse_area(char *line, struct parsed_area *out, struct err *e)
{
	struct vm_layout_area *a = &out->area;
	char *at = line;

	if (!parse_hex(&at, &a->start, '-') || !parse_hex(&at, &a->end, ' '))
		return err_set(e, EINVAL, -1, "line %u: no address range at its start", out->line);
	if (a->start >= a->end)
		return err_set(e, EINVAL, -1, "line %u: the range 0x%" PRIx64 "-0x%" PRIx64 " is empty", out->line,
			       a->start, a->end);
	if (!parse_permissions(&at, a))
		return err_set(e, EINVAL, -1, "line %u: permissions are not like rwxp", out->line);
	if (!parse_hex(&at, &a->offset, ' '))
		return err_set(e, EINVAL, -1, "line %u: no offset after the permissions", out->line);
	if (a->offset + (a->end - a->start) < a->offset)
		return err_set(e, EOVERFLOW, -1, "line %u: offset 0x%" PRIx64 " is too large for the range", out->line,
			       a->offset);
	if (!skip_identity(&at))
		return err_set(e, EINVAL, -1, "line %u: no device and inode after the offset", out->line);
	name_area(out, at);
	return 0;
}

static int check_order(const struct parsed_area *a, const struct parsed_area *before, uint64_t page, struct err *e)
{
	if (before && a->area.start < before->area.end)
		return err_set(e, EINVAL, -1, "line %u: 0x%" PRIx64 " lies below the end of line %u, 0x%" PRIx64,
			       a->line, a->area.start, before->line, before->area.end);
	if ((a->area.start | a->area.end | a->area.offset) % page)
		return err_set(e, EINVAL, -1, "line %u: not a multiple of the page size, %" PRIu64, a->line, page);
	return 0;
}

/* Fills `areas` from the text, which it takes apart. */
static int parse_maps(char *text, uint64_t page, GArray *areas, struct err *e)
{
	unsigned number = 0;
	int code;

	for (char *line = text; line; ) {
		char *end = strchr(line, '\n'), *next = end ? end + 1 : NULL;
		struct parsed_area *a;

		if (end)
			*end = '\0';
		number++;
		if (line[strspn(line, " \t")]) {
			if (areas->len == AREAS_MAX)
				return err_set(e, ENOMEM, -1, "line %u: more areas than a process can have, %d", number, AREAS_MAX);
			g_array_set_size(areas, areas->len + 1);
			a = &g_array_index(areas, struct parsed_area, areas->len - 1);
			a->line = number;
			code = parse_area(line, a, e);
			if (!code)
				code = check_order(a, areas->len > 1 ? a - 1 : NULL, page, e);
			if (code)
				return code;
		}
		line = next;
	}
	if (!areas->len)
		return err_set(e, EINVAL, -1, "the text has no area");
	return 0;
}

/* The file of that path if the disk has it, else an unlisted one, as large as the areas that map it need. */
static struct vm_inode *file_of_path(struct vm_host *h, const char *path, uint64_t size)
{
	struct vm_inode *i = *path == '/' ? vm_disk_lookup(h, path, NULL) : NULL;
	struct vm_inode_info info;

	if (i) {
		vm_inode_info(i, &info);
		if (info.kind == VM_INODE_FILE)
			return i;
	}
	return vm_disk_unlisted(h, path, size);
}

static void resolve_files(struct vm_host *h, GArray *areas)
{
	g_autoptr(GHashTable) sizes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	g_autoptr(GHashTable) files = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < areas->len; i++) {
		const struct parsed_area *a = &g_array_index(areas, struct parsed_area, i);
		uint64_t end = a->area.offset + (a->area.end - a->area.start), *size;

		if (!a->path)
			continue;
		size = g_hash_table_lookup(sizes, a->path);
		if (!size) {
			size = g_new0(uint64_t, 1);
			g_hash_table_insert(sizes, a->path, size);
		}
		*size = MAX(*size, end);
	}
	for (guint i = 0; i < areas->len; i++) {
		struct parsed_area *a = &g_array_index(areas, struct parsed_area, i);

		if (!a->path)
			continue;
		a->area.inode = g_hash_table_lookup(files, a->path);
		if (!a->area.inode) {
			a->area.inode = file_of_path(h, a->path, *(uint64_t *)g_hash_table_lookup(sizes, a->path));
			g_hash_table_insert(files, a->path, a->area.inode);
		}
		/* The old layout may hold the only other reference. */
		vm_inode_retain(a->area.inode);
	}
}

int add_area_line(struct vm_proc *p, char *line, struct err *e)
{
	g_autoptr(GArray) areas = g_array_new(FALSE, TRUE, sizeof(struct parsed_area));
	int code;

	g_array_set_clear_func(areas, parsed_area_clear);
	code = parse_maps(line, vm_page_size(process_geometry(p)), areas, e);
	if (code)
		return code;
	if (areas->len != 1)
		return err_set(e, EINVAL, -1, "%u lines instead of one", areas->len);
	resolve_files(vm_proc_host(p), areas);
	return vm_layout_add(p, &g_array_index(areas, struct parsed_area, 0).area, e);
}

static struct vm_layout_area *layout_of(const GArray *areas)
{
	struct vm_layout_area *l = g_new(struct vm_layout_area, areas->len);

	for (guint i = 0; i < areas->len; i++)
		l[i] = g_array_index(areas, struct parsed_area, i).area;
	return l;
}

int store_maps(const struct node *n, char *text, GString *result, struct err *e)
{
	struct vm_proc *p = process_alive(n, e);
	g_autofree struct vm_layout_area *layout = NULL;
	g_autoptr(GArray) areas = NULL;
	int code;

	if (!p)
		return -e->code;
	areas = g_array_new(FALSE, TRUE, sizeof(struct parsed_area));
	g_array_set_clear_func(areas, parsed_area_clear);
	code = parse_maps(text, vm_page_size(process_geometry(p)), areas, e);
	if (code)
		return code;
	resolve_files(vm_proc_host(p), areas);
	layout = layout_of(areas);
	return vm_layout_set(p, layout, areas->len, e);
}
