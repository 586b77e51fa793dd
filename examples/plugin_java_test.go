package examples

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar"
)

const (
	java   = "/usr/bin/java"
	hsqldb = "/usr/share/java/hsqldb.jar"
)

// javaPlugin builds the plugin in a copy of its folder, and returns that with the command of the plugin.
func javaPlugin(t *testing.T) (dir string, command []string) {
	t.Helper()
	const install = "apt-get install openjdk-17-jdk-headless protobuf-compiler libgrpc-java libjackson2-databind-java libbcpkix-java libhsqldb-java"
	dir = copied(t, "plugin-java")
	need(t, dir, install, "ls", hsqldb)
	need(t, dir, install, "./build.sh", hsqldb)
	return dir, []string{java, "-jar", filepath.Join(dir, "build/plugin.jar")}
}

// database runs HSQLDB with the people of testdata until the test ends, and returns its port.
func database(t *testing.T, dir string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	cmd := exec.Command(java, "-cp", hsqldb, "org.hsqldb.server.Server", "--address", "127.0.0.1", "--port", strconv.Itoa(port),
		"--database.0", "file:"+filepath.Join(dir, "testdata/people"), "--dbname.0", "people", "--silent", "true")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said = append(said, lines.Text()); strings.Contains(lines.Text(), "is online on port") {
			return port
		}
	}
	t.Fatal(strings.Join(said, "\n"))
	return 0
}

func TestTheJavaPluginKeepsTheContract(t *testing.T) {
	dir, command := javaPlugin(t)
	port := database(t, dir)
	config, err := json.Marshal(map[string]string{
		"url": fmt.Sprintf("jdbc:hsqldb:hsql://127.0.0.1:%d/people", port), "user": "READER", "passwordFile": filepath.Join(dir, "testdata/password"),
		"query": "SELECT p.account, p.number, m.team FROM public.people p LEFT JOIN public.members m ON m.account = p.account WHERE p.email = ?",
	})
	if err != nil {
		t.Fatal(err)
	}
	trial := sidecar.PluginTrial{Command: command, Config: config, Known: []byte(`{"email":"ada@example.org"}`),
		Facts: []byte(`{"account":"ada","number":9007199254740993,"teams":["admins","research"]}`), Unknown: []byte(`{"email":"twice@example.org"}`), Calls: 1000}
	trial.Limits.Connect = []int{port}
	if diff := cmp.Diff([]string{"slow"}, keeps(t, trial)); diff != "" { // the database is quick
		t.Error(diff)
	}
	describes(t, dir, trial)
}

func TestTheJavaPluginPutsFactsIntoTokens(t *testing.T) {
	dir, command := javaPlugin(t)
	port := strconv.Itoa(database(t, dir))
	file, socket := moved(t, filepath.Join(dir, "claimsmith.yaml"), "/opt/plugins/jdbc/build/plugin.jar", command[2], "connect: [1521]", "connect: ["+port+"]",
		"jdbc:oracle:thin:@//db.example.org:1521/people", "jdbc:hsqldb:hsql://127.0.0.1:"+port+"/people", "/run/secrets/people-password", filepath.Join(dir, "testdata/password"))
	hook := served(t, file, socket)
	got := map[string]string{}
	for _, name := range []string{"ada", "grace"} {
		got[name] = claimed(t, hook, "wiki", name+"@example.org", "groups") + claimed(t, hook, "wiki", name+"@example.org", "number")
	}
	if diff := cmp.Diff(map[string]string{"ada": `["admins","research"]9007199254740993`, "grace": `[]`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheMessagesOfTheJavaPluginAreThoseOfTheProtocol(t *testing.T) {
	sameMessages(t, "plugin-java")
}
