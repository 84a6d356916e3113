// Package tests tries Microsoft's Go client of Azure Machine Learning, unchanged, against azureml-emulator. Every test
// runs an emulator of its own, so that it may set faults and change what it likes.
package tests

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	ml "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
)

// Names the emulator's program.
const variable = "AZUREML_EMULATOR"

const (
	subscription = "00000000-0000-4000-8000-000000000001"
	tenant       = "11111111-1111-4111-8111-111111111111"
	group        = "ml"
	workspace    = "dev"
	registry     = "shared"
	ada          = "00000000-0000-4000-8000-00000000000a"
	secret       = "right"
	folder       = "azureml://datastores/workspaceblobstore/paths/models/fares"
)

// What deployments serve, there from the start.
var (
	served  = id("workspaces/dev/models/served/versions/1")
	serving = id("workspaces/dev/environments/serving/versions/1")
)

// object is a JSON object, such as a seed file or a part of it.
type object = map[string]any

// world is an emulator that runs, and its clients.
type world struct {
	t         *testing.T
	url       string
	transport *http.Client
	// The client of every group of operations, logged in as ada.
	*ml.ClientFactory
}

// start runs an emulator until the test has ended; its seed file says `more` than what all tests have in common.
func start(t *testing.T, more object) *world {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		t.Skip(variable + " names no program: run `cargo xtask test --only go`, or build azureml-emulator and name it")
	}
	t.Parallel()
	seed := object{
		"tenant":   tenant,
		"clients":  []object{{"clientId": ada, "name": "ada", "secret": secret}},
		"pageSize": 3,
		"time":     object{"real": object{"scale": 1200}},
		// For clients that look again after a real second.
		"operationRetention": 1e6,
		"exists": object{
			"workspaces": []object{
				{"subscription": subscription, "resourceGroup": group, "name": workspace, "location": "eastus",
					"jobs": []object{{"name": "train-1"}}},
			},
			"resources": []object{
				{"id": id("registries/" + registry), "body": object{"location": "eastus", "properties": object{
					"regionDetails": []object{{"location": "eastus"}}}}},
				{"id": served, "body": object{"properties": object{"modelUri": folder, "modelType": "custom_model"}}},
				{"id": serving, "body": object{"properties": object{"image": "i"}}},
			},
		},
	}
	maps.Copy(seed, more)
	place := t.TempDir()
	file, authority := filepath.Join(place, "seed.json"), filepath.Join(place, "ca.pem")
	if err := os.WriteFile(file, marshal(t, seed), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "--seed-file", file, "--ca-file", authority)
	command.Stderr = t.Output()
	out := must(command.StdoutPipe())(t)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Wait() }) // The test's context, which is over by then, has killed it.
	line := must(bufio.NewReader(out).ReadString('\n'))(t)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(must(os.ReadFile(authority))(t))
	connections := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	t.Cleanup(connections.CloseIdleConnections)
	w := &world{t: t, url: strings.TrimSpace(line), transport: &http.Client{Transport: connections}}
	w.ClientFactory = w.clients(w.login(ada, secret))
	return w
}

// options are those of a client that takes the emulator for Azure.
func (w *world) options() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: w.url,
			Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
				cloud.ResourceManager: {Endpoint: w.url, Audience: "https://management.azure.com"},
			},
		},
		Transport: w.transport,
		Retry:     policy.RetryOptions{RetryDelay: 10 * time.Millisecond},
	}
}

// login is a credential by an application's secret.
func (w *world) login(client, secret string) azcore.TokenCredential {
	w.t.Helper()
	// Azidentity would ask a host of Microsoft's about the authority.
	options := &azidentity.ClientSecretCredentialOptions{ClientOptions: w.options(), DisableInstanceDiscovery: true}
	return must(azidentity.NewClientSecretCredential(tenant, client, secret, options))(w.t)
}

// clients are the clients of whoever has the credential.
func (w *world) clients(credential azcore.TokenCredential) *ml.ClientFactory {
	w.t.Helper()
	return must(ml.NewClientFactory(subscription, credential, &arm.ClientOptions{ClientOptions: w.options()}))(w.t)
}

