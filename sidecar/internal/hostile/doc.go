// Package hostile is what a plugin does that wants out of its box. Each attack does no harm where it gets through, beyond the files and
// processes that it is pointed at: it shows that it could.
package hostile
