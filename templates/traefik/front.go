// Written by homeport; changes made here are lost.
// What Traefik cannot do by itself, as a plugin that it interprets: which slot is live and whether there is maintenance is
// looked for on the disk at every request, and a request waits for an application that is being started. Without it, a
// change of files would reach Traefik a moment later than the disk, and a request that waits would go to the slot of before.
// One instance for each site, and one for what is nobody's. The standard library only; Traefik's other parts are not asked.
package front

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	challenges = "/.well-known/acme-challenge/"
	poll       = 50 * time.Millisecond
	connect    = 500 * time.Millisecond
	// Between two pieces of what a client sends, or takes.
	upTo = 30 * time.Second
	// How long a client may send what nobody wants: its error would be lost if that was not read (Nginx: lingering_time).
	lingering = 30 * time.Second
	// As much of a body is waited for before the application is asked.
	smallBody = 64 << 10
	// After so many clients a counter of requests is looked through, this often, for those that have stayed away.
	manyClients = 50_000
	tidyTime    = 10 * time.Second
)

var (
	token     = regexp.MustCompile("^[A-Za-z0-9_-]+$") // RFC 8555, 8.3
	itself    = netip.MustParseAddr("127.0.0.1")
	requestID = regexp.MustCompile("^[A-Za-z0-9._-]{8,64}$")
)

// Config is what a dynamic configuration of Traefik can give: JSON, which says either what a site is or what the machine is.
// A site that asks for passwords has two: one before Traefik's question, and one after it.
type Config struct {
	Site    string `json:"site,omitempty"`
	Part    string `json:"part,omitempty"`
	Machine string `json:"machine,omitempty"`
}

type machine struct {
	Webroot string `json:"webroot"`
	Digest  string `json:"digest"`
}

type pathRule struct {
	Path      string `json:"path"`
	BodyBytes int64  `json:"body_bytes"`
	Seconds   int    `json:"seconds"`
}

type redirect struct {
	Target     string `json:"target"`
	Status     int    `json:"status"`
	KeepsQuery bool   `json:"keeps_query"`
}

type limit struct {
	Path    string  `json:"path"`
	AtOnce  float64 `json:"at_once"`
	Seconds float64 `json:"seconds"`
}

type settings struct {
	Domain           string              `json:"domain"`
	Aliases          []string            `json:"aliases"`
	Served           []string            `json:"served"`
	Blue             string              `json:"blue"`
	Green            string              `json:"green"`
	Flag             string              `json:"flag"`
	Held             string              `json:"held"`
	HoldSeconds      int                 `json:"hold_seconds"`
	Standby          bool                `json:"standby"`
	Maintenance      string              `json:"maintenance"`
	MaintenancePage  string              `json:"maintenance_page"`
	MaintenanceRetry string              `json:"maintenance_retry"`
	MaintenanceSaid  string              `json:"maintenance_said"`
	Health           string              `json:"health"`
	TLS13            bool                `json:"tls13"`
	Headers          map[string]string   `json:"headers"`
	HeaderBytes      int64               `json:"header_bytes"`
	BodyBytes        int64               `json:"body_bytes"`
	Seconds          int                 `json:"seconds"`
	Paths            []pathRule          `json:"paths"`
	Redirects        map[string]redirect `json:"redirects"`
	Allowed          []string            `json:"allowed"`
	Trusted          []string            `json:"trusted"`
	Limits           []limit             `json:"limits"`
	LimitRetry       string              `json:"limit_retry"`
	Said             map[string]string   `json:"said"`
	ErrorRetry       string              `json:"error_retry"`
	JSON             []string            `json:"json"`
	Page             []string            `json:"page"`
}

// CreateConfig is asked for by Traefik.
func CreateConfig() *Config { return &Config{} }

// New is asked for by Traefik: the handler of a site, or that of the machine. What comes next is asked only by the first of two.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	if config.Site == "" {
		found := &machine{}
		if err := json.Unmarshal([]byte(config.Machine), found); err != nil {
			return nil, err
		}
		return http.HandlerFunc(found.serve), nil
	}
	found := &settings{}
	if err := json.Unmarshal([]byte(config.Site), found); err != nil {
		return nil, err
	}
	return newSite(found, next, config.Part)
}

