// Package synologysso is the example where a Synology NAS is the one who knows the people: Dex's connector for OpenID Connect asks
// the package SSO Server of the NAS, and the rules bring its two forms of groups into one.
package synologysso

import "embed"

// Files are the example's files.
//
//go:embed *.yaml
var Files embed.FS
