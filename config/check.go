package config

import (
	"errors"
	"os"
	"slices"
)

// Check reads a file as Load would, without any other layer but the defaults,
// and returns its warnings and every mistake in it. The project's own file
// (./config.yaml, ./tandem.yaml or ./.tandem.yaml) is read as a project's; whether it is trusted does not matter.
// A nil env is the process's.
func Check(path string, env func(string) (string, bool)) (warnings []string, err error) {
	o := LoadOptions{UserFile: path, Env: alone(env)}
	if slices.ContainsFunc(append(ownNames(), sharedName), func(name string) bool { return sameFile(path, name) }) {
		o.UserFile, o.ProjectFile = NoFile, path
	}
	l, err := Load(o)
	if errors.Is(err, ErrUntrusted) {
		err = nil
	}
	return l.Warnings, err
}

// CheckText is Check for a text that is to become the user's file.
func CheckText(path string, data []byte, env func(string) (string, bool)) (warnings []string, err error) {
	l, err := load(LoadOptions{UserFile: path, Env: alone(env)}, func(string) ([]byte, error) { return data, nil })
	return l.Warnings, err
}

// alone is an environment without the variables that set something.
func alone(env lookup) lookup {
	if env == nil {
		env = os.LookupEnv
	}
	hidden := map[string]bool{"TANDEM_CONFIG": true}
	for _, v := range Variables() {
		hidden[v.Name] = true
	}
	return func(name string) (string, bool) {
		if hidden[name] {
			return "", false
		}
		return env(name)
	}
}
