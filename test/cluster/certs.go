package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const lifetime = 7 * 24 * time.Hour

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// writeCertificates makes everything that a control plane on loopback needs: ca, server, admin, front-proxy and the service account key.
func writeCertificates(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ca, err := newAuthority(dir, "ca", "helmwarden-test-ca")
	if err != nil {
		return err
	}
	frontProxyCA, err := newAuthority(dir, "front-proxy-ca", "helmwarden-test-front-proxy-ca")
	if err != nil {
		return err
	}
	server := template("kube-apiserver", nil)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 0, 0, 1)}
	if err := ca.issue(dir, "server", server); err != nil {
		return err
	}
	if err := ca.issue(dir, "admin", client("helmwarden-admin", []string{"system:masters"})); err != nil {
		return err
	}
	if err := frontProxyCA.issue(dir, "front-proxy-client", client("front-proxy-client", nil)); err != nil {
		return err
	}
	return writeServiceAccountKey(dir)
}

func newAuthority(dir, name, commonName string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	certificate := template(commonName, nil)
	certificate.IsCA = true
	certificate.BasicConstraintsValid = true
	certificate.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	self := &authority{certificate: certificate, key: key}
	if err := self.sign(dir, name, certificate, key); err != nil {
		return nil, err
	}
	return self, nil
}

func (ca *authority) issue(dir, name string, certificate *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return ca.sign(dir, name, certificate, key)
}

func (ca *authority) sign(dir, name string, certificate *x509.Certificate, key *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, certificate, ca.certificate, &key.PublicKey, ca.key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(dir, name+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	return writePEM(dir, name+".key", "EC PRIVATE KEY", keyDER)
}

func writeServiceAccountKey(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := writePEM(dir, "service-account.key", "EC PRIVATE KEY", private); err != nil {
		return err
	}
	return writePEM(dir, "service-account.pub", "PUBLIC KEY", public)
}

func template(commonName string, organization []string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName, Organization: organization},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func client(commonName string, organization []string) *x509.Certificate {
	certificate := template(commonName, organization)
	certificate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return certificate
}

func writePEM(dir, file, kind string, der []byte) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return os.WriteFile(filepath.Join(dir, file), data, 0o600)
}
