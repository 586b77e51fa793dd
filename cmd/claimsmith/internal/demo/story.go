package demo

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// story signs in, tells what happens and fills the report.
func (c *Chain) story(ctx context.Context, r *Report) error {
	if err := c.compare(ctx, r); err != nil {
		return err
	}
	start := time.Now()
	name, err := c.SignIn(ctx, mum().email)
	if err != nil {
		return err
	}
	r.SignedInAs, r.Timings.SignIn = name, since(start)
	c.say("The same login, through the NAS: signed in to DSM as %s.\n\n", name)

	c.say("Who is not let in, and what their browser showed:\n\n")
	start = time.Now()
	for _, who := range refusedPeople() {
		refused, err := c.refusal(ctx, who)
		if err != nil {
			return err
		}
		r.Refused = append(r.Refused, refused)
		c.say("    %s (status %d, %s)\n        %s\n", refused.User, refused.HTTPStatus, refused.Rule, refused.Seen)
	}
	r.Timings.Refused = since(start)
	c.say("\n")
	return nil
}

// compare issues a token for the same person and client by a Dex without the hook and by the hooked one.
func (c *Chain) compare(ctx context.Context, r *Report) error {
	who := mum()
	r.Person = who.who
	before, err := c.issue(ctx, c.at.stockIssuer(), who)
	if err != nil {
		return fmt.Errorf("issue a token by Dex without the hook: %w", err)
	}
	after, err := c.issue(ctx, c.at.issuer(), who)
	if err != nil {
		return fmt.Errorf("issue a token by Dex with the hook: %w", err)
	}
	r.Before, r.IDToken, r.AccessToken, r.Userinfo = before.idToken, after.idToken, after.accessToken, after.userinfo
	d, err := lastDecision(ctx, c.sidecar.log, func(d decision) bool { return d.Stage == "token" })
	if err != nil {
		return err
	}
	if r.Changed, err = changes(d, r.IDToken); err != nil {
		return err
	}
	r.DecisionID = d.ID
	return c.sayCompared(r)
}

func (c *Chain) issue(ctx context.Context, issuer string, who person) (*issued, error) {
	b, err := newBrowser(c.nas.CA())
	if err != nil {
		return nil, err
	}
	defer b.close()
	return relyingParty{issuer: issuer, redirectURI: c.at.nas, client: c.http}.tokens(ctx, b, who)
}

func (c *Chain) sayCompared(r *Report) error {
	c.say("%s signs in with Google. The ID token of Dex without the hook, signature verified:\n\n", strings.ToUpper(r.Person[:1])+r.Person[1:])
	plain, err := comparison(r.Before, r.Before)
	if err != nil {
		return err
	}
	marked, err := comparison(r.Before, r.IDToken)
	if err != nil {
		return err
	}
	userinfo, err := comparison(r.Before, r.Userinfo)
	if err != nil {
		return err
	}
	c.say("%s\nThe same login through Dex with the hook, signature verified (decision %s):\n\n%s\n", plain, r.DecisionID, marked)
	c.say("Why, from the sidecar's decision line:\n\n")
	for _, change := range r.Changed {
		c.say("    %-20s %s, from %s\n", change.Claim, change.Rule, strings.Join(change.Facts, ", "))
	}
	c.say("\nWhat /userinfo says, which is where DSM reads the name:\n\n%s\n", userinfo)
	return nil
}

func (c *Chain) say(format string, args ...any) { fmt.Fprintf(c.o.Say, format, args...) }

func (c *Chain) sayServing() {
	c.say(`Everything stays up until ^C. Try it in a browser:

    %s
        the NAS; its certificate is signed by %s
        sign in as mum@gmail.com or kid@gmail.com, password "password";
        stranger@gmail.com, grandpa@gmail.com, dad@gmail.com and aunt@gmail.com are refused, each for a reason of their own

    Dex with the hook   %s
    Dex without it      %s
    logs and files      %s

`, c.at.nas, c.at.caFile, c.at.issuer(), c.at.stockIssuer(), c.at.dir)
}
