//! What the article's source claims by its names and its literals.

use serde_json::Value;

use super::{NOT_MEASURED, Seen, sentence, told};
use crate::article::probes::number;
use crate::article::runs::FRAMEWORK;
use crate::peers;
use crate::results::Sentence;

/// How many times as fast a larger buffer may be read for "regardless of data size" to hold.
const REGARDLESS: f64 = 2.0;

/// The fields of `/stats`.
pub(super) fn statistics(seen: &Seen) -> Vec<Sentence> {
    let probes = seen.probes;
    let stats = probes.stats.as_ref();
    let requests = number(stats, "/total_requests");
    let rate = match requests {
        Some(requests) => format!(
            "{} since the start; {requests} requests by the seconds since 1970 are {:.9}",
            told(stats, "/requests_per_second_since_start", 1),
            requests / probes.unix_seconds
        ),
        None => NOT_MEASURED.to_owned(),
    };
    let memory = match number(stats, "/memory_usage") {
        Some(bytes) => format!(
            "{bytes} resident bytes of process {}; x 1024 that number is {}",
            probes.pid,
            u64::from(probes.pid) * 1024
        ),
        None => NOT_MEASURED.to_owned(),
    };
    let cpu = match stats.and_then(|stats| stats.get("cpu_usage")) {
        Some(Value::Null) => "null: the process was not old enough for a figure".to_owned(),
        Some(usage) => format!("{usage} % over the last second"),
        None => NOT_MEASURED.to_owned(),
    };
    vec![
        sentence(
            "\"requests_per_second\" of /stats",
            rate,
            "false",
            "calculate_rps divides by the time since 1970 and calls it the uptime.",
        ),
        sentence(
            "\"memory_usage\" of /stats",
            memory,
            "simulated",
            "get_memory_usage is the number of the process x 1024. It says so: \"Simulate memory \
             usage\".",
        ),
        sentence(
            "\"cpu_usage\" of /stats",
            cpu,
            "simulated",
            "get_cpu_usage is a random number of 0 to 100.",
        ),
    ]
}

/// The handlers as printed.
pub(super) fn handler_answers(seen: &Seen) -> Sentence {
    let note = peers::all().ok().and_then(|peers| {
        let peer = peers.into_iter().find(|peer| peer.name == FRAMEWORK)?;
        Some(peer.about.notes)
    });
    let built = match seen.rate(FRAMEWORK, super::WITH_WAIT) {
        Some(_) => format!("{FRAMEWORK}, which sends: answered"),
        None => seen.not_measured(FRAMEWORK),
    };
    sentence(
        "The handlers answer: set_response_status_code, set_response_body",
        format!("the program as printed: {NOT_MEASURED} in this run; {built}"),
        "false",
        format!(
            "Both calls fill the answer in, and nothing in the program sends it. {}",
            note.map_or(String::new(), |note| format!(
                "peers/{FRAMEWORK} notes: {note}"
            ))
        ),
    )
}

/// All handlers after the comparison.
pub(super) fn handlers(seen: &Seen) -> Vec<Sentence> {
    vec![
        cache(seen),
        allocations(seen),
        flames(seen),
        zero_copy(seen),
        regardless_of_size(seen),
        files(seen),
        advantages(),
        real_applications(),
    ]
}

fn cache(seen: &Seen) -> Sentence {
    let measured = match (seen.probes.miss_ms, seen.probes.hit_ms) {
        (Some(miss), Some(hit)) => {
            format!("first answer for a key after {miss:.2} ms, second after {hit:.2} ms")
        }
        _ => NOT_MEASURED.to_owned(),
    };
    sentence(
        "\"High-performance cache implementation\"",
        measured,
        "simulated",
        "The expensive operation is a sleep of 50 ms, so the difference is that sleep. The cache \
         has no bound and no expiry, takes a lock for writing on each read to count it, and lets \
         everybody who misses at once pay.",
    )
}

fn allocations(seen: &Seen) -> Sentence {
    let memory = seen.probes.memory.as_ref();
    let measured = match number(memory, "/allocation_efficiency") {
        Some(efficiency) => format!(
            "{efficiency:.1} by the same arithmetic, with {} bytes in use and {} resident",
            told(memory, "/current_usage_bytes", 0),
            told(memory, "/resident_bytes", 0)
        ),
        None => NOT_MEASURED.to_owned(),
    };
    sentence(
        "\"Astonishing memory efficiency\": allocation_efficiency",
        measured,
        "false",
        "Bytes freed by bytes allocated only says how much was freed; it nears 100 for any server \
         that runs long and does not leak, however much it allocates. The article shows no figure.",
    )
}

