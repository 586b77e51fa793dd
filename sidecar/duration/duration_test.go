package duration

import (
	"testing"
	"time"
)

func TestShort(t *testing.T) {
	for text, want := range map[string]string{
		"0s": "0s", "10s": "10s", "90s": "1m30s", "10m": "10m", "70m": "1h10m", "24h": "24h", "24h10m": "24h10m", "1h0m20s": "1h0m20s", "300ms": "300ms", "10h": "10h",
	} {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Short(d); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