// control asks the emulator's control API, with a JSON text for a body.
func (w *world) control(method, path, body string) {
	w.t.Helper()
	request := must(http.NewRequestWithContext(w.t.Context(), method, w.url+"/_emulator/"+path, strings.NewReader(body)))(w.t)
	request.Header.Set("Content-Type", "application/json")
	answer := must(w.transport.Do(request))(w.t)
	defer answer.Body.Close()
	if text := must(io.ReadAll(answer.Body))(w.t); answer.StatusCode > 299 {
		w.t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
}

// id is the ARM id of what is in the group of all tests.
func id(rest string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/" + group + "/providers/Microsoft.MachineLearningServices/" + rest
}

// must wants a call to go well.
func must[T any](answer T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

// refused wants a call to be refused, and the client to tell so.
func refused[T any](_ T, err error) func(t *testing.T, status int, code string) error {
	return func(t *testing.T, status int, code string) error {
		t.Helper()
		told, ok := errors.AsType[*azcore.ResponseError](err)
		if !ok || told.StatusCode != status || told.ErrorCode != code {
			t.Fatalf("%v, where %d %q was expected", err, status, code)
		}
		return err
	}
}

// often is how pollers look; outside of tests azcore allows no less than a second.
var often = &runtime.PollUntilDoneOptions{Frequency: 20 * time.Millisecond}

// done wants an operation to begin and to end well.
func done[T any](poller *runtime.Poller[T], err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		return must(must(poller, err)(t).PollUntilDone(t.Context(), often))(t)
	}
}

// fails wants an operation to begin and to end badly. The status is that of the URL that was polled.
func fails[T any](poller *runtime.Poller[T], err error) func(t *testing.T, status int, code string) error {
	return func(t *testing.T, status int, code string) error {
		t.Helper()
		return refused(must(poller, err)(t).PollUntilDone(t.Context(), often))(t, status, code)
	}
}

// names reads a list to its end: the names on a page, and " | " between two pages.
func names[P any](t *testing.T, pager *runtime.Pager[P]) string {
	t.Helper()
	var pages []string
	for pager.More() {
		var page struct{ Value []struct{ Name string } }
		if err := json.Unmarshal(marshal(t, must(pager.NextPage(t.Context()))(t)), &page); err != nil {
			t.Fatal(err)
		}
		var on []string
		for _, one := range page.Value {
			on = append(on, one.Name)
		}
		pages = append(pages, strings.Join(on, " "))
	}
	return strings.Join(pages, " | ")
}

// is wants two values to be the same.
func is[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%v, where %v was expected", got, want)
	}
}

// has wants one of the client's objects to have all that another has, but for what is at some paths. Both are compared
// as the client writes them, so that a union which was read as another member than was sent has other fields.
func has(t *testing.T, got, want any, except ...string) {
	t.Helper()
	for _, wrong := range lacks("", plain(t, got), plain(t, want), except) {
		t.Error(wrong)
	}
}

// lacks tells what is not as wanted.
func lacks(path string, got, want any, except []string) (wrong []string) {
	if slices.Contains(except, path) {
		return nil
	}
	object, isObject := want.(map[string]any)
	list, isList := want.([]any)
	switch {
	case isObject:
		in, _ := got.(map[string]any)
		for name, value := range object {
			wrong = append(wrong, lacks(path+"/"+name, in[name], value, except)...)
		}
	case isList:
		in, _ := got.([]any)
		if len(in) != len(list) {
			return []string{fmt.Sprintf("%s has %d elements, not %d", path, len(in), len(list))}
		}
		for at, value := range list {
			wrong = append(wrong, lacks(fmt.Sprint(path, "/", at), in[at], value, except)...)
		}
	case !reflect.DeepEqual(got, want):
		wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", path, got, want))
	}
	return wrong
}

func plain(t *testing.T, value any) (out any) {
	t.Helper()
	if err := json.Unmarshal(marshal(t, value), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	return must(json.Marshal(value))(t)
}

// tags are a map of names and values, which alternate.
func tags(pairs ...string) map[string]*string {
	all := map[string]*string{}
	for pair := range slices.Chunk(pairs, 2) {
		all[pair[0]] = &pair[1]
	}
	return all
}
