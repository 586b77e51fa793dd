package links

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	store, err := state.Open(state.Options{File: filepath.Join(t.TempDir(), "state.db"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	key, err := state.NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return New(store, key, "")
}

func mum() pipeline.Link {
	return pipeline.Link{Alias: "nas", Plugin: "nas", Connector: "google", Issuer: "https://accounts.google.com", Subject: "108a", Account: "mum", ID: "1026"}
}

func with(change func(*pipeline.Link)) pipeline.Link {
	l := mum()
	change(&l)
	return l
}

func TestWhatIsKnownOfALink(t *testing.T) {
	s := newStore(t)
	if bond, err := s.Bond(t.Context(), &pipeline.Link{Plugin: "nas", Subject: "108a", Account: "mum"}); bond != pipeline.BondNone || err != nil {
		t.Fatal(bond, err)
	}
	if made, err := s.Pin(t.Context(), []pipeline.Link{mum(), mum()}); !made || err != nil {
		t.Fatal(made, err)
	}
	dad := Link{Connector: "google", Issuer: "https://accounts.google.com", User: "2", Plugin: "nas", Account: "dad"}
	gran := Link{Connector: "google", User: "9", Plugin: "nas", Account: "gran"} // from before the issuer was configured
	for _, l := range []Link{dad, gran} {
		if made, err := s.Add(t.Context(), l); !made || err != nil {
			t.Fatal(made, err)
		}
	}
	tests := []struct {
		name string
		link pipeline.Link
		want pipeline.Bond
	}{
		{"the same", mum(), pipeline.BondFirst},
		{"the same where the pin has no id any more", with(func(l *pipeline.Link) { l.ID = "" }), pipeline.BondFirst},
		{"somebody else with her account", with(func(l *pipeline.Link) { l.Subject = "666" }), pipeline.BondOther},
		{"her user id at another connector", with(func(l *pipeline.Link) { l.Connector = "github" }), pipeline.BondOther},
		{"somebody else with her account's number under another name", with(func(l *pipeline.Link) { l.Subject, l.Account = "666", "kid" }), pipeline.BondOther},
		{"she with another account", with(func(l *pipeline.Link) { l.Account, l.ID = "kid", "1027" }), pipeline.BondOther},
		{"her account made again", with(func(l *pipeline.Link) { l.ID = "1099" }), pipeline.BondChanged},
		{"her account renamed", with(func(l *pipeline.Link) { l.Account = "mama" }), pipeline.BondChanged},
		{"she, with another provider behind the connector", with(func(l *pipeline.Link) { l.Issuer = "https://evil.example" }), pipeline.BondMoved},
		{"she, with no provider named any more", with(func(l *pipeline.Link) { l.Issuer = "" }), pipeline.BondMoved},
		{"somebody of another provider with her account", with(func(l *pipeline.Link) { l.Issuer, l.Subject = "https://evil.example", "666" }), pipeline.BondMoved},
		{"who was linked before a provider was named", with(func(l *pipeline.Link) { l.Subject, l.Account, l.ID = "9", "gran", "" }), pipeline.BondMoved},
		{"the same while none is named", with(func(l *pipeline.Link) { l.Issuer, l.Subject, l.Account, l.ID = "", "9", "gran", "" }), pipeline.BondExplicit},
		{"on another NAS", with(func(l *pipeline.Link) { l.Plugin = "attic" }), pipeline.BondNone},
		{"somebody new", with(func(l *pipeline.Link) { l.Subject, l.Account, l.ID = "3", "kid", "1027" }), pipeline.BondNone},
		{"made by hand, for whichever id", with(func(l *pipeline.Link) { l.Subject, l.Account, l.ID = "2", "dad", "1000" }), pipeline.BondExplicit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if bond, err := s.Bond(t.Context(), &test.link); bond != test.want || err != nil {
				t.Errorf("got %q, %v; want %q", bond, err, test.want)
			}
		})
	}
}

func TestLinksOfOneDecisionAreMadeTogether(t *testing.T) {
	s := newStore(t)
	kid := with(func(l *pipeline.Link) { l.Account, l.ID = "kid", "1027" })
	if made, err := s.Pin(t.Context(), []pipeline.Link{mum(), kid}); made || err != nil {
		t.Errorf("two accounts for one person: %v %v", made, err)
	}
	if list, _, err := s.List(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("%v %v", list, err)
	}
}

func TestLinksByHandAndTheirEnd(t *testing.T) {
	s := newStore(t)
	if made, err := s.Pin(t.Context(), []pipeline.Link{mum()}); !made || err != nil {
		t.Fatal(made, err)
	}
	byHand := of(mum())
	for range 2 {
		if made, err := s.Add(t.Context(), byHand); !made || err != nil {
			t.Fatal(made, err)
		}
	}
	taken := byHand
	taken.User = "666"
	if made, err := s.Add(t.Context(), taken); made || err != nil {
		t.Errorf("an account that is taken: %v %v", made, err)
	}
	byHand.Explicit = true
	list, unreadable, err := s.List(t.Context())
	if diff := cmp.Diff([]Link{byHand}, list, cmpopts.IgnoreFields(Link{}, "At")); diff != "" || unreadable != 0 || err != nil {
		t.Errorf("%d %v, -want +got:\n%s", unreadable, err, diff)
	}
	if n, err := s.Reset(t.Context(), func(l Link) bool { return l.Account == "kid" }); n != 0 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err := s.Reset(t.Context(), func(l Link) bool { return l.Account == "mum" }); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if made, err := s.Add(t.Context(), taken); !made || err != nil {
		t.Errorf("after the reset: %v %v", made, err)
	}
}

func TestALinkIsFoundByTheAddressThatItWasMadeWith(t *testing.T) {
	s, l := newStore(t), mum()
	l.Address = "Mum@gmail.com"
	if made, err := s.Pin(t.Context(), []pipeline.Link{l}); !made || err != nil {
		t.Fatal(made, err)
	}
	byHand := of(l) // it knows no address
	if made, err := s.Add(t.Context(), byHand); !made || err != nil {
		t.Fatal(made, err)
	}
	dad := Link{Connector: "google", User: "2", Plugin: "nas", Account: "dad"}
	if made, err := s.Add(t.Context(), dad); !made || err != nil {
		t.Fatal(made, err)
	}
	dad.Address = s.Address("dad@gmail.com")
	if made, err := s.Add(t.Context(), dad); !made || err != nil { // somebody found out whose it is
		t.Fatal(made, err)
	}
	for _, test := range []struct {
		address string
		want    int
	}{{"", 0}, {"nobody@gmail.com", 0}, {" mum@GMAIL.com\n", 1}, {"mum@gmail.com", 0}, {"dad@gmail.com", 1}} {
		address := s.Address(test.address)
		if strings.Contains(address, "gmail") {
			t.Errorf("the address is kept: %s", address)
		}
		if n, err := s.Reset(t.Context(), func(l Link) bool { return address != "" && l.Address == address }); n != test.want || err != nil {
			t.Errorf("%q: %d %v", test.address, n, err)
		}
	}
}

func TestLinksWithoutAProviderAreAdopted(t *testing.T) {
	s := newStore(t)
	before := func(user, connector, account, issuer string) pipeline.Link {
		return pipeline.Link{Plugin: "nas", Connector: connector, Issuer: issuer, Subject: user, Account: account}
	}
	const google, other = "https://accounts.google.com", "https://login.example.org"
	for _, l := range []pipeline.Link{before("1", "google", "mum", ""), before("2", "google", "dad", other), before("3", "work", "kid", "")} {
		if made, err := s.Pin(t.Context(), []pipeline.Link{l}); !made || err != nil {
			t.Fatal(made, err)
		}
	}
	for _, want := range []int{1, 0} {
		if n, err := s.Adopt(t.Context(), "google", google); n != want || err != nil {
			t.Errorf("%d links, %v", n, err)
		}
	}
	for user, l := range map[string]pipeline.Link{
		"mum": before("1", "google", "mum", google), "dad": before("2", "google", "dad", other), "kid": before("3", "work", "kid", ""),
	} {
		if bond, err := s.Bond(t.Context(), &l); bond != pipeline.BondFirst || err != nil {
			t.Errorf("%s: %q %v", user, bond, err)
		}
	}
}

func TestALinkByHandTakesThePlaceOfOneWithAnotherProvider(t *testing.T) {
	s, l := newStore(t), mum()
	if made, err := s.Pin(t.Context(), []pipeline.Link{l}); !made || err != nil {
		t.Fatal(made, err)
	}
	l.Issuer = "https://login.example.org"
	taken := of(l)
	taken.User = "666"
	if made, err := s.Add(t.Context(), taken); made || err != nil {
		t.Errorf("an account that is taken: %v %v", made, err)
	}
	if made, err := s.Add(t.Context(), of(l)); !made || err != nil {
		t.Errorf("%v %v", made, err)
	}
	if bond, err := s.Bond(t.Context(), &l); bond != pipeline.BondExplicit || err != nil {
		t.Errorf("%q %v", bond, err)
	}
}
