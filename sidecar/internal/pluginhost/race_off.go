//go:build !race

package pluginhost

// dataLimit says whether the kernel is asked to limit memory.
const dataLimit = true
