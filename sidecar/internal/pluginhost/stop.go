package pluginhost

import "slices"

// Stop ends one plugin that is not asked any more, and waits for it. Calls that it has are finished first, within some
// seconds. What the cache holds of it stays, for a plugin that is started later with the same name and configuration. A
// plugin that the host does not know, or stopped already, is left alone.
func (h *Host) Stop(p *Plugin) {
	h.mu.Lock()
	i := slices.Index(h.plugins, p)
	if i >= 0 {
		h.plugins = slices.Delete(h.plugins, i, i+1)
	}
	h.mu.Unlock()
	if i >= 0 {
		p.stop()
	}
}
