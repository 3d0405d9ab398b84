// Go's net/http client.
//
//	go run contrib/clients/client.go HOST:PORT
//
// Prints a line for each check that is passed; ends with exit code 1 at the first that is not.
// contrib/clients.sh runs it. Needs nothing but the standard library, Go 1.19 or later.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const hello = "Hello, World!"

var (
	base     = "http://" + os.Args[1]
	body     = make([]byte, 300_000)
	tooLarge = make([]byte, 8<<20)
)

// client has connections of its own; the transport's fields can be changed before its first use.
func client() (*http.Client, *http.Transport) {
	transport := &http.Transport{}
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}, transport
}

func same(of string, expected, got any) error {
	if expected == got {
		return nil
	}
	return fmt.Errorf("%s\n  expected: %v\n  got:      %v", of, expected, got)
}

// first is the first error there is.
func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sends a request and reads the answer whole, which gives its connection back.
func ask(c *http.Client, request *http.Request) (*http.Response, string, error) {
	answer, err := c.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer, string(content), err
}

// asks is ask for a request without a body, with status and content that are known.
func asks(c *http.Client, path string, status int, expected string) error {
	request, err := http.NewRequest("GET", base+path, nil)
	if err != nil {
		return err
	}
	answer, content, err := ask(c, request)
	if err != nil {
		return err
	}
	return first(same("status", status, answer.StatusCode), same("content", expected, content))
}

// figures are those of /stats that are needed here.
type figures struct {
	Connections int
	Reactors    []struct{ Accepted int }
}

func (f figures) accepted() int {
	sum := 0
	for _, reactor := range f.Reactors {
		sum += reactor.Accepted
	}
	return sum
}

// stats asks over the client's own connection, if it has one.
func stats(c *http.Client) (figures, error) {
	var now figures
	request, err := http.NewRequest("GET", base+"/stats", nil)
	if err != nil {
		return now, err
	}
	_, content, err := ask(c, request)
	if err != nil {
		return now, err
	}
	return now, json.Unmarshal([]byte(content), &now)
}

// posts sends a body of unknown length, which goes in chunks, or of a known one.
func posts(c *http.Client, content io.Reader, length int64, context context.Context, expect string) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(context, "POST", base+"/zero-copy", content)
	if err != nil {
		return nil, "", err
	}
	request.ContentLength = length
	if expect != "" {
		request.Header.Set("Expect", expect)
	}
	return ask(c, request)
}

// taken holds if the answer of /zero-copy says that the body arrived.
func taken(answer *http.Response, content string) error {
	var said struct {
		InputSize int `json:"input_size"`
		Crc32     string
	}
	if err := json.Unmarshal([]byte(content), &said); err != nil {
		return err
	}
	return first(
		same("status", http.StatusOK, answer.StatusCode),
		same("input_size", len(body), said.InputSize),
		same("crc32", fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)), said.Crc32),
	)
}

func reuse() error {
	c, _ := client()
	before, err := stats(c)
	if err != nil {
		return err
	}
	reused := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			reused++
		}
	}}
	traced := httptrace.WithClientTrace(context.Background(), trace)
	for number := 0; number < 50; number++ {
		request, err := http.NewRequestWithContext(traced, "GET", base+"/plaintext", nil)
		if err != nil {
			return err
		}
		answer, content, err := ask(c, request)
		if err != nil {
			return err
		}
		err = first(same("content", hello, content), same("ContentLength", int64(13), answer.ContentLength))
		if err != nil {
			return err
		}
	}
	after, err := stats(c)
	return first(err, same("requests over a connection that was there", 50, reused),
		same("connections opened", 0, after.accepted()-before.accepted()))
}

func errorsKeep() error {
	c, _ := client()
	before, err := stats(c)
	if err != nil {
		return err
	}
	for _, request := range []struct {
		method, path string
		status       int
	}{{"GET", "/nothing", 404}, {"DELETE", "/plaintext", 405}, {"BREW", "/plaintext", 501}, {"OPTIONS", "/json", 204}} {
		asked, err := http.NewRequest(request.method, base+request.path, nil)
		if err != nil {
			return err
		}
		answer, _, err := ask(c, asked)
		if err != nil {
			return err
		}
		if err := same(request.method+" "+request.path, request.status, answer.StatusCode); err != nil {
			return err
		}
	}
	after, err := stats(c)
	return first(err, same("connections opened", 0, after.accepted()-before.accepted()))
}

func head() error {
	c, _ := client()
	request, err := http.NewRequest("HEAD", base+"/plaintext", nil)
	if err != nil {
		return err
	}
	answer, content, err := ask(c, request)
	if err != nil {
		return err
	}
	return first(same("status", 200, answer.StatusCode), same("ContentLength", int64(13), answer.ContentLength),
		same("content", "", content), asks(c, "/plaintext", 200, hello))
}

func closing() error {
	c, transport := client()
	transport.DisableKeepAlives = true
	request, err := http.NewRequest("GET", base+"/plaintext", nil)
	if err != nil {
		return err
	}
	answer, content, err := ask(c, request)
	if err != nil {
		return err
	}
	return first(same("content", hello, content), same("Close", true, answer.Close))
}

