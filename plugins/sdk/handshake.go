package sdk

// The handshake by which plugin and host recognise each other. The cookie is no secret: it tells a person who starts a
// plugin by hand that this is not how it is done. The host repeats these values, and a test on each side holds them to the
// same words.
const (
	protocolVersion = 1
	cookieKey       = "CLAIMSMITH_PLUGIN"
	cookieValue     = "claimsmith.plugin.v1"
	serviceName     = "lookup"
)
