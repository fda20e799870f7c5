package docs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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
				Token      *bool `yaml:"automountServiceAccountToken"`
				Containers []struct {
					Args     []string
					Security struct {
						Escalation   *bool                   `yaml:"allowPrivilegeEscalation"`
						ReadOnly     bool                    `yaml:"readOnlyRootFilesystem"`
						Capabilities struct{ Drop []string } `yaml:"capabilities"`
					} `yaml:"securityContext"`
				}
			}
		}
	}
}

// TestKubernetes holds the manifest to itself and to what docs/scale.md says: its
// configuration is one that loads, its hosts are the Ollama servers that there are, and
// no container has more rights than it needs. kubeconform checks its fields
// (scripts/kubernetes.sh).
func TestKubernetes(t *testing.T) {
	objects := map[string]manifest{}
	d := yaml.NewDecoder(bytes.NewReader([]byte(packaged(t, "kubernetes/tandem.yaml"))))
	for {
		var m manifest
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if m.Kind != "Namespace" && m.Metadata.Namespace != "tandem" {
			t.Errorf("%s %s is in namespace %q", m.Kind, m.Metadata.Name, m.Metadata.Namespace)
		}
		objects[m.Kind+"/"+m.Metadata.Name] = m
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(objects["ConfigMap/tandem"].Data["config.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.LoadOptions{UserFile: file, Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
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
	for name, m := range map[string]manifest{"ollama": ollama, "tandem": gateway} {
		if token := m.Spec.Template.Spec.Token; token == nil || *token {
			t.Errorf("%s gets a token of the cluster", name)
		}
		for _, c := range m.Spec.Template.Spec.Containers {
			if s := c.Security; s.Escalation == nil || *s.Escalation || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || s.ReadOnly != (name == "tandem") {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}
