package facts

// Kind is the type of a field.
type Kind int

const (
	String Kind = iota + 1
	Bool
	Int
	Float
	Object
	List
)

// Type is a parsed schema. It does not change once parsed.
type Type struct {
	Kind        Kind
	Description string
	Fields      map[string]*Type // of an object
	Required    []string         // of an object: for configuration and parameters
	Elem        *Type            // of a list
	Secret      bool             // "writeOnly": a value that must come from a file
	Nullable    bool             // "null" is one of its types: what an answer does not give is nil, and no zero value
}

// String names the kind as messages do.
func (k Kind) String() string {
	switch k {
	case String:
		return "string"
	case Bool:
		return "boolean"
	case Int:
		return "integer"
	case Float:
		return "number"
	case Object:
		return "object"
	case List:
		return "list"
	}
	return "unknown"
}

// String names the type as messages do, like "list of strings".
func (t *Type) String() string {
	if t.Kind == List {
		return "list of " + t.Elem.Kind.String() + "s"
	}
	return t.Kind.String()
}

// Noun names the type with its article, like "an integer".
func (t *Type) Noun() string { return withArticle(t.String()) }

// Reserved reports whether name is a fact that the host adds to every lookup, so that no plugin may declare it.
func Reserved(name string) bool {
	switch name {
	case "asked", "found", "failed", "stale", "age", "problem":
		return true
	}
	return false
}

// Zero returns a complete value of the type: fields have their zero values, lists are empty and not nil. The value is the
// caller's to change. What may be null is nil.
func (t *Type) Zero() any {
	if t.Nullable {
		return nil
	}
	switch t.Kind {
	case String:
		return ""
	case Bool:
		return false
	case Int:
		return int64(0)
	case Float:
		return float64(0)
	case Object:
		return t.zeroObject()
	case List:
		return t.Elem.emptyList(0)
	}
	return nil
}

func (t *Type) zeroObject() map[string]any {
	m := make(map[string]any, len(t.Fields))
	for name, f := range t.Fields {
		m[name] = f.Zero()
	}
	return m
}

// emptyList returns an empty list with elements of type t and room for n.
func (t *Type) emptyList(n int) any {
	switch t.Kind {
	case String:
		return make([]string, 0, n)
	case Bool:
		return make([]bool, 0, n)
	case Int:
		return make([]int64, 0, n)
	case Float:
		return make([]float64, 0, n)
	case Object:
		return make([]map[string]any, 0, n)
	}
	return nil
}
