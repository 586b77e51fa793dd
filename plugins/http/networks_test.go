package http

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
)

func TestAddressesThatAreRefused(t *testing.T) {
	tests := []struct {
		address string
		allowed []string
		want    string
	}{
		{"93.184.215.14", nil, ""},
		{"2606:2800:21f:cb07:6820:80da:af6b:8b2c", nil, ""},
		{"127.0.0.1", nil, "this machine"},
		{"127.255.0.9", nil, "this machine"},
		{"::1", nil, "this machine, or another address in disguise"},
		{"::", nil, "this machine, or another address in disguise"},
		{"0.0.0.0", nil, "no address of a service"},
		{"10.1.2.3", nil, "private"},
		{"172.31.255.255", nil, "private"},
		{"172.32.0.0", nil, ""},
		{"192.168.0.1", nil, "private"},
		{"100.100.100.200", nil, "private to a provider"},
		{"169.254.169.254", nil, "link-local, or the metadata service of a cloud"},
		{"168.63.129.16", nil, "the metadata service of a cloud"},
		{"192.0.0.192", nil, "reserved"},
		{"255.255.255.255", nil, "reserved"},
		{"224.0.0.1", nil, "multicast"},
		{"fe80::1", nil, "link-local"},
		{"fe80::1%eth0", nil, "link-local"},
		{"fd00:ec2::254", nil, "private"},
		{"fc00::1", nil, "private"},
		{"fec0::1", nil, "private"},
		{"ff02::1", nil, "multicast"},
		{"4000::1", nil, "reserved"},
		{"::ffff:127.0.0.1", nil, "this machine"},
		{"::ffff:10.0.0.1", nil, "private"},
		{"::10.0.0.1", nil, "this machine, or another address in disguise"},
		{"::ffff:0:10.0.0.1", nil, "reserved"},
		{"64:ff9b::a00:1", nil, "another address in disguise"},
		{"2002:a00:1::", nil, "another address in disguise"},
		{"2001:0:a00:1::", nil, "reserved, or another address in disguise"},
		{"10.1.2.3", []string{"10.0.0.0/8"}, ""},
		{"::ffff:10.1.2.3", []string{"10.0.0.0/8"}, ""},
		{"11.1.2.3", []string{"10.0.0.0/8"}, ""},
		{"192.168.0.1", []string{"10.0.0.0/8", "192.168.0.2"}, "private"},
		{"fd00::1", []string{"fd00::/8"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.address, func(t *testing.T) {
			var allowed []netip.Prefix
			for _, s := range tt.allowed {
				p, err := parseNetwork(s)
				if err != nil {
					t.Fatal(err)
				}
				allowed = append(allowed, p)
			}
			address := netip.MustParseAddr(tt.address)
			want := ""
			if tt.want != "" {
				want = fmt.Sprintf("the address %s is refused (%s): name its network in allowNetworks if that is meant", address.Unmap().WithZone(""), tt.want)
			}
			got := ""
			if err := newGuard(allowed).control(context.Background(), "tcp", net.JoinHostPort(tt.address, "443"), nil); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
