//! What is asked of a server: how many connections, how many requests at once, at which pace.
//!
//! A workload says nothing of a server and nothing of time: the same one goes to every subject of
//! an experiment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One way of asking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Workload {
    /// Short name, as in tables and on the command line: `keep-alive`.
    pub name: String,
    /// Paths that are asked for, each as often as the others: `/plaintext`.
    pub paths: Vec<String>,
    /// What is posted to them; `None`: they are asked for by GET.
    pub upload: Option<String>,
    /// Lines of its head beyond Host, each with its end.
    pub fields: String,
    /// Body that every answer must have; `None` if answers differ, and are then parsed one by one.
    pub body: Option<String>,
    /// Connections, all open from the start.
    pub connections: u16,
    /// Connections beside these that say nothing.
    pub idle: u16,
    /// Requests that are sent together.
    pub pipeline: u16,
    /// Whether they are sent in two pieces, cut in the middle of the last.
    pub pieces: bool,
    /// Whether each request has a connection of its own.
    pub reconnect: bool,
    /// Answers that the generator reads together, so that it costs less than the server.
    pub read_every: u16,
    /// Share of the requests per second that the server answered before at saturation: requests are
    /// sent at that rate, come what may (open loop). `None`: each connection asks again when it was
    /// answered (closed loop).
    pub rate_share: Option<f64>,
    /// Whether somebody else asks for `/plaintext` meanwhile, whose latency is the figure.
    pub neighbour: bool,
    /// Workers of the server; 0 stands for one.
    pub workers: u16,
}

/// Connections of the workloads that have many.
const CONNECTIONS: u16 = 64;
/// Requests of one batch, where they are pipelined: wrk's and TechEmpower's usual depth.
const PIPELINE: u16 = 16;
/// Answers that are read together, where the server would be the faster one of the two.
const READ_EVERY: u16 = 16;
/// What a browser sends beyond Host: the lines of `benches/requests/request-browser.http`.
const BROWSER: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20130501 Firefox/30.0 \
     AppleWebKit/600.00 Chrome/30.0.0000.0 Trident/10.0 Safari/600.00\r\n\
     Cookie: uid=12345678901234567890; __utma=1.1234567890.1234567890.1234567890.1234567890.12; \
     wd=2560x1600\r\n\
     Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
     Accept-Language: en-US,en;q=0.5\r\n\
     Connection: keep-alive\r\n";
/// Keys of the cache.
const KEYS: u16 = 1000;

impl Workload {
    /// 64 connections, one request at a time: what people measure.
    pub fn keep_alive() -> Self {
        Self {
            name: "keep-alive".to_owned(),
            paths: vec!["/plaintext".to_owned()],
            body: Some("Hello, World!".to_owned()),
            connections: CONNECTIONS,
            pipeline: 1,
            read_every: 1,
            ..Self::default()
        }
    }

    /// The same with what a browser says about itself in each request.
    pub fn browser() -> Self {
        Self {
            name: "keep-alive-browser".to_owned(),
            fields: BROWSER.to_owned(),
            ..Self::keep_alive()
        }
    }

    /// 64 connections, 16 requests at a time: the kernel's share is a sixteenth, what the server
    /// does in user space shows.
    pub fn pipelined() -> Self {
        Self {
            name: "pipelined-x16".to_owned(),
            pipeline: PIPELINE,
            ..Self::keep_alive()
        }
    }

    /// The same, of sixteen requests that differ, and are equally long.
    pub fn pipelined_different() -> Self {
        Self {
            name: "pipelined-x16-different".to_owned(),
            paths: (0..PIPELINE)
                .map(|number| format!("/plaintext?{number:x}"))
                .collect(),
            ..Self::pipelined()
        }
    }

    /// One connection, one request at a time: nothing is shared by anybody, and all sleep between.
    pub fn single() -> Self {
        Self {
            name: "one-connection".to_owned(),
            connections: 1,
            ..Self::keep_alive()
        }
    }

    /// A connection for each request: what accepting and closing cost.
    pub fn reconnecting() -> Self {
        Self {
            name: "connection-per-request".to_owned(),
            connections: 16,
            reconnect: true,
            ..Self::keep_alive()
        }
    }

    /// `/json`, 64 connections.
    pub fn json() -> Self {
        Self {
            name: "json".to_owned(),
            paths: vec!["/json".to_owned()],
            body: Some(r#"{"message":"Hello, World!"}"#.to_owned()),
            ..Self::keep_alive()
        }
    }

    /// `/cache/KEY` of 1,000 keys, two workers.
    pub fn cache() -> Self {
        Self {
            name: "cache".to_owned(),
            paths: (0..KEYS)
                .map(|key| format!("/cache/{key:04}?cost_ms=0"))
                .collect(),
            body: None,
            workers: 2,
            ..Self::keep_alive()
        }
    }

    /// `/plaintext`, two workers.
    pub fn two_workers() -> Self {
        Self {
            name: "two-workers".to_owned(),
            workers: 2,
            ..Self::keep_alive()
        }
    }

    /// Posts of 16 KiB, which do not fit into one read.
    pub fn uploads() -> Self {
        Self {
            name: "uploads".to_owned(),
            paths: vec!["/zero-copy".to_owned()],
            upload: Some("x".repeat(16 * 1024)),
            body: None,
            ..Self::keep_alive()
        }
    }

    /// Two requests in two pieces on one connection: the second answer meets an unacknowledged one.
    pub fn pieces() -> Self {
        Self {
            name: "two-pieces".to_owned(),
            connections: 1,
            pipeline: 2,
            pieces: true,
            ..Self::keep_alive()
        }
    }

    /// `/benchmark` with its wait of 100 us, on one connection.
    pub fn waits() -> Self {
        Self {
            name: "waits".to_owned(),
            paths: vec!["/benchmark".to_owned()],
            body: None,
            connections: 1,
            ..Self::keep_alive()
        }
    }

    /// `/async-files` with three files, and a neighbour.
    pub fn files() -> Self {
        Self {
            name: "files".to_owned(),
            paths: vec!["/async-files".to_owned()],
            upload: Some(r#"{"files":["small.txt","medium.txt","large.txt"]}"#.to_owned()),
            body: None,
            connections: 2,
            neighbour: true,
            ..Self::keep_alive()
        }
    }

    /// A sample file of `/files`, 16 connections.
    pub fn file(name: &str, file: &str) -> Self {
        Self {
            name: name.to_owned(),
            paths: vec![format!("/files/{file}")],
            body: None,
            connections: 16,
            ..Self::keep_alive()
        }
    }

    /// Many who connect at once, and a neighbour.
    pub fn storm() -> Self {
        Self {
            name: "storm".to_owned(),
            connections: 512,
            neighbour: true,
            ..Self::reconnecting()
        }
    }

    /// 64 connections that ask, among 5,000 that do not.
    pub fn idle() -> Self {
        Self {
            name: "mostly-idle".to_owned(),
            idle: 4936,
            ..Self::keep_alive()
        }
    }

    /// This one, read less often than answered: so the server has no time to sleep.
    #[must_use]
    pub fn saturating(self) -> Self {
        Self {
            read_every: if self.pipeline == 1 { READ_EVERY } else { 1 },
            ..self
        }
    }

    /// This one, at 40 % of the rate at which the server is saturated.
    #[must_use]
    pub fn at_forty_percent(self) -> Self {
        Self {
            name: format!("{}-at-40-percent", self.name),
            rate_share: Some(0.4),
            read_every: 1,
            ..self
        }
    }

    /// Workers of the server.
    pub fn workers(&self) -> usize {
        usize::from(self.workers.max(1))
    }
}
