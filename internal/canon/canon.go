// Package canon makes the keys of recordings and caches: a digest of a request
// and of who may answer it.
package canon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

// JSON is [provider.Request.CanonicalJSON] with the candidates among its keys,
// as "targets", instead of "use". With nil, "use" stays. It fails if JSON cannot
// represent an option.
func JSON(req *provider.Request, candidates []provider.Candidate) ([]byte, error) {
	if candidates == nil {
		return req.CanonicalJSON()
	}
	r := *req
	r.Use = nil
	data, err := r.CanonicalJSON()
	if err != nil || len(candidates) == 0 {
		return data, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, err
	}
	if keys["targets"], err = json.Marshal(candidates); err != nil {
		return nil, fmt.Errorf("the configured options cannot be written as JSON: %w", err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out) // sorts the keys
	e.SetEscapeHTML(false)
	err = e.Encode(keys)
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), err
}

// Key is the digest of [JSON] with < > & escaped, as encoding/json does it by
// default: 64 hexadecimal digits.
func Key(req *provider.Request, candidates []provider.Candidate) (string, error) {
	data, err := JSON(req, candidates)
	if err != nil {
		return "", err
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, data)
	sum := sha256.Sum256(escaped.Bytes())
	return hex.EncodeToString(sum[:]), nil
}