// What no site answers: challenges of an authority, what the host program asks, and names that nobody has.
func (m *machine) serve(w http.ResponseWriter, r *http.Request) {
	host := strings.ToLower(hostOnly(r.Host))
	switch {
	case r.TLS != nil:
		// A known name in the handshake with an unknown one in the request.
		w.WriteHeader(http.StatusMisdirectedRequest)
	case strings.HasPrefix(r.URL.Path, challenges):
		m.challenge(w, r)
	case host == "homeport.invalid" && hostOnly(r.RemoteAddr) == "127.0.0.1":
		_, _ = io.WriteString(w, m.Digest)
	default:
		// No answer. (A panic would be logged with its stack.)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

func (m *machine) challenge(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, challenges)
	if !token.MatchString(name) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	text, err := os.ReadFile(m.Webroot + challenges + name)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(text)
}

type bucket struct {
	level float64
	at    time.Time
}

type site struct {
	*settings
	next             http.Handler
	part             string
	allowed, trusted []netip.Prefix
	transport        *http.Transport
	lock             sync.Mutex
	last             map[string]bool
	buckets          []map[string]*bucket
	tidied           time.Time
}

type secondsKey struct{}

func newSite(s *settings, next http.Handler, part string) (http.Handler, error) {
	allowed, err := networks(s.Allowed)
	if err != nil {
		return nil, err
	}
	trusted, err := networks(s.Trusted)
	if err != nil {
		return nil, err
	}
	made := &site{settings: s, next: next, part: part, allowed: allowed, trusted: trusted, last: map[string]bool{}}
	for range s.Limits {
		made.buckets = append(made.buckets, map[string]*bucket{})
	}
	made.transport = &http.Transport{
		DialContext: made.dial,
		// A connection for each request: one that is kept may be closed by the application just as a request is on its way.
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: s.HeaderBytes,
		ReadBufferSize:         32 << 10,
	}
	return http.HandlerFunc(made.serve), nil
}

func networks(texts []string) ([]netip.Prefix, error) {
	found := []netip.Prefix{}
	for _, text := range texts {
		if !strings.Contains(text, "/") {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, err
			}
			text = fmt.Sprintf("%s/%d", text, address.BitLen())
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		found = append(found, network.Masked())
	}
	return found, nil
}

func among(address netip.Addr, networks []netip.Prefix) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

func hostOnly(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// Tells whether a file is there. When that cannot be known (no file can be opened any more, say), as it was last.
func (s *site) there(path string) bool {
	_, err := os.Stat(path)
	s.lock.Lock()
	defer s.lock.Unlock()
	if err == nil {
		s.last[path] = true
	} else if errors.Is(err, os.ErrNotExist) {
		s.last[path] = false
	}
	return s.last[path]
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	client, inside := s.client(r)
	// For the log as well.
	r.Header.Set("X-Real-Ip", client.String())
	r.Header.Del("X-Homeport-State")
	host := strings.ToLower(hostOnly(r.Host))
	if s.isAlias(host) {
		s.answerHeaders(w.Header())
		goTo(w, r, "https://"+s.Domain+asked(r), http.StatusPermanentRedirect)
		return
	}
	if r.TLS == nil {
		goTo(w, r, "https://"+host+asked(r), http.StatusPermanentRedirect)
		return
	}
	if s.TLS13 && r.TLS.Version < 0x0304 {
		// A connection that was opened for another name of this machine may speak TLS 1.2.
		w.WriteHeader(http.StatusMisdirectedRequest)
		return
	}
	s.answer(w, r, host, client, inside)
}

// Tells whether a name leads to the site's first one. Names go before stars.
func (s *site) isAlias(host string) bool {
	if slices.Contains(s.Aliases, host) {
		return true
	}
	if host == s.Domain || slices.Contains(s.Served, host) {
		return false
	}
	return slices.ContainsFunc(s.Aliases, func(alias string) bool {
		return strings.HasPrefix(alias, "*.") && strings.HasSuffix(host, alias[1:])
	})
}

// Returns path and query as they were asked for.
func asked(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

func goTo(w http.ResponseWriter, r *http.Request, place string, status int) {
	if r.TLS == nil {
		// Who is sent elsewhere needs this connection no more.
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Location", place)
	w.WriteHeader(status)
	if r.ProtoMajor == 2 {
		readOn(w, r)
	}
}

// What comes before the application is asked, in the order of the other proxies' sites.
func (s *site) answer(w http.ResponseWriter, r *http.Request, host string, client netip.Addr, inside bool) {
	// The time for the headers is over; it would end a request that is answered slowly, too.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if id := r.Header.Get("X-Request-Id"); !requestID.MatchString(id) {
		random := make([]byte, 16)
		_, _ = rand.Read(random)
		r.Header.Set("X-Request-Id", hex.EncodeToString(random))
	}
	s.answerHeaders(w.Header())
	w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
	bodyBytes, seconds := s.BodyBytes, s.Seconds
	for _, one := range s.Paths {
		if isBelow(r.URL.Path, one.Path) {
			bodyBytes, seconds = one.BodyBytes, one.Seconds
			break
		}
	}
	switch {
	case r.ContentLength > bodyBytes:
		r.Header.Set("X-Homeport-State", "body")
		s.refuse(w, r, http.StatusRequestEntityTooLarge, "")
		return
	case len(s.allowed) > 0 && !inside && !among(client, s.allowed):
		s.refuse(w, r, http.StatusForbidden, "")
		return
	case !inside && s.part != "after" && s.isOver(r.URL.Path, client):
		s.refuse(w, r, http.StatusTooManyRequests, s.LimitRetry)
		return
	case !inside && s.part == "before":
		s.next.ServeHTTP(w, r)
		return
	case r.URL.Path != s.Health && s.there(s.Maintenance):
		s.close(w, r)
		return
	}
	if found, ok := s.Redirects[r.URL.Path]; ok {
		place := found.Target
		if strings.HasPrefix(place, "/") {
			place = "https://" + host + place
		}
		if _, query, _ := strings.Cut(asked(r), "?"); found.KeepsQuery && query != "" {
			place += "?" + query
		}
		goTo(w, r, place, found.Status)
		return
	}
	if !whole(w, r) {
		w.WriteHeader(http.StatusRequestTimeout)
		return
	}
	s.wait(r)
	s.pass(w, r, host, client.String(), bodyBytes, seconds)
}

// Reads a small body before anybody is asked: who dawdles keeps no worker busy. Tells whether it has come.
func whole(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength <= 0 || r.ContentLength > smallBody {
		return true
	}
	controller := http.NewResponseController(w)
	_ = controller.SetReadDeadline(time.Now().Add(upTo))
	text, err := io.ReadAll(r.Body)
	_ = controller.SetReadDeadline(time.Time{})
	r.Body = io.NopCloser(bytes.NewReader(text))
	return err == nil
}

func isBelow(path, top string) bool {
	return top == "/" || path == top || strings.HasPrefix(path, top+"/")
}

// Returns the visitor's address: the last one that none of the trusted proxies has. What stands before it may be forged.
// And whether it is the machine itself that asks for the health path.
func (s *site) client(r *http.Request) (netip.Addr, bool) {
	address, _ := netip.ParseAddr(hostOnly(r.RemoteAddr))
	address = address.Unmap().WithZone("")
	inside := address == itself && s.Health != "" && r.URL.Path == s.Health
	entries := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for n := len(entries) - 1; n >= 0 && among(address, s.trusted); n-- {
		// Some write a port there, too.
		before, err := netip.ParseAddr(hostOnly(strings.TrimSpace(entries[n])))
		if err != nil {
			break
		}
		address = before.Unmap().WithZone("")
	}
	return address, inside && address == itself
}

// Counts a request, and tells whether its client has asked too often: an IPv4 address, or 64 bits of IPv6.
func (s *site) isOver(path string, client netip.Addr) bool {
	bits := 32
	if client.Is6() {
		bits = 64
	}
	network, err := client.Prefix(bits)
	if err != nil {
		return false
	}
	who, now, over := network.String(), time.Now(), false
	s.lock.Lock()
	defer s.lock.Unlock()
	for n, one := range s.Limits {
		if !isBelow(path, one.Path) {
			continue
		}
		counted := s.buckets[n]
		if len(counted) > manyClients && now.After(s.tidied.Add(tidyTime)) {
			s.tidied = now
			for key, old := range counted {
				if now.Sub(old.at).Seconds() > one.Seconds {
					delete(counted, key)
				}
			}
		}
		if len(counted) > 4*manyClients {
			// Somebody has more addresses than anybody is: those of before count no more.
			counted = map[string]*bucket{}
			s.buckets[n] = counted
		}
		mine, known := counted[who]
		if !known {
			mine = &bucket{at: now}
			counted[who] = mine
		}
		mine.level -= now.Sub(mine.at).Seconds() * one.AtOnce / one.Seconds
		if mine.level < 0 {
			mine.level = 0
		}
		mine.at = now
		if mine.level+1 > one.AtOnce {
			over = true
		} else {
			mine.level++
		}
	}
	return over
}

// Waits while a slot is stopped that another one replaces (homeport/host/proxies/held.py).
func (s *site) wait(r *http.Request) {
	ends := time.Now().Add(time.Duration(s.HoldSeconds) * time.Second)
	for time.Now().Before(ends) && r.Context().Err() == nil {
		text, err := os.ReadFile(s.Held)
		until, wrong := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || wrong != nil || time.Now().Unix() >= until {
			return
		}
		time.Sleep(poll)
	}
}

// THE switch: one file, looked for at every request, and anew while a slot that accepts no connection is waited for.
func (s *site) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	seconds, _ := ctx.Value(secondsKey{}).(int)
	ends := time.Now().Add(time.Duration(s.HoldSeconds) * time.Second)
	dialer := &net.Dialer{Timeout: connect}
	for {
		live, other := s.Blue, s.Green
		if s.there(s.Flag) {
			live, other = s.Green, s.Blue
		}
		conn, err := dialer.DialContext(ctx, "tcp", live)
		if err != nil && s.Standby {
			conn, err = dialer.DialContext(ctx, "tcp", other)
		}
		if err == nil {
			return &patient{conn, time.Duration(seconds) * time.Second}, nil
		}
		if time.Now().After(ends) || ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", live, errUnreached)
		}
		time.Sleep(poll)
	}
}

var errUnreached = errors.New("accepts no connections")

// A connection to the application that ends when nothing has moved for too long.
type patient struct {
	conn net.Conn
	time time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(p.time))
	return p.conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.conn.SetDeadline(time.Now().Add(p.time))
	return p.conn.Write(b)
}

