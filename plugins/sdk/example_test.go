package sdk_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

type Person struct {
	Email string `json:"email" doc:"address, as it is written in tokens"`
	Phone string `json:"phone"`
}

type Config struct {
	People []Person `json:"people" doc:"everybody there is"`
}

type Params struct {
	Email string `json:"email"`
}

type Facts struct {
	Phone string `json:"phone" doc:"number of the desk"`
}

// A whole plugin: with three struct types it knows the phone numbers of a few people.
func ExampleMain() {
	sdk.Main(sdk.Spec[Config, Params, Facts]{Name: "phonebook", Version: "1.0", Open: open})
}

func open(_ context.Context, h sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	h.Log.Info("phone book opened", "people", len(c.People))
	return sdk.Func[Params, Facts](func(_ context.Context, p Params) (sdk.Answer[Facts], error) {
		for _, person := range c.People {
			if person.Email == p.Email {
				return sdk.Answer[Facts]{Found: true, Facts: Facts{Phone: person.Phone}}, nil
			}
		}
		return sdk.Answer[Facts]{Problem: "none"}, nil
	}), nil
}

// What claimsmith sees of the types.
func ExampleSpec_Describe() {
	d, err := sdk.Spec[Config, Params, Facts]{Name: "phonebook", Version: "1.0", Open: open}.Describe()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Name, d.Version)
	fmt.Printf("%s\n%s\n", d.ParamsSchema, d.FactsSchema)
	// Output:
	// phonebook 1.0
	// {"properties":{"email":{"type":"string"}},"required":["email"],"type":"object"}
	// {"properties":{"phone":{"description":"number of the desk","type":"string"}},"type":"object"}
}

func TestPhonebook(t *testing.T) {
	spec := sdk.Spec[Config, Params, Facts]{Name: "phonebook", Version: "1.0", Open: open}
	c := sdktest.Start(t, spec, Config{People: []Person{{Email: "mum@gmail.com", Phone: "12"}}})
	var facts Facts
	found, problem, err := c.Lookup(t.Context(), Params{Email: "mum@gmail.com"}, &facts)
	if !found || problem != "" || err != nil || facts.Phone != "12" {
		t.Errorf("got %v, %q, %v, %+v", found, problem, err, facts)
	}
	found, problem, err = c.Lookup(t.Context(), Params{Email: "x@gmail.com"}, nil)
	if found || problem != "none" || err != nil {
		t.Errorf("got %v, %q, %v", found, problem, err)
	}
}
