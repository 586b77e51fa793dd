package dsmtest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Fault spoils replies of the Web API. It wraps the handler that would have answered.
type Fault func(next http.Handler) http.Handler

// SetFault spoils all calls of an API, or of every API when api is "". The more exact one wins; nil ends it.
func (n *NAS) SetFault(api string, f Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f == nil {
		delete(n.faults, api)
		return
	}
	n.faults[api] = f
}

func (n *NAS) fault(api string) Fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f := n.faults[api]; f != nil {
		return f
	}
	return n.faults[""]
}

// HTML answers a page instead of JSON: 502 is a proxy without a NAS behind it, 200 a NAS that is still starting.
func HTML(status int) Fault {
	return answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body><h1>%[2]s</h1><hr>nginx</body></html>\n",
			status, http.StatusText(status))
	})
}

// Redirect sends the caller elsewhere: to a login page ("/#/signin"), or to https on the other port.
func Redirect(status int, to string) Fault {
	return answer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, status) })
}

// Empty answers 200 without a body.
func Empty() Fault { return answer(func(http.ResponseWriter, *http.Request) {}) }

// Dropped closes the connection without an answer.
func Dropped() Fault {
	return answer(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// Truncated answers the first half of the real reply.
func Truncated() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			half := &buffer{ResponseWriter: w}
			next.ServeHTTP(half, r)
			_, _ = w.Write(half.Bytes()[:half.Len()/2])
		})
	}
}

// Oversize answers the real reply after so many spaces, which JSON allows.
func Oversize(spaces int) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			block := strings.Repeat(" ", 64<<10)
			for left := spaces; left > 0; left -= len(block) {
				if _, err := w.Write([]byte(block[:min(left, len(block))])); err != nil {
					return // the caller had enough
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Code answers success false with that code, whatever was asked.
func Code(code int) Fault {
	return answer(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"error":{"code":%d},"success":false}`, code)
	})
}

// Slow tells arrived (which may be nil) about each call, then answers it when release yields: a value frees one call,
// closing it frees all. For a caller that goes away, and at the end of the NAS, the connection is closed without an answer.
func Slow(arrived chan<- struct{}, release <-chan struct{}) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if arrived != nil {
				select {
				case arrived <- struct{}{}:
				case <-r.Context().Done():
					panic(http.ErrAbortHandler)
				}
			}
			select {
			case <-release:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // returning would send an empty reply, which can still reach the caller
			}
		})
	}
}

// Delayed answers each call after a while, for a NAS that somebody looks at; tests hold calls with Slow, which has no clock.
func Delayed(d time.Duration) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		})
	}
}

// Hang never answers. It is Slow without a release.
func Hang() Fault { return Slow(nil, nil) }

func answer(f http.HandlerFunc) Fault { return func(http.Handler) http.Handler { return f } }

// buffer keeps a body that its handler believes to have sent.
type buffer struct {
	http.ResponseWriter
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { return b.Buffer.Write(p) }
