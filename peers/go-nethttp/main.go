// Go's net/http as its documentation begins, three routes. GOMAXPROCS, set by the lab, is the number
// of workers.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"sync/atomic"
	"time"
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

func writeJSON(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "Hello, World!")
	})
	mux.HandleFunc("GET /json", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, message{"Hello, World!"})
	})
	mux.HandleFunc("GET /benchmark", func(w http.ResponseWriter, _ *http.Request) {
		start := time.Now()
		result := work()
		time.Sleep(100 * time.Microsecond)
		writeJSON(w, findings{
			Result:           result,
			ProcessingTimeUs: time.Since(start).Microseconds(),
			RequestID:        requests.Add(1),
			Timestamp:        time.Now().UTC().Format(time.RFC3339Nano),
		})
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}
