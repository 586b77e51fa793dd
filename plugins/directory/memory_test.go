package directory

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// maxPerPerson is what a person of this table may take in memory once it is read; 553 bytes were measured.
const maxPerPerson = 700

func manyPeople(n int) []byte {
	var text strings.Builder
	text.WriteString("name,email,displayName,groups,department\n")
	for i := range n {
		fmt.Fprintf(&text, "user%06d,user%06d@example.org,Some Body %06d,team%d;users,Kitchen\n", i, i, i, i%50)
	}
	return []byte(text.String())
}

func TestAHundredThousandPeople(t *testing.T) {
	const n = 100_000
	data := manyPeople(n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p, found := parseCSV(data)
	if len(found) > 0 {
		t.Fatal(lines(found))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d bytes of file and %d bytes of memory a person", len(data)/n, each)
	if len(p.list) != n || each > maxPerPerson {
		t.Errorf("%d people, %d bytes each, want %d at most", len(p.list), each, maxPerPerson)
	}
	runtime.KeepAlive(data)
	runtime.KeepAlive(p)
}

// BenchmarkPeople looks somebody up among few and many.
func BenchmarkPeople(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("people=%d", n), func(b *testing.B) {
			c := sdktest.Start(b, Plugin(), Config{File: write(b, "people.csv", string(manyPeople(n)))})
			for i := 0; b.Loop(); i++ {
				var got Facts
				if found, _, err := c.Lookup(b.Context(), Params{Email: fmt.Sprintf("user%06d@example.org", i%n)}, &got); err != nil || !found {
					b.Fatal(found, err)
				}
			}
		})
	}
}
