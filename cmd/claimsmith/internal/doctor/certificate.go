package doctor

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

// soon is how long before its end a certificate is worth a word.
const soon = 21 * 24 * time.Hour

// certificate looks at what the NAS shows, and gives the way in which the plugin verifies it. It is false when the plugin would refuse it.
func (d *doctor) certificate(ctx context.Context, base *url.URL, c synology.Config) (*tls.Config, bool) {
	if base.Scheme == "http" {
		d.warn("certificate", "there is none: with http:// everybody on the way can read the password of an administrator", "write https:// in url")
		return nil, true
	}
	shown, err := d.shown(ctx, base)
	if err != nil {
		text, do := silent(err)
		d.wrong("certificate", text, do)
		return nil, false
	}
	leaf := shown[0]
	pin := fingerprint(leaf)
	trust, roots, err := trusted(c)
	if err != nil {
		d.wrong("certificate", err.Error(), "correct caFile or certSha256 of the plugin in "+d.o.File)
		return nil, false
	}
	if c.CertSHA256 != "" {
		if !strings.EqualFold(strings.ReplaceAll(c.CertSHA256, ":", ""), strings.ReplaceAll(pin, ":", "")) {
			d.wrong("certificate", "the NAS shows another certificate than the one that certSha256 pins",
				"compare this fingerprint with the one in DSM (Control Panel, Security, Certificate), and only if they are equal write certSha256: "+pin)
			return nil, false
		}
		d.ok("certificate", "it is the one that certSha256 pins, "+until(leaf)+"; a new one needs a new pin")
		return trust, true
	}
	if why, do := d.distrusted(shown, roots, base.Hostname()); why != "" {
		d.wrong("certificate", why+"; it is made out for "+names(leaf)+", its fingerprint is "+pin, do)
		return nil, false
	}
	if left := leaf.NotAfter.Sub(d.o.Now()); left < soon {
		d.warn("certificate", fmt.Sprintf("it is good, and ends in %d days", int(left.Hours()/24)), "renew it in Control Panel, Security, Certificate")
		return trust, true
	}
	d.ok("certificate", "it is made out for "+names(leaf)+" and signed by "+signer(leaf)+", "+until(leaf)+"; fingerprint "+pin)
	return trust, true
}

// shown is the chain that the NAS shows. Nothing is sent to it.
func (d *doctor) shown(ctx context.Context, base *url.URL) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, ServerName: base.Hostname()}} // it is judged below
	conn, err := dialer.DialContext(ctx, "tcp", address(base))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return nil, errors.New("no certificate is shown")
	}
	return chain, nil
}

// silent tells a NAS that hangs from one that speaks something else than https.
func silent(err error) (text, do string) {
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.As(err, &record):
		return "this port does not speak https: " + plain(err), "write the https port of DSM in url: it is usually 5001"
	case errors.As(err, &network) && network.Timeout():
		return "the NAS takes the connection and then says nothing: its disks are starting, or DSM is stopping",
			"open DSM in a browser, and run the doctor again once its login page is there; Control Panel, Hardware & Power, HDD Hibernation says when it sleeps"
	}
	return "the NAS cut the connection before it showed a certificate: " + plain(err), "open DSM in a browser: it may be restarting; otherwise write its https port in url, usually 5001"
}

// trusted is how the plugin verifies: nil means by the authorities of the machine.
func trusted(c synology.Config) (trust *tls.Config, roots *x509.CertPool, err error) {
	switch {
	case c.CertSHA256 != "":
		trust, err = dsm.TrustFingerprint(c.CertSHA256)
	case c.CAFile != "":
		pem, readErr := os.ReadFile(c.CAFile)
		if readErr != nil {
			return nil, nil, readErr
		}
		if trust, err = dsm.TrustCA(pem); err == nil {
			roots = trust.RootCAs
		}
	}
	return trust, roots, err
}

// distrusted says why a chain is not trusted, and what to do; it is empty for one that is.
func (d *doctor) distrusted(chain []*x509.Certificate, roots *x509.CertPool, host string) (why, do string) {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between, CurrentTime: d.o.Now()})
	var (
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
	)
	pin := "compare the fingerprint with the one in DSM (Control Panel, Security, Certificate), and if they are equal write certSha256: " + fingerprint(chain[0])
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &hostname):
		return "the certificate is made out for another name than " + host, "write that name in url; or " + pin
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the certificate was good from %s to %s, which is not now", day(chain[0].NotBefore), day(chain[0].NotAfter)),
			"renew it in Control Panel, Security, Certificate, and check the clock of this machine"
	case roots != nil:
		return "no authority in caFile signed the certificate", "export the certificate in DSM (Control Panel, Security, Certificate) and name it in caFile; or " + pin
	}
	return "no authority that this machine knows signed the certificate, as is the case with the one that DSM makes itself", pin + "; or name its authority in caFile"
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	text := strings.ToUpper(hex.EncodeToString(sum[:]))
	var pairs []string
	for i := 0; i < len(text); i += 2 {
		pairs = append(pairs, text[i:i+2])
	}
	return strings.Join(pairs, ":")
}

func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, ", ")
}

func signer(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

func until(c *x509.Certificate) string { return "good until " + day(c.NotAfter) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
