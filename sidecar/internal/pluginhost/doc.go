// Package pluginhost runs plugins: it starts one process for each, speaks to it over go-plugin (gRPC on a unix socket, with
// mutual TLS unless that is switched off), restarts it when it dies, and asks it questions. What is remembered of the answers is package
// answers' to say, and what a process may reach is package confine's.
//
//	Host ──┬─ Plugin "nas" ── supervisor ── instance ── process ── claimsmith plugin exec ── execve ── the plugin
//	       │                      │ which instance answers now; restart, backoff
//	       └─ answers ────────────┴─ Asker, one for each lookup step
//
// # Process
//
// A plugin sees nothing of its host: /dev/null as stdin, an environment of the names that were declared and little more, a
// working directory of its own with mode 0700, which is HOME and TMPDIR too. It leads a session, so that Ctrl-C in
// a terminal ends the host, which then ends the plugin, and a process group. It is started through [Options].Wrapper, which is
// [confine.Exec] in a process of its own: package confine says what that keeps a plugin from. The request to be killed with the host
// is bound to the thread that forked, so one goroutine with a thread of its own starts
// all plugins of a host and lives as long as the host. On systems without such a request the SDK of the plugin watches
// who its parent is.
//
// A process whose files were replaced is replaced before the next call. What a plugin that may start processes starts cannot
// leave its session and group, which is killed with it, but not when the host is killed. A session is how sockets of the host know a
// plugin that connects ([Host.PluginOf]).
//
// A crash: the first two restart the plugin at once, and calls wait for that inside their deadline. From the third on, each
// within a minute of the one before, calls fail at once with [ErrDown] while the plugin is restarted after growing pauses. A plugin that comes back must
// describe itself as before, and is configured as before. The first of a row of crashes that is no longer mended at once is
// reported as an error, with its last words, and those after it at debug. A call that got no answer because the process died is repeated
// once; an answer is never asked for twice.
//
// # What is logged
//
// Whatever a plugin says may hold a person, in pieces, encoded or reversed: no filter finds that. So once a host has put its first
// question to a plugin, no word of any of them reaches a log, an error, a metric or a span. An error is its kind, the name of the plugin
// and an id ("lookup: unavailable (words 7K2MQ9)"); what stands for the id is kept in memory, cut to a line, for an hour, and
// [Host.Reveal] and [Plugin.Said] show it to whoever asks as the operator. The same holds for records that a plugin logs, of which the log
// gets the number, for the trace of a crash, for why a process did not start again, and for what is wrong with a configuration that is
// loaded then. What go-plugin has to say is logged at debug, without what comes with it.
//
// Before the first question nobody is known to a plugin, and its words explain why it does not start: they stand in that error, and
// records go to Options.Log with level and attributes. What it prints that is no record is counted and never kept, but for the last
// words of a process that was not configured yet. Whoever writes a plugin sees all of it with Options.Stderr.
package pluginhost
