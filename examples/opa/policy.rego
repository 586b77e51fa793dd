# What OPA decides: opa run --server --addr 127.0.0.1:8181 policy.rego
#
# claimsmith asks for the document with POST /v1/data/claims/decision and {"input": {"email", "client", "groups"}}. For an
# address that is not among the members it is undefined, and OPA replies without a result: nobody gets in.
package claims

# decision is what the rules of claimsmith read.
decision := {"allow": allow, "reason": reason, "groups": groups} if input.email in members

members := {"ada@example.org", "grace@example.org"}

default allow := false

allow if input.client == "wiki"

allow if {
	input.client == "payroll"
	"office" in input.groups
}

default reason := "You may not use this application."

reason := "Payroll is for the office." if {
	input.client == "payroll"
	not allow
}

# Only groups that begin with team- reach an application.
groups := [group | some group in input.groups; startswith(group, "team-")]
