//! What is asked of a server: how many connections, how many requests at once, at which pace.
//!
//! A workload says nothing of a server and nothing of time: the same one goes to every subject of
//! an experiment. Absent are payloads other than GET: what a request's body costs is not asked
//! here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One way of asking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// Short name, as in tables and on the command line: `keep-alive`.
    pub name: String,
    /// Path of the request: `/plaintext`.
    pub path: String,
    /// Body that every answer must have; `None` if answers differ, and are then parsed one by one.
    pub body: Option<String>,
    /// Connections, all open from the start.
    pub connections: u16,
    /// Requests that are sent together.
    pub pipeline: u16,
    /// Whether each request has a connection of its own.
    pub reconnect: bool,
    /// Requests per second that are sent come what may (open loop); `None`: each connection asks
    /// again when it was answered (closed loop).
    pub rate: Option<f64>,
}

/// Connections of the workloads that have many.
const CONNECTIONS: u16 = 64;
/// Requests of one batch, where they are pipelined: wrk's and TechEmpower's usual depth.
const PIPELINE: u16 = 16;

impl Workload {
    /// 64 connections, one request at a time: what people measure.
    pub fn keep_alive() -> Self {
        Self {
            name: "keep-alive".to_owned(),
            path: "/plaintext".to_owned(),
            body: Some("Hello, World!".to_owned()),
            connections: CONNECTIONS,
            pipeline: 1,
            reconnect: false,
            rate: None,
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

    /// The four that an ablation knows.
    pub fn all() -> [Self; 4] {
        [
            Self::keep_alive(),
            Self::pipelined(),
            Self::single(),
            Self::reconnecting(),
        ]
    }

    /// This one, for `/json`.
    #[must_use]
    pub fn of_json(self) -> Self {
        Self {
            name: format!("{}-json", self.name),
            path: "/json".to_owned(),
            body: Some(r#"{"message":"Hello, World!"}"#.to_owned()),
            ..self
        }
    }

    /// This one, at a fixed rate of requests per second.
    #[must_use]
    pub fn at_rate(self, rate: f64) -> Self {
        Self {
            rate: Some(rate),
            ..self
        }
    }
}
