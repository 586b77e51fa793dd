package synology

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

func TestAddressesAreSharedAsLookupsCompareThem(t *testing.T) {
	users := []dsm.User{
		{Name: "mum", Email: "mum@gmail.com"}, {Name: "mama", Email: "MUM@Gmail.com"}, {Name: "dotted", Email: "m.um@gmail.com"},
		{Name: "uml", Email: "ida@münchen.example"}, {Name: "ascii", Email: "ida@xn--mnchen-3ya.example"},
		{Name: "long-s", Email: "ſam@gmail.com"}, {Name: "sam", Email: "sam@gmail.com"},
		{Name: "spaces", Email: " kid@gmail.com"}, {Name: "kid", Email: "kid@gmail.com"},
		{Name: "none"}, {Name: "none as well"}, {Name: "no address", Email: "kid"}, {Name: "nor this", Email: "kid"},
	}
	if diff := cmp.Diff([][]string{{"ascii", "uml"}, {"mama", "mum"}}, SharedAddresses(users)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var without []string
	for _, u := range users {
		if !HasAddress(u) {
			without = append(without, u.Name)
		}
	}
	if diff := cmp.Diff([]string{"long-s", "none", "none as well", "no address", "nor this"}, without); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
