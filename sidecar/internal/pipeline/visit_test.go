package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// nested is a lookup and a group of two steps, numbered.
func nested(when pipeline.Condition) *pipeline.Pipeline {
	steps := []pipeline.Step{
		ask(found("mum")),
		{Pos: at(2), Path: "pipeline[1]", Name: "the group", When: when, Steps: []pipeline.Step{
			{Pos: at(3), Path: "pipeline[1].steps[0]", Remove: []string{"x"}},
			{Pos: at(4), Path: "pipeline[1].steps[1]", Deny: &pipeline.Deny{If: yes(false), Message: always("no")}},
		}},
		set(5, "a", always("1")),
	}
	return &pipeline.Pipeline{Steps: steps, Outline: pipeline.Number(steps)}
}

func TestTheOutlineListsGroupsBeforeWhatIsInThem(t *testing.T) {
	want := []pipeline.About{
		{Pos: at(1), Path: "pipeline[0]", What: "lookup nas"},
		{Pos: at(2), Path: "pipeline[1]", Name: "the group", What: "steps"},
		{Pos: at(3), Path: "pipeline[1].steps[0]", What: "remove"},
		{Pos: at(4), Path: "pipeline[1].steps[1]", What: "deny"},
		{Pos: at(5), Path: "pipeline[0]", What: "set"},
	}
	if diff := cmp.Diff(want, nested(nil).Outline); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestVisits(t *testing.T) {
	tests := []struct {
		name   string
		change func(*pipeline.Pipeline)
		input  func(*pipeline.Input)
		when   pipeline.Condition
		want   []string
	}{
		{name: "all steps", want: []string{"0 ran", "1 ran", "2 ran", "3 ran", "4 ran"}},
		{name: "a group that does not apply", when: yes(false), want: []string{"0 ran", "1", "4 ran"}},
		{
			name: "a lookup that is not made for nobody", input: func(in *pipeline.Input) { in.Connector = "" },
			want: []string{"0", "1 ran", "2 ran", "3 ran", "4 ran"},
		},
		{
			name: "a refusal is the last", change: func(p *pipeline.Pipeline) { p.Steps[1].Steps[1].Deny.If = yes(true) },
			want: []string{"0 ran", "1 ran", "2 ran", "3 ran"},
		},
		{
			name: "each kind of token has its own", change: func(p *pipeline.Pipeline) { p.PerKind = true }, when: yes(false),
			want: []string{"0 access ran", "1 access", "4 access ran", "0 id ran", "1 id", "4 id ran"},
		},
		{name: "without an outline nothing is noted", change: func(p *pipeline.Pipeline) { p.Outline = nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, in := nested(test.when), input()
			if test.change != nil {
				test.change(p)
			}
			if test.input != nil {
				test.input(in)
			}
			result, err := p.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, v := range result.Trace.Visits {
				said := fmt.Sprint(v.Step)
				if v.Kind() != "" {
					said += " " + string(v.Kind())
				}
				if v.Ran {
					said += " ran"
				}
				got = append(got, said)
				if i > 0 && v.At < result.Trace.Visits[i-1].At {
					t.Errorf("visit %d was before the one before it", i)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
