package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/doctor"
	"github.com/claimsmith/claimsmith/dexpatch/dextest"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// patient is what the doctor looks at: the files of examples/synology with addresses of this machine, an emulated NAS, and perhaps a
// sidecar and a Dex.
type patient struct {
	nas              *dsmtest.NAS
	dir              string
	rules, dexConfig string
	front            *httptest.Server // a reverse proxy with a certificate; nil: no Dex is running
}

// issuer is where Dex is, or would be.
func (p *patient) issuer() string {
	if p.front == nil {
		return "https://127.0.0.1:1/dex"
	}
	return p.front.URL + "/dex"
}

// family are the accounts of a NAS on which all is well.
func family() dsmtest.Options {
	return dsmtest.Options{
		Accounts: []dsmtest.Account{
			{Name: "mum", Email: "Mum@gmail.com", Groups: []string{"family"}},
			{Name: "kid", Email: "kid@gmail.com", Groups: []string{"family"}},
			{Name: "dad", Email: "dad@gmail.com", Groups: []string{"administrators", "family"}},
			{Name: "grandpa", Email: "grandpa@gmail.com", Expired: "now"},
		},
		Service: dsmtest.Account{Name: "claimsmith", Password: doctorsPassword},
	}
}

const doctorsPassword = "a long password that only the plugin knows"

// newPatient writes the files. Pairs of edit are replaced in both.
func newPatient(t *testing.T, o dsmtest.Options, front *httptest.Server, edit ...string) *patient {
	t.Helper()
	nas, err := dsmtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	dir := shortDir(t)
	p := &patient{nas: nas, dir: dir, rules: filepath.Join(dir, "claimsmith.yaml"), dexConfig: filepath.Join(dir, "dex.yaml"), front: front}
	here := strings.NewReplacer("YOUR-CLIENT", "1234", "https://nas.example.org:5001", nas.URL(), "https://login.example.org/dex", p.issuer(),
		"/run/secrets/dsm-password", filepath.Join(dir, "dsm-password"),
		"/run/secrets/claimsmith-key", filepath.Join(dir, "claimsmith-key"), "/var/lib/claimsmith/", filepath.Join(dir, "state")+"/", "/run/claimsmith/", filepath.Join(dir, "run")+"/")
	for from, to := range map[string]string{"claimsmith.yaml": p.rules, "dex.yaml": p.dexConfig} {
		text, err := os.ReadFile(filepath.Join("../../examples/synology", from))
		if err != nil {
			t.Fatal(err)
		}
		edited := strings.Replace(string(text), "      timeZone: ", "      caFile: nas-ca.pem\n      timeZone: ", 1)
		edited = here.Replace(strings.NewReplacer(edit...).Replace(edited))
		p.write(t, filepath.Base(to), strings.ReplaceAll(edited, "caFile: nas-ca.pem", "caFile: "+filepath.Join(dir, "nas-ca.pem")))
	}
	p.write(t, "dsm-password", doctorsPassword+"\n")
	p.write(t, "claimsmith-key", strings.Repeat("0f", 32)+"\n")
	p.write(t, "nas-ca.pem", string(nas.CA()))
	if front != nil {
		p.write(t, "web-ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})))
	}
	return p
}

func (p *patient) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit changes the rules.
func (p *patient) edit(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(p.rules)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, filepath.Base(p.rules), strings.Replace(string(text), from, to, 1))
}

// command is claimsmith, with the certificates of this patient.
func (p *patient) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err) // it was started from there
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+p.dir, "SSL_CERT_FILE="+filepath.Join(p.dir, "web-ca.pem"))
	return cmd
}

// serve runs the sidecar until the test ends.
func (p *patient) serve(t *testing.T) {
	t.Helper()
	cmd := p.command("serve", "-c", p.rules)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	p.until(t, func() bool { return p.command("status", "-c", p.rules).Run() == nil })
}

func (p *patient) until(t *testing.T, well func() bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !well() {
		select {
		case <-late:
			t.Fatal("it does not get ready")
		case <-tick.C:
		}
	}
}

// frontOfDex is a reverse proxy with a certificate, as DSM is before Dex. Where it leads is said later.
func frontOfDex(t *testing.T) (*httptest.Server, *url.URL) {
	t.Helper()
	behind := &url.URL{Scheme: "http"}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0), // of calls before Dex is ready
	})
	t.Cleanup(front.Close)
	return front, behind
}

