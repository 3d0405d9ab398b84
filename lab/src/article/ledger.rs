//! The article's statements: what was measured here, what that makes of them, and why.
//!
//! All of them stand in [`TEXT`], in the article's order. A name in braces stands for a figure of
//! the run. The article's own figures never change, so what follows from them is written out;
//! `tests/article.rs` computes it again. The verdict of a statement about the article's own figures
//! comes from their arithmetic, that of a statement about its source from the source, and all other
//! ones from measurements. If a figure is missing, the statement was not measured; no other figure
//! takes its place.

use serde_json::Value;

use crate::results::{Results, Sentence};

mod figures;

/// Verdict and statement, what was measured, and why. An indented line continues the one above.
const TEXT: &str = r#"simulated: "Simulate some compute-intensive operations": a loop of 1000 steps
measured: barewire, whose loop the compiler cannot remove: {lab/with_wait/cpu_ns} ns of CPU time
  for a request with the wait, {lab/without_wait/cpu_ns} without it; request, answer and loop
  together
why: The loop adds up numbers that are known when it is compiled, and an optimiser may replace it
  by its sum, 999000. It is no more work than a thousand additions in any case.

not comparable: "Simulate async I/O operations": a sleep of 100 us
measured: barewire: {lab/with_wait/rate} requests a second with the wait, {lab/without_wait/rate}
  without; {lab/hyperlane-5}
why: A closed loop of 396 connections that wait 100 us cannot ask more than 3960000 times a second.
  tokio's timer counts in milliseconds, so the article's sleep is of 1 to 2 ms, and the ceiling
  198000 to 396000: the comparison is one of timers.

false: "requests_per_second" of /stats
measured: {stats/requests_per_second_since_start:1} since the start; {stats/total_requests}
  requests by the seconds since 1970 are {lab/since_1970:9}
why: calculate_rps divides by the time since 1970 and calls it the uptime.

simulated: "memory_usage" of /stats
measured: {stats/memory_usage} resident bytes of process {pid}; x 1024 that number is
  {lab/pid_x_1024}
why: get_memory_usage is the number of the process x 1024. It says so: "Simulate memory usage".

simulated: "cpu_usage" of /stats
measured: {lab/cpu_usage}
why: get_cpu_usage is a random number of 0 to 100.

false: The handlers answer: set_response_status_code, set_response_body
measured: the program as printed: not measured in this run; {lab/built}
why: Both calls fill the answer in, and nothing in the program sends it. {lab/notes}

impossible: wrk's output for this framework: 182241.13 requests a second, 2.15 ms on average
measured: {lab/barewire}; {lab/hyperlane-5}
why: By `barewire-lab check`: {lab/contradictions/0}

impossible: wrk's output for Express.js: 25207.80 requests a second, 45.67 ms on average
measured: {lab/barewire}; {lab/express}
why: By `barewire-lab check`: {lab/contradictions/1}

impossible: wrk's output for Spring Boot: 15596.33 requests a second, 78.90 ms on average
measured: {lab/barewire}; {lab/spring-boot}
why: By `barewire-lab check`: {lab/contradictions/2}

not comparable: "7.2x faster than" express
measured: {lab/by_express}
why: 7.23 is what the article's own figures give, and those are not wrk's. Each handler waits by a
  timer of its own resolution, wrk takes its CPU time from the same cores, and a ratio of rates is
  the servers' only where the servers were the bottleneck.

not comparable: "11.7x faster than" spring-boot
measured: {lab/by_spring-boot}
why: 11.68 is what the article's own figures give, and those are not wrk's. Each handler waits by a
  timer of its own resolution, wrk takes its CPU time from the same cores, and a ratio of rates is
  the servers' only where the servers were the bottleneck.

impossible: "Over 95% reduction in latency"
measured: the mean cannot have been above: {lab/means}
why: From 45.67 ms to 2.15 ms are 95.3 % less. But in a closed loop with the same connections the
  mean latency is connections / rate, so 7.23 times the rate is at most 86.2 % less latency if both
  keep the connections waiting (Little 1961).

not comparable: "Traditional web frameworks consistently underperform in high-concurrency scenarios"
measured: {lab/plaintext}
why: A framework without a name cannot be measured. What a request costs is a figure; 400
  connections on one machine are no high concurrency.

simulated: "High-performance cache implementation"
measured: first answer for a key after {miss_ms:2} ms, second after {hit_ms:2} ms
why: The expensive operation is a sleep of 50 ms, so the difference is that sleep. The cache has no
  bound and no expiry, takes a lock for writing on each read to count it, and lets everybody who
  misses at once pay.

false: "Astonishing memory efficiency": allocation_efficiency
measured: {memory/allocation_efficiency:1} by the same arithmetic, with
  {memory/current_usage_bytes} bytes in use and {memory/resident_bytes} resident
why: Bytes freed by bytes allocated only says how much was freed; it nears 100 for any server that
  runs long and does not leak, however much it allocates. The article shows no figure.

false: "Flame graph analysis reveals performance secrets"
measured: {lab/stages}
why: No flame graph is shown. What is timed as request parsing is reading what was parsed before,
  the loop can be folded away, and serialisation happens after its timer has stopped: the value is
  built inside, its text outside.

false: "Zero-copy processing: direct memory view operations", "zero_copy": true
measured: bytes copied in user space: {lab/copied}
why: extend_from_slice copies each byte, 1024 at a time; the flag is a literal. The pool gets an
  empty buffer back for each that it gave, so after ten requests it holds none with room.

{lab/regardless}: "Consistent performance regardless of data size"
measured: MB a second by bytes at once: {lab/sizes}
why: In the article it is a literal, whatever the figures beside it say. Here it is judged by them:
  fastest by slowest at most 2.

not comparable: "Async I/O performance advantages" over "traditional synchronous frameworks"
measured: files a second: {lab/files}
why: No synchronous framework is measured. Each file has a sleep of 10 ms ("Simulate file
  processing"), tokio reads files on blocking threads, and files that were just written come from
  the page cache.

simulated: "Minimal memory overhead", "Linear performance scaling", "scalable": true
measured: not measured
why: Literals in the answer. They would be printed by a server that scales in no way.

not comparable: "Stable performance in real application scenarios"
measured: not measured
why: No application is shown, and no percentile at a fixed rate, which is what stable would be
  measured by."#;

/// The ledger of a run: `answers` are the server's, `others` result files of `compare`.
pub fn of(results: &Results, answers: &Value, others: &[Results]) -> Vec<Sentence> {
    let figures = figures::of(results, answers, others);
    let statements = TEXT.split("\n\n");
    statements.map(|text| sentence(text, &figures)).collect()
}

fn sentence(text: &str, figures: &Value) -> Sentence {
    let text = text.replace("\n  ", " ");
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let mut line = || lines.next().unwrap_or_default();
    let ((verdict, said), (_, measured), (_, reason)) = (line(), line(), line());
    let told = |text| figures::filled(text, figures).unwrap_or("not measured".to_owned());
    Sentence {
        said: told(said),
        measured: told(measured),
        verdict: told(verdict),
        reason: told(reason),
    }
}
