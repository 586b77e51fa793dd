// Package starter writes the first files of a plugin in Go. They are those of its folder template, an ordinary package that is
// compiled and tested where it stands; NAME in them becomes the name of the plugin.
package starter
