package pluginhost

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
)

// account is the user id, with a group id, that a process gets. The zero value stands for those of the host: nobody is given
// to root.
type account struct{ uid, gid int }

// own reports whether it is another one than that of the host.
func (a account) own() bool { return a.uid != 0 }

var numbers = regexp.MustCompile(`^([0-9]+)(?::([0-9]+))?$`)

// accountOf returns the account that text means: a name of the user database, which brings its group along; a number, which
// is that of the group too; or two numbers, user:group, of which neither has to be in a database. Empty is the host's.
// message says why there is no such account.
func accountOf(text string) (a account, message, hint string) {
	if text == "" {
		return a, "", ""
	}
	uid, gid := text, ""
	if m := numbers.FindStringSubmatch(text); m == nil {
		known, err := user.Lookup(text)
		if err != nil {
			return a, "no user is called " + strconv.Quote(text), "a number needs no entry in /etc/passwd: user: 64001"
		}
		uid, gid = known.Uid, known.Gid
	} else if uid, gid = m[1], m[2]; gid == "" {
		gid = uid
	}
	const most = "a user id is a number up to 2147483647"
	u, err := strconv.ParseInt(uid, 10, 32)
	if err != nil {
		return a, uid + " is no user id", most
	}
	g, err := strconv.ParseInt(gid, 10, 32)
	if err != nil {
		return a, gid + " is no group id", most
	}
	if u == 0 || g == 0 {
		return a, "nothing is kept from root and its group", "name a user that nothing else runs as"
	}
	return account{int(u), int(g)}, "", ""
}

// IDs are the user and group ids that text means in a declaration.
func IDs(text string) (uid, gid int, err error) {
	a, message, _ := accountOf(text)
	if message != "" {
		return 0, 0, errors.New(message)
	}
	return a.uid, a.gid, nil
}

// give makes a the owner of an empty directory that the host made, and that nobody else could enter until now.
func (a account) give(dir string) error {
	if !a.own() {
		return nil
	}
	return os.Lchown(dir, a.uid, a.gid)
}

// lend lets a read and run what is in a directory that nobody else could enter until now. It stays root's, so that nothing
// of a can change it.
func (a account) lend(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o550)
		if entry.IsDir() {
			mode = 0o750
		}
		if err := os.Lchown(path, -1, a.gid); err != nil {
			return err
		}
		return os.Chmod(path, mode)
	})
}

// folder makes the working directory of a plugin, which nobody but its user can enter. Each user gets another one: what is
// in it belongs to who was there before.
func (h *Host) folder(name string, a account) (string, error) {
	dir := filepath.Join(h.dir, name)
	if a.own() {
		dir += "." + strconv.Itoa(a.uid)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o700); err != nil || !a.own() {
		return dir, err
	}
	// Others may pass through the directories above, and see nothing in them.
	for _, above := range []string{h.dir, h.sockets} {
		if err := os.Chmod(above, 0o711); err != nil {
			return "", err
		}
	}
	return dir, a.give(dir)
}

// checkUser returns what is wrong with the user that d names.
func (d Declaration) checkUser() (message, hint string) {
	a, message, hint := accountOf(d.User)
	if message != "" || !a.own() {
		return message, hint
	}
	return cannotChangeUser(), "leave it out, and the plugin runs as the user of claimsmith"
}

// sameUser reports whether a process of d may do what one of other may: it has no user of its own, or the same one.
func (d Declaration) sameUser(other Declaration) bool {
	mine, wrong, _ := accountOf(d.User)
	its, _, _ := accountOf(other.User)
	return wrong != "" || !mine.own() || mine.uid == its.uid
}

func (a account) String() string { return "user " + strconv.Itoa(a.uid) }
