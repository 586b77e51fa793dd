package dsm

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// together is how many groups are asked for in one call, which has no more time than a call for one.
const together = 20

// member is an entry of a list of members.
type member struct {
	Name string `json:"name"`
}

func memberName(m member) string { return m.Name }

// membersRequest lists the members of a group.
func membersRequest(g group) request {
	return request{api: apiMember, method: "list", version: coreVersion, json: map[string]any{"group": g.Name, "ingroup": true}}
}

// membersOf gives the names of the members of each group. What a compound call does not answer in full is asked for by itself.
func (c *Client) membersOf(ctx context.Context, groups []group) ([][]string, error) {
	all := make([][]string, 0, len(groups))
	for some := range slices.Chunk(groups, together) {
		found, err := c.compound(ctx, some)
		if err != nil {
			return nil, err
		}
		for i, g := range some {
			if found[i] == nil {
				members, err := list(ctx, c, membersRequest(g), "users", memberName, nil)
				if err != nil {
					return nil, err
				}
				found[i] = names(members)
			}
			all = append(all, found[i])
		}
	}
	return all, nil
}

// compound asks for the members of some groups in one call. Where an answer is nil, it was none, or not all of it. A DSM
// without such calls gives no answers.
func (c *Client) compound(ctx context.Context, groups []group) ([][]string, error) {
	found := make([][]string, len(groups))
	parts := make([]map[string]any, len(groups))
	for i, g := range groups {
		r := membersRequest(g)
		parts[i] = map[string]any{"api": r.api, "method": r.method, "version": r.version, "offset": 0, "limit": c.options.PageSize}
		maps.Copy(parts[i], r.json)
	}
	var data struct {
		Result []struct {
			Success bool            `json:"success"`
			Data    json.RawMessage `json:"data"`
		} `json:"result"`
	}
	err := c.call(ctx, request{api: apiCompound, method: "request", version: coreVersion, json: map[string]any{
		"mode": "sequential", "stop_when_error": false, "compound": parts,
	}}, &data)
	var refusal *Error
	switch {
	case errors.As(err, &refusal) && refusal.API == apiCompound: // what is asked for by itself tells more
		return found, nil
	case err != nil:
		return nil, err
	}
	if len(data.Result) != len(groups) {
		return found, nil
	}
	for i, part := range data.Result {
		var page struct {
			Users *[]member `json:"users"`
			Total *number   `json:"total"`
		}
		whole := part.Success && json.Unmarshal(part.Data, &page) == nil && page.Users != nil && page.Total != nil &&
			len(*page.Users) >= int(*page.Total) && len(*page.Users) < c.options.PageSize
		if whole && !slices.Contains(*page.Users, member{}) {
			found[i] = names(*page.Users)
		}
	}
	return found, nil
}

// names is never nil.
func names(members []member) []string {
	all := make([]string, len(members))
	for i, m := range members {
		all[i] = m.Name
	}
	return all
}
