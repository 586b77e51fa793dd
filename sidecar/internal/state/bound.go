package state

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is a value with the place where it is to be kept. Neither scope nor value is empty.
type Entry struct {
	Scope, ID string
	Value     []byte
}

// Errors of rows that must not be taken for missing.
var (
	ErrUnsound = errors.New("rows were changed, removed or put back by somebody else")
	ErrUnbound = errors.New("there are rows that nothing binds together: an older version made them")
	ErrKey     = errors.New("there are rows that were sealed with another key")
)

// Bound are rows of one kind that count only together: one that was removed, doubled, swapped or put back shows. It is safe for
// concurrent use, also by several processes.
//
// The rows are in buckets, by their scope and the first digits of their id. One more row, the root, holds a sum of each bucket and a
// serial number, and is sealed like the others. It is read with each bucket and written with each change, in the same transaction. So
// whatever is read is of the state that the root speaks of, and what the root cannot tell is whether it is the newest one: the serial
// number must not be below the highest that this process knows, or that the anchor does, which is a file outside the database.
type Bound struct {
	rows *Rows
	anchor
	last    atomic.Pointer[unsealed]
	writing sync.Mutex // one change at a time, so that the anchor is written in their order
}

// Bound returns the rows of a kind under a key. anchor is a file that remembers the serial number; empty: nothing does past the end
// of the process. Nothing is read yet.
func (s *Store) Bound(kind string, key *Key, anchorFile string) *Bound {
	return &Bound{rows: s.Rows(kind, key), anchor: anchor{file: anchorFile, key: key, kind: kind, reads: s.reads}}
}

// Digest is that of Rows.
func (b *Bound) Digest(scope, text string) string { return b.rows.Digest(scope, text) }

// Foreign returns how many rows there are that were sealed with another key.
func (b *Bound) Foreign(ctx context.Context) (n int, err error) {
	db, err := b.rows.store.openReader(ctx)
	if err != nil {
		return 0, err
	}
	err = db.QueryRowContext(ctx, b.rows.bind(`SELECT COUNT(*) FROM claimsmith_rows WHERE kind = ? AND scope <> '' AND key <> ?`), b.rows.kind, b.rows.key.name).Scan(&n)
	return n, b.failed("read", err)
}

// root is what binds the rows.
type root struct {
	Serial int64             `json:"serial"`         // grows with each change; about the microseconds since 1970
	Lost   int64             `json:"lost,omitempty"` // since when rows are missing, as microseconds since 1970
	Sums   map[string][]byte `json:"sums,omitempty"` // by bucket; none of those without rows
}

// part is some of the buckets, or all of them, with the root.
type part struct {
	root    root
	buckets []string // nil: all
	rows    []stored
}

// shares reports whether two rows of a kind are in the same place.
func (s stored) shares(other stored) bool { return s.scope == other.scope && s.id == other.id }

func (p *place) bucket() string { return p.scope + "/" + p.id[:min(2, len(p.id))] }

// buckets are those of some rows, each once.
func buckets(rows []stored) (names []string) {
	for i := range rows {
		names = append(names, rows[i].bucket())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// sum tells apart what a bucket may hold.
func sum(rows []stored) []byte {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.id, b.id), bytes.Compare(a.sealed, b.sealed))
	})
	h := sha256.New()
	for _, r := range rows {
		for _, text := range []string{r.key, r.scope, r.id, string(binary.BigEndian.AppendUint64(nil, uint64(r.at))), string(r.sealed)} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
			h.Write([]byte(text))
		}
	}
	return h.Sum(nil)[:16]
}

func sums(rows []stored) map[string][]byte {
	in := map[string][]stored{}
	for _, r := range rows {
		in[r.bucket()] = append(in[r.bucket()], r)
	}
	out := make(map[string][]byte, len(in))
	for name, rows := range in {
		out[name] = sum(rows)
	}
	return out
}

