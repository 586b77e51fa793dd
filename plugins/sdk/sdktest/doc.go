// Package sdktest runs a plugin inside a test and asks it over gRPC, as claimsmith does: the same messages, the same checks,
// the same limits, without a build and without a process.
//
//	func TestLookup(t *testing.T) {
//		c := sdktest.Start(t, phonebook(), Config{File: "testdata/people.csv"})
//		var facts Facts
//		found, problem, err := c.Lookup(t.Context(), Params{Email: "mum@gmail.com"}, &facts)
//		...
//	}
//
// What the plugin logs goes to the output of the test.
package sdktest
