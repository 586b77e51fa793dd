package synology

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// crowd is a NAS with as many local accounts as DSM can have.
func crowd(o *dsmtest.Options) {
	o.Accounts = nil
	for i := range 16_000 {
		o.Accounts = append(o.Accounts, dsmtest.Account{
			Name: fmt.Sprintf("user%05d", i), Email: fmt.Sprintf("User%05d@Example.org", i), UID: 2000 + i,
			Description: "somebody with a description of the usual length", Groups: []string{fmt.Sprint("team", i%20)},
		})
	}
}

func TestSixteenThousandAccounts(t *testing.T) {
	nas, c := startNAS(t, crowd)
	c.Timeout = sdk.Duration(time.Minute) // the emulator is on this machine, with whatever else runs there
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	t.Run("one by one", func(t *testing.T) {
		l, _ := opened(t, c)
		got, err := l.Lookup(ctx, Params{Email: "user15999@example.org"})
		want := local(Facts{Name: "user15999", UID: 17999, Description: "somebody with a description of the usual length", Groups: []string{"team19", "users"}})
		if err != nil || !reflect.DeepEqual(got.Facts, want) {
			t.Errorf("facts %+v, %v, want %+v", got.Facts, err, want)
		}
		all := calls(nas)
		if lists, logins := strings.Count(all, list), strings.Count(all, login); lists != 18 || logins != 1 {
			t.Errorf("the list took %d calls, want 18, and %d logins", lists, logins)
		}
	})
	t.Run("by the members of all groups", func(t *testing.T) {
		nas.SetFault("SYNO.Core.User.Group", dsmtest.Code(103))
		l, _ := opened(t, c)
		got, err := l.Lookup(ctx, Params{Email: "user00020@example.org"})
		if want := []string{"team0", "users"}; err != nil || !reflect.DeepEqual(got.Facts.Groups, want) {
			t.Errorf("groups %v, %v, want %v", got.Facts.Groups, err, want)
		}
	})
}

// BenchmarkLookup is a lookup of which everything is known, among 16,000 accounts.
func BenchmarkLookup(b *testing.B) {
	o := dsmtest.Options{Service: dsmtest.Account{Name: "claimsmith", Password: secret}, Plain: true}
	crowd(&o)
	nas, err := dsmtest.Start(o)
	if err != nil {
		b.Fatal(err)
	}
	defer nas.Close()
	file := filepath.Join(b.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		b.Fatal(err)
	}
	l, err := open(b.Context(), sdk.Host{Log: slog.New(slog.DiscardHandler)}, Config{URL: nas.URL(), Account: "claimsmith", PasswordFile: file, AllowPlainHTTP: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.(*lookup).Close() }()
	for b.Loop() {
		if a, err := l.Lookup(b.Context(), Params{Email: "user08000@example.org"}); err != nil || !a.Found {
			b.Fatalf("%+v, %v", a, err)
		}
	}
}
