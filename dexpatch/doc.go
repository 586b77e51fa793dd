// Package dexpatch puts the claims hook into Dex.
//
// Dex's main package cannot be imported, so it is built: from a copy of its sources, with the package dexpatch/hook laid in
// and some lines added that call it. Each added piece is an Edit, anchored on a single statement of Dex and not on a context
// around it, because the statements stay while the files around them change. An anchor that does not stand exactly as often
// as expected is an error, and then nothing is written.
//
// Plan shows what would change, Apply changes a tree, Build makes a binary, and Cached keeps one for everybody on the machine.
package dexpatch
