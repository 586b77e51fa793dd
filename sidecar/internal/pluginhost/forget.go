package pluginhost

// Forget drops all answers that the host remembers, of all plugins. Keys are digests, so it cannot be told which of them are
// about one person. A question that is being asked now is answered, and remembered, as usual.
func (h *Host) Forget() {
	h.answers.forget()
}

func (x *exchanges) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.young, x.old = nil, nil
}
