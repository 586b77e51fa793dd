package dexpatch

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// madeUp is a module of one package that no proxy knows but the one of a test.
func madeUp(path, version, pkg string) (m module, files map[string][]byte) {
	mod := []byte("module " + path + "\n\ngo 1.25.0\n")
	contents := map[string]string{"go.mod": string(mod), pkg + "x.go": "package x\n"}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	whole := sha256.New()
	for _, name := range []string{"go.mod", pkg + "x.go"} {
		f, _ := w.Create(path + "@" + version + "/" + name)
		f.Write([]byte(contents[name]))
		fmt.Fprintf(whole, "%x  %s@%s/%s\n", sha256.Sum256([]byte(contents[name])), path, version, name)
	}
	w.Close()
	goMod := sha256.Sum256(fmt.Appendf(nil, "%x  go.mod\n", sha256.Sum256(mod)))
	m = module{path: path, version: version,
		sum: "h1:" + base64.StdEncoding.EncodeToString(whole.Sum(nil)), modSum: "h1:" + base64.StdEncoding.EncodeToString(goMod[:])}
	at := "/" + path + "/@v/" + version
	return m, map[string][]byte{at + ".mod": mod, at + ".zip": archive.Bytes()}
}

// moduleProxy is a proxy that has two versions and answers as it likes. It is the only one that a build of the test can reach.
type moduleProxy struct {
	files  map[string][]byte
	answer func(w http.ResponseWriter, r *http.Request, version string) (done bool)
}

func (p *moduleProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version := "old"
	if strings.Contains(r.URL.Path, "/v0.0.0-20260303133905") || strings.Contains(r.URL.Path, "/v2.4.1.") {
		version = "new"
	}
	if p.answer(w, r, version) {
		return
	}
	data, ok := p.files[r.URL.Path]
	if !ok {
		http.Error(w, "no such version", http.StatusNotFound)
		return
	}
	w.Write(data)
}

// TestVersionsAreTakenInTurn: the first that the proxy gives is taken; the others are named with its answer.
func TestVersionsAreTakenInTurn(t *testing.T) {
	newDex, files := madeUp(DexModule, "v0.0.0-20260303133905-11d2eeb52b42", "server/")
	newAPI, apiFiles := madeUp(apiModule, "v2.4.1", "")
	oldDex, oldFiles := madeUp(DexModule, "v0.0.0-20260223143451-bcc228369401", "server/")
	oldAPI, oldAPIFiles := madeUp(apiModule, "v2.4.0", "")
	for _, more := range []map[string][]byte{apiFiles, oldFiles, oldAPIFiles} {
		for name, data := range more {
			files[name] = data
		}
	}
	refuse := func(w http.ResponseWriter, _ *http.Request, status int) bool {
		http.Error(w, "This module version is not available.", status)
		return true
	}
	tests := []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request, version string) bool
		want   string   // the version that is taken
		reason []string // why not the others, a part of each
	}{
		{name: "all is there", answer: func(http.ResponseWriter, *http.Request, string) bool { return false }, want: "new"},
		{name: "a query for the version is refused, which no build needs", want: "new",
			answer: func(w http.ResponseWriter, r *http.Request, _ string) bool {
				return strings.HasSuffix(r.URL.Path, ".info") && refuse(w, r, http.StatusForbidden)
			}},
		{name: "one version is refused", want: "old", reason: []string{"403 Forbidden server response: This module version is not available."},
			answer: func(w http.ResponseWriter, r *http.Request, version string) bool {
				return version == "new" && refuse(w, r, http.StatusForbidden)
			}},
		{name: "only its zip is refused", want: "old", reason: []string{"404 Not Found"},
			answer: func(w http.ResponseWriter, r *http.Request, version string) bool {
				return version == "new" && strings.HasSuffix(r.URL.Path, ".zip") && refuse(w, r, http.StatusNotFound)
			}},
		{name: "the proxy is broken", reason: []string{"500 Internal Server Error", "500 Internal Server Error"},
			answer: func(w http.ResponseWriter, r *http.Request, _ string) bool {
				return refuse(w, r, http.StatusInternalServerError)
			}},
		{name: "it says nothing", reason: []string{"no answer within 3s", "no answer within 3s"},
			answer: func(_ http.ResponseWriter, r *http.Request, _ string) bool {
				<-r.Context().Done()
				return true
			}},
		{name: "other bytes", want: "old", reason: []string{"other bytes than this version has: checksum mismatch"},
			answer: func(w http.ResponseWriter, r *http.Request, version string) bool {
				if version != "new" || !strings.HasSuffix(r.URL.Path, ".zip") {
					return false
				}
				_, wrong := madeUp(DexModule, newDex.version, "server/more")
				w.Write(wrong["/"+DexModule+"/@v/"+newDex.version+".zip"])
				return true
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			proxy := httptest.NewServer(&moduleProxy{files: files, answer: tt.answer})
			defer proxy.Close()
			defer proxy.CloseClientConnections()
			t.Setenv("GOPROXY", proxy.URL)
			t.Setenv("GOMODCACHE", moduleCache(t))
			b := newBuilder(Options{})
			b.versions, b.limit = []Version{{"new", "1.25.0", newDex, newAPI}, {"old", "1.25.0", oldDex, oldAPI}}, 3*time.Second
			var got Version
			err := b.first(t.Context(), func(v Version) error {
				var err error
				got, err = b.fetch(t.Context(), v)
				return err
			})
			var none *NoDexError
			if tt.want == "" {
				if !errors.As(err, &none) || len(none.Refused) != len(tt.reason) {
					t.Fatalf("got %v", err)
				}
				for i, r := range none.Refused {
					if r.Version != b.versions[i].Name || !strings.Contains(r.Reason, tt.reason[i]) || !strings.Contains(err.Error(), "\n  "+r.Version+": "+r.Reason) {
						t.Errorf("got %+v, want %s", r, tt.reason[i])
					}
				}
				return
			}
			if err != nil || got.Name != tt.want {
				t.Fatalf("got %s, %v, want %s", got.Name, err, tt.want)
			}
			if err := got.lay(filepath.Join(t.TempDir(), "dex")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhyNotTheFirstVersionIsSaid while the work goes on with another one.
func TestWhyNotTheFirstVersionIsSaid(t *testing.T) {
	var said []string
	b := newBuilder(Options{Progress: func(m string) { said = append(said, m) }})
	err := b.first(t.Context(), func(v Version) error {
		if v.Name == "v2.45.1" {
			return &DownloadError{Reason: "403 Forbidden"}
		}
		return nil
	})
	if want := "Dex v2.45.1 cannot be had: 403 Forbidden; taking v2.45.0"; err != nil || len(said) != 1 || said[0] != want {
		t.Errorf("got %v, said %q, want %q", err, said, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.first(ctx, func(Version) error { return &DownloadError{Reason: "gone"} }); errors.As(err, new(*NoDexError)) {
		t.Errorf("after it was given up: %v", err)
	}
}

// moduleCache is an empty one. The go command makes its folders read-only.
func moduleCache(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o755)
			}
			return err
		})
	})
	return dir
}
