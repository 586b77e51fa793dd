package sidecar_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// disguises are the forms in which a plugin may try to get a person past whoever looks for the address: in pieces, in capitals,
// encoded, and from the back.
func disguises(email string) []string {
	local, domain, _ := strings.Cut(email, "@")
	back := []byte(email)
	slices.Reverse(back)
	return []string{
		local, strings.ToUpper(local), local[:len(local)/2] + " " + local[len(local)/2:], "user " + strings.ToUpper(local) + " in tenant " + domain,
		base64.StdEncoding.EncodeToString([]byte(email)), base64.RawURLEncoding.EncodeToString([]byte(local)), hex.EncodeToString([]byte(email)), string(back),
	}
}

// betray is a plugin that tells who is asked for, in each way that it has.
func betray(email string) (sdk.Answer[personFacts], error) {
	said := strings.Join(disguises(email), " | ")
	switch way, _, _ := strings.Cut(email, "."); way {
	case "logs":
		slog.Error("cannot look up "+said, "who", said)
		slog.Debug(said)
		fmt.Fprintln(os.NewFile(2, "stderr"), said) // the real one
	case "throws":
		panic(said)
	case "dies":
		fmt.Fprintf(os.NewFile(2, "stderr"), "panic: runtime error: %s\n\ngoroutine 1 [running]:\nmain.%s(0x1)\n", disguises(email)[2], disguises(email)[1])
		os.Exit(2)
	}
	return sdk.Answer[personFacts]{}, errors.New("cannot look up " + said)
}

// TestNoWordOfAPluginReachesTheLog has a plugin betray the person in each way, and looks at all that leaves the sidecar unless the
// operator asks for it.
func TestNoWordOfAPluginReachesTheLog(t *testing.T) {
	collector := startCollector(t)
	r := serve(t, func(dir string) string {
		return household(dir) + fmt.Sprintf("metrics: {address: \"127.0.0.1:0\"}\ntracing: {otlpEndpoint: \"http://%s\", ratio: 1}\n", collector.address)
	})
	var statuses strings.Builder
	var ids, people []string
	for _, way := range []string{"says", "logs", "throws", "dies", "dies", "dies"} {
		email := way + ".wqkzjx@gmail.com"
		people = append(people, email)
		var trailer metadata.MD
		_, err := r.client().ExtendPayload(t.Context(), with(signIn(email), func(req *hookv1.ExtendPayloadRequest) { req.RequestId = way + fmt.Sprint(len(people)) }), grpc.Trailer(&trailer))
		if err == nil {
			t.Fatalf("%s: it failed to fail", way)
		}
		fmt.Fprintln(&statuses, err)
		ids = append(ids, trailer.Get("claimsmith-decision-id")...)
	}
	shown, err := r.admin().Explain(t.Context(), &adminv1.ExplainRequest{DecisionId: ids[0]})
	if err != nil || !strings.Contains(shown.GetDecision().GetErr(), "user SAYS.WQKZJX in tenant gmail.com") {
		t.Errorf("the operator does not see what the plugin said: %v, %v", shown, err)
	}
	status, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := r.admin().ListDecisions(t.Context(), &adminv1.ListDecisionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	numbers := r.scrape()
	r.stop()
	for where, text := range map[string]string{
		"log": r.log.String(), "status of gRPC": statuses.String(), "metrics": numbers, "spans": string(collector.bytes), "status": status.String(), "decisions": decisions.String(),
	} {
		text = strings.ToLower(text)
		for _, email := range people {
			for _, form := range append(disguises(email), "wqkzjx", "xjzkqw") {
				if strings.Contains(text, strings.ToLower(form)) {
					t.Errorf("%s: %q is in\n%s", where, form, text)
				}
			}
		}
	}
	if !strings.Contains(r.log.String(), "plugin nas: lookup: unavailable") {
		t.Error("the log does not say what kind of failure it was")
	}
}