func (p *patient) Close() error                       { return p.conn.Close() }
func (p *patient) LocalAddr() net.Addr                { return p.conn.LocalAddr() }
func (p *patient) RemoteAddr() net.Addr               { return p.conn.RemoteAddr() }
func (p *patient) SetDeadline(t time.Time) error      { return p.conn.SetDeadline(t) }
func (p *patient) SetReadDeadline(t time.Time) error  { return p.conn.SetReadDeadline(t) }
func (p *patient) SetWriteDeadline(t time.Time) error { return p.conn.SetWriteDeadline(t) }

// What a client sends, which ends when nothing has come for too long.
type upload struct {
	body       io.ReadCloser
	controller *http.ResponseController
}

func (u *upload) Read(b []byte) (int, error) {
	_ = u.controller.SetReadDeadline(time.Now().Add(upTo))
	n, err := u.body.Read(b)
	if err != nil {
		_ = u.controller.SetReadDeadline(time.Time{})
	}
	return n, err
}

// What the application answers, which ends when its visitor has taken nothing for too long. Each piece is read, then sent.
type download struct {
	body       io.ReadCloser
	controller *http.ResponseController
}

func (d *download) Read(b []byte) (int, error) {
	_ = d.controller.SetWriteDeadline(time.Time{})
	n, err := d.body.Read(b)
	if err == nil {
		_ = d.controller.SetWriteDeadline(time.Now().Add(upTo))
	}
	return n, err
}

