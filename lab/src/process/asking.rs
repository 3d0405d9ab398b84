//! One question, outside of any load: whether a server answers, and what its accounts say.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use ureq::Agent;

/// How long an answer may take: a virtual machine's first one takes seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// The body of `GET path`; an error if the status is not 200 or so. The connection is closed: none
/// is left behind that the server would have to keep.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<String> {
    // A proxy that the environment names is not what is measured.
    let agent: Agent = Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(ANSWERED_WITHIN))
        .build()
        .into();
    let mut answer = agent.get(format!("http://{address}{path}")).call()?;
    Ok(answer.body_mut().read_to_string()?)
}
