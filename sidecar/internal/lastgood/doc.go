// Package lastgood keeps the last good answers of plugins past a restart, as sealed rows of the store of state. It knows nothing of
// what is in them: whoever gets one back holds it against what the plugin promises, as if it had come just now.
package lastgood
