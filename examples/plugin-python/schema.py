"""JSON as the contract wants it, and the subset of JSON Schema that it knows."""

import json

WORDS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
}


def encode(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def decode(data):
    """Reads a JSON object. Integers keep all their digits. A ValueError holds nothing of the data."""
    try:
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("not a good JSON object") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError
    return dict(pairs)


def _refuse(_constant):
    raise ValueError


def problems(schema, value, path=""):
    """Returns all that is wrong with value, as (path, message, hint)."""
    kind = schema["type"]
    if not _fits(kind, value):
        return [(path, f"must be {WORDS[kind]}", "")]
    found = []
    if kind == "array":
        for i, element in enumerate(value):
            found += problems(schema["items"], element, f"{path}[{i}]")
    if kind == "object":
        known = schema.get("properties", {})
        for name, member in value.items():
            at = f"{path}.{name}" if path else name
            if name in known:
                found += problems(known[name], member, at)
            else:
                found.append((at, "unknown name", "known here: " + ", ".join(sorted(known))))
        for name in schema.get("required", []):
            if name not in value:
                found.append((path, f"{name} is missing", ""))
    return found


def _fits(kind, value):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, {"object": dict, "array": list, "string": str, "boolean": bool}[kind])
