package tests

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

const (
	issuer    = "https://issuer.example/"
	subject   = "system:serviceaccount:ml:bindery"
	federated = "00000000-0000-4000-8000-00000000000b"
)

// identity wants a credential to be refused, and Entra to tell why.
func identity(t *testing.T, credential azcore.TokenCredential, status int, number string) {
	t.Helper()
	_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}})
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || failed.RawResponse.StatusCode != status || !strings.Contains(err.Error(), number+":") {
		t.Errorf("%v, where %d %s was expected", err, status, number)
	}
}

func TestASecretLogsInAndAWrongOneDoesNot(t *testing.T) {
	w := start(t, nil)
	must(w.NewWorkspacesClient().Get(t.Context(), group, workspace, nil))(t)
	identity(t, w.login(ada, "wrong"), 401, "AADSTS7000215")
	identity(t, w.login("00000000-0000-4000-8000-0000000000ff", secret), 400, "AADSTS700016")
}

func TestAServiceAccountsTokenFileLogsIn(t *testing.T) {
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	public := object{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
	trust := object{"issuer": issuer, "subject": subject, "keys": object{"keys": []object{public}}}
	w := start(t, object{"clients": []object{
		{"clientId": ada, "name": "ada", "secret": secret},
		{"clientId": federated, "name": "bindery", "federated": []object{trust}},
	}})
	credential := func(subject string) azcore.TokenCredential {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(serviceAccountToken(t, key, subject)), 0o600); err != nil {
			t.Fatal(err)
		}
		return must(azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: w.options(), ClientID: federated, TenantID: tenant, TokenFilePath: file, DisableInstanceDiscovery: true,
		}))(t)
	}
	must(w.clients(credential(subject)).NewWorkspacesClient().Get(t.Context(), group, workspace, nil))(t)
	identity(t, credential("system:serviceaccount:ml:other"), 401, "AADSTS700213")
}

// serviceAccountToken is what Kubernetes writes into the file.
func serviceAccountToken(t *testing.T, key *rsa.PrivateKey, subject string) string {
	part := func(value any) string { return base64.RawURLEncoding.EncodeToString(marshal(t, value)) }
	now := time.Now()
	token := part(object{"alg": "RS256", "kid": "one", "typ": "JWT"}) + "." + part(object{
		"iss": issuer, "sub": subject, "aud": []string{"api://AzureADTokenExchange"},
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	sum := sha256.Sum256([]byte(token))
	signature := must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:]))(t)
	return token + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestACertificateLogsInAndAnotherOneDoesNot(t *testing.T) {
	issued := func() (*x509.Certificate, *rsa.PrivateKey) {
		key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)))(t), key
	}
	certificate, key := issued()
	registered := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	w := start(t, object{"clients": []object{
		{"clientId": ada, "name": "ada", "secret": secret},
		{"clientId": federated, "name": "bindery", "certificates": []string{registered}},
	}})
	credential := func(client string, certificate *x509.Certificate, key *rsa.PrivateKey, chain bool) azcore.TokenCredential {
		return must(azidentity.NewClientCertificateCredential(tenant, client, []*x509.Certificate{certificate}, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: w.options(), DisableInstanceDiscovery: true, SendCertificateChain: chain}))(t)
	}
	for _, chain := range []bool{false, true} {
		must(w.clients(credential(federated, certificate, key, chain)).NewWorkspacesClient().Get(t.Context(), group, workspace, nil))(t)
	}
	other, otherKey := issued()
	identity(t, credential(federated, other, otherKey, true), 401, "AADSTS700027")
	identity(t, credential(ada, certificate, key, false), 401, "AADSTS700026")
}

// A client keeps a token until it runs out by its own clock, whatever the service says, unless the service says which
// claims it lacks: then it logs in again within the same call.
func TestATokenThatIsNoLongerTakenIsRefusedUntilAChallengeNamesClaims(t *testing.T) {
	w := start(t, nil)
	for path, code := range map[string]string{"revoke": "InvalidAuthenticationToken", "expire": "ExpiredAuthenticationToken"} {
		client := w.clients(w.login(ada, secret)).NewWorkspacesClient()
		must(client.Get(t.Context(), group, workspace, nil))(t)
		w.control("POST", "tokens/"+path, "")
		refused(client.Get(t.Context(), group, workspace, nil))(t, 401, code)
		refused(client.Get(t.Context(), group, workspace, nil))(t, 401, code)
		claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`))
		challenge := `Bearer realm="", authorization_uri="` + w.url + `/authorize", error="insufficient_claims", claims="` + claims + `"`
		w.control("POST", "faults", string(marshal(t, object{"times": 1, "effect": object{"answer": object{
			"status": 401, "code": "InvalidAuthenticationToken", "headers": object{"WWW-Authenticate": challenge}}}})))
		must(client.Get(t.Context(), group, workspace, nil))(t)
	}
}
