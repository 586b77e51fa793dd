package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatHappensWhenIsProven: each row of the table is here, as the page has it, with the tests that prove it.
func TestWhatHappensWhenIsProven(t *testing.T) {
	type proof struct {
		row   string            // all but the counters
		tests map[string]string // by the folder of the package
	}
	proofs := []proof{
		{"is well | an answer younger than `ttl` (`negativeTtl` for \"not found\"); the age that the plugin gave it counts | that answer, without a call",
			map[string]string{"sidecar/internal/answers": "TestWhatHappensWhenAPluginFails TestTheCache"}},
		{"is well | the same, in the last fifth of `ttl` | that answer; one call in the background replaces it. Only questions cause it: where nobody asks, nothing is called",
			map[string]string{"sidecar/internal/answers": "TestRefreshAheadOfExpiry"}},
		{"is well | nothing, or what has expired | one call, shared by all who ask the same",
			map[string]string{"sidecar/internal/answers": "TestWhatHappensWhenAPluginFails TestAllWhoAskAtTheSameTimeShareACall"}},
		{" | nothing in memory, but the `state` of the sidecar has the last answer to a lookup with `maxStale`: after a restart, or from another sidecar that shares it | that answer with its age, as if it had been in memory: fresh, or there for when the plugin fails. What its plugin does not promise any more, and what is of another configuration of it, is nothing",
			map[string]string{"sidecar/internal/answers": "TestWhatIsKnownAfterARestart TestReplicasShareWhatTheyKnow TestAnotherConfigurationDoesNotSeeWhatWasKept"}},
		{" | the same, and the store is away, slow or damaged | it is waited for a tenth of the time at most, and then nothing is known. A start is never kept up",
			map[string]string{"sidecar/internal/answers": "TestASlowStoreCostsAShortPartOfTheTime", "sidecar": "TestALostStoreCostsNoStart"}},
		{"is well, and does not know somebody any more | an answer from before | \"not found\", at once; what was kept is removed, for all who share it",
			map[string]string{"sidecar/internal/answers": "TestWhoIsGoneDoesNotComeBackAfterARestart"}},
		{" | what should be kept, and the store cannot be written | it waits: 1024 answers do, the oldest go first, and who is gone goes last. Nobody who signs in waits",
			map[string]string{"sidecar/internal/answers": "TestWhatCannotBeKeptIsDroppedAndCounted TestThatSomebodyIsGoneWaitsForTheStore"}},
		{"is slow | an answer younger than `maxStale` | its answer if it comes within four fifths of the time; else the old one, marked as stale with its age",
			map[string]string{"sidecar/internal/answers": "TestWhatHappensWhenAPluginFails TestAStaleAnswerComesWhileThereIsStillTime"}},
		{"hangs, answers an error, or breaks its promise | an answer younger than `maxStale` | the old one, marked",
			map[string]string{"sidecar/internal/answers": "TestWhatHappensWhenAPluginFails", "sidecar/internal/pluginhost": "TestADeadPluginIsCountedAndServedStale TestAnAnswerIsNotOlderThanDeclared"}},
		{"the same | nothing, or what is older | a failure: `onError: fail` gives no token, `continue` lets the rules read `failed`",
			map[string]string{"sidecar/internal/answers": "TestWhatHappensWhenAPluginFails"}},
		{"the same | only that somebody was not found | a failure. A refusal of yesterday would hide that today nobody knows",
			map[string]string{"sidecar/internal/answers": "TestWhatHappensWhenAPluginFails"}},
		{"could not reach what it asks, was not let in or did not answer in time, five times in a row and to two questions at least. A record that does not fit, an answer that breaks its promise and a mistake in the plugin do not count: they may be about this one question |  | it is not asked for 2 s, then 4 s ... 30 s; a single call tries it then. Old answers come at once meanwhile",
			map[string]string{"sidecar/internal/answers": "TestTheBreaker TestWhatSaysSomethingAboutAPlugin", "sidecar/internal/pluginhost": "TestBadRecordsOfAWebService TestBadRecordsOfAFile"}},
		{"gets questions about more than 100 new people a second (1000 at once) |  | a failure, never \"not found\"",
			map[string]string{"sidecar/internal/answers": "TestQuestionsAboutStrangersAreLimited TestNewcomersOfOneConnectorDoNotHoldUpAnother"}},
		{"has 64 calls under way |  | the next ones wait for their turn inside their time, and then fail",
			map[string]string{"sidecar/internal/answers": "TestCallsAtOnceAreLimited"}},
		{"died, the first two times within a minute |  | it is started again at once; questions wait for it",
			map[string]string{"sidecar/internal/pluginhost": "TestAFirstCrashCostsNoAnswer TestAFirstCrashIsWaitedFor"}},
		{"died again |  | questions fail at once, or get the old answer, while it is started after 0.25 s, 0.5 s ... 20 s. That is reported once, with what the Go runtime said",
			map[string]string{"sidecar/internal/pluginhost": "TestAfterTwoCrashesCallsFailAtOnce TestPausesGrowAndEnd TestACrashLoopIsReportedOnce"}},
		{"comes back and describes itself in another way, or refuses its configuration |  | it stays down; reload the configuration",
			map[string]string{"sidecar/internal/pluginhost": "TestAPluginMayNotComeBackAsAnother TestADeathOfTheConfigurationIsTold"}},
		{"was changed in the configuration, or `claimsmith plugin restart` was called |  | the new process takes over when it is ready; the old one gets 5 s to finish its calls. When the new one does not start, the old one goes on",
			map[string]string{"sidecar/internal/pluginhost": "TestAPluginIsReplacedWithoutLosingACall TestAPluginThatDoesNotStartAnewIsNotReplaced", "sidecar": "TestAReloadReplacesThePluginsThatChanged"}},
		{"has a file that was replaced (a password, a people file, `/etc/resolv.conf`) |  | its process is replaced before the next call: the old one may not read the new file",
			map[string]string{"sidecar/internal/pluginhost": "TestAFileThatIsReplacedReplacesTheProcess TestAReplacedFile TestARotatedSecretCostsNoLogin"}},
		{"and claimsmith is killed |  | its process is killed by the kernel (Linux); elsewhere the SDK notices and ends it",
			map[string]string{"sidecar/internal/pluginhost": "TestAKilledHostTakesItsPluginWithIt"}},
	}
	page, err := os.ReadFile("../plugins/README.md")
	must(t, err)
	_, section, _ := strings.Cut(string(page), "## What happens when")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows, proven []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) == 6 && !strings.HasPrefix(line, "| the plugin |") && !strings.HasPrefix(line, "|---") {
			rows = append(rows, strings.TrimSpace(cells[1])+" | "+strings.TrimSpace(cells[2])+" | "+strings.TrimSpace(cells[3]))
		}
	}
	for _, p := range proofs {
		proven = append(proven, p.row)
		for folder, names := range p.tests {
			files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
			must(t, err)
			all := ""
			for _, file := range files {
				text, err := os.ReadFile(file)
				must(t, err)
				all += string(text)
			}
			for name := range strings.FieldsSeq(names) {
				if !strings.Contains(all, "func "+name+"(t *testing.T)") {
					t.Errorf("%s has no %s", folder, name)
				}
			}
		}
	}
	if diff := cmp.Diff(proven, rows); diff != "" {
		t.Errorf("the table and what is proven (-proven +README):\n%s", diff)
	}
}
