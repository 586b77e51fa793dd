// Package pluginhost runs plugins: it starts one process for each, speaks to it over go-plugin (gRPC on a unix socket, with
// mutual TLS unless that is switched off), restarts it when it dies, and asks it questions through a cache.
//
//	Host ──┬─ Plugin "nas" ── supervisor ── instance ── process ── claimsmith plugin exec ── execve ── the plugin
//	       │                      │ which instance answers now; restart, backoff
//	       └─ cache, singleflight ┴─ Asker, one for each lookup step
//
// # Process
//
// A plugin sees nothing of its host: /dev/null as stdin, an environment of the names that were declared and little more, a
// working directory of its own with mode 0700, which is HOME and TMPDIR too. It leads a session, so that Ctrl-C in
// a terminal ends the host, which then ends the plugin, and a process group. It is started through [Options].Wrapper, which is [Exec] in a
// process of its own: it asks the kernel to kill the process when the host dies, compares digests and makes the copies that
// are run, closes what it inherited, becomes the user that [Declaration].User names, applies [Limits] and file rules, reports what is in force ([Confinement]), and becomes
// the plugin. The request to be killed is bound to the thread that forked, so one goroutine with a thread of its own starts
// all plugins of a host and lives as long as the host. On systems without such a request the SDK of the plugin watches
// who its parent is.
//
// File rules are Landlock's, made for the one thread that becomes the plugin. They name files as they are at the start, so a
// process whose files were replaced is replaced before the next call. A plugin may start threads and no processes: what it
// cannot start it cannot leave behind, also when the host is killed. A plugin that may start processes can: its group is
// killed with it, what left the group is not, and nothing is when the host is killed.
//
// A user of its own keeps a plugin from the host, from other plugins and from the sockets of both also where there are no file
// rules. It needs a host that is root, and is given up for good before the plugin is run: copies are made and compared as root;
// the request to be killed with the host, which the kernel forgets when a user changes, is made again afterwards; what follows
// binds any user. Root reaches the plugin's socket and asks the kernel whose it is before it speaks to it.
//
// A crash: the first two restart the plugin at once, and calls wait for that inside their deadline. From the third on, each
// within a minute of the one before, calls fail at once with [ErrDown] while the plugin is restarted after growing pauses. A plugin that comes back must
// describe itself as before, and is configured as before. The first of a row of crashes that is no longer mended at once is
// reported as an error, with its last words, and those after it at debug. A call that got no answer because the process died is repeated
// once; an answer is never asked for twice.
//
// # What is logged
//
// What a plugin logs through its SDK, as lines of JSON on stderr, goes to Options.Log with level and attributes, up to a number of
// bytes in each minute: who writes such a line answers for what is in it. Anything else that a plugin prints may hold addresses, tokens or passwords,
// so it is counted and not logged. There are two exceptions. Until a plugin has been configured it knows nothing that is not
// its own, and its last words explain why it did not start: they stand in that error. After a crash the lines that the Go
// runtime prints are logged where they cannot hold values: its own errors, and the functions of the first stack, without
// arguments. Whoever writes a plugin sees all of it with Options.Stderr. What go-plugin itself has to say is logged at debug.
//
// An error that a plugin answers is cut to one short line, and the parameters of the question are blotted out of it: it
// ends in logs.
//
// # Answers
//
// An answer must fit the schema that the plugin described. One that does not is a failure, never half an answer. See
// [CachePolicy] for what is kept, for how long, and what is served when the plugin fails. "Not found" is never served
// stale. An answer that is asked for in the last fifth of its time is replaced in the background, so that people who sign in
// often never wait; nothing is ever asked of its own accord.
//
// With a [Store] the last good answers of lookups with a MaxStale survive the process. Memory comes first; what it does not have
// is looked for in the store, for a short part of the time that there is, and judged by the same rules with the age that it has
// then. Writing is nobody's to wait for: a bounded queue, flushed when the host is closed. Only "found" is kept, and "not found"
// removes it, for all who share the store. Two replicas that share one start with what the other knew; from then on each goes by
// its own memory.
//
// What keeps a plugin from harm, and people from waiting for one that is harmed: calls shared by all who ask the same,
// [Options].CallsAtOnce, a limit on questions about strangers, and a breaker ([ErrBroken]). [Counters] tell of each.
package pluginhost
