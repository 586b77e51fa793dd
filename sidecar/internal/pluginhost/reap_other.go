//go:build unix && !linux

package pluginhost

// reap waits for the process to end and kills what is left of its group.
func (p *process) reap() {
	_ = p.cmd.Wait() // the state says how it ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroup()
	p.gone = true
}
