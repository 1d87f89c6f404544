"""hostile.py PART SEED - bad input of one kind for the world mounted in the current directory; see hostile.sh.

Whatever is thrown at it: an errno and a text, or a defined result; every operation within timed.limit; afterwards `check`
finds nothing but pokes. The seed is printed; the same seed throws the same things.
"""
import os, random, sys

sys.dont_write_bytecode = True  # nothing is left beside the tests
import hostile_commands, hostile_files, hostile_memory
from hostile_world import finish

name, seed = sys.argv[1], int(sys.argv[2])
print(f"hostile {name}: seed {seed}", flush=True)
part = next(getattr(m, "part_" + name) for m in (hostile_commands, hostile_files, hostile_memory) if hasattr(m, "part_" + name))
part(random.Random(seed))
finish()
