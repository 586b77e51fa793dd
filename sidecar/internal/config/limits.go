package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// Limits are what a plugin may use. What the file does not say is zero here, and has its default where it is applied.
type Limits struct {
	Place
	Memory      Size     `key:"memory" doc:"How much memory a plugin should get along with, such as 256MiB; it gets no more than twice that. Default 256MiB."`
	Descriptors int      `key:"descriptors" doc:"How many files and connections it may have open at a time. Default 256."`
	Processes   int      `key:"processes" doc:"How many other processes it may start; any number but 0 lets it start them. Default 0."`
	Readable    []string `key:"readable" is:"empty" doc:"Files and folders it may read beside those that its command and its config name, by absolute path."`
	Connect     []int    `key:"connect" is:"empty" doc:"TCP ports it may connect to beside those of the URLs in its config, and 53."`
	Writable    []string `key:"writable" is:"empty" doc:"Files and folders it may change beside its own folder, by absolute path."`
}

// Size is a number of bytes.
type Size int64

const (
	minMemory      = 128 << 20
	minDescriptors = 32
)

var size = regexp.MustCompile(`^([1-9][0-9]{0,5})(MiB|GiB)$`)

func (s *Size) decode(d *decoder, it item) {
	if err := s.Set(it.node.Value); err != nil {
		d.report(it, err.Error(), "")
	}
}

// Set takes a size as a file or a flag has it.
func (s *Size) Set(text string) error {
	m := size.FindStringSubmatch(text)
	if m == nil {
		return errors.New("must be a size such as 256MiB or 1GiB")
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // six digits
	shift := 20
	if m[2] == "GiB" {
		shift = 30
	}
	*s = Size(n << shift)
	return nil
}

// String is s as Set takes it; empty: none.
func (s *Size) String() string {
	if *s == 0 {
		return ""
	}
	return fmt.Sprintf("%dMiB", *s>>20)
}

// Type is what stands for a size in the help of a flag.
func (s *Size) Type() string { return "SIZE" }

func (s *Size) shape(*schemaMaker) shape { return shape{"type": "string", "pattern": size.String()} }

// checkLimits finds limits under which nothing starts.
func (d *decoder) checkLimits(p *Plugin) {
	path := member(p.Path, "limits")
	if m := p.Limits.Memory; m > 0 && m < minMemory {
		d.wrong(member(path, "memory"), "with less than 128MiB the runtimes of most languages do not start", "write 128MiB")
	}
	if p.Limits.has("descriptors") && p.Limits.Descriptors < minDescriptors {
		d.wrong(member(path, "descriptors"), fmt.Sprintf("a plugin needs %d at least", minDescriptors), "")
	}
	for i, port := range p.Limits.Connect {
		if port < 1 || port > 65535 {
			d.wrong(element(member(path, "connect"), i), fmt.Sprintf("%d is not a port: write a number from 1 to 65535", port), "")
		}
	}
	for _, list := range []struct {
		key   string
		files []string
	}{{"readable", p.Limits.Readable}, {"writable", p.Limits.Writable}} {
		for i, file := range list.files {
			if !wholePath(file) {
				d.wrong(element(member(path, list.key), i), fmt.Sprintf("%q is not an absolute path", file), "")
			}
		}
	}
}
