// Package socket is where callers come in: unix sockets that only those may reach who should, and mutual TLS over a network whose
// certificates are read again when they change. The engine listens for hooks, operator for the operator.
package socket
