// Package kubernetes holds manifests for Dex with claimsmith, and the test that validates them.
package kubernetes
