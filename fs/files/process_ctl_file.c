/* process_ctl_file.c - commands that make descriptors, and those about their position. */
#include "process_ctl.h"
#include "vm_file.h"

bool arg_fd(const struct call *c, unsigned i, int *fd, struct err *e)
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

int run_pipe(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int fds[2], code;

	if (!p)
		return -e->code;
	code = vm_pipe(p, fds, e);
	if (code)
		return code;
	put_dec(c->result, (uint64_t)fds[0]);
	put_char(c->result, ' ');
	put_dec(c->result, (uint64_t)fds[1]);
	return 0;
}
