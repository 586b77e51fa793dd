package sdk

import "time"

// lostHost returns when the process that started this one is gone: whoever adopts it has another id.
func lostHost(parent func() int, tick <-chan time.Time) {
	for host := parent(); parent() == host; {
		<-tick
	}
}
