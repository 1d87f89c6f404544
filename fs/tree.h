/*
 * tree.h - the tree as data: a row a name.
 *
 * A node is a value made of ids, never of pointers into an engine, so it may outlive what it names; looking
 * that up then gives ESRCH or ENOENT. lookup, getattr, readdir, .json and .csv all walk the same rows, so a
 * new file is one row and one function.
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#include "err.h"
#include "units.h"

#include <glib.h>
#include <sys/stat.h>

struct world;
struct row;

struct node {
	const struct row *row;
	struct world *world;
	uint32_t host, process;  /* serials, never reused: a pid may be; 0: none */
	uint64_t arg;            /* the address in walk/ADDR, the PFN in frame/PFN, the tid in task/TID, the inode ... */
	uint64_t arg2;           /* pt/: level and more; else 0 */
	uint8_t  format;         /* of a table: FORMAT_TEXT, _JSON, _CSV */
	bool     for_reader;     /* found by a name that only this reader has (its own pid): not to be cached; no part of equality */
};
enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

/* Writes the whole content; called when offset 0 is read, and for st_size. Must not change any state. 0 or -errno. */
typedef int show_fn(const struct node *n, GString *out, struct err *e);
/* Carries out one complete line, without its newline; `result` (empty at the call) is what a read then gives.
 * -EINPROGRESS: it has to wait; it is called again, with the same line, after each change of the world (job.h). */
typedef int store_fn(const struct node *n, char *line, GString *result, struct err *e);

/* Tables: one description of the columns gives text, JSON and CSV. */
enum column_type {
	COLUMN_WORD,      /* char *: text as it is; JSON string */
	COLUMN_NUMBER,    /* decimal; JSON number */
	COLUMN_HEX,       /* 0x..; JSON string */
	COLUMN_TIME,      /* ns_t: seconds with nine decimals; JSON integer nanoseconds */
};
struct column { const char *name; enum column_type type; }; /* ends with a NULL name */
struct table_out;          /* table.h: where cells go, in the order of the columns */
typedef int fill_fn(const struct node *n, struct table_out *t, struct err *e);

/* Files of bytes at offsets (ram, mem, pagemap): no snapshot. */
struct bytes_ops {
	uint64_t (*size)(const struct node *n);
	/* Up to len bytes at `at`; the number done (0: end), or -errno. Must not change any state. */
	ssize_t (*read)(const struct node *n, uint64_t at, void *to, size_t len, struct err *e);
	ssize_t (*write)(const struct node *n, uint64_t at, const void *from, size_t len, struct err *e); /* NULL: read-only */
	/* Once per open(2) and at its release: what is open outlives its name (the simulated disk). NULL: nothing to do. */
	void (*open)(const struct node *n);
	void (*close)(const struct node *n);
};

/* Children that come and go: pids, hosts, entries of pt/, files on the simulated disk. */
struct dir_ops {
	/* The child of that name in *child (all fields set): 0 or -ENOENT, -ESRCH, ... */
	int  (*find)(const struct node *dir, const char *name, struct node *child);
	/* The child after *cookie (0 starts; stable: births and deaths neither skip nor repeat others); `name` holds 256 bytes. False at the end. */
	bool (*next)(const struct node *dir, uint64_t *cookie, char *name, struct node *child);
	int  (*mkdir)(const struct node *dir, const char *name, mode_t mode, struct err *e);   /* NULL: EPERM */
	int  (*rmdir)(const struct node *dir, const char *name, struct err *e);
	/* Only the simulated disk has these. */
	int  (*create)(const struct node *dir, const char *name, mode_t mode, struct node *child, struct err *e);
	int  (*unlink)(const struct node *dir, const char *name, struct err *e);
	int  (*symlink)(const struct node *dir, const char *name, const char *target, struct node *child, struct err *e);
	int  (*link)(const struct node *dir, const char *name, const struct node *target, struct err *e);
	int  (*rename)(const struct node *dir, const char *name, const struct node *to, const char *new_name,
		       unsigned flags, struct err *e);
};

/* Streams: block for more, listed nowhere. */
struct stream_ops {
	/* A reader's state for one open; NULL with an error. */
	void *(*open)(const struct node *n, struct err *e);
	/* Bytes that are there now, appended to out (at most about `max`); 0 with nothing appended: wait for more. -ESRCH: end of stream. */
	int  (*read)(const struct node *n, void *state, size_t max, GString *out, struct err *e);
	ssize_t (*write)(const struct node *n, void *state, const void *from, size_t len, struct err *e); /* NULL: EPERM; -EINPROGRESS: wait */
	bool (*ready)(const struct node *n, void *state); /* for poll */
	void (*close)(const struct node *n, void *state);
};

enum row_kind { ROW_TEXT = 1, ROW_TABLE, ROW_DIRECTORY, ROW_BYTES, ROW_LINK, ROW_STREAM, ROW_SPECIAL };
enum row_flag {
	ROW_UNLISTED = 1,     /* exists, but readdir leaves it out */
	ROW_OWNED = 2,        /* shows the simulated process's uid and gid */
	ROW_COLLECT = 4,      /* written as one text, handed to store() whole at close (maps, fixture-like) */
	ROW_MOVES_TIME = 16,  /* a stream: time moves (mode auto) for who waits in a read of it */
	ROW_AT_ONCE = 32,     /* what is written is carried out even while time runs for somebody else (clock) */
	ROW_VERBATIM = 64,    /* blank lines and comments are handed to store() too */
	ROW_RAW = 8,          /* text without a final newline or with NULs: no checks on the content */
};

