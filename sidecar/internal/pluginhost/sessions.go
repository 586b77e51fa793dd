package pluginhost

import (
	"os/exec"
	"sync"
)

// sessions are those that plugins lead, by the id of their first process. A plugin and what it starts cannot leave its session where
// the kernel filters system calls.
type sessions struct {
	mu   sync.Mutex
	lead map[int]string
}

// start starts cmd as the leader of a session of the plugin. Nobody can ask for it before it is known.
func (s *sessions) start(plugin string, cmd *exec.Cmd, start func(*exec.Cmd) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := start(cmd); err != nil {
		return err
	}
	if s.lead == nil {
		s.lead = map[int]string{}
	}
	s.lead[cmd.Process.Pid] = plugin
	return nil
}

func (s *sessions) end(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lead, pid)
}

// PluginOf returns the name of the plugin of h that leads a session, or "".
func (h *Host) PluginOf(session int) string {
	h.sessions.mu.Lock()
	defer h.sessions.mu.Unlock()
	return h.sessions.lead[session]
}
