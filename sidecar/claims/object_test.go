package claims_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

func TestParse(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)
	many := `{"K":0,` + strings.Repeat(`"x":1,`, 20) + `"K":2}`
	tests := []struct{ name, in, want string }{
		{"an object", ` {"sub":"a","n":9007199254740993,"f":1.0,"l":[1,{"b":null}]} `, ""},
		{"an empty object", `{}`, ""},
		{"a surrogate pair is one character", `{"a":"\ud83d\ude00"}`, ""},
		{"a list", `[]`, "payload is not a JSON object"},
		{"nothing", ``, "payload is not a JSON object"},
		{"cut off", `{"a":`, "JSON ends too early"},
		{"cut off in a string", `{"a`, "JSON ends too early"},
		{"cut off in an escape", `{"a\`, "JSON ends too early"},
		{"two values", `{}{}`, "something follows the JSON at byte 2"},
		{"a trailing comma", `{"a":1,}`, "JSON is broken at byte 7"},
		{"a number with a leading zero", `{"a":01}`, "JSON is broken at byte 6"},
		{"a raw control character", "{\"a\":\"\n\"}", "JSON is broken at byte 6"},
		{"an unknown escape", `{"a":"\x"}`, "JSON is broken in the string at byte 5"},
		{"a member twice", `{"a":1,"a":2}`, `member "a" is there twice`},
		{"a member twice, once escaped", `{"sub":1,"\u0073ub":2}`, `member "sub" is there twice`},
		{"members equal but for case", `{"sub":1,"Sub":2}`, `members "sub" and "Sub" differ only in case`},
		{"members equal in capital letters", `{"straße":1,"STRASSE":2}`, `members "straße" and "STRASSE" differ only in case`},
		{"members equal under folding", `{"sub":1,"ſub":2}`, `members "sub" and "ſub" differ only in case`},
		{"the Kelvin sign is a k", `{"k":1,"K":2}`, `members "k" and "K" differ only in case`},
		{"deep inside", `{"a":[{"b":1,"B":2}]}`, "members inside a claim are equal but for case, the second at byte 13"},
		{"among many", many, `member "x" is there twice`},
		{"no UTF-8", "{\"a\":\"\xff\"}", "JSON is not UTF-8 in the string at byte 5"},
		{"half a character", `{"a":"\ud800"}`, "JSON has half a character in the string at byte 5"},
		{"the other half", `{"a":"\udc00"}`, "JSON has half a character in the string at byte 5"},
		{"two first halves", `{"a":"\ud800\ud800"}`, "JSON has half a character in the string at byte 5"},
		{"too deep", deep, "JSON is nested deeper than 32 levels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := claims.Parse([]byte(tt.in))
			if got := message(err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestManyMembersAreComparedUnderFolding(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"straße":0`)
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		b.WriteString(`,"` + string(c) + `":0`)
	}
	for last, other := range map[string]string{"Z": "z", "STRASSE": "straße"} {
		_, err := claims.Parse([]byte(b.String() + `,"STRASE":0,"` + last + `":0}`))
		if want := fmt.Sprintf("members %q and %q differ only in case", other, last); message(err) != want {
			t.Errorf("got %q, want %q", message(err), want)
		}
	}
}

func TestApply(t *testing.T) {
	const payload = `{"iss":"x", "n" : 9007199254740993,"h":"<&>","last":1.0}`
	tests := []struct {
		name  string
		patch claims.Patch
		want  string
	}{
		{"an empty patch gives the same bytes", claims.Patch{}, payload},
		{"a new claim comes last", claims.Patch{Set: set("username", `"mum"`)}, `{"iss":"x","n":9007199254740993,"h":"<&>","last":1.0,"username":"mum"}`},
		{"a claim is replaced in its place", claims.Patch{Set: set("n", `[1]`)}, `{"iss":"x","n":[1],"h":"<&>","last":1.0}`},
		{"claims are removed", claims.Patch{Remove: []string{"iss", "last", "none"}}, `{"n":9007199254740993,"h":"<&>"}`},
		{"new claims stand in the order of their names", claims.Patch{Set: map[string]json.RawMessage{"b": []byte("2"), "a": []byte("1"), `"<`: []byte("3")}}, `{"iss":"x","n":9007199254740993,"h":"<&>","last":1.0,"\"<":3,"a":1,"b":2}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := claims.Parse([]byte(payload))
			if err != nil {
				t.Fatal(err)
			}
			got, err := o.Apply(tt.patch)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func set(name, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{name: json.RawMessage(value)}
}

func TestDraft(t *testing.T) {
	o, err := claims.Parse([]byte(`{"a":1,"b":2}`))
	if err != nil {
		t.Fatal(err)
	}
	d := claims.NewDraft(o)
	d.Set("c", []byte("3"))
	d.Set("z", []byte("9"))
	d.Remove("z") // never was in the payload: nothing to say
	d.Remove("b")
	d.Set("a", []byte("1")) // the value it had: no change
	out, err := o.Apply(d.Patch())
	if err != nil || string(out) != `{"a":1,"c":3}` {
		t.Errorf("got %s, %v", out, err)
	}
	if got := strings.Join(d.Names(), " "); got != "a c" {
		t.Errorf("names: got %q", got)
	}
	if _, there := d.Get("b"); there {
		t.Error("b is removed and still there")
	}
	if p := d.Patch(); len(p.Set) != 1 || len(p.Remove) != 1 {
		t.Errorf("patch: got %v", p)
	}
}

// FuzzParse: what Parse takes is JSON for encoding/json too, keeps its bytes, and has reserved members that no checked patch changes.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"sub":"a","groups":["x"],"email":"m@example.org","email_verified":true}`), "username", []byte(`"mum"`))
	f.Add([]byte(`{"a":"\ud83d\ude00","b":[1e5,-0.1,{}]}`), "Sub", []byte(`1`))
	f.Fuzz(func(t *testing.T, payload []byte, name string, value []byte) {
		o, err := claims.Parse(payload)
		if err != nil {
			return
		}
		if !json.Valid(payload) {
			t.Fatalf("took what is no JSON: %q", payload)
		}
		patch := claims.Patch{Set: map[string]json.RawMessage{name: value}}
		if claims.Check(o, patch, claims.Subject{}) != nil {
			return
		}
		out, err := o.Apply(patch)
		if err != nil {
			t.Fatal(err)
		}
		after, err := claims.Parse(out)
		if err != nil {
			t.Fatalf("a checked patch broke the payload: %v: %q", err, out)
		}
		for _, member := range o.Names() {
			before, _ := o.Get(member)
			now, _ := after.Get(member)
			if member != name && string(before) != string(now) {
				t.Fatalf("member %q changed from %q to %q", member, before, now)
			}
			if member == name && claims.Reserved(member) {
				t.Fatalf("reserved member %q was set", member)
			}
		}
	})
}