var connectorsOfDex = regexp.MustCompile(`(?s)\nconnectors:\n.*?\n\n`)

// startDex runs the real Dex with the hook behind the front. Nobody asks Google in its place.
func (p *patient) startDex(t *testing.T, behind *url.URL) {
	t.Helper()
	text, err := os.ReadFile(p.dexConfig)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(http.NotFoundHandler())
	behind.Host = listener.Listener.Addr().String()
	listener.Close() // its port was free a moment ago
	config := connectorsOfDex.ReplaceAllString(string(text), "\nconnectors:\n  - {type: mockCallback, id: google, name: Google}\n\n")
	p.write(t, "dex-running.yaml", strings.ReplaceAll(config, "0.0.0.0:5556", behind.Host))
	cmd := exec.Command(dextest.Binary(t), "serve", filepath.Join(p.dir, "dex-running.yaml"))
	cmd.Env = append(os.Environ(), "SYNOLOGY_CLIENT_SECRET=synology-secret")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	p.until(t, func() bool {
		response, err := p.front.Client().Get(p.issuer() + "/.well-known/openid-configuration")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

var (
	anyPrint   = regexp.MustCompile(`([0-9A-F]{2}:){31}[0-9A-F]{2}`)
	anyDay     = regexp.MustCompile(`20[0-9]{2}-[0-9]{2}-[0-9]{2}`)
	anyRights  = regexp.MustCompile(`user [0-9]+ and group [0-9]+`)
	anyVersion = regexp.MustCompile(`version [^ ,]+( [0-9a-f]{12})?,`)
)

// consult runs the doctor and returns its report with the addresses of the guide in the place of those of this machine.
func (p *patient) consult(t *testing.T, args ...string) (masked, real *doctor.Report) {
	t.Helper()
	all := append([]string{"doctor", "-c", p.rules, "--dex-config", p.dexConfig, "--json"}, args...)
	var errs bytes.Buffer
	cmd := p.command(all...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var ended *exec.ExitError
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() > 2) || errs.Len() > 0 {
		t.Fatalf("doctor: %v\n%s", err, errs.String())
	}
	real = &doctor.Report{}
	if err := json.Unmarshal(out, real); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := map[doctor.Verdict]int{doctor.Can: 0, doctor.Cannot: 1, doctor.NotKnown: 2}[real.Result]; cmd.ProcessState.ExitCode() != want {
		t.Errorf("it ended with %v, and says: %s", err, real.Result)
	}
	nas, _ := url.Parse(p.nas.URL())
	text := strings.NewReplacer(
		filepath.Join(p.dir, "run"), "/run/claimsmith", filepath.Join(p.dir, "claimsmith-key"), "/run/secrets/claimsmith-key", filepath.Join(p.dir, "dsm-password"), "/run/secrets/dsm-password", p.rules, "claimsmith.yaml", p.dexConfig, "dex.yaml",
		filepath.Join(p.dir, "nas-ca.pem"), "/etc/claimsmith/nas-ca.pem",
		nas.Host, "nas.example.org:5001", p.issuer(), "https://login.example.org/dex", "localhost, 127.0.0.1, ::1", "nas.example.org",
	).Replace(string(out))
	for mask, with := range map[*regexp.Regexp]string{
		anyPrint: "5F:0A:9C:11:D2:7E:43:B8:66:0D:91:FA:28:C4:75:3E:8B:14:AF:60:D9:02:5C:E7:31:96:4A:BD:08:F3:72:1E",
		anyDay:   "2027-03-01", anyRights: "user 65532 and group 65532", anyVersion: "version v0.1.0,",
	} {
		text = mask.ReplaceAllString(text, with)
	}
	masked = &doctor.Report{}
	if err := json.Unmarshal([]byte(text), masked); err != nil {
		t.Fatal(err)
	}
	return masked, real
}

// wantText compares a report, as people read it, with a file that the guide shows too.
func wantText(t *testing.T, r *doctor.Report, name string) {
	t.Helper()
	var text bytes.Buffer
	if err := r.Render(&text); err != nil {
		t.Fatal(err)
	}
	wantFile(t, name+".txt", text.Bytes())
}

func wantFile(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "doctor", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

// logins counts how often somebody tried to sign in.
func (p *patient) logins() (n int) {
	for _, c := range p.nas.Calls() {
		if c.API == "SYNO.API.Auth" && strings.EqualFold(c.Method, "login") {
			n++
		}
	}
	return n
}
