package stack

import "strings"

// getenv looks a variable up in an environment of KEY=value, where the last
// counts. One that is not there is "".
func getenv(environ []string) func(name string) string {
	return func(name string) (value string) {
		for _, v := range environ {
			if text, ok := strings.CutPrefix(v, name+"="); ok {
				value = text
			}
		}
		return value
	}
}
