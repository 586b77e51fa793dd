//go:build race

package confine

// dataLimit is off where the race detector maps memory by the terabyte.
const dataLimit = false
