package plugins

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// The page shows the contract that there is: whoever reads it compiles what it shows.
func TestThePageOfTheProtocolShowsTheContract(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```proto\n(.*?)```").FindSubmatch(page)
	if shown == nil {
		t.Fatal("PROTOCOL.md shows no messages")
	}
	file := pluginv1.File_claimsmith_plugin_v1_lookup_proto
	want := fmt.Sprintf("syntax = \"proto3\";\npackage %s;\n\n", file.Package())
	service := file.Services().Get(0)
	want += fmt.Sprintf("service %s {\n", service.Name())
	for i := range service.Methods().Len() {
		m := service.Methods().Get(i)
		want += fmt.Sprintf("  rpc %s(%s) returns (%s);\n", m.Name(), m.Input().Name(), m.Output().Name())
	}
	want += "}\n"
	for i := range file.Messages().Len() {
		want += message(file.Messages().Get(i))
	}
	if diff := cmp.Diff(want, string(shown[1])); diff != "" {
		t.Error(diff)
	}
}

func message(m protoreflect.MessageDescriptor) string {
	if m.Fields().Len() == 0 {
		return fmt.Sprintf("message %s {}\n", m.Name())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "message %s {\n", m.Name())
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		kind := f.Kind().String()
		if f.Message() != nil {
			kind = string(f.Message().Name())
		}
		if f.IsList() {
			kind = "repeated " + kind
		}
		if f.HasOptionalKeyword() {
			kind = "optional " + kind
		}
		fmt.Fprintf(&b, "  %s %s = %d;\n", kind, f.Name(), f.Number())
	}
	return b.String() + "}\n"
}
