package facts

import "strings"

// Closest returns the one of names that somebody who wrote name most likely meant: the nearest by typing mistakes
// (a letter missing, added, changed, or two swapped), case aside. It is empty when none is near. Of equals the first wins.
func Closest(name string, names []string) string {
	const longest = 64
	if len(name) > longest {
		return ""
	}
	want, best := "", 1+max(1, len(name)/3)
	for _, n := range names {
		if len(n) > longest {
			continue
		}
		if d := mistakes(strings.ToLower(name), strings.ToLower(n)); d < best && d < len(n) {
			want, best = n, d
		}
	}
	return want
}

// mistakes counts the typing mistakes between a and b, byte by byte.
func mistakes(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
