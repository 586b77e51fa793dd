// Package monitoring holds rules for Prometheus. Nothing imports it.
package monitoring
