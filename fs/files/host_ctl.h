/* host_ctl.h - hosts/H/ctl. */
#ifndef FS_HOST_CTL_H
#define FS_HOST_CTL_H

#include "tree.h"

int store_host_ctl(const struct node *n, char *line, GString *result, struct err *e);

#endif
