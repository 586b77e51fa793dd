package confine

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// dns is the port of names, which are asked for by TCP where the answer is long.
const dns = 53

// ports are the TCP ports that a plugin connects to: those of the URLs in its configuration and in the variables that it
// is handed, those of its limits, and that of names.
func (d Declaration) ports() []int {
	found := append([]int{dns}, d.Limits.Connect...)
	add := func(text string) {
		if port := portOf(text); port > 0 {
			found = append(found, port)
		}
	}
	EachText(d.Config, func(_, text string) { add(text) })
	for _, name := range d.Env {
		add(os.Getenv(name))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// portOf is the port of a URL; 0 when text is none, or nothing is known of its scheme.
func portOf(text string) int {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return 0
	}
	if u.Port() != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return 0
		}
		return int(port)
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "ldap", "ldap+srv":
		return 389
	case "ldaps", "ldaps+srv":
		return 636
	case "postgres", "postgresql":
		return 5432
	case "mysql", "mariadb":
		return 3306
	}
	return 0
}

// EachText calls f for each text in a JSON value with the key under which it stands.
func EachText(config json.RawMessage, f func(key, text string)) {
	var tree any
	if json.Unmarshal(config, &tree) != nil {
		return
	}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case string:
			f(key, v)
		case []any:
			for _, e := range v {
				walk(key, e)
			}
		case map[string]any:
			for k, e := range v {
				walk(k, e)
			}
		}
	}
	walk("", tree)
}

// ports are numbers in words.
func ports(list []int) string {
	if len(list) == 0 {
		return "no port"
	}
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = strconv.Itoa(p)
	}
	return strings.Join(words, " ")
}
