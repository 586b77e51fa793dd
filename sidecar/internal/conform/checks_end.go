package conform

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
)

func (r *runner) signals(ctx context.Context) verdict {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(r.p.cmd.Process.Pid, sig); err != nil {
			return broken("%s: %v", sig, err)
		}
	}
	if r.p.ended(500 * time.Millisecond) {
		if err := r.alive(ctx); err != nil {
			return broken("it does not start again: %v", err)
		}
		return broken("SIGINT, SIGTERM or SIGHUP ended it").
			but("they reach all processes of a terminal or a service at once, and the host still waits for answers: ignore them")
	}
	return r.answers(ctx, "after SIGINT, SIGTERM and SIGHUP")
}

func (r *runner) shutdown(ctx context.Context) verdict {
	asked, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	begun := time.Now()
	err := r.conn.Invoke(asked, "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{}) // the connection may break before the answer
	p := r.p
	if !p.ended(endTime - time.Since(begun)) {
		const hint = "serve plugin.GRPCController, whose Shutdown ends the process; one that does not end is killed"
		if err != nil {
			return broken("plugin.GRPCController/Shutdown gave %s, and it was still running %s later", said(err), endTime).but(hint)
		}
		return broken("it was still running %s after plugin.GRPCController/Shutdown", endTime).but(hint)
	}
	success, orphans, end := p.cmd.ProcessState.Success(), p.orphans(), p.cmd.ProcessState
	r.down()
	switch {
	case !success:
		return broken("it ended with %s", end)
	case orphans:
		return broken("processes that it started outlive it")
	}
	return kept("")
}

func (r *runner) stdout(context.Context) verdict {
	r.down()
	switch {
	case anyRepeats(r.outs, r.values):
		return broken("what it was asked stands on stdout").but("nothing belongs there but the handshake")
	case len(r.outs) > 0:
		return broken("it printed %d lines after the handshake", len(r.outs)).but("the host counts them and throws them away")
	}
	return kept("")
}

// searched adds to a verdict on what was printed that not all could be looked for in it.
func (r *runner) searched(v verdict) verdict {
	if r.short == 0 {
		return v
	}
	return v.but(fmt.Sprintf("of what it was asked, %s too short to be looked for: ask with texts of %d letters and more", values(r.short), telling))
}

func values(n int) string {
	if n == 1 {
		return "1 value is"
	}
	return fmt.Sprintf("%d values are", n)
}

func (r *runner) stderr(context.Context) verdict {
	r.down()
	if anyRepeats(r.errs, r.values) {
		return broken("what it was asked stands on stderr").but("personal data and secrets do not belong into logs")
	}
	loose := 0
	for _, line := range r.errs {
		if !isRecord(line) {
			loose++
		}
	}
	if loose > 0 {
		return verdict{outcome: Warning, detail: plural(loose) + " no log records", hint: "the host counts them and throws them away: it cannot know what is in them"}
	}
	return r.searched(kept("%d records", len(r.errs)))
}