func chunked() error {
	c, _ := client()
	for _, size := range []int{1 << 10, 7_777, len(body)} {
		reader, writer := io.Pipe()
		go func() {
			for rest := body; len(rest) > 0; {
				piece := rest
				if len(piece) > size {
					piece = piece[:size]
				}
				if _, err := writer.Write(piece); err != nil {
					return
				}
				rest = rest[len(piece):]
			}
			writer.Close()
		}()
		answer, content, err := posts(c, reader, -1, context.Background(), "")
		if err != nil {
			return err
		}
		if err := taken(answer, content); err != nil {
			return err
		}
	}
	return nil
}

func expectContinue() error {
	c, transport := client()
	transport.ExpectContinueTimeout = 10 * time.Second
	told := false
	trace := &httptrace.ClientTrace{Got100Continue: func() { told = true }}
	traced := httptrace.WithClientTrace(context.Background(), trace)
	answer, content, err := posts(c, bytes.NewReader(body), int64(len(body)), traced, "100-continue")
	if err != nil {
		return err
	}
	return first(taken(answer, content), same("Got100Continue", true, told))
}

// counting notes how much was read of it.
type counting struct {
	io.Reader
	read int
}

func (c *counting) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	c.read += n
	return n, err
}

func expectRefused() error {
	c, transport := client()
	transport.ExpectContinueTimeout = 10 * time.Second
	source := &counting{Reader: bytes.NewReader(tooLarge)}
	answer, content, err := posts(c, source, int64(len(tooLarge)), context.Background(), "100-continue")
	if err != nil {
		return err
	}
	return first(same("status", 413, answer.StatusCode), same("bytes sent", 0, source.read),
		same("the error names the option", true, strings.Contains(content, "--body-max")))
}

func tooLargeAnswered() error {
	c, _ := client()
	for round := 0; round < 5; round++ {
		answer, _, err := posts(c, bytes.NewReader(tooLarge), int64(len(tooLarge)), context.Background(), "")
		if err != nil {
			return err
		}
		if err := first(same("status", 413, answer.StatusCode), same("Close", true, answer.Close)); err != nil {
			return err
		}
	}
	return nil
}

// cancelled: the connection of a request that is given up is given back by the server too.
func cancelled() error {
	c, _ := client()
	open, err := stats(c)
	if err != nil {
		return err
	}
	for round := 0; round < 10; round++ {
		limited, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		request, err := http.NewRequestWithContext(limited, "GET", base+"/benchmark?wait_us=2000000", nil)
		if err != nil {
			cancel()
			return err
		}
		_, _, err = ask(c, request)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return same("error", context.DeadlineExceeded, err)
		}
	}
	if err := asks(c, "/plaintext", 200, hello); err != nil {
		return err
	}
	// What was asked is waited for, 2 s, before its answer finds nobody.
	for attempt := 0; attempt < 100; attempt++ {
		now, err := stats(c)
		if err != nil {
			return err
		}
		if now.Connections <= open.Connections {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("connections of requests that were given up are still open after 10 s")
}

func parallel() error {
	c, transport := client()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = 100, 100
	before, err := stats(c)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	results := make(chan error, 100)
	for number := 0; number < 100; number++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for round := 0; round < 50; round++ {
				if err := asks(c, "/plaintext", 200, hello); err != nil {
					results <- err
					return
				}
			}
		}()
	}
	group.Wait()
	close(results)
	if err := <-results; err != nil {
		return err
	}
	after, err := stats(c)
	// The hundredth is the one that counts.
	return first(err, same("99 connections opened at most", true, after.accepted()-before.accepted() <= 99))
}

func proxied() error {
	c, transport := client()
	proxy, err := url.Parse(base)
	if err != nil {
		return err
	}
	transport.Proxy = http.ProxyURL(proxy)
	request, err := http.NewRequest("GET", "http://example.org/plaintext", nil)
	if err != nil {
		return err
	}
	_, content, err := ask(c, request)
	return first(err, same("content", hello, content))
}

func main() {
	if _, err := rand.Read(body); err != nil {
		panic(err)
	}
	for _, check := range []struct {
		what string
		run  func() error
	}{
		{"fifty requests over one connection, by httptrace and by the server", reuse},
		{"404, 405, 501 and 204 keep the connection", errorsKeep},
		{"HEAD, then a GET", head},
		{"DisableKeepAlives: Connection: close is kept", closing},
		{"POST with ContentLength -1: chunked", chunked},
		{"Expect: 100-continue is told before ExpectContinueTimeout", expectContinue},
		{"Expect with too large a body: 413 and nothing is sent", expectRefused},
		{"8 MiB to POST are answered with 413", tooLargeAnswered},
		{"a context's end in the middle of a wait; all is given back", cancelled},
		{"a hundred goroutines, fifty requests each", parallel},
		{"a proxy: the absolute form", proxied},
	} {
		if err := check.run(); err != nil {
			fmt.Fprintf(os.Stderr, "%s\n%v\n", check.what, err)
			os.Exit(1)
		}
		fmt.Println(check.what)
	}
}
