package files

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWritableByOthers(t *testing.T) {
	for _, c := range []struct {
		name         string
		folder, file fs.FileMode
		want         string // FOLDER stands for the folder
	}{
		{"only the owner writes", 0o755, 0o644, ""},
		{"the group writes the file", 0o755, 0o664, "FOLDER/c.yaml can be written by its group: mend it with chmod go-w FOLDER/c.yaml"},
		{"everybody writes the file", 0o755, 0o666, "FOLDER/c.yaml can be written by everybody: mend it with chmod go-w FOLDER/c.yaml"},
		{
			"the group writes the folder", 0o775, 0o644,
			"the folder FOLDER can be written by its group, who could replace c.yaml: mend it with chmod go-w FOLDER",
		},
		{
			"everybody writes the folder", 0o777, 0o644,
			"the folder FOLDER can be written by everybody, who could replace c.yaml: mend it with chmod go-w FOLDER",
		},
		{"everybody removes only what is his own", 0o777 | fs.ModeSticky, 0o644, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := realDir(t)
			file := filepath.Join(folder, "c.yaml")
			write(t, file, "", c.file)
			chmod(t, folder, c.folder)
			if got := message(WritableByOthers(file), folder); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestWritableByOthersLooksBehindAndBesideLinks(t *testing.T) {
	safe, open := realDir(t), realDir(t)
	chmod(t, open, 0o777)
	write(t, filepath.Join(open, "c.yaml"), "", 0o644)
	write(t, filepath.Join(safe, "c.yaml"), "", 0o644)
	for _, c := range []struct{ name, link, target string }{
		{"a safe link to an open folder", filepath.Join(safe, "link"), filepath.Join(open, "c.yaml")},
		{"an open link to a safe folder", filepath.Join(open, "link"), filepath.Join(safe, "c.yaml")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.Symlink(c.target, c.link); err != nil {
				t.Fatal(err)
			}
			err := WritableByOthers(c.link)
			if err == nil || !strings.HasPrefix(err.Error(), "the folder "+open+" can be written by everybody") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestWritableByOthersLooksAtTheWholeWay: who can replace a folder or a link on the way puts a file of his own at the end of it.
func TestWritableByOthersLooksAtTheWholeWay(t *testing.T) {
	safe, open := realDir(t), realDir(t)
	for _, folder := range []string{filepath.Join(open, "v1"), filepath.Join(safe, "v1"), filepath.Join(safe, "conf")} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, "c.yaml"), "", 0o644)
	}
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(safe, "v1"), filepath.Join(open, "current"))
	link(filepath.Join(open, "current", "c.yaml"), filepath.Join(safe, "c.yaml"))
	link("../conf/../conf", filepath.Join(safe, "conf", "here"))
	link("round", filepath.Join(safe, "round"))
	chmod(t, open, 0o777)
	for _, c := range []struct {
		name, file, want string
		folders          []string
	}{
		{"a link on the way", filepath.Join(safe, "c.yaml"),
			"the folder OPEN can be written by everybody, who could replace current: mend it with chmod go-w OPEN", []string{safe, open, filepath.Join(safe, "v1")}},
		{"a folder on the way", filepath.Join(open, "v1", "c.yaml"),
			"the folder OPEN can be written by everybody, who could replace v1: mend it with chmod go-w OPEN", []string{filepath.Join(open, "v1")}},
		{"a link to its own folder", filepath.Join(safe, "conf", "here", "c.yaml"), "", []string{filepath.Join(safe, "conf")}},
		{"a link to itself", filepath.Join(safe, "round"), "look at SAFE/round: too many levels of symbolic links", []string{safe}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.NewReplacer(open, "OPEN", safe, "SAFE").Replace(message(WritableByOthers(c.file), safe+" ")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			slices.Sort(c.folders)
			if got := FoldersOf(c.file, c.file); !slices.Equal(got, c.folders) {
				t.Errorf("folders %q, want %q", got, c.folders)
			}
		})
	}
}

func TestWritableByOthersNeedsTheFile(t *testing.T) {
	folder := realDir(t)
	want := "look at FOLDER/c.yaml: no such file or directory"
	if got := message(WritableByOthers(filepath.Join(folder, "c.yaml")), folder); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// realDir is a folder of our own whose name is no link.
func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	chmod(t, dir, 0o755)
	return dir
}

func chmod(t *testing.T, file string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func message(err error, folder string) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), folder, "FOLDER")
}