func (d *download) Close() error { return d.body.Close() }

func (u *upload) Close() error { return u.body.Close() }

func (s *site) pass(w http.ResponseWriter, r *http.Request, host, client string, bodyBytes int64, seconds int) {
	if r.ContentLength < 0 || r.ContentLength > smallBody {
		r.Body = http.MaxBytesReader(w, &upload{r.Body, http.NewResponseController(w)}, bodyBytes)
	}
	id := r.Header.Get("X-Request-Id")
	// As it was asked for: Traefik has replaced each ";".
	_, query, _ := strings.Cut(asked(r), "?")
	proxy := &httputil.ReverseProxy{
		Transport:     s.transport,
		FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.URL.RawQuery = "http", s.Domain, query
			p.Out.Host = host
			requestHeaders(p.Out.Header, host, client, id)
		},
		ModifyResponse: func(answer *http.Response) error {
			for _, name := range []string{"Server", "X-Accel-Buffering", "X-Request-Id"} {
				answer.Header.Del(name)
			}
			// These are ours, and are there already.
			for name := range s.Headers {
				answer.Header.Del(name)
			}
			if answer.StatusCode != http.StatusSwitchingProtocols {
				answer.Body = &download{answer.Body, http.NewResponseController(w)}
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { s.fail(w, r, err) },
	}
	proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), secondsKey{}, seconds)))
}