fn flames(seen: &Seen) -> Sentence {
    let profiler = seen.probes.profiler.as_ref();
    let stages = [
        "request_parsing",
        "business_logic",
        "response_serialization",
    ];
    let all = profiler.and_then(|stats| stats.pointer("/profiler_stats")?.as_array());
    let timed = |name: &str| {
        let stage = all?.iter().find(|stage| stage["function_name"] == name)?;
        Some(format!(
            "{name} {:.0} ns",
            number(Some(stage), "/avg_time_ns")?
        ))
    };
    let told: Vec<String> = stages.into_iter().filter_map(timed).collect();
    let measured = if told.is_empty() {
        NOT_MEASURED.to_owned()
    } else {
        told.join(", ")
    };
    sentence(
        "\"Flame graph analysis reveals performance secrets\"",
        measured,
        "false",
        "No flame graph is shown. What is timed as request parsing is reading what was parsed \
         before, the loop can be folded away, and serialisation happens after its timer has \
         stopped: the value is built inside, its text outside.",
    )
}

fn zero_copy(seen: &Seen) -> Sentence {
    let answers = seen.probes.zero_copy.iter();
    let copied: Vec<String> = answers
        .filter_map(|answer| {
            let copied = number(Some(answer), "/bytes_copied")?;
            Some(format!(
                "{copied} of {}",
                told(Some(answer), "/input_size", 0)
            ))
        })
        .collect();
    let measured = if copied.is_empty() {
        NOT_MEASURED.to_owned()
    } else {
        format!("bytes copied in user space: {}", copied.join(", "))
    };
    sentence(
        "\"Zero-copy processing: direct memory view operations\", \"zero_copy\": true",
        measured,
        "false",
        "extend_from_slice copies each byte, 1024 at a time; the flag is a literal. The pool gets \
         an empty buffer back for each that it gave, so after ten requests it holds none with \
         room.",
    )
}

fn regardless_of_size(seen: &Seen) -> Sentence {
    let rows = seen.probes.efficiency.as_ref();
    let rows = rows.and_then(|answer| answer.pointer("/memory_efficiency_test")?.as_array());
    let figures: Vec<(f64, f64)> = rows
        .into_iter()
        .flatten()
        .filter_map(|row| {
            let size = number(Some(row), "/data_size_bytes")?;
            Some((size, number(Some(row), "/throughput_mb_per_sec")?))
        })
        .collect();
    let rates = figures.iter().map(|(_, rate)| *rate);
    let (least, most) = rates.fold((f64::INFINITY, 0.0_f64), |(least, most), rate| {
        (least.min(rate), most.max(rate))
    });
    let (measured, verdict) = if figures.is_empty() {
        (NOT_MEASURED.to_owned(), "simulated")
    } else {
        let rows = figures.iter();
        let rows: Vec<_> = rows
            .map(|(size, rate)| format!("{size}: {rate:.0}"))
            .collect();
        let verdict = if most > REGARDLESS * least {
            "false"
        } else {
            "true"
        };
        (
            format!("MB a second by bytes at once: {}", rows.join(", ")),
            verdict,
        )
    };
    sentence(
        "\"Consistent performance regardless of data size\"",
        measured,
        verdict,
        format!(
            "In the article it is a literal, whatever the figures beside it say. Here it is judged \
             by them: fastest by slowest at most {REGARDLESS}."
        ),
    )
}

fn files(seen: &Seen) -> Sentence {
    let rows = seen.probes.files.as_ref();
    let rows = rows.and_then(|answer| answer.pointer("/io_benchmark_results")?.as_array());
    let told: Vec<String> = rows
        .into_iter()
        .flatten()
        .filter_map(|row| {
            Some(format!(
                "{} {} {:.0}",
                row["scenario"].as_str()?,
                row["operation"].as_str()?,
                number(Some(row), "/throughput_files_per_sec")?
            ))
        })
        .collect();
    let measured = if told.is_empty() {
        NOT_MEASURED.to_owned()
    } else {
        format!("files a second: {}", told.join(", "))
    };
    sentence(
        "\"Async I/O performance advantages\" over \"traditional synchronous frameworks\"",
        measured,
        "not comparable",
        "No synchronous framework is measured. Each file has a sleep of 10 ms (\"Simulate file \
         processing\"), tokio reads files on blocking threads, and files that were just written \
         come from the page cache.",
    )
}

fn advantages() -> Sentence {
    sentence(
        "\"Minimal memory overhead\", \"Linear performance scaling\", \"scalable\": true",
        NOT_MEASURED,
        "simulated",
        "Literals in the answer. They would be printed by a server that scales in no way.",
    )
}

fn real_applications() -> Sentence {
    sentence(
        "\"Stable performance in real application scenarios\"",
        NOT_MEASURED,
        "not comparable",
        "No application is shown, and no percentile at a fixed rate, which is what stable would be \
         measured by.",
    )
}
