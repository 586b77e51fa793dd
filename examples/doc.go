// Package examples keeps the examples alive: its tests run every claimsmith.yaml below it, every configuration shown in a
// README, and read every configuration of Dex as Dex would.
//
// The examples themselves are the folders; README.md lists them.
package examples
