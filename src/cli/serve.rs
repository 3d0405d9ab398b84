//! `barewire serve`: start, say so, wait for a signal, sum up.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::process;
use std::sync::Arc;

use listenfd::ListenFd;

use super::printer::Printer;
use super::settings::Settings;
use super::{logger, report};
use crate::accounts::Accounts;
use crate::config::bounds::PRINTED_WITHIN;
use crate::handlers::Routes;
use crate::server::NotListening;
use crate::shortage::told;
use crate::{Server, StopSignals};

/// Serves until SIGTERM, SIGINT, SIGHUP or SIGQUIT.
///
/// # Errors
///
/// A sentence that says what was not possible and what to do.
pub(super) fn serve(settings: &Settings) -> Result<(), String> {
    let config = &settings.config;
    let accounts = Accounts::new(config.workers);
    let dropped = Arc::clone(&accounts.lines_dropped);
    let stderr =
        Printer::start("stderr", io::stderr(), dropped).map_err(|error| error.to_string())?;
    logger::install(config.log, &stderr);
    let mut ending = Ending {
        stderr,
        summary: String::new(),
    };
    let served = serve_with(settings, &accounts, &ending.stderr);
    if served.is_ok() {
        ending.summary = report::summary(&accounts);
    }
    served
}

fn serve_with(
    settings: &Settings,
    accounts: &Arc<Accounts>,
    stderr: &Printer,
) -> Result<(), String> {
    let config = &settings.config;
    let text = |error: io::Error| error.to_string();
    let stdout = Printer::start("stdout", io::stdout(), Arc::default()).map_err(text)?;
    let routes = Routes::new(config, Arc::clone(accounts))
        .map_err(|error| told("the routes cannot be set up", &error).to_string())?;
    // Before the address is announced: whoever reads it may send a signal at once.
    let signals = StopSignals::catch_or(|| process::exit(0)).map_err(text)?;
    let running = Server::new()
        .config(config.clone())
        .listeners(inherited()?)
        .accounts(Arc::clone(accounts))
        .handler(routes)
        .start()
        .map_err(|error| not_started(&error))?;
    stderr.print(report::banner(&running, settings));
    // Scripts wait for this line. One that has gone away meanwhile is no reason not to serve.
    stdout.print(report::listening(running.address()));
    running
        .wait_for(&signals)
        .map_err(|error| format!("a reactor failed: {error}"))
}

/// What is printed last, whatever ends the server, a panic too; behind all that was printed before.
struct Ending {
    stderr: Printer,
    summary: String,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.stderr.end(&self.summary, PRINTED_WITHIN);
    }
}

/// The sockets that a service manager has opened for this process, and no other (`LISTEN_FDS` and
/// `LISTEN_PID`, `sd_listen_fds(3)`); none if it was started by hand.
fn inherited() -> Result<Vec<TcpListener>, String> {
    let mut inherited = ListenFd::from_env();
    let sockets = (0..inherited.len()).map(|number| inherited.take_tcp_listener(number));
    let sockets = sockets.collect::<io::Result<Vec<_>>>();
    let sockets = sockets.map_err(|error| {
        format!(
            "a socket of LISTEN_FDS cannot be used: {error}; what is handed over must be TCP \
             sockets that listen (ListenStream= in the unit of the socket)"
        )
    })?;
    Ok(sockets.into_iter().flatten().collect())
}

/// Why the server did not start, and what to do about it.
fn not_started(error: &io::Error) -> String {
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref());
    let advice = inside.map_or_else(String::new, |place| advice(place, error.kind()));
    format!("{error}{advice}")
}

/// What to do where nothing can listen.
fn advice(at: &NotListening, kind: ErrorKind) -> String {
    let port = at.port;
    match kind {
        ErrorKind::AddrInUse => {
            let who = format!(
                "\n  Somebody listens there already. Who it is:  ss -ltnp 'sport = :{port}'"
            );
            if at.is_admin {
                return who + "\n  On a free port:                             --admin HOST:0";
            }
            who + "\n  On a free port:                             barewire --port 0\
             \n  Beside them, each with a part of the connections, if they allow it (SO_REUSEPORT):\
             \n                                              barewire --share-port"
        }
        ErrorKind::PermissionDenied if (1..1024).contains(&port) => "\
             \n  Ports below 1024 need CAP_NET_BIND_SERVICE (ip(7)). Take one above, or grant it:\
             \n  sudo setcap cap_net_bind_service=+ep \"$(command -v barewire)\""
            .to_owned(),
        ErrorKind::AddrNotAvailable => "\
             \n  No interface of this machine has that address. Those it has:  ip -brief address"
            .to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: ErrorKind, host: &str, port: u16) -> String {
        not_started(&NotListening::error(
            host,
            port,
            false,
            io::Error::from(kind),
        ))
    }

    #[test]
    fn a_busy_port_is_told_with_who_and_what_to_do() {
        let message = message(ErrorKind::AddrInUse, "::1", 8123);
        for part in [
            "[::1]:8123",
            "ss -ltnp 'sport = :8123'",
            "--port 0",
            "--share-port",
        ] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
    }

    #[test]
    fn the_privilege_is_named_for_privileged_ports_only() {
        assert!(message(ErrorKind::PermissionDenied, "127.0.0.1", 80).contains("setcap"));
        assert!(!message(ErrorKind::PermissionDenied, "127.0.0.1", 8080).contains("setcap"));
    }

    #[test]
    fn other_errors_keep_their_own_words() {
        let message = message(ErrorKind::TimedOut, "name", 1);
        assert_eq!(message, "cannot serve on name:1: timed out");
        let error = io::Error::new(ErrorKind::PermissionDenied, "reactor 1 may not");
        assert_eq!(not_started(&error), "reactor 1 may not");
    }

    #[test]
    fn a_busy_admin_port_is_told_as_the_admin_port() {
        let error = io::Error::from(ErrorKind::AddrInUse);
        let message = not_started(&NotListening::error("::1", 9001, true, error));
        let begin = "cannot serve on admin address [::1]:9001: ";
        assert!(message.starts_with(begin), "{message}");
        assert!(message.contains("sport = :9001") && message.contains("--admin HOST:0"));
        assert!(!message.contains("--port 0"), "{message}");
    }
}
