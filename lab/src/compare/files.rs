//! `compare --files`: files of four sizes, from the server with and without its techniques for
//! them, and from the rivals that serve files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{SERVER, field};
use crate::peers::Peer;
use crate::process::{Client, Running};
use crate::server::Server;
use crate::turns::Entrant;
use crate::workload::Workload;

/// Name of a workload, and bytes of its file, which has the same name.
pub(super) const SIZES: [(&str, usize); 4] = [
    ("file-1k", 1 << 10),
    ("file-16k", 16 << 10),
    ("file-256k", 256 << 10),
    ("file-4m", 4 << 20),
];
/// The server's techniques for files.
const TECHNIQUES: [&str; 3] = ["sendfile", "send-more", "small-file-cache"];

/// Writes the files.
pub(super) fn write(folder: &Path) -> Result<()> {
    for (name, bytes) in SIZES {
        let content: Vec<u8> = (b'a'..=b'w').cycle().take(bytes).collect();
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Each asked for by 16 connections, and every answer read: it fills the socket.
pub(super) fn workloads() -> Vec<Workload> {
    let each = SIZES.iter().map(|(name, _)| Workload {
        read_every: 1,
        ..Workload::file(name, name)
    });
    each.collect()
}

/// The server as it is, and without each of these techniques.
pub(super) fn own(server: &Server, folder: &Path) -> Vec<Entrant> {
    let root = format!("--files-root={}", folder.display());
    let without = TECHNIQUES.iter().map(|name| {
        let flag = format!("--without={name}");
        Entrant::of(server.with(&format!("without {name}"), &[&root, &flag]))
    });
    let whole = Entrant::of(server.with(SERVER, &[&root]));
    std::iter::once(whole).chain(without).collect()
}

/// A rival that serves files, built, whose files are right.
pub(super) fn entrant(peer: &Peer, folder: &Path) -> Result<Entrant> {
    let mut entrant = field::entrant(peer)?;
    let root = folder.display().to_string();
    let environment = &mut entrant.subject.environment;
    environment.insert("FILES_ROOT".to_owned(), root);
    let running = Running::start(&entrant.subject, 1, &[])?;
    for (name, _) in SIZES {
        let (status, body) =
            Client::of(running.address()).ask("GET", &format!("/files/{name}"), ())?;
        let is_right = status == 200 && body == fs::read(folder.join(name))?;
        ensure!(is_right, "/files/{name} is another answer ({status})");
    }
    // Its instructions are of no interest here.
    entrant.countable = false;
    Ok(entrant)
}
