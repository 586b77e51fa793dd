package sidecar

import (
	"maps"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/hostile"
)

// boxLine is a line of the table in plugins/README.md, and what proves it.
type boxLine struct {
	id, name string // name is the first cell
	attacks  []attack
}

// attack is what is tried, and what comes of it. needs says what a system lacks where it cannot hold it; empty: nothing.
type attack struct {
	what, want string
	needs      func(*confine.Report) string
}

func needsFiles(c *confine.Report) string {
	if c.Files == 0 {
		return "Landlock (Linux 5.13), or a user of its own"
	}
	return ""
}

func needsSignals(c *confine.Report) string {
	if !c.Signals && !c.Calls {
		return "seccomp, or a user of its own"
	}
	return ""
}

func needsCalls(c *confine.Report) string {
	if !c.Calls {
		return "seccomp, on amd64 or arm64"
	}
	return ""
}

func needsTCP(c *confine.Report) string {
	if !c.TCP {
		return "Landlock 4 (Linux 6.7)"
	}
	return needsCalls(c)
}

func needsMemory(c *confine.Report) string {
	if c.Memory == 0 {
		return "a limit of memory"
	}
	return ""
}

// all are attacks with the same outcome.
func all(want string, needs func(*confine.Report) string, attacks ...string) []attack {
	list := make([]attack, len(attacks))
	for i, what := range attacks {
		list[i] = attack{what, want, needs}
	}
	return list
}

var boxLines = []boxLine{
	{"reads", "reads", slices.Concat(
		all("done", nil, "read ${secret}", "list /usr"),
		all("refused", needsFiles, "read ${other}", "read ${claimsmith.yaml}", "list ${dir}", "link ${other}", "list /", "list /root", "read /etc/passwd",
			"read /etc/shadow", "read /proc/${host}/environ", "read /proc/${host}/mem", "read /proc/${host}/cmdline", "read /proc/${victim}/environ"),
	)},
	{"writes", "writes", slices.Concat(
		all("done", nil, "own file"),
		all("refused", needsFiles, "write ${secret}", "write ${claimsmith.yaml}", "write ${dir}/new", "remove ${secret}", "write /usr/bin/env"),
		all("refused", needsCalls, "truncate ${secret}", "truncate ${claimsmith.yaml}", "cut ${secret}"),
	)},
	{"modes", "changes modes, owners, times and attributes", all("refused", needsCalls,
		"chmod ${secret}", "chmod ${claimsmith.yaml}", "fchmod ${secret}", "chmod2 ${claimsmith.yaml}", "chown ${secret}", "fchown ${secret}",
		"times ${secret}", "times ${claimsmith.yaml}", "attribute ${secret}", "look ${claimsmith.yaml}", "flags ${secret}", "lease ${secret}",
		"call setxattrat", "call file_setattr")},
	{"program", "runs what was compared", all("refused", needsFiles, "rewrite")},
	{"processes", "starts other processes", all("refused", needsCalls, "spawn", "fork", "call clone3")},
	{"others", "signals, traces, limits, or looks into other processes", slices.Concat(
		all("refused", needsSignals, "signal ${host}", "kill ${victim}", "thread ${host}", "task ${host}", "queue ${host}", "sigio ${host}"),
		all("refused", needsCalls, "trace ${host}", "trace ${victim}", "look-into ${host}", "pidfd ${host}", "limit ${host}", "limits ${victim}", "renice ${host}",
			"pin ${host}", "disk-priority ${host}", "call process_madvise", "call kcmp", "call move_pages", "call pidfd_getfd", "call pidfd_send_signal"),
	)},
	{"memory", "memory", all("no more memory", needsMemory, "memory")},
	{"descriptors", "descriptors", all("no more descriptors", nil, "descriptors")},
	{"privileges", "privileges, core dumps", []attack{
		{"privileges", "no new ones", nil}, {"capabilities", "none", nil}, {"core", "core 0 0", nil},
	}},
	{"kernel", "the kernel itself, keys, namespaces, what is shared by name", all("refused", needsCalls, calls()...)},
	{"tcp", "TCP", slices.Concat(
		all("done", nil, "tcp ${declared}"),
		all("refused", needsTCP, "tcp ${undeclared}", "fast-open ${undeclared}", "mptcp ${undeclared}", "sctp ${undeclared}", "listen 127.0.0.1:0", "vsock"),
	)},
	{"sockets", "the sockets of claimsmith", all("refused", nil, "ask ${hook}", "ask ${admin}", "ask ${elsewhere}")},
	{"network", "UDP, unix sockets of others", all("done", nil, "udp ${undeclared}", "connect ${neighbour}")},
	{"names", "that a file exists, its size and times", all("done", nil, "stat ${other}")},
	{"terminal", "terminal", []attack{{"terminal", "none", nil}}},
	{"outlives", "outlives claimsmith", all("refused", needsCalls, "outlive", "session")},
	{"time", "processor time, disk space", all("done", nil, "spin", "own more")},
	{"user", "user id", []attack{{"user", "${user}", nil}}},
}

// calls are the attacks by the number of a system call.
func calls() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(hostile.Calls)) {
		list = append(list, "call "+name)
	}
	return list
}
