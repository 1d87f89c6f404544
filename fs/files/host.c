/* host.c - hosts/H: a simulated computer's directory. */
#include "command.h"
#include "disk.h"
#include "fixture.h"
#include "host_ctl.h"

const struct row host_rows[] = {
	{ .name = "ctl", .kind = ROW_TEXT, .mode = 0644, .show = show_result, .store = store_host_ctl, .help = "host-ctl" },
	{ .name = "fixture", .kind = ROW_TEXT, .mode = 0444, .show = show_fixture, .help = "fixture" },
	{ .name = "proc", .kind = ROW_DIRECTORY, .mode = 0555, .rows = proc_rows, .dynamic = &proc_dir, .help = "proc" },
	{ .name = "mem", .kind = ROW_DIRECTORY, .mode = 0555, .rows = mem_rows, .help = "mem" },
	{ .name = "swap", .kind = ROW_DIRECTORY, .mode = 0555, .rows = swap_rows, .dynamic = &swap_dir, .help = "swap" },
	{ .name = "net", .kind = ROW_DIRECTORY, .mode = 0555, .rows = host_net_rows, .help = "net" },
	{ .name = "files", .kind = ROW_DIRECTORY, .mode = 0755, .dynamic = &disk_dir, .attr = disk_attr,
	  .setattr = disk_setattr, .help = "files" },
	{ 0 }
};