struct row {
	const char *name;             /* NULL ends a list; in `dynamic` rows it is only a label */
	enum row_kind kind;
	mode_t mode;                  /* permission bits; a directory's too */
	unsigned flags;
	show_fn  *show;               /* TEXT: content. LINK: target */
	store_fn *store;              /* TEXT: a line. NULL: read-only */
	const struct column *columns; /* TABLE */
	fill_fn  *fill;
	const struct row *rows;       /* DIRECTORY: its fixed names; may be NULL */
	const struct row *other_rows; /* DIRECTORY: those of what may come in its place later; NULL: who knows */
	const struct dir_ops *dynamic;/* DIRECTORY: the others; may be NULL */
	const struct bytes_ops *bytes;
	const struct stream_ops *stream;
	/* Changes what stat shows (pt/ leaves, the simulated disk, S_IFSOCK link targets); st is filled by the row before. 0 or -errno. */
	int (*attr)(const struct node *n, struct stat *st);
	/* SETATTR on the simulated disk: which of st is valid is in `valid` (FUSE_SET_ATTR_ bits as in fuse_lowlevel.h). NULL: EPERM for mode and owner. */
	int (*setattr)(const struct node *n, const struct stat *st, int valid, struct err *e);
	const char *help;             /* the name of its text in help/ */
	/* Whether what arg names (a wire, an interface, a socket) is still there; NULL: host and process say all. */
	bool (*alive)(const struct node *n);
	/* Whether readdir shows it, where that depends (RAM over 4 GiB); NULL: as ROW_UNLISTED says. */
	bool (*listed)(const struct node *n);
};

#define TEXT(NAME, MODE, SHOW, STORE) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = MODE, .show = SHOW, .store = STORE }
#define TABLE(NAME, COLUMNS, FILL) \
	{ .name = NAME, .kind = ROW_TABLE, .mode = 0444, .columns = COLUMNS, .fill = FILL }
#define TABLE_RW(NAME, COLUMNS, FILL, STORE) \
	{ .name = NAME, .kind = ROW_TABLE, .mode = 0644, .columns = COLUMNS, .fill = FILL, .store = STORE }
#define DIRECTORY(NAME, ROWS, DYNAMIC) \
	{ .name = NAME, .kind = ROW_DIRECTORY, .mode = 0555, .rows = ROWS, .dynamic = DYNAMIC }
#define LINK(NAME, SHOW) \
	{ .name = NAME, .kind = ROW_LINK, .mode = 0777, .show = SHOW }
#define BYTES(NAME, MODE, BYTES_OPS, FLAGS) \
	{ .name = NAME, .kind = ROW_BYTES, .mode = MODE, .bytes = BYTES_OPS, .flags = FLAGS }
#define STREAM(NAME, MODE, STREAM_OPS) \
	{ .name = NAME, .kind = ROW_STREAM, .mode = MODE, .stream = STREAM_OPS, .flags = ROW_UNLISTED }

/* show() of a ctl file, and of one with store() alone: the result of the latest command to it (on one open file: of its own latest). A result that
 * lacks a newline gets one, unless the command set world->raw_result. open.c */
show_fn show_result;

/* The tops of the parts of the tree, each in fs/files/. Fixed names (rows) inherit all of the
 * directory's node but its row: world, host, process, arg, arg2; find() and next() set every field themselves. */
extern const struct row root_row;            /* files/root.c */
extern const struct row host_row;            /* files/root.c: hosts/H */
extern const struct row host_rows[];         /* files/host.c: a host's directory; hosts/H: node.host is set */
extern const struct row proc_rows[];         /* files/proc.c: hosts/H/proc, with proc_dir for the pids; host_rows holds both */
extern const struct dir_ops proc_dir;
extern const struct row process_rows[];      /* files/process.c: proc/PID; node.process is set */
extern const struct row mem_rows[];          /* files/mem.c */
extern const struct row swap_rows[];         /* files/swap.c: hosts/H/swap, with swap_dir for the areas */
extern const struct dir_ops swap_dir;
extern const struct row host_net_rows[];          /* files/net.c */
extern const struct dir_ops wires_dir;       /* files/wire.c */
extern const struct dir_ops disk_dir;        /* files/disk.c: hosts/H/files; host_rows holds it */

/* tree.c: what ops.c, and tests without a kernel, do with nodes. `name` may be T.json and T.csv of a table T. */
struct node tree_root(struct world *w);
int  tree_find(const struct node *dir, const char *name, struct node *child);  /* 0, -ENOENT, -ENOTDIR, -ENAMETOOLONG, -ESRCH */
/* That it has no such name is true of whatever has the directory's own name, ever. */
bool tree_never_there(const struct node *dir, const char *name);
bool tree_list(const struct node *dir, uint64_t *cookie, char *name, struct node *child);
int  tree_path(struct world *w, const char *path, struct node *n);             /* from the root; follows links inside the tree */
/* Everything of stat but st_size of contents, which file_size() in open.h knows. -ESTALE when what it names is gone. */
int  tree_attr(const struct node *n, struct stat *st);
/* Of that only st_mode and st_ino, as readdir shows them. */
int  tree_entry(const struct node *n, struct stat *st);
bool node_alive(const struct node *n);
guint node_hash(const struct node *n);
bool node_equal(const struct node *a, const struct node *b);
/* Where the kernel found it (node.h) or, for one that it never looked up, host, process and the row's name. */
char *node_path(const struct node *n);       /* "hosts/host0/proc/1/ctl", for error_log; free with g_free() */
/* Renders text, table or link into `out`. */
int  node_show(const struct node *n, GString *out, struct err *e);

#endif
