//! A client for questions outside of any load: whether a server answers, what it says of itself.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use ureq::{Agent, AsSendBody, http};

/// How long an answer may take: a virtual machine's first one takes seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// A status and a body.
pub(crate) type Answer = (u16, Vec<u8>);

/// Somebody who asks one server. Its connections are kept, and closed when it is dropped: none is
/// left behind that the server would have to keep.
pub(crate) struct Client {
    agent: Agent,
    server: String,
}

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self::to(&format!("http://{address}"), ANSWERED_WITHIN)
    }

    /// Of a server by its URL, without a path; `longest` is how long an answer may take.
    pub(crate) fn to(server: &str, longest: Duration) -> Self {
        // A proxy that the environment names is not what is measured. Where a route has text for
        // people, too, the figures are wanted; whoever has only text may say it.
        let agent = Agent::config_builder()
            .proxy(None)
            .accept("application/json, */*;q=0.5")
            .http_status_as_error(false)
            .timeout_global(Some(longest))
            .build()
            .into();
        let server = server.to_owned();
        Self { agent, server }
    }

    /// Asks, and reads the answer to its end.
    pub(crate) fn ask(&self, method: &str, path: &str, body: impl AsSendBody) -> Result<Answer> {
        let url = format!("{}{path}", self.server);
        let request = http::Request::builder().method(method).uri(url);
        let mut answer = self.agent.run(request.body(body)?)?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_vec()?))
    }

    /// The body of `GET path`; an error if the status is not 200 or so.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>> {
        let (status, body) = self.ask("GET", path, ())?;
        ensure!((200..300).contains(&status), "http status: {status}");
        Ok(body)
    }
}
