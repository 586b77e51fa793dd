package dexpatch

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// compiler is a C compiler that cgo can use. The zero value is none: Dex is built without cgo, and without its sqlite3 storage.
type compiler struct {
	name   string
	static bool // the binary needs no library of the system, so it runs in any image
}

// compilerName is the C compiler to try: CC, or for this platform what the go command takes. Empty: there is none, or none is wanted.
func (b *builder) compilerName() string {
	if b.options.NoCGO {
		return ""
	}
	if name := strings.TrimSpace(os.Getenv("CC")); name != "" {
		return name
	}
	if b.platform() == runtime.GOOS+"/"+runtime.GOARCH {
		for _, name := range []string{"gcc", "cc"} {
			if _, err := exec.LookPath(name); err == nil {
				return name
			}
		}
	}
	return ""
}

// findCompiler looks for a C compiler that makes programs for the platform, by having it make one.
func (b *builder) findCompiler(ctx context.Context) {
	if b.options.NoCGO {
		return
	}
	c := compiler{name: b.compilerName(), static: strings.HasPrefix(b.platform(), "linux/")}
	err := errors.New("there is none, and CC names none")
	if c.found() {
		err = c.try(ctx, b.platform())
	}
	if err == nil {
		b.say("C compiler " + c.name + ": Dex is built with cgo, so its storage sqlite3 is in it")
		b.compiler = c
	} else if ctx.Err() == nil {
		b.say("no C compiler for " + b.platform() + " (" + err.Error() + "): Dex is built without cgo, so its storage sqlite3 is not in it")
	}
}

// try has a program made of what the storage needs of the C library, and looks for what machine it was made.
func (c compiler) try(ctx context.Context, platform string) error {
	dir, err := os.MkdirTemp("", "claimsmith-cc-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tried := filepath.Join(dir, "tried")
	words := strings.Fields(c.name) // CC may have flags: zig cc -target ...
	args := append(words[1:], "-x", "c", "-", "-o", tried)
	if c.static {
		args = append(args, "-static", "-lpthread")
	}
	cmd := exec.CommandContext(ctx, words[0], args...)
	cmd.Stdin = strings.NewReader("#include <pthread.h>\n#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(lastLines(string(out)+"\n"+err.Error(), 1))
	}
	machine, ok := map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}[platform]
	if !ok {
		return nil
	}
	program, err := elf.Open(tried)
	if err != nil {
		return err
	}
	defer program.Close()
	if program.Machine != machine {
		return fmt.Errorf("%s makes programs for %s", c.name, program.Machine)
	}
	return nil
}

func (c compiler) found() bool { return c.name != "" }

// cgo is the value of CGO_ENABLED.
func (c compiler) cgo() string {
	if c.found() {
		return "1"
	}
	return "0"
}

// flags are those of go build, with the linker's flags in them.
func (c compiler) flags(linker string) []string {
	if !c.found() || !c.static {
		return []string{"-ldflags", linker}
	}
	// Of the C library only what sqlite3 needs: names and users are looked up by Go, and nothing is loaded at run time.
	return []string{"-tags", "netgo,osusergo,sqlite_omit_load_extension", "-ldflags", linker + " -linkmode external -extldflags -static"}
}
