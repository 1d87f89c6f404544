/* process_ctl_file.c - commands about descriptors: open, close, dup, lseek, and read(2) and write(2) as recv and send. */
#include "process_ctl.h"
#include "vm_file.h"

static bool arg_fd(const struct call *c, unsigned i, int *fd, struct err *e)
{
	uint64_t v;

	if (!arg_number(c, i, &v, e))
		return false;
	if (v > INT32_MAX) {
		err_set(e, EBADF, (int)i, "%" PRIu64 " is no descriptor", v);
		return false;
	}
	*fd = (int)v;
	return true;
}

int run_open(struct call *c, struct err *e)
{
	static const char *const names[] = { "r", "w", "rw", NULL };
	static const unsigned modes[] = { VM_OPEN_READ, VM_OPEN_WRITE, VM_OPEN_READ | VM_OPEN_WRITE };
	struct vm_proc *p = command_caller(c, e);
	struct vm_inode *inode;
	unsigned which = 0;
	int fd, code;

	if (!p || (c->count > 1 && !arg_choice(c, 1, names, &which, e)))
		return -e->code;
	inode = command_file(c, 0, e);
	if (!inode)
		return -e->code;
	code = vm_open(p, inode, modes[which], &fd, e);
	if (!code)
		put_dec(c->result, (uint64_t)fd);
	return code;
}

int run_close(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int fd;

	if (!p || !arg_fd(c, 0, &fd, e))
		return -e->code;
	return vm_close(p, fd, e);
}

int run_dup(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int fd, result, code;

	if (!p || !arg_fd(c, 0, &fd, e))
		return -e->code;
	code = vm_dup(p, fd, &result, e);
	if (!code)
		put_dec(c->result, (uint64_t)result);
	return code;
}

int run_lseek(struct call *c, struct err *e)
{
	static const char *const names[] = { "set", "cur", "end", NULL };
	struct vm_proc *p = command_caller(c, e);
	unsigned whence = VM_SEEK_SET;
	uint64_t position;
	int64_t offset;
	int fd, code;

	if (!p || !arg_fd(c, 0, &fd, e) || !arg_signed(c, 1, &offset, e) ||
	    (c->count > 2 && !arg_choice(c, 2, names, &whence, e)))
		return -e->code;
	code = vm_lseek(p, fd, offset, (int)whence, &position, e);
	if (!code)
		put_dec(c->result, position);
	return code;
}

int run_recv(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	uint64_t len = 65536;
	size_t done = 0;
	int fd, code;

	if (!p || !arg_fd(c, 0, &fd, e) || (c->count > 1 && !command_length(c, 1, &len, e)))
		return -e->code;
	g_string_set_size(c->result, len);
	code = vm_fd_read(p, fd, c->result->str, len, &done, e);
	g_string_truncate(c->result, code ? 0 : done);
	c->n->world->raw_result = true;  /* the bytes themselves: no newline behind them */
	return code;
}

int run_send(struct call *c, struct err *e)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	struct vm_proc *p = command_caller(c, e);
	size_t done = 0;
	int fd, code;

	if (!p || !arg_fd(c, 0, &fd, e) || !arg_bytes(c, 1, bytes, e))
		return -e->code;
	code = vm_fd_write(p, fd, bytes->str, bytes->len, &done, e);
	if (!code)
		put_dec(c->result, done);
	return code;
}
