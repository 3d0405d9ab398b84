//! Calls that are not the usual ones: without a technique, or for a file.

use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;

use mio::net::TcpStream;
use rustix::fs::sendfile;
use rustix::net::{SendFlags, send};

use super::{Decisions, Kernel, Linux};
use crate::accounts::Copied;
use crate::config::bounds;
use crate::http::FilePart;

impl<D: Decisions> Linux<D> {
    /// [`Kernel::send`] before a file, or without one of its techniques.
    #[cold]
    pub(super) fn send_otherwise(
        &self,
        socket: &mut TcpStream,
        bytes: &[u8],
        more: bool,
    ) -> io::Result<usize> {
        if more && self.techniques().send_more {
            return Ok(send(socket, bytes, SendFlags::NOSIGNAL | SendFlags::MORE)?);
        }
        socket.write(bytes)
    }

    /// [`Kernel::send_file`], with its technique or without.
    pub(super) fn transmit(
        &mut self,
        socket: &mut TcpStream,
        part: &FilePart,
    ) -> io::Result<usize> {
        if !self.techniques().sendfile {
            return self.send_copied(socket, part);
        }
        let mut at = part.at;
        Ok(sendfile(socket, &part.file, Some(&mut at), part.bytes)?)
    }

    /// By way of our own memory.
    #[cold]
    fn send_copied(&mut self, socket: &mut TcpStream, part: &FilePart) -> io::Result<usize> {
        self.copied.resize(bounds::SEGMENT_BYTES, 0);
        let mut sent = 0;
        while sent < part.bytes {
            let room = (part.bytes - sent).min(self.copied.len());
            let read = part
                .file
                .read_at(&mut self.copied[..room], part.at + sent as u64)?;
            self.account.bytes_copied[Copied::File as usize].add(read as u64);
            match socket.write(&self.copied[..read]) {
                Ok(taken) if taken == room => sent += taken,
                Ok(taken) => return Ok(sent + taken),
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(sent)
    }
}
