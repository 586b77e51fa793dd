"""Accounts of a Unix system, from files in the format of /etc/passwd and /etc/group."""

import os
import threading

NAME = "unix-accounts"
VERSION = "1.0"

CONFIG = {
    "type": "object",
    "properties": {
        "passwdFile": {"type": "string", "description": "accounts, in the format of /etc/passwd"},
        "groupFile": {"type": "string", "description": "groups, in the format of /etc/group"},
        "minUid": {"type": "integer", "description": "the first id of a person; accounts below belong to the system (1000)"},
    },
    "required": ["passwdFile", "groupFile"],  # a plugin may read the files that its configuration names, and no others
}

PARAMS = {
    "type": "object",
    "properties": {"name": {"type": "string", "description": "name of the account"}},
    "required": ["name"],
}

FACTS = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "name of the account"},
        "fullName": {"type": "string", "description": "name of the person"},
        "uid": {"type": "integer", "description": "id of the account"},
        "gid": {"type": "integer", "description": "id of its first group"},
        "home": {"type": "string", "description": "home directory"},
        "shell": {"type": "string", "description": "login shell"},
        "groups": {"type": "array", "items": {"type": "string"}, "description": "names of all its groups, sorted"},
    },
}

NOBODY = 65534
CLOSED = {"nologin", "false"}  # shells of accounts that may not log in


class Directory:
    """What the two files say. They are read again when they have changed. Safe for many threads."""

    def __init__(self, config):
        self._passwd = config["passwdFile"]
        self._group = config["groupFile"]
        self._min = config.get("minUid", 1000)
        self._lock = threading.Lock()
        self._seen = None
        self._accounts = {}

    def problems(self):
        """Returns what is wrong with the configuration, as (path, message, hint)."""
        found = []
        if self._min < 0:
            found.append(("minUid", "must not be negative", ""))
        for path, file in (("passwdFile", self._passwd), ("groupFile", self._group)):
            if not os.path.isabs(file):
                found.append((path, "must be an absolute path", "a plugin runs in a directory of its own"))
                continue
            try:
                with open(file, "rb"):
                    pass
            except OSError as err:
                found.append((path, err.strerror.lower(), ""))
        return found

    def count(self):
        return len(self._current())

    def lookup(self, name):
        """Returns why nobody was found, which is empty when somebody was, and the facts."""
        entries = self._current().get(name, [])
        if len(entries) != 1:
            return ("ambiguous" if entries else "none"), None
        facts = entries[0]
        if facts["uid"] < self._min or facts["uid"] == NOBODY:
            return "system", None
        if os.path.basename(facts["shell"]) in CLOSED:
            return "disabled", facts
        return "", facts

    def _current(self):
        with self._lock:
            stats = [os.stat(file) for file in (self._passwd, self._group)]
            seen = [(s.st_ino, s.st_size, s.st_mtime_ns) for s in stats]
            if seen != self._seen:
                self._accounts = read(self._passwd, self._group)
                self._seen = seen
            return self._accounts


def read(passwd, group):
    """Returns the accounts by name, each name with all its lines."""
    by_gid, by_member = {}, {}
    for name, _, gid, members in _lines(group, 4):
        by_gid[int(gid)] = name
        for member in filter(None, members.split(",")):
            by_member.setdefault(member, set()).add(name)
    accounts = {}
    for name, _, uid, gid, gecos, home, shell in _lines(passwd, 7):
        groups = set(by_member.get(name, ()))
        if int(gid) in by_gid:
            groups.add(by_gid[int(gid)])
        accounts.setdefault(name, []).append(
            {
                "name": name,
                "fullName": gecos.split(",")[0],
                "uid": int(uid),
                "gid": int(gid),
                "home": home,
                "shell": shell,
                "groups": sorted(groups),
            }
        )
    return accounts


def _lines(file, fields):
    """Yields the good lines of a file. As in the C library, what is no account is passed over."""
    with open(file, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            parts = line.rstrip("\n").split(":")
            numbers = parts[2:4] if fields == 7 else parts[2:3]
            if len(parts) == fields and parts[0] and all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):
                yield parts
