package dsmtest

import "encoding/json"

// partReply is one reply inside that of a compound.
type partReply struct {
	API     string   `json:"api"`
	Data    any      `json:"data,omitempty"`
	Error   *failure `json:"error,omitempty"`
	Method  string   `json:"method"`
	Success bool     `json:"success"`
	Version int      `json:"version"`
}

// runCompound answers SYNO.Entry.Request request: several calls in one. Recorded from N4S4: success stays true when parts
// fail, and has_fail says so. Both modes are run in order.
func (n *NAS) runCompound(c *call) (any, *failure) {
	mode, okMode := c.params.text("mode")
	stop, okStop := c.params.truth("stop_when_error", false)
	if !okMode || !okStop || mode != "" && mode != "sequential" && mode != "parallel" {
		return nil, fail(codeCompound)
	}
	var parts []map[string]json.RawMessage
	if json.Unmarshal([]byte(c.params.values["compound"]), &parts) != nil || len(parts) == 0 {
		return nil, fail(codeCompound)
	}
	results, failed := []partReply{}, false
	for _, raw := range parts {
		part := n.partOf(c, raw)
		if part.api == c.api {
			return nil, fail(codeCompound) // a compound in a compound
		}
		entry := n.logCall(part)
		rep := n.run(part)
		n.finishCall(entry, rep.Error)
		var version int
		_ = json.Unmarshal(raw["version"], &version)
		results = append(results, partReply{
			API: part.api, Method: part.method, Version: version, Success: rep.Success, Data: rep.Data, Error: rep.Error,
		})
		failed = failed || rep.Error != nil
		if rep.Error != nil && stop {
			break
		}
	}
	return map[string]any{"has_fail": failed, "result": results}, nil
}

// partOf makes a call of a member of compound; it has the session of the whole.
func (n *NAS) partOf(c *call, raw map[string]json.RawMessage) *call {
	part := *c
	part.part = true
	part.api, part.method, part.version = "", "", string(raw["version"])
	_ = json.Unmarshal(raw["api"], &part.api) // what is missing or no string gets 101
	_ = json.Unmarshal(raw["method"], &part.method)
	part.params = params{values: map[string]string{}}
	for name, value := range raw {
		text := string(value)
		if !n.apis[part.api].json {
			_ = json.Unmarshal(value, &text) // what is no string stays as it is
		}
		part.params.values[name] = text
	}
	return &part
}
