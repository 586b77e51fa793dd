// Package confine says what the process of a plugin may reach, and keeps it to that. It starts no process and talks to none: package
// pluginhost runs `claimsmith plugin exec` with the arguments of [Declaration.Wrap], that process calls [Exec], and becomes the plugin.
//
// [Exec] asks the kernel to kill the process when the host dies, compares digests and makes the copies that are run, closes what it
// inherited, becomes the user that [Declaration].User names, applies [Limits] and file rules, and reports what is in force ([Report]).
//
// File rules are Landlock's, made for the one thread that becomes the plugin. They name files as they are at the start, so a
// process whose files were replaced ([Declaration.Granted]) has to be replaced too. A plugin may start threads and no processes: what it
// cannot start it cannot leave behind, also when the host is killed.
//
// System calls that reach other files, processes or the kernel by a path or a number, which file rules do not see, are refused by a filter,
// and so is all that nobody has looked at. There are no capabilities, also for root. A limit that nobody else sets marks a plugin for
// the sockets of any other host ([Marked]).
//
// A user of its own keeps a plugin from the host, from other plugins and from the sockets of both also where there are no file
// rules. It needs a host that is root, and is given up for good before the plugin is run: copies are made and compared as root;
// the request to be killed with the host, which the kernel forgets when a user changes, is made again afterwards; what follows
// binds any user. Root reaches the plugin's socket and asks the kernel whose it is before it speaks to it ([Account.Dial]).
package confine
