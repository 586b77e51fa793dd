package dsmtest

import "time"

// session is a login that holds.
type session struct {
	id, token string
	account   string
	from      string
	used      time.Time
	ended     int // the code that calls get from now on; 0: it lives
}

// newSession starts a session. The caller holds the lock.
func (n *NAS) newSession(account, from string, now time.Time) *session {
	if n.o.SingleSession {
		for _, s := range n.sessions {
			if s.account == account && s.ended == 0 {
				s.ended = codeDuplicate
			}
		}
	}
	s := &session{id: random(20), account: account, from: from, used: now}
	n.sessions[s.id] = s
	return s
}

// authorize checks session and right, and leaves the session in the call. A method that needs none gets none.
func (n *NAS) authorize(c *call, needed right) *failure {
	if needed == rightNone {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s, f := n.resume(c)
	if f != nil {
		return f
	}
	// Recorded from HA and CSI: a token that was given out is wanted back, a session without one may read.
	if s.token != "" && s.token != c.token && !n.o.NoTokenCheck {
		return fail(n.o.TokenCode)
	}
	if needed == rightAdmin && !n.find(s.account).admin() {
		return fail(codeNoRight)
	}
	c.session = s
	return nil
}

// resume finds the living session of a call. The caller holds the lock.
func (n *NAS) resume(c *call) (*session, *failure) {
	s := n.sessions[c.sid]
	now := n.o.Now()
	switch {
	case s == nil:
		return nil, fail(codeNoSession)
	case s.ended != 0:
		return nil, fail(s.ended)
	case now.Sub(s.used) >= n.o.SessionTimeout:
		return nil, fail(codeTimeout)
	case s.from != c.from && !n.o.SkipIPCheck:
		return nil, fail(codeOtherIP)
	}
	if a := n.find(s.account); a == nil || !a.usable(now) {
		return nil, fail(codeNoSession)
	}
	s.used = now
	return s, nil
}

// EndSessions makes all sessions answer that code from now on: 106 they timed out, 107 somebody else logged in,
// 119 they are not known, 105 what a NAS may say after a restart.
func (n *NAS) EndSessions(code int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.sessions {
		s.ended = code
	}
}

// Reboot forgets all sessions: they answer 119.
func (n *NAS) Reboot() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.sessions)
}

// Sessions is the number of sessions that were neither logged out nor ended.
func (n *NAS) Sessions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	living := 0
	for _, s := range n.sessions {
		if s.ended == 0 {
			living++
		}
	}
	return living
}