// sound reports whether the root speaks of these rows.
func (p *part) sound() bool {
	got := sums(p.rows)
	if p.buckets == nil {
		return maps.EqualFunc(p.root.Sums, got, bytes.Equal)
	}
	for _, name := range p.buckets {
		if !bytes.Equal(p.root.Sums[name], got[name]) {
			return false
		}
		delete(got, name)
	}
	return len(got) == 0
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// errNoRoot is the error of a look at some of the buckets where there is no root.
var errNoRoot = errors.New("there is no root")

// look reads some of the buckets, or all of them, in one statement. An error that says what is wrong with the rows comes with the
// part as it is, as far as that can be known.
func (b *Bound) look(ctx context.Context, in querier, buckets []string) (*part, error) {
	least, anchored := b.least() // before the database is asked, which may be ahead of it by then
	if anchored != nil && !errors.Is(anchored, ErrUnsound) {
		return nil, anchored
	}
	p := &part{buckets: buckets}
	top, err := b.read(ctx, in, p)
	switch {
	case err != nil:
		return nil, err
	case top == nil && buckets != nil:
		return nil, errNoRoot
	case top == nil:
		return p, b.rootless(ctx, in, p, least > 0 || anchored != nil)
	}
	opens := b.unseal(top, p)
	switch {
	case !opens && top.key != b.rows.key.name:
		return p, ErrKey
	case !opens || anchored != nil || p.root.Serial < least || !p.sound():
		return p, ErrUnsound
	}
	return p, nil
}

// unsealed is a root that was opened. It is not written to.
type unsealed struct {
	top  stored
	root root
}

// unseal opens the root of a part, but for the one that was the last: where there are many links it is long.
func (b *Bound) unseal(top *stored, p *part) bool {
	if last := b.last.Load(); last != nil && last.top.place == top.place && bytes.Equal(last.top.sealed, top.sealed) {
		p.root = last.root
		return true
	}
	value, opens := b.rows.key.open(top.place, top.sealed)
	if !opens || json.Unmarshal(value, &p.root) != nil {
		return false
	}
	b.last.Store(&unsealed{top: *top, root: p.root})
	return true
}

// read reads the rows of a part, and the one with the root: nil where there is none.
func (b *Bound) read(ctx context.Context, in querier, p *part) (top *stored, err error) {
	const each = `SELECT scope, id, at, key, sealed FROM claimsmith_rows WHERE kind = ?`
	query, args := each, []any{b.rows.kind}
	if p.buckets != nil {
		// Not one condition with OR: SQLite would go through all rows of the kind.
		query += ` AND scope = '' AND id = ''` + strings.Repeat(` UNION ALL `+each+` AND scope = ? AND id >= ? AND id < ?`, len(p.buckets))
		for _, name := range p.buckets {
			i := strings.LastIndexByte(name, '/')
			args = append(args, b.rows.kind, name[:i], name[i+1:], name[i+1:]+"g") // ids are in hex
		}
	}
	rows, err := in.QueryContext(ctx, b.rows.bind(query), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one := stored{place: place{kind: b.rows.kind}}
		if err := rows.Scan(&one.scope, &one.id, &one.at, &one.key, &one.sealed); err != nil {
			return nil, err
		}
		if one.scope == "" && one.id == "" && top == nil {
			top = &one
			continue
		}
		p.rows = append(p.rows, one)
	}
	return top, rows.Err()
}

// rootless says what it means that there is no root. Where nothing was ever there that is right.
func (b *Bound) rootless(ctx context.Context, in querier, p *part, there bool) error {
	foreign := slices.ContainsFunc(p.rows, func(r stored) bool { return r.key != b.rows.key.name })
	switch {
	case foreign:
		return ErrKey
	case len(p.rows) > 0 && there:
		return ErrUnsound
	case len(p.rows) > 0:
		return ErrUnbound
	}
	lost, err := b.rows.store.lost(ctx, in)
	if p.root.Lost = lost; lost == 0 && there {
		p.root.Lost = time.Now().UnixMicro()
	}
	return err
}

// alone does something while nobody else changes rows.
func (b *Bound) alone(ctx context.Context, do func(*sql.Tx) error) error {
	db, err := b.rows.store.open(ctx)
	if err != nil {
		return err
	}
	return within(ctx, db, func(tx *sql.Tx) error {
		for _, q := range b.rows.store.dialect.lock() {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return do(tx)
	})
}

// Find returns the rows at some places, in no order, and since when others are missing (zero: none are). Entries need no value. What
// is not sound is an error.
func (b *Bound) Find(ctx context.Context, at []Entry) ([]Row, time.Time, error) {
	wanted := b.places(time.Time{}, at)
	p, err := b.found(ctx, buckets(wanted))
	if err != nil {
		return nil, time.Time{}, b.failed("read", err)
	}
	var out []Row
	for _, r := range p.rows {
		if !slices.ContainsFunc(wanted, r.shares) {
			continue
		}
		value, opens := b.rows.key.open(r.place, r.sealed)
		if !opens {
			return nil, time.Time{}, b.failed("read", ErrUnsound)
		}
		out = append(out, Row{Scope: r.scope, At: time.UnixMicro(r.at), Value: value})
	}
	return out, p.lost(), nil
}

// All is Find for all rows.
func (b *Bound) All(ctx context.Context) ([]Row, time.Time, error) {
	p, err := b.found(ctx, nil)
	if err != nil {
		return nil, time.Time{}, b.failed("read", err)
	}
	out, unreadable := b.opened(p.rows)
	if unreadable > 0 {
		return nil, time.Time{}, b.failed("read", ErrUnsound)
	}
	return out, p.lost(), nil
}

// found is look, for those who only read.
func (b *Bound) found(ctx context.Context, buckets []string) (*part, error) {
	db, err := b.rows.store.openReader(ctx)
	if errors.Is(err, ErrNotThere) {
		if least, err := b.least(); err != nil || least > 0 {
			return nil, cmp.Or(err, ErrUnsound)
		}
	}
	if err != nil {
		return nil, err
	}
	var p *part
	if buckets != nil {
		p, err = b.look(ctx, db, buckets)
	}
	if buckets == nil || errors.Is(err, errNoRoot) { // there may be more statements than one
		err = b.alone(ctx, func(tx *sql.Tx) error {
			p, err = b.look(ctx, tx, nil)
			return err
		})
	}
	if err == nil && b.writing.TryLock() { // whoever writes does the same
		defer b.writing.Unlock()
		b.saw(p.root.Serial)
	}
	return p, err
}

func (p *part) lost() time.Time {
	if p.root.Lost == 0 {
		return time.Time{}
	}
	return time.UnixMicro(p.root.Lost)
}

// List returns the rows that open, sound or not, and how many do not.
func (b *Bound) List(ctx context.Context) ([]Row, int, error) {
	all, err := b.rows.all(ctx)
	if err != nil {
		return nil, 0, err
	}
	rows, unreadable := b.opened(slices.DeleteFunc(all, func(r stored) bool { return r.scope == "" && r.id == "" }))
	return rows, unreadable, nil
}

// opened returns the rows that open, in their order, and how many do not.
func (b *Bound) opened(all []stored) (rows []Row, unreadable int) {
	for _, r := range all {
		value, opens := b.rows.key.open(r.place, r.sealed)
		if !opens {
			unreadable++
			continue
		}
		rows = append(rows, Row{Scope: r.scope, At: time.UnixMicro(r.at), Value: value})
	}
	return rows, unreadable
}

// Claim keeps all entries or none: none when a place is taken already. It reports whether they were kept. Where rows are missing it
// is an error, but for whoever knows better. Entries have different places.
func (b *Bound) Claim(ctx context.Context, at time.Time, entries []Entry, knowsBetter bool) (bool, error) {
	put := b.places(at, entries)
	err := b.change(ctx, buckets(put), func(p *part) (_, _ []stored, err error) {
		taken := slices.ContainsFunc(p.rows, func(r stored) bool { return slices.ContainsFunc(put, r.shares) })
		switch {
		case taken:
			return nil, nil, errTaken
		case p.root.Lost != 0 && !knowsBetter:
			return nil, nil, ErrUnsound
		}
		return nil, put, nil
	})
	if errors.Is(err, errTaken) {
		return false, nil
	}
	return err == nil, b.failed("write", err)
}

var errTaken = errors.New("the place is taken")

// places are entries as they are stored.
func (b *Bound) places(at time.Time, entries []Entry) []stored {
	out := make([]stored, len(entries))
	for i, e := range entries {
		p := place{kind: b.rows.kind, scope: e.Scope, id: b.rows.key.digest(b.rows.kind, e.Scope, e.ID), at: at.UnixMicro()}
		out[i] = stored{place: p, key: b.rows.key.name, sealed: b.rows.key.seal(p, e.Value)}
	}
	return out
}

// Change gives rows other values, or erases them, all or none. do returns the value of a row: its own for one that stays, and nil for
// one to be erased.
func (b *Bound) Change(ctx context.Context, do func(Row) ([]byte, error)) error {
	err := b.change(ctx, nil, func(p *part) (drop, put []stored, _ error) {
		for _, r := range p.rows {
			value, opens := b.rows.key.open(r.place, r.sealed)
			if !opens {
				return nil, nil, ErrUnsound
			}
			next, err := do(Row{Scope: r.scope, At: time.UnixMicro(r.at), Value: value})
			switch {
			case err != nil:
				return nil, nil, err
			case next == nil:
				drop = append(drop, r)
			case !bytes.Equal(next, value):
				r.key, r.sealed = b.rows.key.name, b.rows.key.seal(r.place, next)
				put = append(put, r)
			}
		}
		return drop, put, nil
	})
	return b.failed("change", err)
}

// Bind takes those of the rows that are there for sound that keep chooses, whatever happened to them, and erases the others. It returns
// how many it erased. complete says that no others are missing any more; otherwise they are, if what was there was not sound. Rows of
// another key are an error, but where nothing is kept.
func (b *Bound) Bind(ctx context.Context, keep func([]Row) []bool, complete bool) (erased int, err error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	err = b.alone(ctx, func(tx *sql.Tx) error {
		p, unsound := b.look(ctx, tx, nil)
		if p == nil {
			return unsound
		}
		var drop, kept []stored
		if keep == nil {
			drop = p.rows
		} else if drop, kept, err = b.chosen(p, keep, unsound); err != nil {
			return err
		}
		if erased = len(drop); complete {
			p.root.Lost = 0
		} else if unsound != nil {
			p.root.Lost = cmp.Or(p.root.Lost, time.Now().UnixMicro())
		}
		if complete {
			if _, err := tx.ExecContext(ctx, b.rows.bind(`DELETE FROM claimsmith_rows WHERE kind = ?`), lostKind); err != nil {
				return err
			}
		}
		p.rows = kept
		return b.write(ctx, tx, p, drop, nil)
	})
	return erased, b.failed("bind", b.wrote(ctx, err, true))
}

func (b *Bound) chosen(p *part, keep func([]Row) []bool, unsound error) (drop, kept []stored, err error) {
	if errors.Is(unsound, ErrKey) {
		return nil, nil, ErrKey
	}
	var open []stored
	for _, r := range p.rows {
		switch _, opens := b.rows.key.open(r.place, r.sealed); {
		case opens:
			open = append(open, r)
		case r.key != b.rows.key.name:
			return nil, nil, ErrKey
		default:
			drop = append(drop, r)
		}
	}
	rows, _ := b.opened(open)
	for i, yes := range keep(rows) {
		if yes {
			kept = append(kept, open[i])
		} else {
			drop = append(drop, open[i])
		}
	}
	return drop, kept, nil
}

// change reads some of the buckets and writes what do makes of them: rows to be erased, and rows to be written.
func (b *Bound) change(ctx context.Context, buckets []string, do func(*part) (drop, put []stored, _ error)) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	erases := false
	err := b.alone(ctx, func(tx *sql.Tx) error {
		p, err := b.look(ctx, tx, buckets)
		if errors.Is(err, errNoRoot) {
			p, err = b.look(ctx, tx, nil)
		}
		if err != nil {
			return err
		}
		drop, put, err := do(p)
		if err != nil || len(drop)+len(put) == 0 {
			return err
		}
		erases = len(drop) > 0
		return b.write(ctx, tx, p, drop, put)
	})
	return b.wrote(ctx, err, erases)
}

// write writes a part with its root, and the anchor as far as nothing has happened yet.
func (b *Bound) write(ctx context.Context, tx *sql.Tx, p *part, drop, put []stored) error {
	least, err := b.least()
	if err != nil && !errors.Is(err, ErrUnsound) {
		return err
	}
	gone := append(slices.Clone(drop), put...)
	p.rows = append(slices.DeleteFunc(slices.Clone(p.rows), func(r stored) bool { return slices.ContainsFunc(gone, r.shares) }), put...)
	others := maps.Clone(p.root.Sums)
	maps.DeleteFunc(others, func(name string, _ []byte) bool { return p.buckets == nil || slices.Contains(p.buckets, name) })
	p.root.Sums = sums(p.rows)
	maps.Copy(p.root.Sums, others)
	p.root.Serial = max(p.root.Serial+1, least+1, time.Now().UnixMicro())
	value, err := json.Marshal(p.root)
	if err != nil {
		return err
	}
	at := place{kind: b.rows.kind, at: p.root.Serial}
	top := stored{place: at, key: b.rows.key.name, sealed: b.rows.key.seal(at, value)}
	for _, r := range append(gone, top) {
		if _, err := tx.ExecContext(ctx, b.rows.bind(`DELETE FROM claimsmith_rows WHERE kind = ? AND scope = ? AND id = ?`), r.kind, r.scope, r.id); err != nil {
			return err
		}
	}
	for _, r := range append(slices.Clone(put), top) {
		if _, err := tx.ExecContext(ctx, b.rows.bind(`INSERT INTO claimsmith_rows (kind, scope, id, at, key, sealed) VALUES (?, ?, ?, ?, ?, ?)`),
			r.kind, r.scope, r.id, r.at, r.key, r.sealed); err != nil {
			return err
		}
	}
	return b.prepare(p.root.Serial)
}

// wrote ends a change: what was written is made to last before the anchor speaks of it, and what was erased unreadable.
func (b *Bound) wrote(ctx context.Context, err error, erases bool) error {
	if err != nil {
		return errors.Join(err, b.abandon())
	}
	db, err := b.rows.store.open(ctx)
	if err != nil {
		return errors.Join(err, b.abandon())
	}
	if erases {
		err = b.rows.erased(ctx, db)
	} else if q := b.rows.store.dialect.lasting(); q != "" {
		_, err = db.ExecContext(ctx, q)
	}
	return errors.Join(err, b.commit())
}

func (b *Bound) failed(what string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s %s: %w", what, b.rows.kind, err)
	}
	return err
}
