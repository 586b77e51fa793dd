package engine

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// lifetimes remembers the longest lifetime of a token.
type lifetimes struct{ Longest atomic.Int64 } // nanoseconds

func (l *lifetimes) note(payload *claims.Object) {
	d := int64(lifetime(payload))
	for longest := l.Longest.Load(); d > longest && !l.Longest.CompareAndSwap(longest, d); {
		longest = l.Longest.Load()
	}
}

// lifetime is that of a token with this payload, zero when it does not say.
func lifetime(payload *claims.Object) time.Duration {
	var times [2]int64
	for i, name := range []string{"iat", "exp"} {
		raw, _ := payload.Get(name)
		var err error
		if times[i], err = strconv.ParseInt(string(raw), 10, 64); err != nil {
			return 0
		}
	}
	if seconds := times[1] - times[0]; seconds > 0 && seconds < int64(1000*24*time.Hour/time.Second) {
		return time.Duration(seconds) * time.Second
	}
	return 0
}
