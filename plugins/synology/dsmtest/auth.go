package dsmtest

import (
	"crypto/subtle"
	"net/http"
	"time"
)

// Codes of a login. Recorded from GUIDE and HA.
const (
	codeBadPassword = 400
	codeDisabled    = 401
	codeNeedOTP     = 403
	codeBadOTP      = 404
	codeBlocked     = 407
)

// block counts the failed logins of an address.
type block struct {
	failures []time.Time
	since    time.Time // when it was blocked; zero: it is not
}

// login answers SYNO.API.Auth login.
func (n *NAS) login(c *call) (any, *failure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, device, f := n.attempt(c.params.values, c.from)
	if f != nil {
		return nil, f
	}
	data := map[string]any{"sid": s.id, "is_portal_port": false}
	if c.number == 7 {
		data["account"] = s.account
	}
	if c.params.values["ik_message"] != "" {
		data["ik_message"] = "" // the handshake is optional, and not answered
	}
	if c.params.values["enable_syno_token"] == "yes" {
		s.token = random(8)
		data["synotoken"] = s.token
	}
	if device != "" {
		name := "did" // before version 7
		if c.number == 7 {
			name = "device_id"
		}
		data[name] = device
		c.setCookie("did", device, 30*24*time.Hour)
	}
	if c.params.values["format"] != "sid" {
		c.setCookie("id", s.id, 7*24*time.Hour)
	}
	return data, nil
}

// attempt is one try to log in from an address. It returns a session, and a new device id when one was asked for. The
// caller holds the lock.
func (n *NAS) attempt(form map[string]string, from string) (s *session, device string, f *failure) {
	now := n.o.Now()
	if n.blocked(from, now) {
		return nil, "", fail(codeBlocked)
	}
	a := n.find(form["account"])
	device, f = n.admit(a, form, now)
	if f == nil {
		return n.newSession(a.Name, from, now), device, nil
	}
	if f.Code == codeBadPassword || f.Code == codeBadOTP {
		n.countFailure(from, now)
	}
	return nil, "", f
}

// setCookie sets a cookie as DSM does. Recorded from HA: path=/, HttpOnly, 7 days for id and 30 for did.
func (c *call) setCookie(name, value string, age time.Duration) {
	cookie := http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true}
	c.header.Add("Set-Cookie", cookie.String())
}

// admit decides on the credentials. The caller holds the lock.
func (n *NAS) admit(a *Account, form map[string]string, now time.Time) (device string, f *failure) {
	if a == nil || a.Password == "" || subtle.ConstantTimeCompare([]byte(a.Password), []byte(form["passwd"])) != 1 {
		return "", fail(codeBadPassword)
	}
	if !a.usable(now) {
		return "", fail(codeDisabled)
	}
	if a.LoginCode != 0 {
		return "", fail(a.LoginCode)
	}
	trusted := form["device_id"] != "" && form["device_name"] != "" && n.devices[form["device_id"]] == a.Name
	if a.TwoFactor && !trusted {
		switch code := form["otp_code"]; {
		case code == "":
			if n.dsm.old {
				return "", fail(codeNeedOTP)
			}
			return "", &failure{Code: codeNeedOTP, Errors: otpTypes()}
		case code != a.OTP:
			return "", fail(codeBadOTP)
		}
	}
	if form["enable_device_token"] == "yes" && form["device_name"] != "" {
		device = random(16)
		n.devices[device] = a.Name
	}
	return device, nil
}

// otpTypes is the object that comes with 403 on DSM 7, where other errors have an array. Recorded from GOSYNO.
func otpTypes() any {
	type kind struct {
		Type string `json:"type"`
	}
	return map[string]any{"token": random(16), "types": []kind{{"otp"}, {"authenticator"}, {"fido"}}}
}

// blocked says whether the address may not log in. Recorded from KB: failures are counted by address.
func (n *NAS) blocked(from string, now time.Time) bool {
	b := n.blocks[from]
	if b == nil || b.since.IsZero() {
		return false
	}
	if expire := n.o.AutoBlock.Expire; expire > 0 && now.Sub(b.since) >= expire {
		delete(n.blocks, from)
		return false
	}
	return true
}

func (n *NAS) countFailure(from string, now time.Time) {
	if n.o.AutoBlock.Off {
		return
	}
	b := n.blocks[from]
	if b == nil {
		b = &block{}
		n.blocks[from] = b
	}
	b.failures = append(b.failures, now)
	for now.Sub(b.failures[0]) > n.o.AutoBlock.Within {
		b.failures = b.failures[1:]
	}
	if len(b.failures) >= n.o.AutoBlock.Attempts {
		b.since = now
	}
}

// Block puts an address (without port) on the list of blocked ones, as Auto Block does.
func (n *NAS) Block(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks[address] = &block{since: n.o.Now()}
}

// Unblock takes an address off that list, and forgets its failures.
func (n *NAS) Unblock(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.blocks, address)
}

// logout answers SYNO.API.Auth logout. Recorded from HA: success, without data.
func (n *NAS) logout(c *call) (any, *failure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sessions, c.sid)
	c.setCookie("id", "", -time.Second)
	return nil, nil
}
