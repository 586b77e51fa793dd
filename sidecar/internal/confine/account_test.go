package confine

import "testing"

func TestAccounts(t *testing.T) {
	const root = "nothing is kept from root and its group"
	tests := []struct {
		name, text string
		want       Account
		message    string
	}{
		{"none", "", Account{}, ""},
		{"a number", "64001", Account{64001, 64001}, ""},
		{"two numbers", "64001:100", Account{64001, 100}, ""},
		{"nobody that is known", "nobody-at-all", Account{}, `no user is called "nobody-at-all"`},
		{"root", "root", Account{}, root},
		{"root in numbers", "0", Account{}, root},
		{"root in more numbers", "00:5", Account{}, root},
		{"the group of root", "64001:0", Account{}, root},
		{"what the kernel takes for no change", "4294967295", Account{}, "4294967295 is no user id"},
		{"a group beyond all", "64001:2147483648", Account{}, "2147483648 is no group id"},
		{"below zero", "-1", Account{}, `no user is called "-1"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, message, _ := AccountOf(tt.text)
			if got != tt.want || message != tt.message {
				t.Errorf("got %v %q", got, message)
			}
		})
	}
}
