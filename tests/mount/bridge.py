# bridge.py PART SCRATCH PID - what bridge.sh checks; runs in the root of the mount, which process PID serves.
import sys

sys.dont_write_bytecode = True  # nothing is left beside the tests
import bridge_faults, bridge_limits, bridge_programs, bridge_rules

part, _, how = sys.argv[1].partition("-")
run = next(getattr(m, "part_" + part) for m in (bridge_faults, bridge_limits, bridge_programs, bridge_rules) if hasattr(m, "part_" + part))
run(*([how] if how else []))
