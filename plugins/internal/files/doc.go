// Package files reads the files that the configuration of a plugin names: it tells when one has changed, whether others could
// have written it, and whether others can read it. Its errors do not repeat the name of the file, which stands where they are
// shown, except where a command in them needs it, and never its content.
package files
