package config

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// checkConnector keeps the domains that could be ones. Whether they are is for those to say who compare them.
func (d *decoder) checkConnector(c *Connector, before []Connector) {
	for _, other := range before {
		if strings.EqualFold(other.Name, c.Name) {
			d.wrongKey(c.Path, fmt.Sprintf("%q differs from %q only in case", c.Name, other.Name), "ids are compared with their case, as in Dex: give one of the two another id there")
		}
	}
	d.checkIssuer(c)
	path := member(c.Path, "emailDomains")
	d.repeated(path, c.EmailDomains)
	var good []string
	for i, name := range c.EmailDomains {
		at := element(path, i)
		_, bare, mail := strings.Cut(name, "@")
		switch {
		case name == "*" && len(c.EmailDomains) > 1:
			d.wrong(at, `"*" stands alone: it means every domain`, "")
		case name == "*":
			d.warn(at, "every address that this connector calls verified is believed", "name the domains that it may speak for")
			good = append(good, name)
		case strings.HasPrefix(name, "*."):
			d.wrong(at, "each domain is named by itself; there are no patterns", "")
		case mail:
			d.wrong(at, "must be a domain, not an address", "write "+bare)
		default:
			good = append(good, name)
		}
	}
	c.EmailDomains = good
}

// checkIssuer wants an issuer as OpenID Connect has it. Issuers are compared byte by byte.
func (d *decoder) checkIssuer(c *Connector) {
	if !c.has("issuer") || c.Issuer == "" {
		return
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.ContainsAny(c.Issuer, "?#") {
		d.wrong(member(c.Path, "issuer"), "must be the address of a provider", "write it as the provider calls itself, such as https://accounts.google.com")
	}
}

func (d *decoder) checkPluginName(p *Plugin) {
	if message, hint := badName(p.Name); message != "" {
		d.wrongKey(p.Path, message, hint)
	}
}

func (d *decoder) checkPlugin(p *Plugin) {
	builtin, command := p.has("builtin"), p.has("command")
	switch {
	case builtin && command:
		d.wrongKey(member(p.Path, "command"), "a plugin has a builtin or a command, not both", "")
	case builtin:
		d.misplaced(p.Place, "this belongs to a plugin with a command; a builtin is part of claimsmith", "sha256", "schemaFile")
		d.checkBuiltin(p)
	case command:
		d.checkCommand(p)
	case !d.strange[p.node]:
		d.wrong(p.Path, "the plugin has neither builtin nor command", "write builtin: synology, or command: [/path/of/program]")
	}
	d.checkEnv(p)
	d.checkLimits(p)
}

func (d *decoder) checkBuiltin(p *Plugin) {
	if d.options.Builtins != nil && p.Builtin != "" && !slices.Contains(d.options.Builtins, p.Builtin) {
		d.wrong(member(p.Path, "builtin"), fmt.Sprintf("no plugin called %q comes with claimsmith", p.Builtin),
			Suggest(p.Builtin, d.options.Builtins))
	}
}

func (d *decoder) checkCommand(p *Plugin) {
	path, digests := member(p.Path, "command"), member(p.Path, "sha256")
	if len(p.Command) == 0 {
		return
	}
	if !wholePath(p.Command[0]) {
		d.wrong(element(path, 0), fmt.Sprintf("%q is not an absolute path, and PATH is not searched", p.Command[0]), "")
		return
	}
	_, listed := p.SHA256.Files[p.Command[0]]
	switch {
	case p.SHA256.Unverified && isFolder(p.Command[0]): // who starts it says that it is none
	case p.SHA256.Unverified:
		files := p.programs()
		d.warn(digests, "whoever can write "+strings.Join(files, " or ")+" decides what this plugin says", "write the digests: sha256sum "+strings.Join(files, " "))
	case !p.has("sha256"):
		d.wrong(path, "a command needs sha256", digestHint)
	case listed || p.SHA256.Files == nil || d.strange[p.SHA256.node]: // the one that is missing may be the one that is wrong
	case !slices.ContainsFunc(p.Command, func(arg string) bool { return p.SHA256.Files[arg] != "" }):
		d.wrong(digests, "the digest of "+p.Command[0]+" is missing", "print it with: sha256sum "+p.Command[0])
	default:
		d.warn(digests, p.Command[0]+" itself is not compared before it is started", "print its digest with: sha256sum "+p.Command[0])
	}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// programs are the files that the command of p names: the program, and arguments that are whole paths, such as that of a script.
func (p *Plugin) programs() []string {
	files := p.Command[:1:1]
	for _, arg := range p.Command[1:] {
		if wholePath(arg) {
			files = append(files, arg)
		}
	}
	return files
}

func (d *decoder) checkEnv(p *Plugin) {
	path := member(p.Path, "env")
	for i, name := range p.Env {
		if !identifier.MatchString(name) {
			bare, _, _ := strings.Cut(name, "=")
			hint := ""
			if bare != name {
				hint = "the value comes from the environment of claimsmith; write " + bare
			}
			problem := d.src.Problem(element(path, i), "must be the name of a variable", hint)
			problem.Secret = bare != name
			d.add(problem)
		}
	}
	d.repeated(path, p.Env)
}

func (d *decoder) checkClient(c *Client) {
	for _, key := range []string{"maxGroups", "maxPayloadBytes"} {
		if n := c.value(key); n != nil && n.Value == "0" {
			d.wrong(member(c.Path, key), "a limit must be positive", "leave the key out for no limit")
		}
	}
	d.checkTrim(c)
	for i, name := range c.Allow {
		if claims.Reserved(name) {
			d.wrong(element(member(c.Path, "allow"), i), fmt.Sprintf("claim %q is reserved for Dex and always allowed", name), "")
		}
	}
	d.repeated(member(c.Path, "allow"), c.Allow)
	d.repeated(member(c.Path, "peers"), c.Peers)
}

// checkTrim says aloud what trimming means: an application may refuse somebody for a group that was taken away.
func (d *decoder) checkTrim(c *Client) {
	switch {
	case c.Trim == nil:
		return
	case c.MaxGroups == 0:
		d.wrong(c.Trim.Path, "there is no limit after which groups are taken away", "add maxGroups")
	case d.sound(c.Trim.Place):
		d.warn(c.Trim.Path, fmt.Sprintf("of more than %d groups only those stay that are like %s: %s does not see the others", c.MaxGroups,
			strings.Join(c.Trim.Groups, " or "), c.Name), "")
	}
	d.repeated(member(c.Trim.Path, "groups"), c.Trim.Groups)
}
