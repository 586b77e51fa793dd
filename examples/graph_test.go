package examples

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/claimsmith/claimsmith/plugins/http"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// cloud is a stand-in for the API of a directory, made from its documents: a token endpoint and what it opens.
type cloud struct {
	*httptest.Server
	key     *rsa.PrivateKey
	files   string         // with key.pem and cert.pem
	expects map[string]any // claims of the assertion
}

const groupsOfHers = 250 // a token of Entra names 200 at most

func startCloud(t *testing.T, expects map[string]any, assertion string, api nethttp.HandlerFunc) *cloud {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{key: key, files: t.TempDir(), expects: expects}
	for name, block := range map[string]*pem.Block{"key.pem": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}, "cert.pem": {Type: "CERTIFICATE", Bytes: cert}} {
		if err := os.WriteFile(filepath.Join(c.files, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Server = httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/token"):
			c.grant(t, w, r.FormValue(assertion))
		case r.Header.Get("Authorization") != "Bearer opened":
			w.WriteHeader(nethttp.StatusUnauthorized)
		default:
			api(w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) grant(t *testing.T, w nethttp.ResponseWriter, assertion string) {
	token, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS256})
	var claims map[string]any
	if err == nil {
		err = token.Claims(c.key.Public(), &claims)
	}
	for _, own := range []string{"iat", "exp", "jti", "aud"} {
		delete(claims, own)
	}
	if diff := cmp.Diff(c.expects, claims); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
		w.WriteHeader(nethttp.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprint(w, `{"access_token": "opened", "token_type": "Bearer", "expires_in": 3599}`)
}

// plugin starts one of the plugins of an example, with the stand-in where the example has the cloud.
func (c *cloud) plugin(t *testing.T, example, name string, hosts ...string) *sdktest.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(example, "claimsmith.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Plugins map[string]struct{ Config map[string]any }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	config := file.Plugins[name].Config
	config["allowPlainHTTP"], config["allowNetworks"] = true, []string{"127.0.0.1"}
	oauth2 := config["oauth2"].(map[string]any)
	oauth2["privateKeyFile"] = filepath.Join(c.files, "key.pem")
	if oauth2["certFile"] != nil {
		oauth2["certFile"] = filepath.Join(c.files, "cert.pem")
	}
	written, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	replaced := string(written)
	for _, host := range hosts {
		replaced = strings.ReplaceAll(replaced, host, c.URL)
	}
	return sdktest.Start(t, http.Plugin(), []byte(replaced))
}

// expect asks, and compares the answer.
func (c *cloud) expect(t *testing.T, client *sdktest.Client, params string, found bool, want http.Facts) {
	t.Helper()
	var got http.Facts
	ok, problem, err := client.Lookup(t.Context(), []byte(params), &got)
	if ok != found || err != nil {
		t.Fatalf("found %v, %s, %v", ok, problem, err)
	}
	got.Texts = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// numbered are the names that a directory has, in their order.
func numbered(format string) (names []string) {
	for i := range groupsOfHers {
		names = append(names, fmt.Sprintf(format, i))
	}
	return names
}

// The documents: https://learn.microsoft.com/en-us/graph/api/user-list-transitivememberof and /paging, and
// https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference#groups-overage-claim.
func TestEntraHasMoreGroupsThanATokenNames(t *testing.T) {
	const app, ada = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
	var c *cloud
	c = startCloud(t, map[string]any{"iss": app, "sub": app}, "client_assertion", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		skip, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
		switch {
		case r.URL.Path == "/"+ada:
			_, _ = fmt.Fprint(w, `{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users(displayName,accountEnabled)/$entity", "displayName": "Ada", "accountEnabled": true}`)
		case r.URL.Path == "/"+ada+"/transitiveMemberOf/microsoft.graph.group" && r.Header.Get("ConsistencyLevel") == "eventual":
			reply := map[string]any{"@odata.count": groupsOfHers}
			var value []map[string]string
			for _, name := range numbered("Team %03d")[skip:min(skip+100, groupsOfHers)] {
				value = append(value, map[string]string{"id": "33333333-3333-3333-3333-333333333333", "displayName": name})
			}
			if reply["value"] = value; skip+100 < groupsOfHers {
				reply["@odata.nextLink"] = c.URL + r.URL.Path + "?$count=true&$select=id,displayName&$top=100&$skiptoken=" + strconv.Itoa(skip+100)
			}
			_ = json.NewEncoder(w).Encode(reply)
		default:
			w.WriteHeader(nethttp.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"error": {"code": "Request_ResourceNotFound"}}`)
		}
	})
	hosts := []string{"https://graph.microsoft.com/v1.0/users", "https://login.microsoftonline.com"}
	account, groups := c.plugin(t, "entra", "account", hosts...), c.plugin(t, "entra", "groups", hosts...)
	c.expect(t, account, `{"userId": "`+ada+`"}`, true, http.Facts{Name: "Ada", Flag: true, Groups: []string{}})
	c.expect(t, account, `{"userId": "44444444-4444-4444-4444-444444444444"}`, false, http.Facts{})
	c.expect(t, groups, `{"userId": "`+ada+`"}`, true, http.Facts{Groups: numbered("Team %03d")})
}

// The documents: https://developers.google.com/workspace/admin/directory/reference/rest/v1/groups/list, .../users/get, and
// https://developers.google.com/identity/protocols/oauth2/service-account#httprest.
func TestGroupsOfGoogleWorkspace(t *testing.T) {
	scope := "https://www.googleapis.com/auth/admin.directory.user.readonly https://www.googleapis.com/auth/admin.directory.group.readonly"
	c := startCloud(t, map[string]any{"iss": "claimsmith@project.iam.gserviceaccount.com", "sub": "admin@example.org", "scope": scope}, "assertion",
		func(w nethttp.ResponseWriter, r *nethttp.Request) {
			q := r.URL.Query()
			at, _ := strconv.Atoi(q.Get("pageToken"))
			switch {
			case r.URL.Path == "/admin/directory/v1/users/ada@example.org":
				_, _ = fmt.Fprint(w, `{"primaryEmail": "ada@example.org", "name": {"fullName": "Ada Lovelace"}, "suspended": false}`)
			case r.URL.Path == "/admin/directory/v1/groups" && q.Get("userKey") == "ada@example.org":
				reply := map[string]any{"kind": "admin#directory#groups"}
				var list []map[string]string
				for _, email := range numbered("team%03d@example.org")[at:min(at+200, groupsOfHers)] {
					list = append(list, map[string]string{"kind": "admin#directory#group", "email": email})
				}
				if reply["groups"] = list; at+200 < groupsOfHers {
					reply["nextPageToken"] = strconv.Itoa(at + 200)
				}
				_ = json.NewEncoder(w).Encode(reply)
			case r.URL.Path == "/admin/directory/v1/groups" && q.Get("userKey") == "lonely@example.org":
				_, _ = fmt.Fprint(w, `{"kind": "admin#directory#groups"}`)
			default:
				w.WriteHeader(nethttp.StatusNotFound)
			}
		})
	hosts := []string{"https://admin.googleapis.com", "https://oauth2.googleapis.com"}
	account, groups := c.plugin(t, "google-workspace", "account", hosts...), c.plugin(t, "google-workspace", "groups", hosts...)
	c.expect(t, account, `{"email": "ada@example.org"}`, true, http.Facts{Name: "Ada Lovelace", Groups: []string{}})
	c.expect(t, account, `{"email": "nobody@example.org"}`, false, http.Facts{})
	c.expect(t, groups, `{"email": "ada@example.org"}`, true, http.Facts{Groups: numbered("team%03d@example.org")})
	c.expect(t, groups, `{"email": "lonely@example.org"}`, true, http.Facts{Groups: []string{}})
}
