package ldap

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	serviceDN = "cn=claimsmith,ou=services,dc=example,dc=org"
	sesame    = "open sesame"
)

// slapd is a running server with the directories of testdata.
type slapd struct {
	dir       string // with its certificates
	ldap, tls string // addresses, host:port
	kill      func() // ends the process without a word to anybody

	mu    sync.Mutex
	lines []string // what it logged: one line or more for each operation
	more  *sync.Cond
}

// startSlapd runs a server until the test is over.
func startSlapd(t *testing.T) *slapd {
	t.Helper()
	program, schema, modules := installed(t)
	s := &slapd{dir: t.TempDir()}
	s.more = sync.NewCond(&s.mu)
	s.certificates(t)
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile(filepath.Join(testdata, "slapd.conf"))
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("{schema}", schema, "{modules}", modules, "{testdata}", testdata, "{dir}", s.dir).Replace(string(conf))
	s.write(t, "slapd.conf", []byte(filled))
	suffixes := []struct{ name, dn string }{
		{"org", "dc=example,dc=org"}, {"net", "dc=corp,dc=example,dc=net"}, {"com", "dc=nas,dc=example,dc=com"},
	}
	for _, suffix := range suffixes { // all must be there before the first is filled
		if err := os.Mkdir(s.path(suffix.name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, suffix := range suffixes {
		ldif, err := os.ReadFile(filepath.Join(testdata, suffix.name+".ldif"))
		if err != nil {
			t.Fatal(err)
		}
		if suffix.name == "org" {
			ldif = append(ldif, crowd()...)
		}
		add := exec.Command(program, "-T", "add", "-q", "-f", filepath.Join(s.dir, "slapd.conf"), "-b", suffix.dn)
		add.Stdin = bytes.NewReader(ldif)
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("fill %s: %v\n%s", suffix.dn, err, out)
		}
	}
	for attempt := range 5 { // somebody else may take the ports
		if s.run(t, program) {
			return s
		}
		t.Logf("slapd did not start, attempt %d:\n%s", attempt, strings.Join(s.lines, "\n"))
	}
	t.Fatal("slapd does not start")
	return nil
}

// beside runs another server of the same directories.
func (s *slapd) beside(t *testing.T) *slapd {
	t.Helper()
	program, _, _ := installed(t)
	for range 5 {
		other := &slapd{dir: s.dir}
		other.more = sync.NewCond(&other.mu)
		if other.run(t, program) {
			return other
		}
	}
	t.Fatal("slapd does not start")
	return nil
}

// installed finds slapd and its parts.
func installed(t *testing.T) (program, schema, modules string) {
	t.Helper()
	first := func(places ...string) string {
		for _, place := range places {
			if found, _ := filepath.Glob(place); len(found) > 0 {
				return found[0]
			}
		}
		return ""
	}
	program = first("/usr/sbin/slapd", "/usr/lib/openldap/slapd", "/usr/libexec/slapd")
	core := first("/etc/ldap/schema/core.schema", "/etc/openldap/schema/core.schema")
	overlay := first("/usr/lib/ldap/ppolicy*.so", "/usr/lib64/openldap/ppolicy*.so", "/usr/lib/openldap/ppolicy*.so")
	if program == "" || core == "" || overlay == "" {
		text := "slapd is not installed, so nothing was asked of a real server; to enable this: apt-get install slapd (its service need not run)"
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	return program, filepath.Dir(core), filepath.Dir(overlay)
}

// run starts the process. It is false when it ended at once.
func (s *slapd) run(t *testing.T, program string) bool {
	t.Helper()
	s.ldap, s.tls = freeAddress(t), freeAddress(t)
	return s.start(t, program)
}

// start runs the process at the addresses that it has. It is false when it ended at once.
func (s *slapd) start(t *testing.T, program string) bool {
	t.Helper()
	cmd := exec.Command(program, "-d", "stats", "-f", filepath.Join(s.dir, "slapd.conf"), "-h", "ldap://"+s.ldap+" ldaps://"+s.tls)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			s.log(scan.Text())
		}
	}()
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
		_ = cmd.Wait()
	}
	s.kill = func() { _ = cmd.Process.Kill(); <-done }
	if !accepts(s.ldap, done) || !accepts(s.tls, done) {
		stop()
		return false
	}
	t.Cleanup(stop)
	return true
}

// accepts waits until somebody listens at address. It is false when done ends first.
func accepts(address string, done <-chan struct{}) bool {
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-done:
			return false
		case <-tick.C:
		}
	}
}

func (s *slapd) log(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	s.more.Broadcast()
}

// count waits until the server has logged something with mark in it, and tells how many lines had what in them.
func (s *slapd) count(what, mark string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		n, marked := 0, false
		for _, line := range s.lines {
			if strings.Contains(line, what) {
				n++
			}
			marked = marked || strings.Contains(line, mark)
		}
		if marked {
			return n
		}
		s.more.Wait()
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// crowd is the LDIF of accounts and groups that only count by their number.
func crowd() []byte {
	var b bytes.Buffer
	for i := range 30 {
		fmt.Fprintf(&b, "\ndn: uid=crowd%d,ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\ncn: c\nsn: c\nuid: crowd%d\nmail: crowd@example.org\n", i, i)
	}
	for i := range 100 {
		fmt.Fprintf(&b, "\ndn: uid=odd%d,ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\ncn: c\nsn: c\nuid: odd%d\nemployeeNumber: none\n", i, i)
	}
	for i := range 32 { // sssss and what a server takes for the same
		name := []rune("sssss")
		for bit := range name {
			if i>>bit&1 == 1 {
				name[bit] = 'ſ'
			}
		}
		fmt.Fprintf(&b, "\ndn: uid=long%d,ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\ncn: c\nsn: c\nuid: long%d\ndisplayName: %s@example.org\n",
			i, i, string(name))
	}
	for i := range maxGroups + 1 {
		fmt.Fprintf(&b, "\ndn: cn=g%04d,ou=many,dc=example,dc=org\nobjectClass: groupOfNames\ncn: g%04d\nmember: uid=hoarder,ou=people,dc=example,dc=org\n", i, i)
		if i < 2*groupPage+1 {
			fmt.Fprintln(&b, "member: uid=joiner,ou=people,dc=example,dc=org")
		}
	}
	return b.Bytes()
}

// certificates writes those of the server, of the plugin, and of who signed both.
func (s *slapd) certificates(t *testing.T) {
	t.Helper()
	make := func(name string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		s.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	ca, key := make("ca", &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of the test"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	make("server", &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ldap.example.org"}, DNSNames: []string{"ldap.example.org", "ldap2.example.org"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, key)
	make("client", &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "plugin"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca, key)
	make("stranger", &x509.Certificate{
		SerialNumber: big.NewInt(4), Subject: pkix.Name{CommonName: "another authority"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	s.write(t, "password", []byte(sesame+"\n"))
	s.write(t, "wrong", []byte("open barley\n"))
}

func (s *slapd) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *slapd) path(name string) string { return filepath.Join(s.dir, name) }

// config is one that works for the directory org, changed.
func (s *slapd) config(change func(*Config)) Config {
	c := Config{
		Profile: "openldap", URL: "ldaps://" + s.tls, CAFile: s.path("ca.pem"), ServerName: "ldap.example.org",
		BindDN: serviceDN, PasswordFile: s.path("password"),
		UserSearch:  UserSearch{BaseDN: "ou=people,dc=example,dc=org"},
		GroupSearch: &GroupSearch{BaseDN: "ou=groups,dc=example,dc=org"},
	}
	if change != nil {
		change(&c)
	}
	return c
}
