// Command claimsmith is the sidecar that decides the claims of Dex's tokens, with its tools and the plugins that come with it.
//
// One binary does it all: `serve` is the service, `check` and `test` judge a configuration, `dex` puts the hook into Dex,
// `demo` shows the whole chain. Built-in plugins are this binary started again (`plugin run`), through the same wrapper
// (`plugin exec`) as anybody else's.
//
// Results go to stdout, problems to stderr. Exit codes: 0 good, 1 something is wrong, 2 wrong usage.
package main
