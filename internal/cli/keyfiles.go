package cli

import (
	"path/filepath"
	"slices"
	"strings"
)

// keyFileReason is why a file that was found, and not named, is not sent.
const keyFileReason = "it looks like a key or password file; name it to send it"

// isKeyFile reports whether a file holds keys or passwords, by its name as programs
// have it: SSH, TLS, GnuPG, Java and PuTTY keys, .env files, and the files in which
// cloud tools, package managers and databases keep what they log in with.
func isKeyFile(base string) bool {
	base = strings.ToLower(base)
	ext := filepath.Ext(base)
	if slices.Contains([]string{
		".env", ".gpg", ".jks", ".kdb", ".kdbx", ".key", ".keystore", ".p12", ".p8", ".pem", ".pfx", ".ppk", ".tfstate", ".tfvars",
	}, ext) || strings.HasPrefix(base, ".env.") || strings.HasPrefix(base, "id_") && ext == "" {
		return true
	}
	return slices.Contains([]string{
		".aws", ".dockercfg", ".git-credentials", ".htpasswd", ".netrc", ".npmrc", ".pgpass", ".pypirc", "_netrc", "credentials", "credentials.json",
		"htpasswd", "kubeconfig", "secrets.json", "secrets.toml", "secrets.yaml", "secrets.yml",
	}, base)
}

// holdsPrivateKey reports whether a text has a private key as PEM has it.
func holdsPrivateKey(text string) bool {
	for _, begin := range strings.SplitAfter(text, "-----BEGIN ")[1:] {
		name, _, ok := strings.Cut(begin, "-----")
		if ok && (strings.HasSuffix(name, "PRIVATE KEY") || strings.HasSuffix(name, "PRIVATE KEY BLOCK")) {
			return true
		}
	}
	return false
}
