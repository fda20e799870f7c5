package keys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/zalando/go-keyring"

	"github.com/tandem-llm/tandem/config"
)

// service is what the system's keyring files Tandem's keys under.
const service = "tandem"

// System returns the system's keyring: the Keychain of macOS, Windows'
// credential manager, or the Secret Service on the session's D-Bus. It is nil
// where there is no bus, or where the variable TANDEM_KEYRING is file. It
// makes no call.
func System(env func(string) (string, bool)) Keyring {
	if v, _ := env("TANDEM_KEYRING"); v == string(InFile) {
		return nil
	}
	if runtime.GOOS != "darwin" && runtime.GOOS != "windows" && !hasBus(env) {
		return nil
	}
	return system{}
}

// hasBus reports whether the session has a D-Bus. Without one the library would
// start a bus of its own, which nobody would ever stop.
func hasBus(env func(string) (string, bool)) bool {
	if address, _ := env("DBUS_SESSION_BUS_ADDRESS"); address != "" && address != "autolaunch:" {
		return true
	}
	_, err := os.Stat(filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus"))
	return err == nil
}

// system is the keyring of the operating system.
type system struct{}

func (system) Get(name string) (string, error) {
	value, err := keyring.Get(service, name)
	return value, serviceError(err)
}

// Set drops the library's own words: they might hold the value.
func (system) Set(name, value string) error {
	if keyring.Set(service, name, value) != nil {
		return errors.New("it rejected the key")
	}
	return nil
}

func (system) Delete(name string) error { return serviceError(keyring.Delete(service, name)) }

func serviceError(err error) error {
	if errors.Is(err, keyring.ErrNotFound) {
		return fmt.Errorf("%w in the system keyring", config.ErrNoKey)
	}
	return err
}
