/* host_ctl.h - hosts/H/ctl. */
#ifndef FS_HOST_CTL_H
#define FS_HOST_CTL_H

#include "command.h"

int store_host_ctl(const struct node *n, char *line, GString *result, struct err *e);

/* host_ctl_socket.c */
command_fn run_set_socket;

#endif
