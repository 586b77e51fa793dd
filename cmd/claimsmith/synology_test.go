package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// enrollable is a configuration of some NAS whose account has a second factor; each keeps its device in a file of its own.
func enrollable(t *testing.T, names ...string) (nas *dsmtest.NAS, file string) {
	t.Helper()
	nas, err := dsmtest.Start(dsmtest.Options{Service: dsmtest.Account{Name: "claimsmith", Password: "a long password", TwoFactor: true, OTP: "246810"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	dir := shortDir(t)
	write(t, filepath.Join(dir, "password"), []byte("a long password"))
	text := fmt.Sprintf("listen: unix://%s/run/hook.sock\nplugins:\n", dir)
	for _, name := range names {
		text += fmt.Sprintf("  %s:\n    builtin: synology\n    config: {url: %q, account: claimsmith, passwordFile: %s/password, certSha256: %q, deviceFile: %s/%s.device}\n",
			name, nas.URL(), dir, nas.Fingerprint(), dir, name)
	}
	file = filepath.Join(dir, "claimsmith.yaml")
	write(t, file, []byte(text))
	return nas, file
}

func TestEnroll(t *testing.T) {
	const prompt = "One-time code of the account that plugin nas uses: "
	tests := []struct {
		name, code string
		plugins    []string
		flags      []string
		wantCode   int
		wantOut    string // $DIR is the folder of the configuration
		wantErrs   string
	}{
		{
			"the code as an authenticator shows it", "246 810\n", []string{"nas"}, nil, exitGood,
			"DSM trusts this machine now. The device is kept in $DIR/nas.device, which is as secret as the password.\n" +
				"A sidecar that is running takes it up with its next login.\n", prompt,
		},
		{
			"one of several", "246810", []string{"attic", "nas"}, []string{"--plugin", "nas"}, exitGood,
			"DSM trusts this machine now. The device is kept in $DIR/nas.device, which is as secret as the password.\n" +
				"A sidecar that is running takes it up with its next login.\n", prompt,
		},
		{
			"a wrong code", "111111\n", []string{"nas"}, nil, exitProblems, "",
			prompt + "claimsmith: SYNO.API.Auth login: DSM did not accept the code of the second factor: codes count once and for half a minute, so wait for the " +
				"next one (code 404)\n",
		},
		{"no code", "", []string{"nas"}, nil, exitProblems, "", prompt + "claimsmith: no code was given\n"},
		{
			"several and none named", "", []string{"attic", "nas"}, nil, exitUsage, "",
			"claimsmith: there are several NAS: say --plugin with one of attic, nas\nhint: claimsmith synology enroll --help\n",
		},
		{
			"a name that there is not", "", []string{"attic", "nas"}, []string{"--plugin", "cellar"}, exitUsage, "",
			"claimsmith: --plugin \"cellar\": the plugins with builtin: synology are attic, nas\nhint: claimsmith synology enroll --help\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nas, file := enrollable(t, tt.plugins...)
			dir := filepath.Dir(file)
			var out, errs strings.Builder
			code := run(append([]string{"synology", "enroll", "-c", file}, tt.flags...), strings.NewReader(tt.code), &out, &errs)
			if got := strings.ReplaceAll(out.String(), dir, "$DIR"); code != tt.wantCode || got != tt.wantOut {
				t.Errorf("exit %d, out\n%s\nwant %d\n%s", code, got, tt.wantCode, tt.wantOut)
			}
			if errs.String() != tt.wantErrs {
				t.Errorf("errors\n%s\nwant\n%s", errs.String(), tt.wantErrs)
			}
			_, err := os.Stat(filepath.Join(dir, "nas.device"))
			if (err == nil) != (tt.wantCode == exitGood) || nas.Sessions() != 0 {
				t.Errorf("the device: %v, %d sessions", err, nas.Sessions())
			}
		})
	}
}

func TestEnrollWithoutANAS(t *testing.T) {
	var out, errs strings.Builder
	code := run([]string{"synology", "enroll", "-c", plainConfig(t)}, strings.NewReader(""), &out, &errs)
	want := "claimsmith: the configuration declares no plugin with builtin: synology\nhint: claimsmith synology enroll --help\n"
	if code != exitUsage || errs.String() != want {
		t.Errorf("exit %d, %s", code, errs.String())
	}
}

func TestTheStateThatTheEmulatorPrintsIsItsOwn(t *testing.T) {
	var out, errs strings.Builder
	if code := run([]string{"dsm-emulator", "--example"}, strings.NewReader(""), &out, &errs); code != exitGood {
		t.Fatalf("exit %d, %s", code, errs.String())
	}
	file := filepath.Join(t.TempDir(), "nas.yaml")
	write(t, file, []byte(out.String()))
	dir := filepath.Dir(file)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, "dsm-emulator", "--state", file, "--addr", "127.0.0.1:0", "--profile", "7.3", "--ca-file", dir+"/ca.pem")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	lines.Scan()
	address, ok := strings.CutPrefix(lines.Text(), "DSM emulator at ")
	if !ok {
		t.Fatalf("it said %q", lines.Text())
	}
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "certSha256: ") { // the rest of what it says
	}
	ca, err := os.ReadFile(dir + "/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/emulator", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var page struct {
		Profile  string
		Accounts int
	}
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil || page.Profile != "7.3" || page.Accounts != 10 {
		t.Errorf("page %+v, %v", page, err)
	}
	cancel()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitGood {
		t.Errorf("stopped: %v", err)
	}
}

func TestAnEmulatorThatCannotStart(t *testing.T) {
	state := filepath.Join(t.TempDir(), "nas.yaml")
	write(t, state, []byte("plain: true\naddr: 127.0.0.1:0\n"))
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"an unknown release", []string{"--profile", "5.2"}, exitProblems, "claimsmith: start the emulator: profile \"5.2\": there are 6.2, 7.0, 7.1, 7.2, 7.3, 7.4\n"},
		{"no state", []string{"--state", "/none.yaml"}, exitProblems, "claimsmith: read the state: open /none.yaml: no such file or directory\n"},
		{"a certificate of none", []string{"--state", state, "--ca-file", "/none/ca.pem"}, exitUsage,
			"claimsmith: --ca-file: a NAS with plain: true has no certificate\nhint: claimsmith dsm-emulator --help\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			code := run(append([]string{"dsm-emulator"}, tt.args...), strings.NewReader(""), &out, &errs)
			if code != tt.code || errs.String() != tt.want {
				t.Errorf("exit %d, %q\nwant %d, %q", code, errs.String(), tt.code, tt.want)
			}
		})
	}
}

