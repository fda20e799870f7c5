package body

import (
	"encoding/base64"
	"strings"
)

// Base64 decodes a text in base64, with its padding or without; ok is false where it is
// none, or empty.
func Base64(text string) (data []byte, ok bool) {
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	return data, err == nil && len(data) > 0
}
