package conform

// breaches are ways to break the contract, and all that is said about each.
var breaches = []struct {
	mode string
	want []string
}{
	{"serves-anybody", []string{"by-hand: it printed to stdout as if there were a host"}},
	{"patient", []string{"by-hand: it was still running after 3s"}},
	{"speechless", []string{"by-hand: it ended without a word"}},
	{"content", []string{"by-hand: it ended with status 0"}},
	{"garbage", []string{`handshake: its first line is "hello world\n", not 1|1|unix|/path|grpc|certificate`}},
	{"silent", []string{`handshake: it printed no line on stdout and ended (exit status 3); its last words: "no licence found"`}},
	{"unflushed", []string{"handshake: it printed no line on stdout within 3s: is it flushed?"}},
	{"tcp", []string{"handshake: it does not listen on a unix socket in the directory that PLUGIN_UNIX_SOCKET_DIR names"}},
	{"no-tls", []string{"handshake: it offers no TLS: PLUGIN_CLIENT_CERT was set, and its handshake has no certificate"}},
	{"open", []string{"tls: it answered somebody without a certificate"}},
	{"trusting", []string{"tls: it answered somebody with another certificate than that in PLUGIN_CLIENT_CERT"}},
	{"sick", []string{`health: grpc.health.v1.Health/Check of "plugin": NOT_FOUND: "unknown service"`}},
	{"nameless", []string{"describe: its name or its version is empty"}},
	{"enum", []string{`describe: its schema of facts is refused: schema: properties.a: keyword "enum" is not supported`}},
	{"reserved", []string{"describe: its schema of facts is refused: schema: properties.found: the name belongs to the host"}},
	{"changing", []string{"describe: asked twice it describes itself in two ways"}},
	{"eager", []string{
		"unconfigured: Lookup before Configure gave an answer, not FAILED_PRECONDITION",
		"configure: with check_only it was put to use: Lookup gave an answer, not FAILED_PRECONDITION",
	}},
	{"lax", []string{
		"config-unknown: with the unknown key claimsmithVerify: it found no problem",
		"config-type: with tokenFile: 4711: it found no problem",
		"config-missing: without url: it found no problem",
	}},
	{"pathless", []string{
		`config-unknown: no problem has the path claimsmithVerify; the first one has ""`,
		`config-type: tokenFile: 4711 is wrong, and no problem has the path tokenFile; the first one has ""`,
	}},
	{"mute", []string{
		"config-unknown: with the unknown key claimsmithVerify: a problem has no message",
		"config-type: with tokenFile: 4711: a problem has no message",
		"config-missing: without url: a problem has no message",
	}},
	{"statuses", []string{
		`config-unknown: with the unknown key claimsmithVerify: Configure gave INVALID_ARGUMENT: "it is wrong"`,
		`config-type: with tokenFile: 4711: Configure gave INVALID_ARGUMENT: "it is wrong"`,
		`config-missing: without url: Configure gave INVALID_ARGUMENT: "it is wrong"`,
	}},
	{"hasty", []string{"configure: with check_only it was put to use: Lookup gave an answer, not FAILED_PRECONDITION"}},
	{"once", []string{"reconfigure: the second time it has a problem with it: already configured"}},
	{"crashing", []string{
		"params: its process ended (exit status 5)",
		"numbers: its process ended (exit status 5)",
	}},
	{"telling", []string{"params: its error repeats what it was asked: INVALID_ARGUMENT"}},
	{"guessing", []string{
		"params: a question with an unknown name gave an answer, not INVALID_ARGUMENT",
		"numbers: n is an integer, and 1.5 gave an answer, not INVALID_ARGUMENT",
	}},
	{"fragile", []string{"cancel: its process ended (exit status 6)"}},
	{"stuck", []string{"slow: after 64 slow questions that nobody waits for any more, the next one got no answer within 2s"}},
	{"hoarding", []string{"memory: it grew from N MiB to N MiB, and goes on"}},
	{"printing", []string{"stdout: it printed N lines after the handshake"}},
	{"gossiping", []string{"stderr: what it was asked stands on stderr"}},
	{"mumbling", []string{"stderr: N lines are no log records"}},
	{"refusing", []string{`unknown: Lookup gave NOT_FOUND: "nobody"`}},
	{"wordy", []string{"unknown: its problem is not one word of letters, digits, - and _, at most 64"}},
	{"wordless", []string{"unknown: rules cannot tell why nobody was found: its problem is empty"}},
	{"generous", []string{"unknown: found is true"}},
	{"echoing", []string{"unknown: its error repeats what it was asked: UNAVAILABLE"}},
	{"rounding", []string{
		"known: the fact n is not as --facts has it: 9007199254740992",
		"numbers: n: 9007199254740993 came back as another number",
	}},
	{"floating", []string{"known: its facts do not fit its schema: n: must be an integer, without fraction and exponent"}},
	{"counting", []string{
		"known: the fact n is not as --facts has it: 1",
		"concurrency: asked at the same time the same question gets another answer",
	}},
	{"aging", []string{"known: age_ms is -1"}},
	{"undecided", []string{"known: found is true, and there is a problem too"}},
	{"small", []string{`sizes: a question of 3 MiB gave RESOURCE_EXHAUSTED: "grpc: received message larger than max (3145744 vs. 1048576)"`}},
	{"huge", []string{"sizes: a question of 5 MiB gave an answer, not RESOURCE_EXHAUSTED"}},
	{"obedient", []string{"signals: SIGINT, SIGTERM or SIGHUP ended it"}},
	{"immortal", []string{"shutdown: it was still running 2s after plugin.GRPCController/Shutdown"}},
	{"parent", []string{"shutdown: processes that it started outlive it"}},
	{"sad-end", []string{"shutdown: it ended with exit status 3"}},
}
