//! The clients of several threads, which share the connections and what is sent. What the answers
//! must be is learned once, for all.

use anyhow::Result;

use crate::answer::Expected;
use crate::client::Client;
use crate::manner::Manner;
use crate::script::Script;

/// So many clients, with so many connections together, which send these requests, each as often as
/// its weight. Unless answers vary, each request is sent once, to learn its answer, which must have
/// this body; the connection is then one of those.
///
/// # Errors
///
/// If there is no connection, or an answer is not right ([`Fault`](crate::Fault)); and as
/// [`Script::new`] and [`Client::new`].
pub fn clients(
    manner: Manner,
    requests: &[(Vec<u8>, usize)],
    body: Option<&str>,
    threads: usize,
    connections: usize,
) -> Result<Vec<Client>> {
    let mut kept = None;
    let mut expected = Vec::new();
    for (request, _) in requests.iter().filter(|_| !manner.varying) {
        let mut stream = kept.take().map_or_else(|| manner.connect(), Ok)?;
        let learned = Expected::learn(&mut stream, request, body, manner.silence);
        expected.push(learned?);
        kept = Some(stream).filter(|_| !manner.reconnect);
    }
    expected.resize(requests.len(), Expected::varying(body));
    let script = Script::new(requests, expected, manner.pipeline)?;
    let clients = (0..threads).map(|thread| {
        let mut client = Client::new(manner, script.clone().begun_at(thread, threads))?;
        for _ in (thread..connections).step_by(threads) {
            client.join(kept.take());
        }
        Ok(client)
    });
    clients.collect()
}
