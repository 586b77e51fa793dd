// Package image writes container images as tar files, without a container engine and without a registry: one layer from a
// folder, for docker load and podman load.
package image
