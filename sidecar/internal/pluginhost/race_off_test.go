//go:build !race

package pluginhost

const race = false
