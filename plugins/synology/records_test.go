package synology

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

// The host leaves a plugin alone after a few other codes.
func TestBadRecordsAreAboutNobodyElse(t *testing.T) {
	nas := household()
	for i := range 100 {
		nas.users = append(nas.users, []dsm.User{
			{Name: fmt.Sprintf("odd%d", i), Kind: dsm.LDAP, Expired: "normal"}, // of no group
			{Name: fmt.Sprintf("odd%d\ufffd", i), Email: fmt.Sprintf("odd%d@example.org", i), Expired: "normal"},
		}[i%2])
	}
	l, _ := over(t, nas)
	c := sdktest.Start(t, sdk.Spec[struct{}, Params, Facts]{Name: "synology", Version: "1",
		Open: func(context.Context, sdk.Host, struct{}) (sdk.Lookup[Params, Facts], error) {
			return sdk.Func[Params, Facts](l.Lookup), nil
		},
	}, nil)
	for i := range 100 {
		p := []Params{{Name: fmt.Sprintf("odd%d", i)}, {Email: fmt.Sprintf("odd%d@example.org", i)}}[i%2]
		if _, _, err := c.Lookup(t.Context(), p, nil); status.Code(err) != codes.DataLoss {
			t.Fatalf("bad record %d: %v", i, err)
		}
		if found, _, err := c.Lookup(t.Context(), Params{Email: "mum@example.org"}, nil); !found || err != nil {
			t.Fatalf("after %d bad records: %v, %v", i+1, found, err)
		}
	}
}
