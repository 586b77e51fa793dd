package sidecar

// tokenBytes returns how long a token becomes from a payload of n bytes when Dex signs it as it does by default: three parts in
// base64url without padding (RFC 7515 3.1), joined by dots. The header, {"alg":"RS256","kid":...} with a key id of 40 digits, has
// 64 bytes, and the signature of a key of 2048 bits has 256.
func tokenBytes(n int) int {
	const header, signature = 64, 256
	return base64Bytes(header) + 1 + base64Bytes(n) + 1 + base64Bytes(signature)
}

func base64Bytes(n int) int { return (n*8 + 5) / 6 }
