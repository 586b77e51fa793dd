package directory

// Params is a question: an address or a name, not both. A question with neither is answered with the problem noEmail.
type Params struct {
	Email string `json:"email,omitempty" doc:"e-mail address of the person, compared whole: upper and lower case of A to Z are the same, nothing is trimmed"`
	Name  string `json:"name,omitempty" doc:"name of the person, exactly as the file has it"`
}

// Facts are what the file says of the one person who was asked for. They are given for a person who is switched off, too.
type Facts struct {
	Name           string      `json:"name" doc:"name of the person, exactly as the file has it; no other has it"`
	DisplayName    string      `json:"displayName" doc:"name as people say it, like Maria Muster"`
	GivenName      string      `json:"givenName" doc:"first name"`
	FamilyName     string      `json:"familyName" doc:"last name"`
	Department     string      `json:"department" doc:"where in the company"`
	Title          string      `json:"title" doc:"what the person is there"`
	Phone          string      `json:"phone" doc:"telephone number, as it is written in the file"`
	Locale         string      `json:"locale" doc:"language, like de-CH"`
	EmployeeNumber string      `json:"employeeNumber" doc:"number in the company, as it is written in the file"`
	Groups         []string    `json:"groups" doc:"names of the groups, sorted"`
	Attributes     []Attribute `json:"attributes" doc:"whatever else the file says: each with name, value (the first one, or the only one) and values (all of them)"`
}

// Attribute is something that a file says of a person under a name of its own.
type Attribute struct {
	Name   string   `json:"name" doc:"name, exactly as the file has it"`
	Value  string   `json:"value" doc:"the value, as it is written in the file; of a list the first"`
	Values []string `json:"values" doc:"all values"`
}

// The words of Answer.Problem.
const (
	none      = "none"
	ambiguous = "ambiguous"
	disabled  = "disabled"
	noEmail   = "noEmail"
)

// plain are the facts that are one text, by the names of keys and columns.
var plain = []struct {
	name string
	in   func(*Facts) *string
}{
	{"displayName", func(f *Facts) *string { return &f.DisplayName }},
	{"givenName", func(f *Facts) *string { return &f.GivenName }},
	{"familyName", func(f *Facts) *string { return &f.FamilyName }},
	{"department", func(f *Facts) *string { return &f.Department }},
	{"title", func(f *Facts) *string { return &f.Title }},
	{"phone", func(f *Facts) *string { return &f.Phone }},
	{"locale", func(f *Facts) *string { return &f.Locale }},
	{"employeeNumber", func(f *Facts) *string { return &f.EmployeeNumber }},
}

// The other keys of a person.
const (
	keyName       = "name"
	keyEmail      = "email"
	keyGroups     = "groups"
	keyDisabled   = "disabled"
	keyAttributes = "attributes"
)

// keys are all keys of a person.
func keys() []string {
	all := []string{keyName, keyEmail, keyGroups, keyDisabled, keyAttributes}
	for _, p := range plain {
		all = append(all, p.name)
	}
	return all
}

// plainKey is the index into plain of a key, or -1.
func plainKey(name string) int {
	for i, p := range plain {
		if p.name == name {
			return i
		}
	}
	return -1
}
