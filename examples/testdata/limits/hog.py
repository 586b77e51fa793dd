import sys

held = []
try:
    while True:
        held.append(bytearray(8 << 20))
except MemoryError:
    mib = len(held) * 8
    held = None
    print(f"{mib} MiB", file=sys.stderr)
