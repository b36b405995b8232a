// Asks for an address over HTTP/2, once for each line that it reads, as a program of Go's standard library does. It says a
// line each time: status, protocol and release, or "lost" and why.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	url, address, authorities := os.Args[1], os.Args[2], os.Args[3]
	pem, err := os.ReadFile(authorities)
	if err != nil {
		panic(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	var dialer net.Dialer
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: trusted},
		DialContext: func(about context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(about, network, address)
		},
	}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		answer, err := client.Get(url)
		if err != nil {
			fmt.Println("lost", err)
			continue
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode, answer.Proto, answer.Header.Get("X-Notes-Release"))
	}
}
