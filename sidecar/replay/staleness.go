package replay

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/duration"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// DexTokens is how long Dex's tokens live unless expiry.idTokens in its configuration says otherwise.
const DexTokens = 24 * time.Hour

// Staleness is how old the facts of a lookup can be when they are used.
type Staleness struct {
	Alias    string        `json:"lookup"`
	Plugin   string        `json:"plugin"`
	Place    string        `json:"place"`    // file:line
	Keeps    time.Duration `json:"pluginNs"` // how old the answers of the plugin may be, as it declares
	Declared bool          `json:"declared"` // whether it does
	Cache    time.Duration `json:"cacheNs"`  // the longer of ttl and maxStale
}

// Worst is the sum: also a plugin that does not tell the age of an answer is no older than that.
func (s Staleness) Worst() time.Duration { return s.Keeps + s.Cache }

// WorstCase is how long somebody can go on after an account was switched off.
type WorstCase struct {
	Lookups []Staleness   `json:"lookups"`
	Token   time.Duration `json:"tokenNs"` // its lifetime
	Seen    bool          `json:"seen"`    // whether such a token was seen; false: it is Dex's default
}

// Facts is how old facts of any lookup can be.
func (w *WorstCase) Facts() (oldest time.Duration) {
	for _, l := range w.Lookups {
		oldest = max(oldest, l.Worst())
	}
	return oldest
}

// Total is the one number: the oldest facts, and the lifetime of a token that was signed with them.
func (w *WorstCase) Total() time.Duration { return w.Facts() + w.Token }

// Undeclared names the plugins that do not say how old their answers may be. With such the number may be too small.
func (w *WorstCase) Undeclared() (out []string) {
	for _, l := range w.Lookups {
		if !l.Declared && !slices.Contains(out, l.Plugin) {
			out = append(out, l.Plugin)
		}
	}
	return out
}

// staleness looks at the lookups among steps. keeps says how old the answers of a plugin may be.
func staleness(steps []config.Step, keeps func(plugin string) (time.Duration, bool)) (out []Staleness) {
	for i := range steps {
		s := &steps[i]
		out = append(out, staleness(s.Steps, keeps)...)
		if s.Lookup == "" {
			continue
		}
		one := Staleness{Alias: s.Alias(), Plugin: s.Lookup, Place: pipeline.Pos(s.Pos).String()}
		one.Keeps, one.Declared = keeps(s.Lookup)
		if !one.Declared {
			one.Keeps = 0
		}
		if s.Cache != nil {
			one.Cache = max(s.Cache.TTL, s.Cache.MaxStale)
		}
		out = append(out, one)
	}
	return out
}

// worstCase is that of a configuration whose plugins do not run: those that come with the program say what they keep.
func worstCase(o compile.Options, cfg *config.Config) *WorstCase {
	return &WorstCase{Token: DexTokens, Lookups: staleness(cfg.Pipeline, func(name string) (time.Duration, bool) {
		for _, p := range cfg.Plugins {
			if builtin := o.Builtins[p.Builtin]; p.Name == name && builtin.MaxAge != nil {
				return builtin.MaxAge(p.Config)
			}
		}
		return 0, false
	})}
}

// worstCase is that of plugins that run.
func WorstCaseOf(cfg *config.Config, running []compile.Running) *WorstCase {
	return &WorstCase{Token: DexTokens, Lookups: staleness(cfg.Pipeline, func(name string) (time.Duration, bool) {
		for _, p := range running {
			if p.Plugin.Name() == name {
				return p.Plugin.MaxAge()
			}
		}
		return 0, false
	})}
}

// String says it in one line.
func (w *WorstCase) String() string {
	token := "a token of " + duration.Short(w.Token)
	if !w.Seen {
		token += ", Dex's default"
	}
	said := fmt.Sprintf("after an account is switched off: %s at worst, facts up to %s old and %s", duration.Short(w.Total()), duration.Short(w.Facts()), token)
	if names := w.Undeclared(); len(names) > 0 {
		said += "; longer where a plugin keeps what it does not declare: " + strings.Join(names, ", ")
	}
	return said
}
