package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/duration"
	"github.com/claimsmith/claimsmith/sidecar/operator"
)

// sidecar looks at the socket, and at the process behind it.
func (d *doctor) sidecar(ctx context.Context) {
	d.part = "Sidecar"
	switch {
	case d.absent:
		d.unknown("socket", "the configuration says where it is", "-c FILE names it")
		return
	case d.outline == nil:
		d.unknown("socket", "the configuration, which says where it is, cannot be read", "claimsmith check -c "+d.o.File)
		return
	case d.outline.Socket == "":
		d.tcp(ctx)
	case !d.socket(ctx):
		return
	}
	d.status(ctx)
}

func (d *doctor) tcp(ctx context.Context) {
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", d.outline.TCP)
	if err != nil {
		d.wrong("address", "nobody answers at "+d.outline.TCP, d.start())
		return
	}
	_ = conn.Close() // it was only a knock
	d.ok("address", "somebody answers at "+d.outline.TCP+"; Dex reaches it with mutual TLS")
}

func (d *doctor) start() string { return "start it: claimsmith serve -c " + d.o.File }

// socket tells whether somebody serves.
func (d *doctor) socket(ctx context.Context) bool {
	path := d.outline.Socket
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.wrong("socket", "there is no "+path+": no sidecar is running here", d.start())
		return false
	case err != nil:
		d.wrong("socket", err.Error(), "run the doctor as the user of the sidecar, or as root")
		return false
	case info.Mode().Type() != fs.ModeSocket:
		d.wrong("socket", path+" is no socket", "move it away, and "+d.start())
		return false
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, syscall.EACCES):
		d.unknown("socket", "this user may not connect to "+path, "run the doctor as the user of the sidecar, or as root")
		return false
	case err != nil:
		d.wrong("socket", "nobody listens at "+path+" any more", d.start())
		return false
	}
	_ = conn.Close() // it was only a knock
	d.rights(path, info)
	return true
}

// rights says who can reach the socket.
func (d *doctor) rights(path string, info fs.FileInfo) {
	who := fmt.Sprintf("mode %04o", info.Mode().Perm())
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		who = fmt.Sprintf("user %d and group %d, %s", stat.Uid, stat.Gid, who)
	}
	if info.Mode().Perm()&0o002 != 0 { // who can write its folder is a problem of the configuration
		d.warn("socket", path+": every user of this machine can ask it ("+who+")", `write mode: "0660" in listen, and give Dex the group`)
	} else {
		d.ok("socket", path+" answers "+who+": Dex has to run as that user, or in that group")
	}
}

// status asks the process who it is.
func (d *doctor) status(ctx context.Context) {
	st, err := d.ask(ctx)
	if err != nil {
		d.unknown("running", "the sidecar does not answer its operator: "+err.Error(), "run the doctor as the user of the sidecar, or as root; claimsmith status -c "+d.o.File)
		return
	}
	d.running = true
	here := d.o.Sidecar.Version
	switch {
	case st.GetFailedReload() != nil:
		d.wrong("running", "the last reload failed, so an older configuration goes on: "+st.GetFailedReload().GetReason(), "claimsmith status -c "+d.o.File+" shows more")
	case st.GetVersion() != here:
		d.warn("running", fmt.Sprintf("the sidecar is version %s, this program is version %s", st.GetVersion(), here), "start the sidecar again with this program")
	default:
		d.ok("running", "the sidecar is version "+here+", like this program")
	}
	for _, p := range st.GetPlugins() {
		if p.GetState() != "running" {
			d.wrong("process "+p.GetName(), fmt.Sprintf("the plugin is %s, after %d restarts: %s", p.GetState(), p.GetRestarts(), p.GetLastCrash()), "the log of the sidecar says why")
		}
	}
	if st.GetLinksLost() != nil {
		d.wrong("links", "links between people and accounts were lost with a damaged file of state: nobody is linked at a first sign-in",
			"bring back the file; or claimsmith links accept keeps those that are left, claimsmith links add makes links by hand, and claimsmith links reset --all begins again: whoever signs in first is linked")
	}
	for _, p := range d.askPlugins(ctx, st) {
		if p.GetFailing() != "" {
			d.unknown("answers of "+p.GetName(), fmt.Sprintf("the last answer of the running plugin was an error, and errors began %s ago: %s",
				duration.Short(d.o.Now().Sub(p.GetFailingSince().AsTime()).Round(time.Second)), p.GetFailing()),
				"if all is well below, claimsmith plugin restart "+p.GetName()+" -c "+d.o.File+", and sign in once: the next answer counts")
		}
	}
	var down []string
	if d0 := st.GetDecisions(); d0.GetFailed() > 0 {
		down = append(down, fmt.Sprintf("%d of its decisions failed", d0.GetFailed()))
	}
	if len(down) > 0 {
		d.warn("decisions", strings.Join(down, ", "), "claimsmith why -c "+d.o.File+" lists them")
	}
}

func (d *doctor) ask(ctx context.Context) (st *adminv1.StatusResponse, err error) {
	err = d.operator(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		st, err = adminv1.NewAdminServiceClient(conn).Status(ctx, &adminv1.StatusRequest{})
		return err
	})
	return st, err
}

// answered is a plugin and since when it has not answered.
type answered interface {
	GetName() string
	GetFailing() string
	GetFailingSince() *timestamppb.Timestamp
}

// askPlugins returns what the running plugins say, in their own words where the sidecar tells them to its operator.
func (d *doctor) askPlugins(ctx context.Context, st *adminv1.StatusResponse) (all []answered) {
	err := d.operator(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		list, err := adminv1.NewPluginServiceClient(conn).ListPlugins(ctx, &adminv1.ListPluginsRequest{})
		for _, p := range list.GetPlugins() {
			all = append(all, p)
		}
		return err
	})
	if err != nil {
		for _, p := range st.GetPlugins() {
			all = append(all, p)
		}
	}
	return all
}

// operator asks the running sidecar something, as its operator.
func (d *doctor) operator(ctx context.Context, question func(context.Context, grpc.ClientConnInterface) error) error {
	at, err := operator.AdminSocket(d.o.File)
	if err != nil {
		return err
	}
	conn, err := operator.DialAdmin(at)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return question(ctx, conn)
}
