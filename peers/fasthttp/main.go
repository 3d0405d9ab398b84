// fasthttp, three routes. GOMAXPROCS, set by the lab, is the number of workers.
package main

import (
	"encoding/json"
	"log"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

type message struct {
	Message string `json:"message"`
}

type findings struct {
	Result           uint64 `json:"result"`
	ProcessingTimeUs int64  `json:"processing_time_us"`
	RequestID        uint64 `json:"request_id"`
	Timestamp        string `json:"timestamp"`
}

var requests atomic.Uint64

// work is the article's: the sum of i * 2 for i below 1,000. Go's compiler does not fold the loop.
func work() uint64 {
	var result uint64
	for i := uint64(0); i < 1000; i++ {
		result += i * 2
	}
	return result
}

func writeJSON(ctx *fasthttp.RequestCtx, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
}

func benchmark(ctx *fasthttp.RequestCtx) {
	start := time.Now()
	result := work()
	time.Sleep(100 * time.Microsecond)
	writeJSON(ctx, findings{
		Result:           result,
		ProcessingTimeUs: time.Since(start).Microseconds(),
		RequestID:        requests.Add(1),
		Timestamp:        time.Now().UTC().Format(time.RFC3339Nano),
	})
}

func handle(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/plaintext":
		ctx.SetContentType("text/plain")
		ctx.SetBodyString("Hello, World!")
	case "/json":
		writeJSON(ctx, message{"Hello, World!"})
	case "/benchmark":
		benchmark(ctx)
	default:
		ctx.Error("not found", fasthttp.StatusNotFound)
	}
}

func main() {
	log.Fatal(fasthttp.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), handle))
}
