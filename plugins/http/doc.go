// Package http is the plugin that asks a service for JSON: a policy engine such as Open Policy Agent, the API of an
// application, a directory with an HTTP front.
//
//	sdk.Main(http.Plugin())
//
// What is sent is a template, and each value is escaped for the place it stands in. Scheme, host and port are constant. What the
// reply says becomes facts by JSON pointers, because what a plugin describes does not depend on its configuration: the facts have
// fixed names and types, and the configuration says where in a reply they are.
//
// The service is reached directly, without the proxy of an environment, over verified TLS, and only at addresses that everybody
// can reach, unless the configuration names their network: the address is checked on the socket that is about to connect, so that
// neither a name nor a redirect leads inside.
//
// What the service says is a person's business. It is never logged and no error repeats it.
package http
