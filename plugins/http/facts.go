package http

// Params are the values that a request can be made of. The lookup gives those that the configuration uses.
type Params struct {
	Email     *string  `json:"email,omitempty" doc:"e-mail address, {email}"`
	Name      *string  `json:"name,omitempty" doc:"name of an account, {name}"`
	UserID    *string  `json:"userId,omitempty" doc:"id of the person at the connector, {userId}"`
	Client    *string  `json:"client,omitempty" doc:"id of the client, {client}"`
	Connector *string  `json:"connector,omitempty" doc:"id of the connector, {connector}"`
	Groups    []string `json:"groups,omitzero" doc:"list, {groups}, in a body only"`
	Scopes    []string `json:"scopes,omitzero" doc:"list, {scopes}, in a body only"`
}

// Facts are what a reply says at the places that the configuration names.
type Facts struct {
	Name   string   `json:"name" doc:"the text at answers.name"`
	Groups []string `json:"groups" doc:"the texts at answers.groups, in their order"`
	Flag   bool     `json:"flag" doc:"true or false at answers.flag"`
	Number float64  `json:"number" doc:"the number at answers.number"`
	Texts  []Text   `json:"texts" doc:"what is at the places of answers.texts, each with name and value; what the reply does not have is not in the list"`
}

// Text is a value of a reply under a name of the configuration.
type Text struct {
	Name  string `json:"name" doc:"the name from the configuration"`
	Value string `json:"value" doc:"the text; a number, true and false as the reply writes them"`
}

// The words of Answer.Problem.
const (
	none      = "none"
	ambiguous = "ambiguous"
	empty     = "empty"
)

// values are the params by the names of placeholders. Those that the lookup does not give are not in them.
type values struct {
	texts map[string]string
	lists map[string][]string
}

func valuesOf(p Params) values {
	v := values{texts: map[string]string{}, lists: map[string][]string{}}
	for name, text := range map[string]*string{"email": p.Email, "name": p.Name, "userId": p.UserID, "client": p.Client, "connector": p.Connector} {
		if text != nil {
			v.texts[name] = *text
		}
	}
	for name, list := range map[string][]string{"groups": p.Groups, "scopes": p.Scopes} {
		if list != nil {
			v.lists[name] = list
		}
	}
	return v
}

// The names of placeholders.
var (
	textNames = []string{"email", "name", "userId", "client", "connector"}
	listNames = []string{"groups", "scopes"}
)
