// Command gomplate does for the entrypoint of Dex's image what it needs of the real
// gomplate: it renders a configuration with the environment (getenv, .Env, required).
// A template with any other function is an error that says so.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"text/template"
)

func main() {
	in, out := flag.String("f", "", "the template"), flag.String("o", "", "the file to write")
	flag.Parse()
	if err := render(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gomplate:", err)
		os.Exit(1)
	}
}

func render(in, out string) error {
	text, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	env := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	t, err := template.New(in).Option("missingkey=error").Funcs(template.FuncMap{
		"getenv": func(name string, otherwise ...string) string {
			if env[name] == "" {
				return strings.Join(otherwise, "")
			}
			return env[name]
		},
		"required": func(message, value string) (string, error) {
			if value == "" {
				return "", fmt.Errorf("%s", message)
			}
			return value, nil
		},
	}).Parse(string(text))
	if err != nil {
		return fmt.Errorf("%w (this image has a small stand-in for gomplate; --gomplate FILE puts the real one in)", err)
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := t.Execute(f, struct{ Env map[string]string }{env}); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
