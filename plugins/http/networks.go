package http

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// inside are the networks that are refused unless they are named: those that not everybody can reach, those that no service
// has, and those that hold another address.
var inside = []struct{ network, what string }{
	{"0.0.0.0/8", "no address of a service"},
	{"10.0.0.0/8", "private"},
	{"100.64.0.0/10", "private to a provider"},
	{"127.0.0.0/8", "this machine"},
	{"168.63.129.16/32", "the metadata service of a cloud"},
	{"169.254.0.0/16", "link-local, or the metadata service of a cloud"},
	{"172.16.0.0/12", "private"},
	{"192.0.0.0/24", "reserved"},
	{"192.0.2.0/24", "reserved"},
	{"192.88.99.0/24", "reserved"},
	{"192.168.0.0/16", "private"},
	{"198.18.0.0/15", "reserved"},
	{"198.51.100.0/24", "reserved"},
	{"203.0.113.0/24", "reserved"},
	{"224.0.0.0/4", "multicast"},
	{"240.0.0.0/4", "reserved"},
	{"::/96", "this machine, or another address in disguise"},
	{"64:ff9b::/96", "another address in disguise"},
	{"64:ff9b:1::/48", "another address in disguise"},
	{"100::/64", "reserved"},
	{"2001::/23", "reserved, or another address in disguise"},
	{"2001:db8::/32", "reserved"},
	{"2002::/16", "another address in disguise"},
	{"3fff::/20", "reserved"},
	{"5f00::/16", "reserved"},
	{"fc00::/7", "private"},
	{"fe80::/10", "link-local"},
	{"fec0::/10", "private"},
	{"ff00::/8", "multicast"},
	{"::/3", "reserved"}, // all that is not 2000::/3, which is what everybody can reach
	{"4000::/2", "reserved"},
	{"8000::/1", "reserved"},
}

// guard decides which addresses may be connected to.
type guard struct {
	refused []refused
	allowed []netip.Prefix
}

type refused struct {
	netip.Prefix
	what string
}

func newGuard(allowed []netip.Prefix) *guard {
	g := &guard{allowed: allowed}
	for _, n := range inside {
		g.refused = append(g.refused, refused{netip.MustParsePrefix(n.network), n.what})
	}
	return g
}

// AddressError is the error for an address that must not be connected to.
type AddressError struct {
	Address netip.Addr
	What    string // what it is
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("the address %s is refused (%s): name its network in allowNetworks if that is meant", e.Address, e.What)
}

// check returns an *AddressError for an address that is refused.
func (g *guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	for _, p := range g.allowed {
		if p.Contains(a) {
			return nil
		}
	}
	for _, r := range g.refused {
		if r.Contains(a) {
			return &AddressError{a, r.what}
		}
	}
	return nil
}

// control checks the address of a socket that is about to connect. It is for net.Dialer.
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("an address that is none of IP")
	}
	return g.check(to.Addr())
}

// parseNetwork reads a network, or an address that stands for itself.
func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, errNetwork
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return netip.Prefix{}, errNetwork
	case p.Masked() != p:
		return netip.Prefix{}, fmt.Errorf("the network is written %s", p.Masked())
	case p.Bits() == 0:
		return netip.Prefix{}, errors.New("this is every address there is: name the networks that are meant")
	}
	return p, nil
}

var errNetwork = errors.New("must be a network like 10.0.0.0/8, or an address")
