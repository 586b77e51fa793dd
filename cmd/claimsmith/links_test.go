package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func TestTheCommandsAboutLinks(t *testing.T) {
	file := recordingHousehold(t)
	write(t, file, []byte(strings.NewReplacer("DIR", filepath.Dir(file), "google: {", "google: {issuer: 'https://accounts.google.com', ", "cache: {ttl: 10m", "pin: {subject: identity.userId, account: people.name}, cache: {ttl: 10m").Replace(recordingConfig)))
	s := serve(t, file)
	request := mum(`{"sub":"a","aud":"synology","name":"Mum"}`)
	request.Identity.UserId = "108a"
	reply, err := s.client.ExtendPayload(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		args      []string
		code      int
		out, errs string
	}{
		{
			name: "list", args: []string{"links", "list"},
			out: "CONNECTOR  ISSUER                       USER  PLUGIN  ACCOUNT  ID  MADE   SINCE\ngoogle     https://accounts.google.com  108a  people  mum      -   first  WHEN\n",
		},
		{
			name: "add, to an account that is taken", args: []string{"links", "add", "--plugin", "people", "--connector", "google", "--user", "2", "--account", "mum"}, code: exitProblems,
			errs: "claimsmith: the person or the account is linked to another: see claimsmith links list, and reset that link first\n",
		},
		{
			name: "add, to a plugin that is not there", args: []string{"links", "add", "--plugin", "nas", "--connector", "google", "--user", "2", "--account", "mum"}, code: exitProblems,
			errs: "claimsmith: no plugin is called \"nas\"\nhint: known here: people\n",
		},
		{
			name: "add", args: []string{"links", "add", "--plugin", "people", "--connector", "google", "--user", "108a", "--account", "mum"},
			out: "linked: 108a of google and the account mum of people\n",
		},
		{
			name: "list what was confirmed", args: []string{"links", "list"},
			out: "CONNECTOR  ISSUER                       USER  PLUGIN  ACCOUNT  ID  MADE      SINCE\ngoogle     https://accounts.google.com  108a  people  mum      -   explicit  WHEN\n",
		},
		{name: "adopt what needs no adoption", args: []string{"links", "adopt", "--connector", "google"}, out: "adopted: 0 links\n"},
		{
			name: "adopt, of a connector without a provider", args: []string{"links", "adopt", "--connector", "github"}, code: exitProblems,
			errs: "claimsmith: the configuration names no provider for the connector \"github\": write its issuer under connectors\n",
		},
		{
			name: "reset, which?", args: []string{"links", "reset"}, code: exitProblems,
			errs: "claimsmith: say which links: by plugin, connector, user or account; or all\n",
		},
		{name: "reset another", args: []string{"links", "reset", "--account", "dad"}, code: exitProblems, errs: "claimsmith: nobody is linked to the account dad\nhint: claimsmith links list\n"},
		{name: "reset by more", args: []string{"links", "reset", "--account", "mum", "--user", "2"}, code: exitProblems, errs: "claimsmith: no link fits what is named\nhint: claimsmith links list\n"},
		{name: "reset", args: []string{"links", "reset", "--account", "mum"}, out: "reset: 1 link\n"},
		{
			name: "add, by a decision", args: []string{"links", "add", "--decision", reply.GetDecisionId(), "--plugin", "people", "--account", "mum"},
			out: "linked: 108a of google and the account mum of people\n",
		},
		{name: "reset what was added", args: []string{"links", "reset", "--account", "mum"}, out: "reset: 1 link\n"},
		{name: "list nothing", args: []string{"links", "list"}, out: "no links\n"},
		{name: "list nothing as JSON", args: []string{"links", "list", "--json"}, out: "{}\n"},
		{name: "accept what is sound", args: []string{"links", "accept"}, out: "accepted: 0 links; taken away: 0 rows\n"},
		{name: "accept what is all", args: []string{"links", "accept", "--complete"}, out: "accepted: 0 links; taken away: 0 rows\n"},
		{name: "reset all", args: []string{"links", "reset", "--all"}, out: "reset: 0 links\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := about(t, file, test.args...)
			if diff := cmp.Diff([]string{fmt.Sprint(test.code), test.out, test.errs}, []string{fmt.Sprint(code), out, errs}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAListOfLinksShowsWhatIsWrong(t *testing.T) {
	got := linkTable(&adminv1.ListLinksResponse{Unreadable: 3, Lost: timestamppb.New(time.Unix(1_800_000_000, 0)), Links: []*adminv1.Link{{ConnectorId: "google", UserId: "\x1b[2J", Plugin: "nas", Account: "mum", AccountId: "1026"}}})
	const want = `CONNECTOR  ISSUER  USER       PLUGIN  ACCOUNT  ID    MADE   SINCE
google     -       "\x1b[2J"  nas     mum      1026  first  1970-01-01 00:00:00
links were lost, which is known since 2027-01-15 08:00:00: the file of state was damaged or changed, is an older one, or one of an older claimsmith. Nobody is linked at a first sign-in, and links that are not sound do not hold, until claimsmith links accept or claimsmith links reset --all
3 rows cannot be read: bring back the key that state had, or take all apart with claimsmith links reset --all
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
