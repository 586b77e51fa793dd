package config

import (
	"encoding/json"
	"io/fs"
	"time"
)

// Config is a whole file. What a file does not say has its default here.
type Config struct {
	Place
	Listen     Listen        `key:"listen" is:"required" doc:"Where Dex reaches the sidecar: unix:///run/claimsmith/hook.sock, or the long form."`
	Budget     time.Duration `key:"budget" doc:"How long a whole request may take; its steps share it. Default 2s."`
	Log        Log           `key:"log" doc:"How the sidecar logs."`
	Admin      Admin         `key:"admin" doc:"Where the operator reaches the running sidecar: unix:///run/claimsmith/admin.sock, or off. Default: admin.sock beside the socket of listen."`
	State      *State        `key:"state" doc:"Where the sidecar keeps what shall survive a restart. Default: nowhere."`
	Record     *Record       `key:"record" is:"empty" doc:"Keeps the last requests with their values, sealed, to explain them and to make tests of them. Default: no values are kept."`
	Connectors []Connector   `key:"connectors" is:"named empty" doc:"The connectors of Dex whose word on an e-mail address counts, by id."`
	Plugins    []Plugin      `key:"plugins" is:"named empty" doc:"Where facts come from, by name."`
	Tables     []Table       `key:"tables" is:"named empty" doc:"Maps and lists that rules use by name, as tables.NAME."`
	Pipeline   []Step        `key:"pipeline" is:"empty" doc:"What is done with each request, in this order."`
	Clients    []Client      `key:"clients" is:"named empty" doc:"What the tokens of a client of Dex must be like, by client id."`
	Metrics    *Metrics      `key:"metrics" doc:"Numbers for Prometheus. Default: none."`
	Tracing    *Tracing      `key:"tracing" doc:"Spans for OpenTelemetry. Default: none."`
	Shadow     *Shadow       `key:"shadow" doc:"A candidate that is run beside this file and changes nothing: what it would decide otherwise is counted and logged."`
	Tests      []Test        `key:"tests" is:"empty" doc:"Cases that must hold before this file is served."`
}

// Listen is where the sidecar listens: Socket, or TCP with TLS.
type Listen struct {
	Place
	Socket    string      `key:"socket" doc:"Absolute path of the unix socket."`
	Mode      fs.FileMode `key:"mode" doc:"Permissions of the socket, in quotes. Default \"0660\"."`
	Group     *int        `key:"group" doc:"Number of the group that owns the socket. Default: the group of the process."`
	AllowUIDs []int       `key:"allowUids" doc:"User ids that may connect. Default: whoever the permissions let in."`
	TCP       string      `key:"tcp" doc:"Address such as 0.0.0.0:7443; needs tls."`
	TLS       *TLS        `key:"tls" doc:"Certificates for tcp."`
}

// TLS is mutual TLS. Relative file names were joined to the folder of the configuration.
type TLS struct {
	Place
	CertFile     string   `key:"certFile" is:"required" doc:"Certificate of the sidecar, PEM."`
	KeyFile      string   `key:"keyFile" is:"required" doc:"Its private key, PEM."`
	ClientCAFile string   `key:"clientCAFile" is:"required" doc:"Authority that signed the certificate of Dex, PEM."`
	ClientNames  []string `key:"clientNames" doc:"DNS names, one of which the certificate of Dex must carry. Default: any of that authority."`
}

// Log says how the sidecar logs.
type Log struct {
	Place
	Level  string `key:"level" one:"debug info warn error" doc:"What is logged. Default info."`
	Format string `key:"format" one:"text json" doc:"Default: text on a terminal, else json."` // empty: not said
}

// Connector is a connector of Dex.
type Connector struct {
	Place
	Name         string
	EmailDomains []string `key:"emailDomains" is:"empty" doc:"Domains for which this connector's word \"verified\" counts; [\"*\"] trusts it for all."`
	Issuer       string   `key:"issuer" doc:"The provider behind this connector, such as https://accounts.google.com. Links keep it, and do not hold for another. Default: links do not say."`
}

// Plugin is a source of facts: Builtin or Command, never both.
type Plugin struct {
	Place
	Name       string
	Builtin    string          `key:"builtin" doc:"Name of a plugin that comes with claimsmith."`
	Command    []string        `key:"command" doc:"Program and arguments of a plugin of your own; the program with its whole path."`
	SHA256     Digests         `key:"sha256" doc:"SHA-256 of files that must be as they are, by path; or the word unverified."`
	Env        []string        `key:"env" is:"empty" doc:"Names of variables that the plugin gets from the sidecar's environment. Default: none."`
	TLS        string          `key:"tls" one:"auto off" doc:"auto, or off for a plugin whose language cannot. Default auto."`
	SchemaFile string          `key:"schemaFile" doc:"The plugin's own description of itself, for check --offline and test."` // joined to the folder of the file
	Config     json.RawMessage `key:"config" is:"empty" doc:"The plugin's own configuration; its keys are in the plugin's manual. Names of files of a built-in one are relative to this file."`
	User       User            `key:"user" doc:"Name or number of a user that the plugin runs as and that nothing else does; claimsmith must be root then. Default: that of claimsmith."`
	Limits     Limits          `key:"limits" doc:"What the plugin may use of this machine. Default: little."`
	Unconfined bool            `key:"unconfined" doc:"Lets the plugin use all files that its user may. Default false."`
}

// Digests are the files that are compared before a plugin starts. Unverified means that the file says so in words.
type Digests struct {
	Place
	Files      map[string]string // path to 64 hexadecimal digits, in lower case
	Unverified bool
}

// Client is a client of Dex and the contract of its tokens.
type Client struct {
	Place
	Name            string
	Require         []Requirement `key:"require" is:"named" doc:"Claims that a token must carry to be issued, with their type."`
	Allow           []string      `key:"allow" doc:"The only claims that rules may set for this client. Default: any."`
	Peers           []string      `key:"peers" is:"empty" doc:"Other clients that may ask for a token for this one."`
	MaxGroups       int           `key:"maxGroups" doc:"No token with more groups is issued. Default: no limit."`
	Trim            *Trim         `key:"trim" doc:"What is taken away from a token that has too many groups, instead of refusing it."`
	MaxPayloadBytes int           `key:"maxPayloadBytes" doc:"No larger token is issued; counted before signing. Default: no limit."`
}

// Metrics says where Prometheus finds numbers. They hold names of steps, clients and plugins of the configuration, and no people.
type Metrics struct {
	Place
	Address string `key:"address" is:"required" doc:"Host and port, such as 127.0.0.1:9464, where /metrics is served over plain HTTP."`
}

// Shadow is a candidate. The name of its file was joined to the folder of the configuration.
type Shadow struct {
	Place
	File string `key:"file" is:"required" doc:"The candidate: a whole configuration, of which the rules are run on the same requests with the same facts."`
}

// Trim is what stays of a list that is too long.
type Trim struct {
	Place
	Groups []string `key:"groups" is:"required" doc:"Patterns such as nas-*: of more than maxGroups groups those that are like one of them stay. If they are too many as well, no token is issued."`
}

// Requirement is a claim and its type: string, bool, integer, number, list or object.
type Requirement struct {
	Place
	Name string
	Type string
}
