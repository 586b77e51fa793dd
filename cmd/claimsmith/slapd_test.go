package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ldapServer is a running slapd with one person.
type ldapServer struct {
	address string // host:port
	cmd     *exec.Cmd
}

const slapdConf = `include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
include {schema}/nis.schema
modulepath {modules}
moduleload back_mdb
pidfile {dir}/slapd.pid
database mdb
suffix dc=example,dc=org
rootdn cn=admin,dc=example,dc=org
rootpw "a long password"
directory {dir}/data
maxsize 16777216
`

const slapdPeople = `dn: dc=example,dc=org
objectClass: domain
dc: example

dn: uid=mum,dc=example,dc=org
objectClass: inetOrgPerson
uid: mum
cn: Mum of the office
sn: Mum
displayName: Mum of the office
mail: mum@gmail.com
`

// startLDAP runs a server until the test is over or it is stopped. Where slapd is missing the test says so, and fails where all
// tests have to run.
func startLDAP(t *testing.T) *ldapServer {
	t.Helper()
	const program, schema = "/usr/sbin/slapd", "/etc/ldap/schema"
	modules, _ := filepath.Glob("/usr/lib/ldap/back_mdb*")
	if _, err := os.Stat(program); err != nil || len(modules) == 0 {
		text := "slapd is not installed; to enable this: apt-get install slapd (its service need not run)"
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "slapd.conf")
	write(t, conf, []byte(strings.NewReplacer("{schema}", schema, "{modules}", filepath.Dir(modules[0]), "{dir}", dir).Replace(slapdConf)))
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	add := exec.Command(program, "-T", "add", "-q", "-f", conf)
	add.Stdin = strings.NewReader(slapdPeople)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("fill the directory: %v\n%s", err, out)
	}
	for range 5 { // somebody else may take the port
		s := &ldapServer{address: freeAddress(t)}
		s.cmd = exec.Command(program, "-d", "0", "-f", conf, "-h", "ldap://"+s.address)
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if s.answers() {
			t.Cleanup(s.stop)
			return s
		}
		s.stop()
	}
	t.Fatal("slapd does not start")
	return nil
}

// answers waits until somebody accepts connections.
func (s *ldapServer) answers() bool {
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); {
		conn, err := net.DialTimeout("tcp", s.address, time.Second)
		if err == nil {
			return conn.Close() == nil
		}
		if s.cmd.ProcessState != nil {
			return false
		}
	}
	return false
}

// stop kills it. It may be called more than once.
func (s *ldapServer) stop() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // it was killed
	}
}

// freeAddress is one on this machine at which nobody listens now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
