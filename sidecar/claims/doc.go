// Package claims holds the claims of a token as the JSON object they are: read where needed, changed by a patch, and
// otherwise kept byte for byte.
//
// The package also holds the list of names that belong to Dex, and the check that no patch touches them. Names that one reader sees
// and another cuts or drops would get around it, so names hold no hidden characters (see Hidden). The same code
// runs in the sidecar and inside Dex, so it needs nothing but the standard library and stays within Go 1.25.
package claims
