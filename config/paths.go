package config

import (
	"os"
	"path/filepath"
	"runtime"
)

// lookup finds an environment variable, as os.LookupEnv does.
type lookup func(name string) (string, bool)

// or returns the variable, or else the fallback; empty counts as unset.
func (env lookup) or(name, fallback string) string {
	if v, ok := env(name); ok && v != "" {
		return v
	}
	return fallback
}

func (env lookup) home() string {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	home, _ := os.UserHomeDir() // without any home, paths are relative: still defined
	return env.or(name, home)
}

// UserPath is where the user's own file is: $XDG_CONFIG_HOME/tandem/config.yaml,
// else ~/.config/tandem/config.yaml, on Windows %AppData%\tandem\config.yaml.
// A nil env is the process's.
func UserPath(env func(string) (string, bool)) string {
	return filepath.Join(userDir(env, "XDG_CONFIG_HOME", ".config"), "config.yaml")
}

// StateDir is where Tandem keeps what it remembers between calls:
// $XDG_STATE_HOME/tandem, else ~/.local/state/tandem, on Windows
// %AppData%\tandem. A nil env is the process's.
func StateDir(env func(string) (string, bool)) string {
	return userDir(env, "XDG_STATE_HOME", filepath.Join(".local", "state"))
}

// DataDir is where Tandem keeps the user's data: $XDG_DATA_HOME/tandem, else
// ~/.local/share/tandem, on Windows %AppData%\tandem. A nil env is the
// process's.
func DataDir(env func(string) (string, bool)) string {
	return userDir(env, "XDG_DATA_HOME", filepath.Join(".local", "share"))
}

func userDir(env lookup, variable, belowHome string) string {
	if env == nil {
		env = os.LookupEnv
	}
	base := filepath.Join(env.home(), belowHome)
	if runtime.GOOS == "windows" {
		base = env.or("AppData", base)
	}
	return filepath.Join(env.or(variable, base), "tandem")
}
