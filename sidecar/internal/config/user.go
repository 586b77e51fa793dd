package config

import (
	"regexp"

	"go.yaml.in/yaml/v3"
)

// User is a user of the system: a name, a number, or two numbers as user:group. Whether there is such a user is for the machine to say
// on which the plugin runs.
type User string

var (
	userText = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.@-]{0,63}|[0-9]{1,10}(:[0-9]{1,10})?)$`)
	rootText = regexp.MustCompile(`^(root|0+(:.*)?|.*:0+)$`)
)

// decode reads a number as it stands: to YAML it is none of a user.
func (u *User) decode(d *decoder, it item) {
	text := it.node.Value
	switch {
	case it.node.Kind != yaml.ScalarNode || !userText.MatchString(text):
		d.report(it, "must be the name of a user, a number such as 64001, or user:group in numbers", "")
	case rootText.MatchString(text):
		d.report(it, "nothing is kept from root and its group", "name a user that nothing else runs as")
	default:
		*u = User(text)
	}
}

func (u *User) shape(*schemaMaker) shape {
	return shape{"type": []string{"string", "integer"}, "pattern": userText.String(), "minimum": 1}
}
