// Package logfile writes the log of a sidecar without making decisions wait for it. A line is encoded by the goroutine that logs it
// and collected in memory; one goroutine writes what has collected. The command serve uses it.
package logfile
