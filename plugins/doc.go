// Package plugins holds the plugins that come with claimsmith, each in a folder of its own, and what a plugin is made with:
// package sdk for Go. README.md says how to write one in any language.
//
// Nothing below this folder imports the sidecar: our own plugins can do what a stranger's can, and no more.
package plugins
