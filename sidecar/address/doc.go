// Package address compares e-mail addresses, in one way for all plugins: who has the address of somebody else is somebody
// else, so that two addresses are the same only when nobody could doubt it.
package address
