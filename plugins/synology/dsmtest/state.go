package dsmtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// state is a NAS in a file. Its keys are the fields of Options, in camelCase.
type state struct {
	Name     string         `yaml:"name"`
	Profile  string         `yaml:"profile"`
	Addr     string         `yaml:"addr"`
	Plain    bool           `yaml:"plain"`
	Service  *stateAccount  `yaml:"service"`
	Accounts []stateAccount `yaml:"accounts"`
	Groups   []stateGroup   `yaml:"groups"`

	TokenCode      int           `yaml:"tokenCode"`
	NoTokenCheck   bool          `yaml:"noTokenCheck"`
	NotJoinedCode  int           `yaml:"notJoinedCode"`
	SessionTimeout time.Duration `yaml:"sessionTimeout"`
	SingleSession  bool          `yaml:"singleSession"`
	SkipIPCheck    bool          `yaml:"skipIPCheck"`
	TrustProxy     bool          `yaml:"trustProxy"`
	AutoBlock      struct {
		Off      bool          `yaml:"off"`
		Attempts int           `yaml:"attempts"`
		Within   time.Duration `yaml:"within"`
		Expire   time.Duration `yaml:"expire"`
	} `yaml:"autoBlock"`
	PageCap     int    `yaml:"pageCap"`
	ExtraTotal  int    `yaml:"extraTotal"`
	GroupIDs    bool   `yaml:"groupIDs"`
	ContentType string `yaml:"contentType"`

	SSO *struct {
		Name          string `yaml:"name"`
		WellKnown     string `yaml:"wellKnown"`
		ClientID      string `yaml:"clientID"`
		ClientSecret  string `yaml:"clientSecret"`
		RedirectURI   string `yaml:"redirectURI"`
		Scope         string `yaml:"scope"`
		UsernameClaim string `yaml:"usernameClaim"`
		AllowLocal    bool   `yaml:"allowLocal"`
	} `yaml:"sso"`
	SSOServer *struct {
		ClientID     string        `yaml:"clientID"`
		ClientSecret string        `yaml:"clientSecret"`
		RedirectURI  string        `yaml:"redirectURI"`
		GroupDomain  string        `yaml:"groupDomain"`
		Lifetime     time.Duration `yaml:"lifetime"`
	} `yaml:"ssoServer"`

	Faults map[string]string `yaml:"faults"` // by API, or all: see ParseFault
}

type stateAccount struct {
	Name        string   `yaml:"name"`
	Email       string   `yaml:"email"`
	Description string   `yaml:"description"`
	Password    string   `yaml:"password"`
	UID         int      `yaml:"uid"`
	Expired     string   `yaml:"expired"`
	Groups      []string `yaml:"groups"`
	Type        string   `yaml:"type"`
	TwoFactor   bool     `yaml:"twoFactor"`
	OTP         string   `yaml:"otp"`
	LoginCode   int      `yaml:"loginCode"`
}

type stateGroup struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Type        string `yaml:"type"`
	GID         int    `yaml:"gid"`
}

// ReadState reads a NAS from YAML. A key that there is not is an error.
func ReadState(data []byte) (Options, error) {
	var s state
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) { // an empty file is an empty NAS
		return Options{}, err
	}
	o := Options{
		Name: s.Name, Profile: s.Profile, Addr: s.Addr, Plain: s.Plain,
		TokenCode: s.TokenCode, NoTokenCheck: s.NoTokenCheck, NotJoinedCode: s.NotJoinedCode, SessionTimeout: s.SessionTimeout,
		SingleSession: s.SingleSession, SkipIPCheck: s.SkipIPCheck, TrustProxy: s.TrustProxy, AutoBlock: AutoBlock(s.AutoBlock),
		PageCap: s.PageCap, ExtraTotal: s.ExtraTotal, GroupIDs: s.GroupIDs, ContentType: s.ContentType, Faults: map[string]Fault{},
	}
	if s.Service != nil {
		o.Service = Account(*s.Service)
	}
	for _, a := range s.Accounts {
		o.Accounts = append(o.Accounts, Account(a))
	}
	for _, g := range s.Groups {
		o.Groups = append(o.Groups, Group(g))
	}
	if c := s.SSO; c != nil {
		o.SSO = &SSOConfig{
			Name: c.Name, WellKnown: c.WellKnown, ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURI: c.RedirectURI,
			Scope: c.Scope, UsernameClaim: c.UsernameClaim, AllowLocal: c.AllowLocal,
		}
	}
	if c := s.SSOServer; c != nil {
		server := SSOServer(*c)
		o.Server = &server
	}
	for api, words := range s.Faults {
		fault, err := ParseFault(words)
		if err != nil {
			return Options{}, fmt.Errorf("faults: %s: %w", api, err)
		}
		if api == "all" {
			api = ""
		}
		o.Faults[api] = fault
	}
	return o, nil
}

// ParseFault reads a fault in words: "html 502", "redirect /#/signin", "code 105", "slow 3s", "oversize 20000000", "empty", "dropped",
// "truncated" or "hang".
func ParseFault(words string) (Fault, error) {
	kind, rest, _ := strings.Cut(words, " ")
	number, notNumber := strconv.Atoi(rest)
	duration, notDuration := time.ParseDuration(rest)
	switch {
	case words == "empty":
		return Empty(), nil
	case words == "dropped":
		return Dropped(), nil
	case words == "truncated":
		return Truncated(), nil
	case words == "hang":
		return Hang(), nil
	case kind == "html" && notNumber == nil && number >= 200 && number <= 599:
		return HTML(number), nil
	case kind == "code" && notNumber == nil:
		return Code(number), nil
	case kind == "oversize" && notNumber == nil:
		return Oversize(number), nil
	case kind == "slow" && notDuration == nil:
		return Delayed(duration), nil
	case kind == "redirect" && rest != "":
		return Redirect(http.StatusFound, rest), nil
	}
	return nil, fmt.Errorf("no fault %q: write html 502, redirect URL, code 105, slow 3s, oversize 20000000, empty, dropped, truncated or hang", words)
}
