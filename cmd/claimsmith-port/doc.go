// Command claimsmith-port reads rules of another system and writes them as a claimsmith.yaml with tests: CEL as Kubernetes, Pinniped and
// Authelia use it, and JMESPath as Grafana does. "claimsmith port" runs it.
//
// It is a module of its own, so that the sidecar carries no language but its own. The originals are parsed by the libraries that those
// systems use, and not only parsed: they are run on sample requests, and what they give is what the tests of the written file want. What
// rules cannot say is a comment with the original and the reason. What is written has passed check and its tests, or is not written.
//
// The way of a file: an input (input.go finds out which: kubernetes.go, pinniped.go, authelia.go, or one expression) becomes blocks of
// rules, cel.go and jmespath.go translate each, sample.go runs the originals, write.go writes the document, and prove.go checks it.
package main
