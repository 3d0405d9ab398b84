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
	plain    = context.Background()
)

func main() {
	_, err := rand.Read(body)
	must(err)
	for _, check := range []struct {
		what string
		run  func()
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
		current = check.what
		check.run()
		fmt.Println(check.what)
	}
}

// current is the check that runs.
var current string

// fail ends the program.
func fail(why string) {
	fmt.Fprintf(os.Stderr, "%s\n%s\n", current, why)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func same(of string, expected, got any) {
	if expected != got {
		fail(fmt.Sprintf("%s\n  expected: %v\n  got:      %v", of, expected, got))
	}
}

// client has connections of its own; the transport's fields can be changed before its first use.
func client() (*http.Client, *http.Transport) {
	transport := &http.Transport{}
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}, transport
}

// request is one for a path here.
func request(within context.Context, method, path string, content io.Reader) *http.Request {
	made, err := http.NewRequestWithContext(within, method, base+path, content)
	must(err)
	return made
}

// ask sends a request and reads the answer whole, which gives its connection back.
func ask(c *http.Client, request *http.Request) (*http.Response, string) {
	answer, err := c.Do(request)
	must(err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	must(err)
	return answer, string(content)
}

// asksHello is a GET of /plaintext.
func asksHello(c *http.Client, within context.Context) {
	answer, content := ask(c, request(within, "GET", "/plaintext", nil))
	same("status", 200, answer.StatusCode)
	same("ContentLength", int64(13), answer.ContentLength)
	same("content", hello, content)
}

// stats are the open connections and those accepted so far; asked over the client's own.
func stats(c *http.Client) (open, accepted int) {
	var now struct {
		Connections int
		Reactors    []struct{ Accepted int }
	}
	_, content := ask(c, request(plain, "GET", "/stats", nil))
	must(json.Unmarshal([]byte(content), &now))
	for _, reactor := range now.Reactors {
		accepted += reactor.Accepted
	}
	return now.Connections, accepted
}

// posts sends a body; a length of -1 makes it go in chunks.
func posts(c *http.Client, within context.Context, content io.Reader, length int,
	expect string) (*http.Response, string) {
	post := request(within, "POST", "/zero-copy", content)
	post.ContentLength = int64(length)
	if expect != "" {
		post.Header.Set("Expect", expect)
	}
	return ask(c, post)
}

// taken: the answer of /zero-copy says that the body arrived.
func taken(answer *http.Response, content string) {
	var said struct {
		InputSize int `json:"input_size"`
		Crc32     string
	}
	must(json.Unmarshal([]byte(content), &said))
	same("status", 200, answer.StatusCode)
	same("input_size", len(body), said.InputSize)
	same("crc32", fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)), said.Crc32)
}

func reuse() {
	c, _ := client()
	_, before := stats(c)
	reused := 0
	traced := httptrace.WithClientTrace(plain, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if info.Reused {
				reused++
			}
		},
	})
	for number := 0; number < 50; number++ {
		asksHello(c, traced)
	}
	_, after := stats(c)
	same("requests over a connection that was there", 50, reused)
	same("connections opened", before, after)
}

func errorsKeep() {
	c, _ := client()
	_, before := stats(c)
	for _, asked := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nothing", 404},
		{"DELETE", "/plaintext", 405},
		{"BREW", "/plaintext", 501},
		{"OPTIONS", "/json", 204},
	} {
		answer, _ := ask(c, request(plain, asked.method, asked.path, nil))
		same(asked.method+" "+asked.path, asked.status, answer.StatusCode)
	}
	_, after := stats(c)
	same("connections opened", before, after)
}

func head() {
	c, _ := client()
	_, before := stats(c)
	answer, content := ask(c, request(plain, "HEAD", "/plaintext", nil))
	same("status", 200, answer.StatusCode)
	same("ContentLength", int64(13), answer.ContentLength)
	same("content", "", content)
	asksHello(c, plain)
	_, after := stats(c)
	same("connections opened", before, after)
}

func closing() {
	c, transport := client()
	transport.DisableKeepAlives = true
	answer, content := ask(c, request(plain, "GET", "/plaintext", nil))
	same("content", hello, content)
	same("Close", true, answer.Close)
}

func chunked() {
	c, _ := client()
	for _, size := range []int{1 << 10, 7_777, len(body)} {
		reader, writer := io.Pipe()
		go func(size int) {
			for rest := body; len(rest) > 0; {
				piece := rest
				if len(piece) > size {
					piece = piece[:size]
				}
				_, err := writer.Write(piece)
				must(err)
				rest = rest[len(piece):]
			}
			writer.Close()
		}(size)
		taken(posts(c, plain, reader, -1, ""))
	}
}

func expectContinue() {
	c, transport := client()
	transport.ExpectContinueTimeout = 10 * time.Second
	told := false
	traced := httptrace.WithClientTrace(plain, &httptrace.ClientTrace{
		Got100Continue: func() { told = true },
	})
	taken(posts(c, traced, bytes.NewReader(body), len(body), "100-continue"))
	same("Got100Continue", true, told)
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

func expectRefused() {
	c, transport := client()
	transport.ExpectContinueTimeout = 10 * time.Second
	source := &counting{Reader: bytes.NewReader(tooLarge)}
	answer, content := posts(c, plain, source, len(tooLarge), "100-continue")
	same("status", 413, answer.StatusCode)
	same("bytes sent", 0, source.read)
	same("the error names the option", true, strings.Contains(content, "--body-max"))
}

func tooLargeAnswered() {
	c, _ := client()
	for round := 0; round < 5; round++ {
		answer, _ := posts(c, plain, bytes.NewReader(tooLarge), len(tooLarge), "")
		same("status", 413, answer.StatusCode)
		same("Close", true, answer.Close)
	}
}

// cancelled: the connection of a request that is given up is given back by the server too.
func cancelled() {
	c, _ := client()
	before, _ := stats(c)
	for round := 0; round < 10; round++ {
		limited, cancel := context.WithTimeout(plain, 50*time.Millisecond)
		_, err := c.Do(request(limited, "GET", "/benchmark?wait_us=2000000", nil))
		cancel()
		same("the context is over", true, errors.Is(err, context.DeadlineExceeded))
	}
	asksHello(c, plain)
	// The wait that was asked for goes on to its end, where the answer finds nobody.
	for attempt := 0; attempt < 100; attempt++ {
		if open, _ := stats(c); open <= before {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	fail("connections of requests that were given up are still open after 10 s")
}

func parallel() {
	c, transport := client()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = 100, 100
	_, before := stats(c)
	var group sync.WaitGroup
	for number := 0; number < 100; number++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for round := 0; round < 50; round++ {
				asksHello(c, plain)
			}
		}()
	}
	group.Wait()
	_, after := stats(c)
	// The hundredth is the one that counts.
	same("99 connections more at most", true, after-before <= 99)
}

func proxied() {
	c, transport := client()
	proxy, err := url.Parse(base)
	must(err)
	transport.Proxy = http.ProxyURL(proxy)
	there, err := http.NewRequest("GET", "http://example.org/plaintext", nil)
	must(err)
	_, content := ask(c, there)
	same("content", hello, content)
}
