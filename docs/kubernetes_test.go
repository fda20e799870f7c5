package docs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/config"
)

// manifest is what the test looks at of a Kubernetes object.
type manifest struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
	Spec     struct {
		Replicas    int
		ServiceName string `yaml:"serviceName"`
		Template    struct {
			Spec struct {
				Token      *bool       `yaml:"automountServiceAccountToken"`
				Init       []container `yaml:"initContainers"`
				Containers []container
			}
		}
		Claims []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
		Ports  []struct{ Port int }
	}
}

type container struct {
	Name     string
	Args     []string
	Security struct {
		Escalation   *bool                   `yaml:"allowPrivilegeEscalation"`
		ReadOnly     bool                    `yaml:"readOnlyRootFilesystem"`
		Capabilities struct{ Drop []string } `yaml:"capabilities"`
	} `yaml:"securityContext"`
}

// objects are those of a manifest, by kind and name. Each is in the namespace tandem.
func objects(t *testing.T, file string) map[string]manifest {
	t.Helper()
	all := map[string]manifest{}
	d := yaml.NewDecoder(bytes.NewReader([]byte(packaged(t, file))))
	for {
		var m manifest
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if m.Kind != "Namespace" && m.Metadata.Namespace != "tandem" {
			t.Errorf("%s %s is in namespace %q", m.Kind, m.Metadata.Name, m.Metadata.Namespace)
		}
		all[m.Kind+"/"+m.Metadata.Name] = m
	}
}

// configured loads a configuration that is in a ConfigMap.
func configured(t *testing.T, m manifest) *config.Loaded {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(m.Data["config.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.LoadOptions{UserFile: file, Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// restricted fails the test where a pod gets a token of the cluster, or one of its
// containers has more rights than it needs.
func restricted(t *testing.T, m manifest) {
	t.Helper()
	if token := m.Spec.Template.Spec.Token; token == nil || *token {
		t.Errorf("%s gets a token of the cluster", m.Metadata.Name)
	}
	for _, c := range slices.Concat(m.Spec.Template.Spec.Init, m.Spec.Template.Spec.Containers) {
		if s := c.Security; s.Escalation == nil || *s.Escalation || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || s.ReadOnly != (c.Name != "ollama") {
			t.Errorf("%s, %s: %+v", m.Metadata.Name, c.Name, s)
		}
	}
}

// TestKubernetes holds the manifest to itself and to what docs/scale.md says: its
// configuration is one that loads, its hosts are the Ollama servers that there are, and
// no container has more rights than it needs. kubeconform checks its fields
// (scripts/kubernetes.sh).
func TestKubernetes(t *testing.T) {
	objects := objects(t, "kubernetes/tandem.yaml")
	c := configured(t, objects["ConfigMap/tandem"])
	ollama, gateway := objects["StatefulSet/ollama"], objects["Deployment/tandem"]
	if _, ok := objects["Service/"+ollama.Spec.ServiceName]; !ok {
		t.Errorf("no service %s names the pods", ollama.Spec.ServiceName)
	}
	var pods, hosts []string
	for i := range ollama.Spec.Replicas {
		pods = append(pods, fmt.Sprintf("ollama-%d.%s:11434", i, ollama.Spec.ServiceName))
	}
	for _, p := range c.Providers {
		if p.Name == "house" {
			for _, h := range p.Hosts {
				hosts = append(hosts, h.Address)
			}
		}
	}
	if len(pods) < 2 || !slices.Equal(pods, hosts) {
		t.Errorf("the hosts are %v, and the pods %v", hosts, pods)
	}
	if c.Privacy != "local" || gateway.Spec.Replicas != 1 {
		t.Errorf("privacy: %s, %d replicas of the gateway", c.Privacy, gateway.Spec.Replicas)
	}
	restricted(t, ollama)
	restricted(t, gateway)
}

// TestKubernetesNodes holds the manifest of nodes to itself: who joins does so at a service
// that there is, with what the server is told, and the configuration allows what stays.
func TestKubernetesNodes(t *testing.T) {
	objects := objects(t, "kubernetes/nodes.yaml")
	c := configured(t, objects["ConfigMap/tandem-nodes"])
	if c.Privacy != "local" || !c.Cluster.Local || len(c.Use) != 1 {
		t.Errorf("privacy: %s, cluster: %+v, use: %v", c.Privacy, c.Cluster, c.Use)
	}
	server, worker := objects["StatefulSet/tandem-nodes"], objects["StatefulSet/tandem-worker"]
	if server.Spec.Replicas != 1 || worker.Spec.Replicas < 2 {
		t.Errorf("%d servers, %d workers", server.Spec.Replicas, worker.Spec.Replicas)
	}
	service := objects["Service/"+server.Spec.ServiceName]
	var ports []int
	for _, p := range service.Spec.Ports {
		ports = append(ports, p.Port)
	}
	listen := server.Spec.Template.Spec.Containers[0].Args
	if !slices.Equal(ports, []int{11510, 11511}) || !slices.Contains(listen, "0.0.0.0:11510") {
		t.Errorf("ports %v, and the server is started with %q", ports, listen)
	}
	for _, m := range []manifest{server, worker} {
		restricted(t, m)
		state := false
		for _, claim := range m.Spec.Claims {
			state = state || claim.Metadata.Name == "state"
		}
		if !state {
			t.Errorf("%s keeps its state on no disk", m.Metadata.Name)
		}
		if _, ok := objects["NetworkPolicy/"+m.Metadata.Name]; !ok {
			t.Errorf("no policy says who reaches %s", m.Metadata.Name)
		}
	}
	page, err := os.ReadFile("scale.md")
	if err != nil {
		t.Fatal(err)
	}
	join := worker.Spec.Template.Spec.Init[0].Args
	if !slices.Contains(join, "/run/join/$(POD_NAME)") || !strings.Contains(string(page), "secret generic tandem-join --from-file=tandem-worker-0") {
		t.Errorf("a worker joins with %q, and the page has another secret", join)
	}
}
