//go:build amd64 || arm64

package confine

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// answerTo runs a filter as the kernel does (only what compileCalls makes), and returns the answer.
func answerTo(t *testing.T, filter []unix.SockFilter, arch, number uint32, args ...uint32) string {
	t.Helper()
	data := map[uint32]uint32{callNumber: number, callArch: arch}
	for i, a := range args {
		data[callArgument+8*uint32(i)] = a
	}
	var a uint32
	for pc := 0; pc < len(filter); pc++ {
		in := filter[pc]
		taken := false
		switch in.Code {
		case loadWord:
			a = data[in.K]
			continue
		case andWith:
			a &= in.K
			continue
		case answer:
			if in.K == unix.SECCOMP_RET_ALLOW {
				return "goes through"
			}
			return unix.ErrnoName(unix.Errno(in.K & unix.SECCOMP_RET_DATA))
		case jumpEq:
			taken = a == in.K
		case jumpMore:
			taken = a > in.K
		case jumpBits:
			taken = a&in.K != 0
		default:
			t.Fatalf("unknown instruction %+v", in)
		}
		if taken {
			pc += int(in.Jt)
		} else {
			pc += int(in.Jf)
		}
	}
	t.Fatal("it ran off the end")
	return ""
}

func TestWhichSystemCallsGoThrough(t *testing.T) {
	const pid, other = 4711, 4712
	alone, signals := orders{Files: true}, true
	may, open := orders{Files: true, Processes: 1}, orders{}
	thread := uint32(unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD)
	tests := []struct {
		name    string
		o       orders
		signals bool
		arch    uint32
		number  uint32
		args    []uint32
		want    string
	}{
		{"to read", alone, signals, auditArch, unix.SYS_READ, nil, "goes through"},
		{"of another architecture", alone, signals, unix.AUDIT_ARCH_I386, unix.SYS_READ, nil, "ENOSYS"},
		{"of x32", alone, signals, auditArch, 0x40000000 + unix.SYS_READ, nil, "ENOSYS"},
		{"the newest that was looked at", alone, signals, auditArch, unix.SYS_MSEAL, nil, "goes through"},
		{"one that nobody looked at", alone, signals, auditArch, unix.SYS_MSEAL + 1, nil, "ENOSYS"},
		{"a thread", alone, signals, auditArch, unix.SYS_CLONE, []uint32{thread}, "goes through"},
		{"a process", alone, signals, auditArch, unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD)}, "EPERM"},
		{"a process that is allowed", may, signals, auditArch, unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD)}, "goes through"},
		{"a child of the host", may, signals, auditArch, unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD) | unix.CLONE_PARENT}, "EPERM"},
		{"a namespace", may, signals, auditArch, unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD) | unix.CLONE_NEWUSER}, "EPERM"},
		{"a thread with a namespace", alone, signals, auditArch, unix.SYS_CLONE, []uint32{thread | unix.CLONE_NEWNET}, "EPERM"},
		{"its own limits", alone, signals, auditArch, unix.SYS_PRLIMIT64, []uint32{0}, "goes through"},
		{"its own limits by its id", alone, signals, auditArch, unix.SYS_PRLIMIT64, []uint32{pid}, "goes through"},
		{"limits of another", alone, signals, auditArch, unix.SYS_PRLIMIT64, []uint32{other}, "EPERM"},
		{"a signal to itself", alone, signals, auditArch, unix.SYS_KILL, []uint32{pid}, "goes through"},
		{"a signal to all", alone, signals, auditArch, unix.SYS_KILL, []uint32{^uint32(0)}, "EPERM"},
		{"a signal to another", alone, signals, auditArch, unix.SYS_KILL, []uint32{other}, "EPERM"},
		{"a signal to a child", may, signals, auditArch, unix.SYS_KILL, []uint32{other}, "goes through"},
		{"a signal to a thread of its own", alone, signals, auditArch, unix.SYS_TGKILL, []uint32{pid, pid + 1}, "goes through"},
		{"a signal to a thread of another", alone, signals, auditArch, unix.SYS_TGKILL, []uint32{other, other}, "EPERM"},
		{"a signal to a thread, which Landlock looks at", alone, signals, auditArch, unix.SYS_TKILL, []uint32{pid}, "goes through"},
		{"a signal to a thread, which nobody looks at", alone, !signals, auditArch, unix.SYS_TKILL, []uint32{pid}, "EPERM"},
		{"the name of a thread", alone, signals, auditArch, unix.SYS_PRCTL, []uint32{unix.PR_SET_NAME}, "goes through"},
		{"to outlive its host", alone, signals, auditArch, unix.SYS_PRCTL, []uint32{unix.PR_SET_PDEATHSIG}, "EPERM"},
		{"to share a processor", alone, signals, auditArch, unix.SYS_PRCTL, []uint32{unix.PR_SCHED_CORE}, "EPERM"},
		{"a socket", alone, signals, auditArch, unix.SYS_SOCKET, []uint32{unix.AF_INET6, unix.SOCK_STREAM, 0}, "goes through"},
		{"a socket of another family", alone, signals, auditArch, unix.SYS_SOCKET, []uint32{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, "EAFNOSUPPORT"},
		{"a socket that Landlock does not look at", alone, signals, auditArch, unix.SYS_SOCKET, []uint32{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, "EPROTONOSUPPORT"},
		{"to send", alone, signals, auditArch, unix.SYS_SENDTO, []uint32{3, 0, 0, unix.MSG_NOSIGNAL}, "goes through"},
		{"to connect while sending", alone, signals, auditArch, unix.SYS_SENDTO, []uint32{3, 0, 0, unix.MSG_NOSIGNAL | unix.MSG_FASTOPEN}, "EPERM"},
		{"the same in a message", alone, signals, auditArch, unix.SYS_SENDMSG, []uint32{3, 0, unix.MSG_FASTOPEN}, "EPERM"},
		{"the flags of a descriptor", alone, signals, auditArch, unix.SYS_FCNTL, []uint32{3, unix.F_SETFL}, "goes through"},
		{"the owner of a descriptor", alone, signals, auditArch, unix.SYS_FCNTL, []uint32{3, unix.F_SETOWN}, "EPERM"},
		{"a notice on a folder", alone, signals, auditArch, unix.SYS_FCNTL, []uint32{3, unix.F_NOTIFY}, "EPERM"},
		{"is it a terminal", alone, signals, auditArch, unix.SYS_IOCTL, []uint32{3, unix.TCGETS}, "goes through"},
		{"the flags of a file", alone, signals, auditArch, unix.SYS_IOCTL, []uint32{3, unix.FS_IOC_SETFLAGS}, "ENOTTY"},
		{"to write a file again", alone, signals, auditArch, unix.SYS_OPENAT, []uint32{0, 0, unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC}, "goes through"},
		{"to empty a file that is read", alone, signals, auditArch, unix.SYS_OPENAT, []uint32{0, 0, unix.O_RDONLY | unix.O_TRUNC | unix.O_CLOEXEC}, "EPERM"},
		{"the mode of a file", alone, signals, auditArch, unix.SYS_FCHMODAT, nil, "EPERM"},
		{"an attribute", alone, signals, auditArch, unix.SYS_FSETXATTR, nil, "ENOTSUP"},
		{"the mode of a file, unconfined", open, signals, auditArch, unix.SYS_FCHMODAT, nil, "goes through"},
		{"to trace, unconfined", open, signals, auditArch, unix.SYS_PTRACE, nil, "EPERM"},
		{"io_uring", alone, signals, auditArch, unix.SYS_IO_URING_SETUP, nil, "ENOSYS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := answerTo(t, compileCalls(callRules(tt.o, pid, tt.signals)), tt.arch, tt.number, tt.args...); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNoSystemCallHasTwoRules(t *testing.T) {
	seen := map[uint32]bool{}
	for _, r := range callRules(orders{Files: true}, 1, false) {
		for _, call := range r.calls {
			if seen[call] {
				t.Errorf("the call %d has two rules: the second is never looked at", call)
			}
			seen[call] = true
		}
	}
}

func TestWhatEachVersionOfLandlockIsAskedFor(t *testing.T) {
	const fs1, fs2, fs3, fs5 = 0x1fff, 0x3fff, 0x7fff, 0xffff
	tests := []struct {
		version int
		want    unix.LandlockRulesetAttr
		size    uintptr
		audited uintptr
		held    string
	}{
		{1, unix.LandlockRulesetAttr{Handled_access_fs: fs1}, 8, 0, "files (Landlock 1), all TCP ports"},
		{2, unix.LandlockRulesetAttr{Handled_access_fs: fs2}, 8, 0, "files (Landlock 2), all TCP ports"},
		{3, unix.LandlockRulesetAttr{Handled_access_fs: fs3}, 8, 0, "files (Landlock 3), all TCP ports"},
		{4, unix.LandlockRulesetAttr{Handled_access_fs: fs3, Handled_access_net: 3}, 16, 0, "files (Landlock 4), TCP to 53 443"},
		{5, unix.LandlockRulesetAttr{Handled_access_fs: fs5, Handled_access_net: 3}, 16, 0, "files (Landlock 5), TCP to 53 443"},
		{6, unix.LandlockRulesetAttr{Handled_access_fs: fs5, Handled_access_net: 3, Scoped: 3}, 24, 0, "files (Landlock 6), no signals to others, TCP to 53 443"},
		{7, unix.LandlockRulesetAttr{Handled_access_fs: fs5, Handled_access_net: 3, Scoped: 3}, 24, 2, "files (Landlock 7), no signals to others, TCP to 53 443"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.version), func(t *testing.T) {
			got, size := ruleset(tt.version)
			if got != tt.want || size != tt.size || audited(tt.version) != tt.audited {
				t.Errorf("got %+v of %d bytes, flags %d, want %+v of %d, flags %d", got, size, audited(tt.version), tt.want, tt.size, tt.audited)
			}
			held := landlocked(tt.version, orders{Connect: []int{53, 443}})
			want := "user 0, as claimsmith, " + tt.held + ", all system calls, may start processes, no limit of memory, no limit of descriptors"
			if diff := cmp.Diff(want, held.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestThePortsOfAPlugin(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
	tests := []struct {
		name, config string
		env          []string
		connect      []int
		want         []int
	}{
		{"of nothing", ``, nil, nil, []int{53}},
		{"of a URL with a port", `{"url":"https://nas.example.org:5001"}`, nil, nil, []int{53, 5001}},
		{"of URLs anywhere in it", `{"servers":[{"at":"ldaps://a"},{"at":"ldap://[::1]"}]}`, nil, nil, []int{53, 389, 636}},
		{"of domains", `{"a":"ldap+srv://example.org","b":"ldaps+srv://example.org"}`, nil, nil, []int{53, 389, 636}},
		{"of databases", `{"a":"postgres://u@a/b","b":"mysql://u@a/b","c":"mysql://u@/b?socket=/run/a"}`, nil, nil, []int{53, 3306, 5432}},
		{"of URLs in a list", `{"urls":["ldaps://a:1636","ldaps://b"]}`, nil, nil, []int{53, 636, 1636}},
		{"of a URL with placeholders", `{"url":"https://crm.example.org/people/{name}?mail={email}"}`, nil, nil, []int{53, 443}},
		{"not of what is no URL", `{"a":"nas.example.org:5001","b":"see https://x","c":"file:///etc/passwd","d":"foo://x","e":7}`, nil, nil, []int{53}},
		{"not of a port that is none", `{"url":"https://nas.example.org:99999"}`, nil, nil, []int{53}},
		{"of a variable that is handed on", `{}`, []string{"HTTPS_PROXY", "NOT_SET"}, nil, []int{53, 3128}},
		{"of its limits", `{"url":"http://a:80"}`, nil, []int{443, 80}, []int{53, 80, 443}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Declaration{Config: json.RawMessage(tt.config), Env: tt.env, Limits: Limits{Connect: tt.connect}}
			if diff := cmp.Diff(tt.want, d.ports()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
