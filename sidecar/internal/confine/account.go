package confine

import (
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
)

// Account is the user id, with a group id, that a process gets. The zero value stands for those of the host: nobody is given
// to root.
type Account struct{ UID, GID int }

// Own reports whether it is another one than that of the host.
func (a Account) Own() bool { return a.UID != 0 }

var numbers = regexp.MustCompile(`^([0-9]+)(?::([0-9]+))?$`)

// AccountOf returns the account that text means: a name of the user database, which brings its group along; a number, which
// is that of the group too; or two numbers, user:group, of which neither has to be in a database. Empty is the host's.
// message says why there is no such account.
func AccountOf(text string) (a Account, message, hint string) {
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
	return Account{int(u), int(g)}, "", ""
}

// Give makes a the owner of an empty directory that the host made, and that nobody else could enter until now.
func (a Account) Give(dir string) error {
	if !a.Own() {
		return nil
	}
	return os.Lchown(dir, a.UID, a.GID)
}

// lend lets a read and run what is in a directory that nobody else could enter until now. It stays root's, so that nothing
// of a can change it.
func (a Account) lend(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o550)
		if entry.IsDir() {
			mode = 0o750
		}
		if err := os.Lchown(path, -1, a.GID); err != nil {
			return err
		}
		return os.Chmod(path, mode)
	})
}

// checkUser returns what is wrong with the user that d names.
func (d Declaration) checkUser() (message, hint string) {
	a, message, hint := AccountOf(d.User)
	if message != "" || !a.Own() {
		return message, hint
	}
	return cannotChangeUser(), "leave it out, and the plugin runs as the user of claimsmith"
}

// sameUser reports whether a process of d may do what one of other may: it has no user of its own, or the same one.
func (d Declaration) sameUser(other Declaration) bool {
	mine, wrong, _ := AccountOf(d.User)
	its, _, _ := AccountOf(other.User)
	return wrong != "" || !mine.Own() || mine.UID == its.UID
}

func (a Account) String() string { return "user " + strconv.Itoa(a.UID) }
