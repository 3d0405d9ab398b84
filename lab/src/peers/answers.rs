//! Whether a server gives the answers that are going to be timed.
//!
//! It is asked before any measurement, over plain blocking sockets: twice on one connection, then
//! for both routes by turns, sixteen requests in one piece. A rival that fails in the first is not
//! measured; one that fails in the second only has no pipelined figure. What a right answer is the
//! load generator says, and so an answer without Content-Length is none.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use barewire_load::{Expected, script::request_for};

use crate::workload::Workload;

/// Requests of a pipelined batch.
const BATCH: usize = 16;
/// What the Host field says.
const HOST: &str = "localhost";
/// Longest wait for an answer, or for a part of one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the server at this address. Returns why pipelined requests cannot be timed; `None` if all
/// were answered, in order.
///
/// # Errors
///
/// If `/plaintext` is not answered as it should be, or not twice on one connection.
pub fn check(address: SocketAddr) -> Result<Option<String>> {
    let plain = Workload::keep_alive();
    let (path, body) = (&plain.paths[0], plain.body.as_deref());
    let request = request_for(path, HOST, false);
    let mut stream = TcpStream::connect(address)?;
    for time in ["first", "second"] {
        let answer = Expected::learn(&mut stream, &request, body, PATIENCE);
        answer.with_context(|| format!("{path}, {time} request of a connection"))?;
    }
    let pipelining = check_pipelining(address).err();
    Ok(pipelining.map(|error| format!("{error:#}")))
}

/// Plain text and JSON by turns in one piece, so that a wrong order shows. The last request asks to
/// close, so that all that the server has to say comes to an end.
fn check_pipelining(address: SocketAddr) -> Result<()> {
    let workloads = [Workload::keep_alive(), Workload::json()];
    let order = || workloads.iter().cycle().take(BATCH).enumerate();
    let requests =
        order().flat_map(|(at, asked)| request_for(&asked.paths[0], HOST, at + 1 == BATCH));
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&requests.collect::<Vec<u8>>())?;
    let mut read = Vec::new();
    let ended = match stream.read_to_end(&mut read) {
        Ok(_) => "it closed the connection".to_owned(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => "no answer in 5 s".to_owned(),
        Err(error) => error.to_string(),
    };
    let mut rest = read.as_slice();
    for (answered, workload) in order() {
        let expected = Expected::varying(workload.body.as_deref());
        let length = expected.check(rest).context("out of order")?;
        let length = length.with_context(|| format!("{answered} of {BATCH} answered: {ended}"))?;
        rest = &rest[length..];
    }
    Ok(())
}
