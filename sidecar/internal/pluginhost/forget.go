package pluginhost

import "context"

// Forget drops all answers that the host remembers, of all plugins, and erases those in the store. Keys are digests, so it
// cannot be told which of them are about one person. A question that is being asked now is answered, and remembered, as usual.
// After an error memory is empty, and the store holds what it held.
func (h *Host) Forget(ctx context.Context) error {
	h.said.forget() // nobody knows about whom that is
	if h.keeper == nil {
		h.answers.forget()
		return nil
	}
	return h.keeper.erase(ctx, h.answers.forget)
}

func (x *exchanges) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.young, x.old = nil, nil
}
