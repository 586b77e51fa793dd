import os
import sys

if "CLAIMSMITH_PLUGIN" not in os.environ:  # nothing limits it
    sys.exit("this is a plugin of claimsmith")
held = []
try:
    while True:
        held.append(bytearray(8 << 20))
except MemoryError:
    mib = len(held) * 8
    held = None
    print(f"{mib} MiB", file=sys.stderr)
