package connect

import (
	"cmp"
	"fmt"
	"slices"
)

// Clients that often run in a container or on another machine.

// dockerHost is the name that Docker gives to the machine that containers run on.
const dockerHost = "host.docker.internal"

// inDocker is what a client in a container needs beyond its settings; empty: nothing.
func inDocker(s *System, c string, g Gateway) (title string, steps []string) {
	if !g.Loopback() {
		return "", nil
	}
	title = "In Docker, 127.0.0.1 is the container itself."
	if s.OS == "linux" {
		title += " Run it with --network=host, where " + g.URL + " works as it is. Otherwise:"
	} else {
		title += " From Docker Desktop:"
	}
	if !slices.Contains(g.Hosts, dockerHost) {
		steps = append(steps, "Add "+dockerHost+" to gateway.hosts with `tandem config edit`: gateway: {hosts: ["+dockerHost+"]}")
	}
	if s.OS != "linux" {
		return title, append(steps, "Use the address "+g.inContainer()+"/v1")
	}
	steps = append(steps, expose(c, g)...)
	return title, append(steps, "Start the container with --add-host="+dockerHost+":host-gateway, and use the address "+g.inContainer()+"/v1 with that key")
}

// expose has other machines, and containers, reach a gateway on this one.
func expose(c string, g Gateway) (steps []string) {
	if g.KeyEnv == "" {
		steps = append(steps, "Make a key with `tandem serve keys add "+c+"`; every program needs one from then on")
	}
	if !g.Exposed {
		steps = append(steps, fmt.Sprintf("Start the gateway with `tandem serve --listen 0.0.0.0:%s --expose`; other machines can reach it then", cmp.Or(portOf(g.URL), "80")))
	}
	return steps
}

func openWebUISetup(s *System, g Gateway) Settings {
	set := Settings{
		Variables: []Variable{{Name: "OPENAI_API_BASE_URL", Value: g.v1()}},
		Steps: []string{
			"Set the variables where you start Open WebUI, or pass them to its container with -e. If it has run before, it ignores them: open Admin Panel > Settings > Connections, and add an OpenAI connection with this URL and key",
			"Choose " + g.Model + " in a new chat",
		},
	}
	if g.KeyEnv == "" {
		set.Variables = append(set.Variables, Variable{Name: "OPENAI_API_KEY", Value: placeholder})
		set.Notes = placeholderNotes("OPENAI_API_KEY", g)
	} else {
		set.Variables = append(set.Variables, Variable{Name: "OPENAI_API_KEY", From: g.KeyEnv})
	}
	set.Variables = append(set.Variables, Variable{Name: "ENABLE_OLLAMA_API", Value: "false"})
	set.Elsewhere, set.ElsewhereSteps = inDocker(s, "openwebui", g)
	return set
}

func keyToType(g Gateway) string {
	switch {
	case g.KeyEnv != "":
		return "the key in $" + g.KeyEnv
	case g.Keys:
		return "a key of the gateway"
	}
	return placeholder + " (any text: the gateway takes no key)"
}

func n8nSetup(s *System, g Gateway) Settings {
	set := Settings{
		Steps: []string{
			"Add a credential of the type OpenAI",
			"API key: " + keyToType(g),
			"Base URL: " + g.v1(),
			"In the node OpenAI Chat Model choose this credential, and the model " + g.Model,
		},
		Notes: []string{`the node may use the Responses API, which the gateway has too`},
	}
	set.Elsewhere, set.ElsewhereSteps = inDocker(s, "n8n", g)
	return set
}

func homeAssistantSetup(_ *System, g Gateway) Settings {
	set := Settings{Steps: []string{
		"Open Settings > Devices & services > Add integration > Ollama",
		"URL: " + g.URL,
		"Choose the model " + g.Model + ", and a context window",
	}}
	if g.KeyEnv != "" || g.Keys {
		set.Steps = slices.Insert(set.Steps, 2, "API key: "+keyToType(g))
	}
	if g.Loopback() {
		set.Elsewhere = "This works on this machine, also in a container with --network=host. From another machine:"
		set.ElsewhereSteps = append(expose("homeassistant", g),
			fmt.Sprintf("URL: http://ADDRESS:%s, where ADDRESS is the IP address of this machine in your network. To use a name, add it to gateway.hosts with `tandem config edit`", cmp.Or(portOf(g.URL), "80")),
			"API key: that key")
	}
	return set
}
