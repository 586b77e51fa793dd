package dsmtest

import (
	"cmp"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

// status is what the page of the emulator itself shows, and what callers get that ask for JSON. It holds no names.
type status struct {
	NAS      string   `json:"nas"`
	Profile  string   `json:"profile"`
	Accounts int      `json:"accounts"`
	Sessions int      `json:"sessions"`
	Blocked  []string `json:"blocked"`
	Calls    []shown  `json:"calls"` // the newest first
}

// shown is a call as the page has it.
type shown struct {
	At      string `json:"at"`
	API     string `json:"api"`
	Method  string `json:"method"`
	Version string `json:"version"`
	Part    bool   `json:"part,omitempty"`
	Code    int    `json:"code"`
}

// Answer is the code in words.
func (s shown) Answer() string {
	switch s.Code {
	case 0:
		return "ok"
	case -1:
		return "spoiled, or waiting"
	}
	return "error"
}

func (n *NAS) status() status {
	s := status{NAS: n.o.Name, Profile: n.dsm.name, Sessions: n.Sessions(), Blocked: []string{}, Calls: []shown{}}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range slices.Backward(n.calls) {
		s.Calls = append(s.Calls, shown{c.at.UTC().Format(time.TimeOnly), c.API, c.Method, c.Version, c.Part, c.Code})
	}
	s.Accounts = len(n.people)
	for address, b := range n.blocks {
		if !b.since.IsZero() {
			s.Blocked = append(s.Blocked, address)
		}
	}
	slices.SortFunc(s.Blocked, cmp.Compare[string])
	return s
}

// showAdmin shows what the emulator did. It is no part of DSM.
func (n *NAS) showAdmin(w http.ResponseWriter, r *http.Request) {
	s := n.status()
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		pageHeader(w, "application/json")
		_ = json.NewEncoder(w).Encode(s)
		return
	}
	pageHeader(w, "text/html; charset=utf-8")
	if err := template.Must(template.ParseFS(pages, "pages/admin.html")).Execute(w, s); err != nil {
		n.o.Log.Debug("page not sent", "err", err)
	}
}

// actAdmin does what a button of that page says.
func (n *NAS) actAdmin(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	switch r.PostFormValue("do") {
	case "reboot":
		n.Reboot()
	case "timeout":
		n.EndSessions(codeTimeout)
	case "unblock":
		n.mu.Lock()
		clear(n.blocks)
		n.mu.Unlock()
	case "forget":
		n.ForgetCalls()
	default:
		http.Error(w, "do is reboot, timeout, unblock or forget", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/emulator", http.StatusSeeOther)
}
