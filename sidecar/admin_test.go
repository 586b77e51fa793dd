package sidecar_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/testing/protocmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/operator"
)

// operator connects to the operator's socket.
func (r *running) operator() *grpc.ClientConn {
	r.t.Helper()
	conn, err := operator.DialAdmin(filepath.Join(r.dir, "run", "admin.sock"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

func (r *running) admin() adminv1.AdminServiceClient {
	return adminv1.NewAdminServiceClient(r.operator())
}

func (r *running) plugins() adminv1.PluginServiceClient {
	return adminv1.NewPluginServiceClient(r.operator())
}

// decide asks for a decision and returns its id.
func (r *running) decide(req *hookv1.ExtendPayloadRequest) string {
	r.t.Helper()
	var trailer metadata.MD
	reply, err := r.client().ExtendPayload(r.t.Context(), req, grpc.Trailer(&trailer))
	if err != nil {
		return trailer.Get("claimsmith-decision-id")[0]
	}
	return reply.GetDecisionId()
}

// recording is household with a record of the last two requests.
func recording(dir string) string {
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o600); err != nil {
		panic(err)
	}
	return household(dir) + fmt.Sprintf("state: {file: %s/state/state.db, keyFile: %s}\nrecord: {max: 2}\n", dir, key)
}

func TestTheOwnerAloneReachesTheAdminSocket(t *testing.T) {
	r := serve(t, plain)
	info, err := os.Stat(filepath.Join(r.dir, "run", "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{}); err != nil {
		t.Error(err)
	}
	r.end()
	<-r.done
	if _, err := os.Stat(filepath.Join(r.dir, "run", "admin.sock")); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestWhereTheOperatorIsAnswered(t *testing.T) {
	tests := []struct {
		name, line string
		socket     string // in the folder of the test; empty: none
	}{
		{"beside the socket of Dex", "", "run/admin.sock"},
		{"elsewhere", "admin: unix://DIR/own/op.sock", "own/op.sock"},
		{"elsewhere, in the long form", "admin: {socket: unix://DIR/own/op.sock}", "own/op.sock"},
		{"nowhere", "admin: off", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := serve(t, func(dir string) string { return plain(dir) + strings.ReplaceAll(test.line, "DIR", dir) + "\n" })
			got, err := operator.AdminSocket(filepath.Join(r.dir, "c.yaml"))
			if test.socket == "" {
				if want := r.dir + "/c.yaml: admin is off"; err == nil || err.Error() != want {
					t.Errorf("%q, %v", got, err)
				}
				if sockets, _ := filepath.Glob(r.dir + "/run/*"); len(sockets) != 1 {
					t.Errorf("sockets: %q", sockets)
				}
				return
			}
			if want := filepath.Join(r.dir, test.socket); got != want || err != nil {
				t.Fatalf("%q, %v; want %q", got, err, want)
			}
			conn, err := operator.DialAdmin(got)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client := adminv1.NewAdminServiceClient(conn)
			if _, err := client.Status(t.Context(), &adminv1.StatusRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASocketThatIsOnlyOfferedDoesNotStopASidecar(t *testing.T) {
	dir := shortDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "run", "admin.sock"), 0o750); err != nil {
		t.Fatal(err)
	}
	r := serveFile(t, dir, written(t, dir, plain(dir)))
	r.log.wait(t, "the operator cannot reach this sidecar: name another socket with admin, or write admin: off")
	conn, err := operator.DialAdmin(filepath.Join(dir, "run", "nobody.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := adminv1.NewAdminServiceClient(conn)
	_, err = client.Status(t.Context(), &adminv1.StatusRequest{})
	if want := "no sidecar answers at " + dir + "/run/nobody.sock: is it running, and is it yours?"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

func TestStatus(t *testing.T) {
	r := serve(t, func(dir string) string {
		return strings.Replace(household(dir), "cache: {ttl: 1h}", "cache: {ttl: 1h, maxStale: 24h}", 1) +
			"tests: [{name: a wiki, given: {client: wiki}, want: {removed: [x]}}]\n"
	})
	r.decide(signIn("mum@gmail.com"))
	r.decide(signIn("nobody@gmail.com"))
	r.decide(signIn("broken@gmail.com"))
	st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if st.GetPid() != int32(os.Getpid()) || len(st.GetConfiguration().GetDigest()) != 12 || st.GetPlugins()[0].GetPid() == 0 {
		t.Errorf("%v", st)
	}
	for _, moment := range []interface{ IsValid() bool }{st.GetStarted(), st.GetConfiguration().GetLoaded(), st.GetPlugins()[0].GetSince(), st.GetPlugins()[0].GetFailingSince()} {
		if !moment.IsValid() {
			t.Errorf("%v is no time", moment)
		}
	}
	st.Pid, st.Started, st.Configuration.Loaded, st.Configuration.Digest, st.Plugins[0].Pid, st.Plugins[0].Since = 0, nil, nil, "", 0, nil
	st.Plugins[0].FailingSince, st.Plugins[0].Failing = nil, words.ReplaceAllString(st.GetPlugins()[0].GetFailing(), "(words ID)")
	if begins, said := fmt.Sprintf("user %d, as claimsmith, ", os.Getuid()), st.Plugins[0].GetConfinement(); !strings.HasPrefix(said, begins) {
		t.Errorf("confinement: %s", said) // the rest is by the kernel
	}
	st.Plugins[0].Confinement = ""
	want := &adminv1.StatusResponse{}
	text := strings.ReplaceAll(`version: "test"
configuration: {file: "DIR/c.yaml" steps: 5 tests: 1}
plugins: {name: "nas" is: "directory" version: "1.0.0" state: "running" failing: "plugin nas: lookup: unavailable (words ID)"}
decisions: {patched: 1 denied: 1 failed: 1}
lookups: {name: "nas" plugin: "nas" place: "DIR/c.yaml:9" worst_staleness: {seconds: 86400}}
worst_case: {seconds: 172800}`, "DIR", r.dir)
	if err := prototext.Unmarshal([]byte(text), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, st, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReloadOnRequest(t *testing.T) {
	r := serve(t, household)
	admin := r.admin()
	r.put(household(r.dir) + "  - {set: {username: nas.nmae}}\n")
	reply, err := admin.Reload(t.Context(), &adminv1.ReloadRequest{})
	if err != nil {
		t.Fatal(err)
	}
	const column = 21
	failed := reply.GetFailed()
	if reply.GetConfiguration() != nil || len(failed.GetProblems()) != 1 || failed.GetProblems()[0].GetLine() != 15 || failed.GetProblems()[0].GetColumn() < column {
		t.Fatalf("%v", reply)
	}
	if !strings.Contains(failed.GetRendered(), "   15 |   - {set: {username: nas.nmae}}\n") {
		t.Errorf("rendered: %s", failed.GetRendered())
	}
	st, err := admin.Status(t.Context(), &adminv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(failed.GetProblems(), st.GetFailedReload().GetProblems(), protocmp.Transform()); diff != "" {
		t.Errorf("the status does not know, -want +got:\n%s", diff)
	}
	r.put(household(r.dir) + "  - {set: {plan: '\"gold\"'}}\n")
	if reply, err = admin.Reload(t.Context(), &adminv1.ReloadRequest{Fresh: true}); err != nil {
		t.Fatal(err)
	}
	if reply.GetFailed() != nil || reply.GetConfiguration().GetSteps() != 6 {
		t.Errorf("%v", reply)
	}
	if st, err = admin.Status(t.Context(), &adminv1.StatusRequest{}); err != nil || st.GetFailedReload() != nil {
		t.Errorf("%v %v", st, err)
	}
	if n := strings.Count(r.log.String(), `"msg":"plugin started"`); n < 2 {
		t.Errorf("the plugin was started %d times", n)
	}
}

func TestKeysThatCannotBeUsedAreProblems(t *testing.T) {
	dir := shortDir(t)
	for name, mode := range map[string]os.FileMode{"open": 0o644, "short": 0o600} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("00"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	file := written(t, dir, plain(dir)+"state: {postgresFile: short, keyFile: open}\nrecord: {keyFile: short}\n")
	_, err := sidecar.New(t.Context(), file, program(t, newLogBuffer()))
	var got strings.Builder
	var problems *sidecar.Problems
	if errors.As(err, &problems) {
		for _, p := range problems.List {
			got.WriteString(strings.ReplaceAll(p.String(), dir+"/", "") + "\n")
		}
	}
	const want = `c.yaml:2:23: state.postgresFile: this is no address of a PostgreSQL database, such as postgres://user:password@host/name
c.yaml:2:39: state.keyFile: open can be read by everybody: mend it with chmod o= open
c.yaml:3:19: record.keyFile: short: a key has 32 bytes, as hex or base64: make one with openssl rand -hex 32
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

func TestAStoreThatIsAwayStopsNobody(t *testing.T) {
	r := serve(t, func(dir string) string {
		text := recording(dir)
		if err := os.WriteFile(filepath.Join(dir, "dsn"), []byte("postgres://claimsmith@/claimsmith?host="+dir), 0o600); err != nil {
			t.Fatal(err)
		}
		return strings.Replace(text, "file: "+dir+"/state/state.db", "postgresFile: "+dir+"/dsn", 1)
	})
	id := r.decide(signIn("mum@gmail.com"))
	r.log.wait(t, "requests are not recorded")
	e, note := r.explained(id)
	if e != nil || !strings.HasPrefix(note, "The record cannot be read: open the store of state: ") {
		t.Errorf("%+v %q", e, note)
	}
	st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{})
	if err != nil || st.GetRecord().GetErr() == "" || st.GetDecisions().GetPatched() != 1 {
		t.Errorf("%v %v", st, err)
	}
}
