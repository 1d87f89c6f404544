/* bridge.c - bridge/: simulated sockets joined to real ones. */
#include "root.h"

#include "bridge.h"

/* For the owner alone: what is bridged is nobody else's business. */
const struct row bridge_rows[] = {
	{ .name = "rules", .kind = ROW_TABLE, .mode = 0600, .columns = bridge_rule_columns, .fill = fill_bridge_rules,
	  .store = store_bridge_rules, .help = "bridge-rules" },
	{ .name = "limits", .kind = ROW_TEXT, .mode = 0600, .show = show_bridge_limits, .store = store_bridge_limits,
	  .help = "bridge-limits" },
	{ .name = "connections", .kind = ROW_TABLE, .mode = 0400, .columns = bridge_connection_columns,
	  .fill = fill_bridge_connections, .help = "bridge-connections" },
	{ 0 }
};
