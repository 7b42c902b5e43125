// Command vault is a real Vault 1.14.1 (MPL-2.0) with only the plug-ins that the tests need: the core, its HTTP API, storage in memory.
//
// It starts initialized and unsealed with `secret/` as KV v2, and prints one line of JSON on stdout: {"address", "rootToken", "unsealKey"}.
package main

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	jwtauth "github.com/hashicorp/vault-plugin-auth-jwt"
	kubernetesauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/audit/file"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/credential/userpass"
	"github.com/hashicorp/vault/builtin/logical/database"
	"github.com/hashicorp/vault/helper/experiments"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/plugins/database/postgresql"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

type options struct {
	address, certFile, keyFile, rootToken, logLevel string
	parent                                          int
}

func main() {
	var given options
	flag.StringVar(&given.address, "address", "127.0.0.1:0", "listen on this address")
	flag.StringVar(&given.certFile, "tls-cert", "", "certificate file; with -tls-key the API speaks HTTPS")
	flag.StringVar(&given.keyFile, "tls-key", "", "key file of the certificate")
	flag.StringVar(&given.rootToken, "root-token", "root", "id of the root token")
	flag.StringVar(&given.logLevel, "log-level", "warn", "trace, debug, info, warn or error")
	flag.IntVar(&given.parent, "parent-pid", 0, "end as soon as this process is no longer our parent")
	flag.Parse()
	if err := serve(given); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(1)
	}
}

func serve(given options) error {
	if given.parent != 0 {
		go endWith(given.parent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	listener, scheme, err := listen(given)
	if err != nil {
		return err
	}
	core, unsealKey, err := unsealed(namespace.RootContext(ctx), given)
	if err != nil {
		return err
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core: core,
		ListenerConfig: &configutil.Listener{
			Address:            listener.Addr().String(),
			MaxRequestDuration: vault.DefaultMaxRequestDuration,
			MaxRequestSize:     vaulthttp.DefaultMaxRequestSize,
		},
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{
		"address":   scheme + "://" + listener.Addr().String(),
		"rootToken": given.rootToken,
		"unsealKey": hex.EncodeToString(unsealKey),
	}); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		_ = server.Close()
		return core.Shutdown()
	}
}

func listen(given options) (net.Listener, string, error) {
	listener, err := net.Listen("tcp", given.address)
	if err != nil || given.certFile == "" {
		return listener, "http", err
	}
	pair, err := tls.LoadX509KeyPair(given.certFile, given.keyFile)
	if err != nil {
		return nil, "", err
	}
	return tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), "https", nil
}

// unsealed makes a core, initializes it with one key share, unseals it, and gives it the wanted root token and the KV mount.
func unsealed(ctx context.Context, given options) (*vault.Core, []byte, error) {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.LevelFromString(given.logLevel), Output: os.Stderr})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return nil, nil, err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		StorageType:     "inmem",
		Logger:          logger,
		DisableMlock:    true,
		EnableRaw:       false,
		BuiltinRegistry: registry{},
		LogicalBackends: map[string]logical.Factory{"kv": kv.Factory, "database": database.Factory},
		CredentialBackends: map[string]logical.Factory{
			"approle": approle.Factory, "userpass": userpass.Factory, "kubernetes": kubernetesauth.Factory, "jwt": jwtauth.Factory,
		},
		AuditBackends: map[string]audit.Factory{"file": file.Factory},
		Experiments:   []string{experiments.VaultExperimentEventsAlpha1},
	})
	if err != nil {
		return nil, nil, err
	}
	seal := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
	secrets, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: seal, RecoveryConfig: nil})
	if err != nil {
		return nil, nil, err
	}
	key := secrets.SecretShares[0]
	if _, err := core.Unseal(append([]byte{}, key...)); err != nil {
		return nil, nil, err
	}
	if err := prepare(ctx, core, secrets.RootToken, given.rootToken); err != nil {
		return nil, nil, err
	}
	return core, key, nil
}

func prepare(ctx context.Context, core *vault.Core, initialToken, rootToken string) error {
	requests := []*logical.Request{
		{Operation: logical.UpdateOperation, Path: "auth/token/create", ClientToken: initialToken, Data: map[string]interface{}{
			"id": rootToken, "policies": []string{"root"}, "no_parent": true, "no_default_policy": true,
		}},
		{Operation: logical.UpdateOperation, Path: "sys/mounts/secret", ClientToken: initialToken, Data: map[string]interface{}{
			"type": "kv", "options": map[string]interface{}{"version": "2"},
		}},
		{Operation: logical.UpdateOperation, Path: "auth/token/revoke-self", ClientToken: initialToken},
	}
	for _, request := range requests {
		response, err := core.HandleRequest(ctx, request)
		if err != nil {
			return fmt.Errorf("%s: %w", request.Path, err)
		}
		if response != nil && response.IsError() {
			return fmt.Errorf("%s: %w", request.Path, response.Error())
		}
	}
	return nil
}

func endWith(parent int) {
	for os.Getppid() == parent {
		time.Sleep(300 * time.Millisecond)
	}
	os.Exit(1)
}

// registry tells the core about plug-ins that are compiled in but not mounted by a factory of its own: the database ones.
type registry struct{}

func (registry) Contains(name string, kind consts.PluginType) bool {
	_, found := registry{}.Get(name, kind)
	return found
}

func (registry) Get(name string, kind consts.PluginType) (func() (interface{}, error), bool) {
	if kind == consts.PluginTypeDatabase && name == "postgresql-database-plugin" {
		return postgresql.New, true
	}
	return nil, false
}

func (registry) Keys(kind consts.PluginType) []string {
	if kind == consts.PluginTypeDatabase {
		return []string{"postgresql-database-plugin"}
	}
	return nil
}

func (registry) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
