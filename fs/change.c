/* change.c - names made and removed, attributes set. */
#include "change.h"

#include "node.h"
#include "record.h"
#include "world.h"

#include <assert.h>
#include <string.h>

enum { NAME_BYTES_MAX = 255 };

const char *const change_names[] = { "mkdir", "create", "symlink", "link", "unlink", "rmdir", "rename", "attr" };
static_assert(G_N_ELEMENTS(change_names) == CHANGE_KINDS, "a change without a name");

static const struct dir_ops *ops_of(const struct node *dir)
{
	static const struct dir_ops none;

	return dir->row->dynamic ? dir->row->dynamic : &none;
}

static bool makes_name(enum change_kind kind)
{
	return kind <= CHANGE_LINK;
}

/* What makes the new name. */
static const char *new_name(const struct change *c)
{
	return c->kind == CHANGE_RENAME ? c->text : makes_name(c->kind) ? c->name : "";
}

static bool is_known(const struct change *c)
{
	const struct dir_ops *ops = ops_of(&c->at);

	switch (c->kind) {
	case CHANGE_MKDIR:   return ops->mkdir;
	case CHANGE_CREATE:  return ops->create;
	case CHANGE_SYMLINK: return ops->symlink;
	case CHANGE_LINK:    return ops->link;
	case CHANGE_UNLINK:  return ops->unlink;
	case CHANGE_RMDIR:   return ops->rmdir;
	case CHANGE_RENAME:  return ops->rename;
	default:             return c->at.row->setattr;
	}
}

int change_allowed(const struct change *c)
{
	if (strlen(new_name(c)) > NAME_BYTES_MAX)
		return ENAMETOOLONG;
	if (!is_known(c))
		return c->kind == CHANGE_CREATE ? EACCES : EPERM;
	if (c->kind == CHANGE_RENAME && ops_of(&c->to)->rename != ops_of(&c->at)->rename)
		return EXDEV;
	return 0;
}

static int make(const struct change *c, struct node *child, struct err *e)
{
	const struct dir_ops *ops = ops_of(&c->at);

	switch (c->kind) {
	case CHANGE_MKDIR:   return ops->mkdir(&c->at, c->name, c->mode, e);
	case CHANGE_CREATE:  return ops->create(&c->at, c->name, c->mode, child, e);
	case CHANGE_SYMLINK: return ops->symlink(&c->at, c->name, c->text, child, e);
	case CHANGE_LINK:    return ops->link(&c->at, c->name, &c->to, e);
	case CHANGE_UNLINK:  return ops->unlink(&c->at, c->name, e);
	case CHANGE_RMDIR:   return ops->rmdir(&c->at, c->name, e);
	case CHANGE_RENAME:  return ops->rename(&c->at, c->name, &c->to, c->text, c->flags, e);
	default:             return c->at.row->setattr(&c->at, &c->st, c->valid, e);
	}
}

/* The kernel does not look a renamed name up again. */
static void follow_renamed(const struct change *c)
{
	struct world *w = c->at.world;
	struct node n;

	if (w->knowns && tree_find(&c->to, c->text, &n) == 0)
		known_renamed(w, &n, &c->to, c->text);
}

int change_make(const struct change *c, struct node *child, struct err *e)
{
	struct world *w = c->at.world;
	int rc;

	record_change(w, c);
	rc = make(c, child, e);
	world_changed(w);
	if (rc == 0 && makes_name(c->kind))
		rc = tree_find(&c->at, c->name, child);
	if (rc == 0 && c->kind == CHANGE_RENAME)
		follow_renamed(c);
	if (rc && e->code == -rc && c->kind != CHANGE_ATTR)
		error_log_add(w, &c->at, NULL, -1, e);
	return rc;
}
