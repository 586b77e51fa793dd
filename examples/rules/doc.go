// Package recipes keeps the recipes alive: its tests check each of them, and run what each says of itself.
//
// The recipes are the folders; README.md lists them.
package recipes
