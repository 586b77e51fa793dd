package dsmtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// Codes that every API can answer. Recorded from GUIDE and HA.
const (
	codeUnknown    = 100
	codeIncomplete = 101
	codeNoAPI      = 102
	codeNoMethod   = 103
	codeNoVersion  = 104
	codeNoRight    = 105
	codeTimeout    = 106
	codeDuplicate  = 107
	codeCompound   = 113
	codeMissing    = 114
	codeNoSession  = 119
	codeOtherIP    = 150
)

// api is an entry of the Info map and what can be called on it.
type api struct {
	path     string
	min, max int
	json     bool // parameters are JSON, and Info says so
	methods  []method
}

// method is one method in a range of versions.
type method struct {
	name     string
	min, max int // both 0: in all of them
	right    right
	run      func(*call) (any, *failure) // nil: known to DSM, not emulated
	echo     bool                        // the reply repeats api, method and version
}

// right is what a caller needs.
type right int

const (
	rightNone  right = iota
	rightUser        // a session
	rightAdmin       // a session of a member of administrators
)

// call is one request for one method; parts of a compound are calls of their own.
type call struct {
	api, method string
	version     string // as sent
	number      int    // the version, once it is known to be good
	params      params
	from        string // the client's address
	sid, token  string
	part        bool
	header      http.Header // of the reply
	session     *session    // set where the method needs one
	ctx         context.Context
}

// failure is the error member of a reply.
type failure struct {
	Code   int `json:"code"`
	Errors any `json:"errors,omitempty"`
}

func fail(code int) *failure { return &failure{Code: code} }

// reply is the envelope of all replies. Recorded from HA: success is there always, data not after logout.
type reply struct {
	API     string   `json:"api,omitempty"`
	Data    any      `json:"data,omitempty"`
	Error   *failure `json:"error,omitempty"`
	Method  string   `json:"method,omitempty"`
	Success bool     `json:"success"`
	Version int      `json:"version,omitempty"`
}

// serveAPI answers everything below /webapi/. Recorded from HA: HTTP 200 also for errors.
func (n *NAS) serveAPI(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	cgi, suffix, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/webapi/"), "/")
	c := n.newCall(w, r, suffix)
	entry := n.logCall(c)
	var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rep := n.answer(cgi, c)
		n.finishCall(entry, rep.Error)
		w.Header().Set("Content-Type", n.o.ContentType)
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(rep)
	})
	if fault := n.fault(c.api); fault != nil {
		handler = fault(handler)
	}
	handler.ServeHTTP(w, r)
}

// newCall reads a request. The name of the API may be the end of the path: recorded from N4S4.
func (n *NAS) newCall(w http.ResponseWriter, r *http.Request, suffix string) *call {
	p := params{values: map[string]string{}}
	for name := range r.Form {
		p.values[name] = r.Form.Get(name)
	}
	c := &call{
		api: p.values["api"], method: p.values["method"], version: p.values["version"], params: p,
		from: n.clientAddress(r), sid: p.values["_sid"], token: p.values["SynoToken"],
		header: w.Header(), ctx: r.Context(),
	}
	if c.api == "" {
		c.api = suffix
	}
	if cookie, err := r.Cookie("id"); err == nil && c.sid == "" {
		c.sid = cookie.Value
	}
	if c.token == "" {
		c.token = r.Header.Get("X-SYNO-TOKEN")
	}
	return c
}

// clientAddress is where a request comes from. Recorded from KB: behind a trusted proxy it is the forwarded address.
func (n *NAS) clientAddress(r *http.Request) string {
	if forwarded := r.Header.Get("X-Forwarded-For"); n.o.TrustProxy && forwarded != "" {
		return strings.TrimSpace(forwarded[strings.LastIndex(forwarded, ",")+1:])
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// answer runs a call that came to that CGI.
func (n *NAS) answer(cgi string, c *call) reply {
	if a, there := n.apis[c.api]; c.api != "" && (!there || cgi != path.Base(a.path) && cgi != oldCGIs()[c.api]) {
		return reply{Error: fail(codeNoAPI)}
	}
	return n.run(c)
}

// run does a call: the parts are there, the API, its version, its method, the session, the right, then the work.
func (n *NAS) run(c *call) reply {
	version, err := strconv.Atoi(c.version)
	if err != nil || c.api == "" || c.method == "" {
		return reply{Error: fail(codeIncomplete)}
	}
	a, there := n.apis[c.api]
	if !there {
		return reply{Error: fail(codeNoAPI)}
	}
	if version < a.min || version > a.max {
		return reply{Error: fail(codeNoVersion)}
	}
	m := a.method(c.method, version)
	if m == nil {
		return reply{Error: fail(codeNoMethod)}
	}
	c.params.json, c.number = a.json, version
	if f := n.authorize(c, m.right); f != nil {
		return reply{Error: f}
	}
	if m.run == nil {
		return reply{Error: fail(codeUnknown)}
	}
	data, f := m.run(c)
	rep := reply{Data: data, Error: f, Success: f == nil}
	if m.echo && f == nil {
		rep.API, rep.Method, rep.Version = c.api, c.method, version
	}
	return rep
}

func (a api) method(name string, version int) *method {
	for _, m := range a.methods {
		if m.name == name && (m.max == 0 || m.min <= version && version <= m.max) {
			return &m
		}
	}
	return nil
}

// Call is one call that the NAS got. It holds no parameter, so no password, token or name.
type Call struct {
	API, Method string
	Version     string // as sent
	Part        bool   // inside a compound request, so no HTTP request of its own
	Code        int    // what was answered; 0 means success, -1 that a fault took its place or it is still waiting
}

// logged is a call and when it came.
type logged struct {
	Call
	at time.Time
}

// Calls returns all calls since the start, or since ForgetCalls, in the order of arrival.
func (n *NAS) Calls() []Call {
	n.mu.Lock()
	defer n.mu.Unlock()
	calls := make([]Call, len(n.calls))
	for i, c := range n.calls {
		calls[i] = c.Call
	}
	return calls
}

// ForgetCalls empties the log of calls. A call that is under way does not come back into it.
func (n *NAS) ForgetCalls() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = nil
}

// logCall notes that a call arrived; finishCall completes the entry.
func (n *NAS) logCall(c *call) *logged {
	n.mu.Lock()
	defer n.mu.Unlock()
	entry := &logged{Call{API: c.api, Method: c.method, Version: c.version, Part: c.part, Code: -1}, n.o.Now()}
	n.calls = append(n.calls, entry)
	return entry
}

func (n *NAS) finishCall(entry *logged, f *failure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	entry.Code = 0
	if f != nil {
		entry.Code = f.Code
	}
	n.o.Log.Debug("web api call", "api", entry.API, "method", entry.Method, "version", entry.Version, "code", entry.Code)
}
