package main

import (
	"bufio"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserPath returns a Chromium. Without one the test is skipped, but not where all tests have to run.
func browserPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const how = "there is no Chromium in PATH: apt-get install chromium"
	if os.Getenv("CLAIMSMITH_CI") != "" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

// artifacts is where a screenshot is kept.
func artifacts(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CLAIMSMITH_ARTIFACTS")
	if dir == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAPersonReadsWhy signs in with the wrong Google account, in a real browser, through the whole chain.
func TestAPersonReadsWhy(t *testing.T) {
	chromium := browserPath(t)
	issuer, nas := servedDemo(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.WindowSize(1000, 700))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	stop := time.AfterFunc(time.Minute, cancel)
	defer stop.Stop()

	start := issuer + "/auth?" + url.Values{
		"client_id": {"synology"}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"s1"},
		"redirect_uri": {nas},
	}.Encode()
	do(t, ctx, chromedp.Navigate(start))
	do(t, ctx, chromedp.WaitVisible(`#login`))
	do(t, ctx, chromedp.SendKeys(`#login`, "stranger@gmail.com"))
	do(t, ctx, chromedp.SendKeys(`#password`, "password\r"))
	do(t, ctx, chromedp.WaitVisible(`.theme-panel a`))
	heading, said := do(t, ctx, chromedp.Text(`.theme-heading`)), do(t, ctx, chromedp.Text(`.theme-panel p`))
	linkText, link := do(t, ctx, chromedp.Text(`.theme-panel a`)), do(t, ctx, chromedp.AttributeValue(`.theme-panel a`, "href")).Value
	picture := do(t, ctx, chromedp.FullScreenshot(100))
	file := filepath.Join(artifacts(t), "refused.png")
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("screenshot: %s", file)
	if heading != "Forbidden" || !regexp.MustCompile(`^No account on this NAS has the address stranger@gmail\.com\. \(decision \S+\)$`).MatchString(said) {
		t.Errorf("the page says %q: %q", heading, said)
	}
	if linkText != "Use another account" || !strings.Contains(link, "prompt=select_account") {
		t.Errorf("the link is %q to %s", linkText, link)
	}
}

// do runs one action in the browser.
func do[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// servedDemo brings up the demo, with a Google stand-in, and returns the issuer of its Dex and the URL of the NAS.
func servedDemo(t *testing.T) (issuer, nas string) {
	t.Helper()
	cmd := demoCommandLine(t, "--serve")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	found := make(chan [2]string, 1)
	go func() {
		var story strings.Builder
		places := regexp.MustCompile(`(?s)Everything stays up.*?(https://\S+).*Dex with the hook +(\S+).*logs and files`)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			story.WriteString(lines.Text() + "\n")
			if m := places.FindStringSubmatch(story.String()); m != nil {
				found <- [2]string{m[2], m[1]}
				return
			}
		}
		found <- [2]string{}
	}()
	select {
	case at := <-found:
		if at[0] == "" {
			t.Fatal("the demo does not say where its Dex is")
		}
		return at[0], at[1]
	case <-time.After(3 * time.Minute):
		t.Fatal("the demo does not come up")
	}
	return "", ""
}
