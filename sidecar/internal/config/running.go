package config

import (
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Admin is where the operator reaches a running sidecar.
type Admin struct {
	Place
	Socket  string `key:"socket" is:"required" doc:"Absolute path of the unix socket; only its owner and root may use it."` // empty: nowhere
	Off     bool
	Default bool // Socket was not in the file: it is admin.sock beside that of Dex
}

// State is where the sidecar keeps what shall survive a restart: File or PostgresFile. Relative file names were joined to the
// folder of the configuration.
type State struct {
	Place
	File         string `key:"file" doc:"An SQLite file of the sidecar's own; it is made when it is not there."`
	PostgresFile string `key:"postgresFile" doc:"A file that holds the address of a PostgreSQL database, such as postgres://user:password@host/name."`
	KeyFile      string `key:"keyFile" is:"required" doc:"A file with 32 random bytes, as hex or base64, that seal what is kept; openssl rand -hex 32 prints such."`
	AnchorFile   string `key:"anchorFile" doc:"A file in another place than the store, by which a store that is gone or older than it was is told from a first start; the sidecar writes it with each link. off: none. Default: keyFile with .links added."` // empty: none
}

// Record says how many of the last requests are kept with their values.
type Record struct {
	Place
	KeyFile string        `key:"keyFile" doc:"A key for recorded requests alone, as in state. Default: that of state."`
	Max     int           `key:"max" doc:"How many requests are kept. Default 1000."`
	MaxAge  time.Duration `key:"maxAge" doc:"How long they are kept. Default 168h."`
}

const (
	adminOff  = "off"
	anchorOff = "off"
)

// decode reads off, the short form of an address, and else the long one.
func (a *Admin) decode(d *decoder, it item) {
	if it.node.Kind == yaml.MappingNode {
		d.structure(it, valueOf(a))
		path := item{node: a.value("socket"), path: member(it.path, "socket")}
		if a.Socket != "" {
			a.Socket = strings.TrimPrefix(a.Socket, "unix://")
			d.socket(path, a.Socket)
		}
		return
	}
	text, ok := d.text(it)
	if !ok {
		return
	}
	socket, unix := strings.CutPrefix(text, "unix://")
	switch {
	case text == adminOff:
		a.Off = true
	case !unix:
		d.report(it, "must be an address such as unix:///run/claimsmith/admin.sock, or off", "")
	default:
		a.Socket = socket
		d.socket(it, socket)
	}
}

func (a *Admin) shape(g *schemaMaker) shape {
	return shape{"oneOf": []shape{{"const": adminOff}, {"type": "string", "pattern": "^unix:///."}, g.structure(reflect.TypeFor[Admin]())}}
}

func (s *State) constraints() shape {
	return shape{"oneOf": oneRequired([]string{"file", "postgresFile"})}
}

func (d *decoder) checkRunning(cfg *Config) {
	if cfg.Admin.Socket != "" && cfg.Admin.Socket == cfg.Listen.Socket {
		d.wrong("admin", "Dex has this socket: the operator needs another", "")
	}
	if s := cfg.State; s != nil && d.sound(s.Place) {
		switch file, postgres := s.has("file"), s.has("postgresFile"); {
		case file && postgres:
			d.wrongKey(member(s.Path, "postgresFile"), "state is kept in one place: file or postgresFile", "")
		case !file && !postgres:
			d.wrong(s.Path, "a place is missing", "write file: /var/lib/claimsmith/state.db")
		}
		if s.AnchorFile == anchorOff {
			d.warn(member(s.Path, "anchorFile"), "whoever puts back an older store, or takes it away, can have another person's account", "name a file in another place than the store")
		}
	}
	if m := cfg.Metrics; m != nil && d.sound(m.Place) && m.has("address") {
		if host, port, err := net.SplitHostPort(m.Address); err != nil || port == "" {
			d.wrong(member(m.Path, "address"), "this is no host and port", "write 127.0.0.1:9464")
		} else if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			d.warn(member(m.Path, "address"), "everybody who reaches this machine can read the numbers", "127.0.0.1 keeps them on it")
		}
	}
	d.checkTracing(cfg.Tracing)
	if r := cfg.Record; r != nil && d.sound(r.Place) {
		if cfg.State == nil && !d.src.has("state") {
			d.wrongKey(r.Path, "record needs state, which says where requests are kept", "write state: {file: /var/lib/claimsmith/state.db, keyFile: ...}")
		}
		if r.has("max") && r.Max == 0 {
			d.wrong(member(r.Path, "max"), "must be at least 1", "to keep no requests leave record out")
		}
	}
}

// has reports whether the file says anything for a key, be it right or wrong.
func (s *Source) has(key string) bool {
	found, _ := s.find(key)
	return found != nil
}

// completeRunning fills in what the file does not say.
func (cfg *Config) completeRunning(folder string) {
	if a := &cfg.Admin; a.Socket == "" && !a.Off && cfg.Listen.Socket != "" {
		a.Socket, a.Default = filepath.Join(filepath.Dir(cfg.Listen.Socket), "admin.sock"), true
	}
	if s := cfg.State; s != nil {
		s.File, s.PostgresFile, s.KeyFile = under(folder, s.File), under(folder, s.PostgresFile), under(folder, s.KeyFile)
		switch s.AnchorFile {
		case anchorOff:
			s.AnchorFile = ""
		case "":
			s.AnchorFile = s.KeyFile + ".links"
		default:
			s.AnchorFile = under(folder, s.AnchorFile)
		}
	}
	cfg.Tracing.complete(folder)
	r := cfg.Record
	if r == nil {
		return
	}
	if r.Max == 0 {
		r.Max = 1000
	}
	if r.MaxAge == 0 {
		r.MaxAge = 168 * time.Hour
	}
	if r.KeyFile = under(folder, r.KeyFile); r.KeyFile == "" && cfg.State != nil {
		r.KeyFile = cfg.State.KeyFile
	}
}