// What the client says of itself is overwritten, never appended to: the application believes these.
func requestHeaders(headers http.Header, host, client, id string) {
	for name := range headers {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "X-Homeport-State" {
			delete(headers, name)
		}
	}
	headers.Del("Forwarded")
	headers.Set("X-Real-IP", client)
	headers.Set("X-Forwarded-For", client)
	headers.Set("X-Forwarded-Host", host)
	headers.Set("X-Forwarded-Proto", "https")
	headers.Set("X-Forwarded-Port", "443")
	headers.Set("X-Request-Id", id)
}

func (s *site) answerHeaders(headers http.Header) {
	for name, value := range s.Headers {
		headers.Set(name, value)
	}
}

// Why the application has given no answer, for the client and for the log.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case r.Context().Err() != nil:
		// Nobody is there any more to be told.
	case errors.Is(err, errUnreached):
		r.Header.Set("X-Homeport-State", "unreached "+err.Error())
		s.refuse(w, r, http.StatusServiceUnavailable, s.ErrorRetry)
	case errors.As(err, &tooLarge):
		r.Header.Set("X-Homeport-State", "body")
		s.refuse(w, r, http.StatusRequestEntityTooLarge, "")
	case errors.As(err, &network) && network.Timeout():
		r.Header.Set("X-Homeport-State", "time")
		s.refuse(w, r, http.StatusGatewayTimeout, "")
	case strings.Contains(err.Error(), "headers exceeded") || strings.Contains(err.Error(), "malformed"):
		r.Header.Set("X-Homeport-State", "headers")
		s.refuse(w, r, http.StatusBadGateway, "")
	default:
		r.Header.Set("X-Homeport-State", "cut")
		s.refuse(w, r, http.StatusBadGateway, "")
	}
}

func wantsJSON(r *http.Request) bool {
	accepts := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accepts, "/json") || strings.Contains(accepts, "+json")
}

func (s *site) refuse(w http.ResponseWriter, r *http.Request, status int, retry string) {
	said := s.Said[strconv.Itoa(status)]
	if wantsJSON(r) {
		say(w, r, status, retry, "application/json", s.JSON[0]+said+s.JSON[1])
	} else {
		say(w, r, status, retry, "text/html; charset=utf-8", s.Page[0]+said+s.Page[1])
	}
}

// Maintenance.
func (s *site) close(w http.ResponseWriter, r *http.Request) {
	if wantsJSON(r) {
		said := s.JSON[0] + s.MaintenanceSaid + s.JSON[1]
		say(w, r, http.StatusServiceUnavailable, s.MaintenanceRetry, "application/json", said)
		return
	}
	page, _ := os.ReadFile(s.MaintenancePage)
	say(w, r, http.StatusServiceUnavailable, s.MaintenanceRetry, "text/html; charset=utf-8", string(page))
}

func say(w http.ResponseWriter, r *http.Request, status int, retry, kind, text string) {
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Connection", "close")
	}
	if retry != "" {
		w.Header().Set("Retry-After", retry)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text)
	}
	readOn(w, r)
}

// An answer reaches a client that is still sending only if that is read on: over HTTP/1.1 the connection would be reset, over
// HTTP/2 the stream, which some take for an error (curl 7.88).
func readOn(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	controller := http.NewResponseController(w)
	_ = controller.Flush()
	_ = controller.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.Copy(io.Discard, r.Body)
}
