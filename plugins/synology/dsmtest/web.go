package dsmtest

import (
	"cmp"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed pages
var pages embed.FS

// page is what the templates show, and what callers get that ask for JSON.
type page struct {
	NAS        string `json:"-"`
	Button     string `json:"-"` // name of the single sign-on; empty: there is none
	Error      string `json:"error,omitempty"`
	SignedInAs string `json:"signedInAs,omitempty"`
}

// SignIn is an entry of the NAS's log of people who came by its pages.
type SignIn struct {
	Name   string // as claimed; empty when the provider named nobody
	SSO    bool
	OK     bool
	Reason string // why not: "no such account", "local accounts are not allowed", "disabled" ...
}

// SignIns returns that log, oldest first.
func (n *NAS) SignIns() []SignIn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]SignIn(nil), n.signIns...)
}

// note writes to that log. Names go nowhere else.
func (n *NAS) note(s SignIn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.signIns = append(n.signIns, s)
	n.o.Log.Info("sign-in", "sso", s.SSO, "ok", s.OK, "reason", s.Reason)
}

// showRoot answers every page that has no handler of its own: the redirect back from the provider, and the login page.
func (n *NAS) showRoot(w http.ResponseWriter, r *http.Request) {
	c := n.ssoConfig()
	query := r.URL.Query()
	if c != nil && (query.Has("code") || query.Has("error")) && samePath(c.RedirectURI, r.URL.Path) {
		n.finishSSO(w, r, c)
		return
	}
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	if name := n.signedIn(r); name != "" {
		n.show(w, r, http.StatusOK, page{SignedInAs: name})
		return
	}
	n.show(w, r, http.StatusOK, page{})
}

// samePath compares the path of the redirect URI, which may be the root of the NAS, with that of a request.
func samePath(redirectURI, path string) bool {
	u, err := url.Parse(redirectURI)
	return err == nil && cmp.Or(u.Path, "/") == path
}

// showResult tells, as JSON, who is signed in by this cookie.
func (n *NAS) showResult(w http.ResponseWriter, r *http.Request) {
	p, status := page{SignedInAs: n.signedIn(r)}, http.StatusOK
	if p.SignedInAs == "" {
		p, status = page{Error: "not signed in"}, http.StatusUnauthorized
	}
	writeJSON(w, status, p)
}

// signedIn returns whose session the browser has, or "".
func (n *NAS) signedIn(r *http.Request) string {
	cookie, err := r.Cookie("id")
	if err != nil {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s, f := n.resume(&call{sid: cookie.Value, from: n.clientAddress(r)})
	if f != nil {
		return ""
	}
	return s.account
}

// enter lets in whom the provider named, if there is such an account, exactly so written, and it may be used.
// Recorded from OPDOCS: DSM makes no account, and lets local ones in only where the administrator chose so.
func (n *NAS) enter(w http.ResponseWriter, r *http.Request, name string, allowLocal bool) {
	a, reason := n.account(name), ""
	switch {
	case name == "":
		reason = "no user name in userinfo"
	case a == nil:
		reason = "no such account"
	case a.Type == "local" && !allowLocal:
		reason = "local accounts are not allowed"
	case !a.usable(n.o.Now()):
		reason = "disabled"
	}
	n.note(SignIn{Name: name, SSO: true, OK: reason == "", Reason: reason})
	if reason != "" {
		n.show(w, r, http.StatusForbidden, page{Error: textUnauthorized})
		return
	}
	n.mu.Lock()
	started := n.newSession(name, n.clientAddress(r), n.o.Now())
	n.mu.Unlock()
	n.welcome(w, r, started)
}

// welcome hands a browser its session and shows whose it is.
func (n *NAS) welcome(w http.ResponseWriter, r *http.Request, s *session) {
	http.SetCookie(w, &http.Cookie{
		Name: "id", Value: s.id, Path: "/", HttpOnly: true, Secure: !n.o.Plain, SameSite: http.SameSiteLaxMode,
	})
	n.show(w, r, http.StatusOK, page{SignedInAs: s.account})
}

// refuse shows a sentence for the person and logs the cause. Causes of the kind "token" can quote what the provider sent,
// so only their stage is logged.
func (n *NAS) refuse(w http.ResponseWriter, r *http.Request, status int, shown, stage string, cause error) {
	reason := stage
	if cause != nil {
		reason += ": " + cause.Error()
	}
	n.mu.Lock()
	n.signIns = append(n.signIns, SignIn{SSO: true, Reason: reason})
	n.mu.Unlock()
	n.o.Log.Info("sign-in", "sso", true, "ok", false, "reason", stage)
	n.show(w, r, status, page{Error: shown})
}

// signIn answers the form for name and password.
func (n *NAS) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	form := map[string]string{"account": r.PostFormValue("account"), "passwd": r.PostFormValue("passwd")}
	n.mu.Lock()
	s, _, f := n.attempt(form, n.clientAddress(r))
	n.mu.Unlock()
	if f != nil {
		reason := loginText(f.Code)
		n.note(SignIn{Name: form["account"], Reason: reason})
		n.show(w, r, http.StatusForbidden, page{Error: reason})
		return
	}
	n.note(SignIn{Name: s.account, OK: true})
	n.welcome(w, r, s)
}

// loginText puts the code of a login into words.
func loginText(code int) string {
	switch code {
	case codeDisabled:
		return "This account has been disabled."
	case codeBlocked:
		return "This IP address has been blocked because of too many failed login attempts."
	case codeNeedOTP:
		return "This account needs a second factor, which the emulator's page cannot ask for."
	default:
		return "Invalid user or password."
	}
}

// signOut ends the session of a browser.
func (n *NAS) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie("id"); err == nil {
		_, _ = n.logout(&call{sid: cookie.Value, header: w.Header()})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// show writes a page, or its content as JSON for those who ask for that.
func (n *NAS) show(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.NAS = n.o.Name
	if c := n.ssoConfig(); c != nil {
		p.Button = c.Name
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, status, p)
		return
	}
	pageHeader(w, "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := template.Must(template.ParseFS(pages, "pages/page.html")).Execute(w, p); err != nil {
		n.o.Log.Debug("page not sent", "err", err)
	}
}

func writeJSON(w http.ResponseWriter, status int, p page) {
	pageHeader(w, "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}

// pageHeader forbids what the pages do not need. The address of a page can hold a code, so nobody gets it.
func pageHeader(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, pages, "pages/dsm.css")
}
