package demo

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/claimsmith/claimsmith/examples/household"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// person is somebody with a Google account. The names in google.yaml are the same.
type person struct {
	who, email, password string
}

// Of the household: one who may sign in, and those who may not, each for a reason of their own.
func mum() person { return person{"mum", "mum@gmail.com", "password"} }

func refusedPeople() []person {
	return []person{
		{"a stranger", "stranger@gmail.com", "password"},
		{"a disabled account", "grandpa@gmail.com", "password"},
		{"an administrator", "dad@gmail.com", "password"},
		{"an unverified address", "aunt@gmail.com", "password"},
	}
}

// accounts are those of the NAS.
func accounts() []dsmtest.Account {
	return []dsmtest.Account{
		{Name: "mum", Email: "Mum@gmail.com", Description: "Mum", Groups: []string{"family"}},
		{Name: "kid", Email: "kid@gmail.com", Description: "Kid", Groups: []string{"family"}},
		{Name: "dad", Email: "dad@gmail.com", Description: "Dad", Groups: []string{"administrators", "family"}},
		{Name: "grandpa", Email: "grandpa@gmail.com", Description: "Grandpa", Expired: "now"},
		{Name: "aunt", Email: "aunt@gmail.com", Description: "Aunt", Groups: []string{"family"}},
	}
}

const (
	serviceAccount  = "claimsmith"
	servicePassword = "a long password that only the plugin knows"
	clientID        = "synology"
	clientSecret    = "synology-secret"
)

// places are the addresses of one run, beside the files.
type places struct {
	dir                   string
	nas                   string // URL
	dex, stock, google    string // host:port
	socket                string
	caFile, passwordFile  string
	keyFile, stateFile    string // of the sidecar
	hooked, plain, goConf string // configurations of the three Dex
	rules                 string // claimsmith.yaml
}

func (p *places) issuer() string      { return "http://" + p.dex + "/dex" }
func (p *places) stockIssuer() string { return "http://" + p.stock + "/dex" }

// write puts the example's files into the folder, with the addresses of this run in the place of those in the files.
func (p *places) write(nas *dsmtest.NAS) error {
	p.caFile, p.passwordFile = filepath.Join(p.dir, "nas-ca.pem"), filepath.Join(p.dir, "dsm-password")
	p.socket = filepath.Join(p.dir, "run", "hook.sock")
	p.rules, p.hooked = filepath.Join(p.dir, "claimsmith.yaml"), filepath.Join(p.dir, "dex.yaml")
	p.plain, p.goConf = filepath.Join(p.dir, "stock-dex.yaml"), filepath.Join(p.dir, "google.yaml")
	if err := os.WriteFile(p.caFile, nas.CA(), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(p.passwordFile, []byte(servicePassword+"\n"), 0o600); err != nil {
		return err
	}
	p.keyFile, p.stateFile = filepath.Join(p.dir, "claimsmith-key"), filepath.Join(p.dir, "state.db")
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	if err := os.WriteFile(p.keyFile, []byte(hex.EncodeToString(key)+"\n"), 0o600); err != nil {
		return err
	}
	here := []string{
		"https://accounts.google.com", "http://" + p.google + "/google", "127.0.0.1:5556", p.dex, "127.0.0.1:5557", p.google, "127.0.0.1:5558", p.stock,
		"unix:///run/claimsmith/hook.sock", "unix://" + p.socket, "https://nas.example.org:5001", p.nas,
		"/run/secrets/dsm-password", p.passwordFile, "/etc/claimsmith/nas-ca.pem", p.caFile,
		"/run/secrets/claimsmith-key", p.keyFile, "/var/lib/claimsmith/state.db", p.stateFile,
	}
	for from, to := range map[string]string{"claimsmith.yaml": p.rules, "dex.yaml": p.hooked, "google.yaml": p.goConf} {
		if err := copyWith(from, to, here); err != nil {
			return err
		}
	}
	return p.writeStock()
}

func copyWith(from, to string, replace []string) error {
	text, err := fs.ReadFile(household.Files, from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600)
}

// writeStock makes the configuration of the Dex without hook: the hooked one's, at another address and without its signer.
func (p *places) writeStock() error {
	text, err := os.ReadFile(p.hooked)
	if err != nil {
		return err
	}
	stock, hook, found := strings.Cut(strings.ReplaceAll(string(text), p.dex, p.stock), "\nsigner:")
	if !found || strings.Contains(strings.TrimSpace(hook), "\n\n") {
		return fmt.Errorf("the block signer is not the last one of %s", p.hooked)
	}
	return os.WriteFile(p.plain, []byte(stock+"\n"), 0o600)
}
