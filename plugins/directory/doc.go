// Package directory is the plugin that knows the people who stand in a file, YAML or CSV: no server, no password.
//
//	sdk.Main(directory.Plugin())
//
// The file is read when the plugin is configured, and looked at again when somebody asks, at most once a second; nothing runs
// meanwhile. People of a changed file take the place of those before as a whole. A changed file that cannot be used is reported in
// the log, and the people before it are answered with for a while: those who are found, with the age of what is known of them. Who
// is not found among them might be in the new file, so that is not answered at all.
package directory