// A NAS that sleeps keeps nobody out who was known: the sidecar answers with what it knows, within its budget, and reads again once
// somebody signs in and the NAS is awake.
func TestServeWhileTheNASSleeps(t *testing.T) {
	t.Parallel()
	nas := newNAS(t)
	file := nasConfig(t, nas)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("timeout: 500ms}", "timeout: 500ms, refresh: 1s}",
		"with: {email: identity.email}", "with: {email: identity.email}\n    cache: {ttl: 1ms, maxStale: 24h}").Replace(string(text))
	write(t, file, []byte(changed))
	s := serve(t, file)
	until := func(what string, done func(dsmtest.Call) bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
			began := time.Now()
			reply, err := s.client.ExtendPayload(t.Context(), mum(`{"sub":"a"}`))
			if err != nil || string(reply.GetPatches().GetIdToken().GetSet()["username"]) != `"mum"` {
				t.Fatalf("%s: %v, %v", what, reply, err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Fatalf("%s: an answer took %s", what, took)
			}
			if slices.ContainsFunc(nas.Calls(), done) {
				return
			}
		}
		t.Fatalf("%s: the NAS was asked %+v", what, nas.Calls())
	}
	listed := func(c dsmtest.Call) bool { return c.API == "SYNO.Core.User" && c.Code == 0 }
	until("awake", listed)
	nas.SetFault("", dsmtest.Hang())
	nas.ForgetCalls()
	until("asleep", func(c dsmtest.Call) bool { return c.Code == -1 })
	nas.ForgetCalls()
	nas.SetFault("", nil)
	until("awake again", listed)
}
