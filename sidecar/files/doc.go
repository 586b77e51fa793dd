// Package files reads the files that a configuration names, for the sidecar and the plugins: it tells when one has changed, whether
// others could have written it, and whether others can read it. The errors of Read and Secret do not repeat the name of the file, which
// stands where they are shown, except where a command in them needs it, and never its content.
package files
