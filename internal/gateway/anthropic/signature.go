package anthropic

import (
	"encoding/base64"
	"strings"
)

// signed begins the signatures of Tandem's own.
const signed = "tandem."

// signature is what a block of thinking is signed with: the provider that thought, for
// thinking goes back to that one only. It proves nothing.
func signature(provider string) string {
	return signed + base64.RawURLEncoding.EncodeToString([]byte(provider))
}

// signer is the provider of a signature of Tandem's.
func signer(signature string) (provider string, ok bool) {
	rest, ok := strings.CutPrefix(signature, signed)
	if !ok {
		return "", false
	}
	name, err := base64.RawURLEncoding.DecodeString(rest)
	return string(name), err == nil
}
