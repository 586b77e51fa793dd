package claims

import (
	"encoding/json"
	"slices"
)

// Patch changes claims. The zero value changes nothing.
type Patch struct {
	Set    map[string]json.RawMessage // replaces a claim or adds it
	Remove []string                   // takes claims away; one that is not there is no error
}

// Empty reports whether the patch changes nothing.
func (p Patch) Empty() bool { return len(p.Set) == 0 && len(p.Remove) == 0 }

// Names returns the names that are set, sorted.
func (p Patch) Names() []string {
	names := make([]string, 0, len(p.Set))
	for name := range p.Set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (p Patch) size() int {
	n := 0
	for name, value := range p.Set {
		n += len(name) + len(value) + 8
	}
	return n
}

// Draft is a payload while steps change it. It is for one goroutine.
type Draft struct {
	object  *Object
	set     map[string]json.RawMessage
	removed map[string]bool
}

// NewDraft starts with the claims of o.
func NewDraft(o *Object) *Draft { return &Draft{object: o} }

// Object returns the payload that the draft began with.
func (d *Draft) Object() *Object { return d.object }

// Get returns the value that a claim has now.
func (d *Draft) Get(name string) (json.RawMessage, bool) {
	if value, ok := d.set[name]; ok {
		return value, true
	}
	if d.removed[name] {
		return nil, false
	}
	return d.object.Get(name)
}

// Names returns the claims that there are now: those of the payload in their order, then new ones by name.
func (d *Draft) Names() []string {
	var names []string
	for _, m := range d.object.members {
		if !d.removed[m.name] {
			names = append(names, m.name)
		}
	}
	for _, name := range (Patch{Set: d.set}).Names() {
		if _, old := d.object.Get(name); !old {
			names = append(names, name)
		}
	}
	return names
}

// Set gives a claim a value. The draft keeps value.
func (d *Draft) Set(name string, value json.RawMessage) {
	if d.set == nil {
		d.set = make(map[string]json.RawMessage)
	}
	d.set[name] = value
	delete(d.removed, name)
}

// Remove takes a claim away.
func (d *Draft) Remove(name string) {
	delete(d.set, name)
	if _, old := d.object.Get(name); !old {
		return
	}
	if d.removed == nil {
		d.removed = make(map[string]bool)
	}
	d.removed[name] = true
}

// Patch returns what leads from the payload to the claims as they are now. Setting a claim to the bytes it had is no change.
func (d *Draft) Patch() Patch {
	var p Patch
	for name, value := range d.set {
		if old, ok := d.object.Get(name); ok && string(old) == string(value) {
			continue
		}
		if p.Set == nil {
			p.Set = make(map[string]json.RawMessage, len(d.set))
		}
		p.Set[name] = value
	}
	for name := range d.removed {
		p.Remove = append(p.Remove, name)
	}
	slices.Sort(p.Remove)
	return p
}
