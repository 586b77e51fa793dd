//go:build !race

package confine

// dataLimit says whether the kernel is asked to limit memory.
const dataLimit = true
