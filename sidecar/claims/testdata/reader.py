"""As reader_jsonc.c, with the json of Python."""
import json
import sys


def names(o):
    if isinstance(o, dict):
        for key, value in o.items():
            yield key
            yield from names(value)
    elif isinstance(o, list):
        for value in o:
            yield from names(value)


for line in sys.stdin.buffer:
    try:
        o = json.loads(line)
        out = "\t".join([o.get("sub", ""), *names(o)]).encode()
    except ValueError:
        out = b"-"
    sys.stdout.buffer.write(out + b"\n")
