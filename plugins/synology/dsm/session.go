package dsm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"
)

const (
	apiInfo      = "SYNO.API.Info"
	apiAuth      = "SYNO.API.Auth"
	apiUser      = "SYNO.Core.User"
	apiUserGroup = "SYNO.Core.User.Group"
	apiGroup     = "SYNO.Core.Group"
	apiMember    = "SYNO.Core.Group.Member"
	apiCompound  = "SYNO.Entry.Request"

	authVersion = 7 // the newest that this package knows
	coreVersion = 1
)

// unproved is how long a session that never served a call is taken to be refused, not lost, when DSM answers 105.
const unproved = time.Minute

// session is what a login gave. It does not change, but for proved.
type session struct {
	apis   map[string]apiPlace
	id     string
	token  string // for X-SYNO-TOKEN; empty when DSM gave none
	born   time.Time
	proved atomic.Bool // whether a call has succeeded in it
}

// apiPlace is where an API is and in which versions.
type apiPlace struct {
	Path string `json:"path"`
	Min  int    `json:"minVersion"`
	Max  int    `json:"maxVersion"`
}

// open returns the current session, or signs in if there is none. A session given as lost is not returned again.
func (c *Client) open(ctx context.Context, lost *session) (*session, error) {
	if s, err := c.current(lost); s != nil || err != nil && !c.mended() {
		return s, err
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	if s, err := c.current(lost); s != nil || err != nil { // somebody else signed in, or was refused, meanwhile
		return s, err
	}
	c.replace(nil)
	s, err := c.signIn(ctx)
	if err != nil {
		c.remember(err)
		return nil, err
	}
	c.replace(s)
	return s, nil
}

// current returns the session unless it is the lost one. It returns the remembered refusal when a login would be needed.
func (c *Client) current(lost *session) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, ErrClosed
	case c.session != nil && c.session != lost:
		return c.session, nil
	case c.refused == nil:
		return nil, nil
	}
	if until := c.refusedAt.Add(c.options.Pause); c.options.Now().Before(until) {
		return nil, &Paused{Refusal: c.refused, Until: until}
	}
	return nil, nil
}

// mended forgets a refusal when there is another password since, or another trusted device where a second factor was asked for, and tells
// whether it did.
func (c *Client) mended() bool {
	device, password := c.options.Device(), c.options.Reread()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed || c.refused == nil:
		return false
	case password != "" && password != c.password:
		c.options.Log.Info("another password is in the file, so a login is tried before the pause is over")
	case c.refused.secondFactor() && device != "" && device != c.device:
		c.options.Log.Info("another trusted device is known, so a login is tried before the pause is over")
	default:
		return false
	}
	c.refused = nil
	return true
}

// secret is the password of a login that is about to be tried.
func (c *Client) secret() string {
	now := c.options.Reread()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now != "" {
		c.password = now
	}
	return c.password
}

// replace puts s in place of the session and returns the one before.
func (c *Client) replace(s *session) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.session
	c.session = s
	if s != nil {
		c.refused = nil
	}
	return before
}

// remember keeps the refusal of a login that must not be repeated.
func (c *Client) remember(err error) {
	var refusal *Error
	if !errors.As(err, &refusal) || !refusal.stopsLogins() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused, c.refusedAt = refusal, c.options.Now()
	c.options.Log.Warn("login refused, none is tried until the pause is over", "code", refusal.Code, "pause", c.options.Pause,
		"until", c.refusedAt.Add(c.options.Pause).UTC().Format(time.RFC3339))
}

// lost tells whether err means that s has ended, so that a new login can help.
func (c *Client) lost(err error, s *session) bool {
	var answer *Error
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Code {
	case 106, 107, 119, 150:
		return true
	case 105: // after a restart of the NAS it can mean the session; in a session that never served a call, the account
		return s.proved.Load() || c.options.Now().Sub(s.born) > unproved
	}
	return false
}

func (c *Client) newSession() *session {
	return &session{apis: map[string]apiPlace{apiInfo: {Path: "query.cgi", Min: 1, Max: 1}}, born: c.options.Now()}
}

// renewable tells whether a new login may help. Where the last one did not, the next one waits a moment: something ends our sessions.
func (c *Client) renewable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.options.Now().Sub(c.futileAt) >= unproved
}

// futile notes that a session was lost right after its login.
func (c *Client) futile() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.futileAt = c.options.Now()
	c.options.Log.Warn("a session was lost right after its login, so no other is opened for a moment", "pause", unproved)
}

// signIn asks where things are, and signs in.
func (c *Client) signIn(ctx context.Context) (*session, error) {
	s := c.newSession()
	if err := c.discover(ctx, s); err != nil {
		return nil, err
	}
	trust := map[string]string{}
	if device := c.options.Device(); device != "" {
		trust["device_name"], trust["device_id"] = c.options.Name, device // only together
	}
	c.mu.Lock()
	c.device = trust["device_id"]
	c.mu.Unlock()
	if _, err := c.authenticate(ctx, s, trust); err != nil {
		return nil, err
	}
	c.options.Log.Debug("signed in to DSM", "took", c.options.Now().Sub(s.born))
	return s, nil
}

// loginReply is what DSM answers to a login.
type loginReply struct {
	ID       string `json:"sid"`
	Token    string `json:"synotoken"`
	DeviceID string `json:"device_id"` // since version 7
	DID      string `json:"did"`       // before
}

// authenticate signs in with more parameters than account and password, and puts the session into s.
func (c *Client) authenticate(ctx context.Context, s *session, more map[string]string) (loginReply, error) {
	var reply loginReply
	r := request{api: apiAuth, method: "login", version: authVersion, plain: map[string]string{
		"account": c.options.Account, "passwd": c.secret(), "format": "sid", "enable_syno_token": "yes",
	}}
	maps.Copy(r.plain, more)
	if err := c.ask(ctx, s, r, &reply); err != nil {
		return reply, err
	}
	if !headerSafe(reply.ID) || reply.ID == "" || !headerSafe(reply.Token) {
		return reply, fmt.Errorf("%s login: %w: no usable session in it", apiAuth, ErrUnexpected)
	}
	s.id, s.token = reply.ID, reply.Token
	return reply, nil
}

// discover fills in where the APIs are.
func (c *Client) discover(ctx context.Context, s *session) error {
	names := strings.Join([]string{apiAuth, apiUser, apiUserGroup, apiGroup, apiMember, apiCompound}, ",")
	var places map[string]apiPlace
	r := request{api: apiInfo, method: "query", version: 1, plain: map[string]string{"query": names}, get: true}
	if err := c.ask(ctx, s, r, &places); err != nil {
		return err
	}
	for name, place := range places {
		if !safePath(place.Path) || place.Min > place.Max {
			return fmt.Errorf("%s query: %w: no usable path or version in it", apiInfo, ErrUnexpected)
		}
		if name != apiInfo {
			s.apis[name] = place
		}
	}
	return nil
}

// safePath tells whether a path that DSM named stays below /webapi/.
func safePath(path string) bool {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r)
	}
	return path != "" && !strings.HasPrefix(path, "/") && !strings.Contains(path, "..") &&
		strings.TrimFunc(path, ok) == "" && strings.IndexFunc(path, func(r rune) bool { return !ok(r) }) < 0
}

// headerSafe tells whether s can stand in a cookie and in a header as it is.
func headerSafe(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`";,\`, r) }) < 0
}
