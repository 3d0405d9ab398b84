//! `barewire serve`: start, say so, wait for a signal, sum up.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::sync::Arc;

use listenfd::ListenFd;

use super::settings::Settings;
use super::{logger, print, report, say};
use crate::accounts::Accounts;
use crate::config::Config;
use crate::handlers::Routes;
use crate::{Server, StopSignals};

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
///
/// A sentence that says what was not possible and what to do.
pub(super) fn serve(settings: &Settings) -> Result<(), String> {
    let config = &settings.config;
    logger::install(config.log);
    let accounts = Accounts::new(config.workers);
    let routes = Routes::new(config, Arc::clone(&accounts))
        .map_err(|error| format!("the routes cannot be set up: {error}"))?;
    // Before the address is announced: whoever reads it may send a signal at once.
    let signals =
        StopSignals::catch().map_err(|error| format!("signals cannot be caught: {error}"))?;
    let running = Server::new()
        .config(config.clone())
        .listeners(inherited()?)
        .accounts(Arc::clone(&accounts))
        .handler(routes)
        .start()
        .map_err(|error| not_started(&error, config))?;
    let address = running.address();
    say(&report::banner(address, running.admin_address(), settings));
    // Scripts wait for this line. One that has gone away meanwhile is no reason not to serve.
    let _ = print(|out| io::Write::write_all(out, report::listening(address).as_bytes()));
    running
        .wait_for(&signals)
        .map_err(|error| format!("a reactor failed: {error}"))?;
    say(&report::summary(&accounts));
    Ok(())
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
fn not_started(error: &io::Error, config: &Config) -> String {
    let port = config.port;
    let host = &config.host;
    let place = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let advice = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "\n  Somebody listens there already. Who it is:  ss -ltnp 'sport = :{port}'\
             \n  On a free port:                             barewire --port 0\
             \n  Beside them, each with a part of the connections, if they allow it (SO_REUSEPORT):\
             \n                                              barewire --share-port"
        ),
        ErrorKind::PermissionDenied if (1..1024).contains(&port) => "\
             \n  Ports below 1024 need CAP_NET_BIND_SERVICE (ip(7)). Take one above, or grant it:\
             \n  sudo setcap cap_net_bind_service=+ep \"$(command -v barewire)\""
            .to_owned(),
        ErrorKind::AddrNotAvailable => "\
             \n  No interface of this machine has that address. Those it has:  ip -brief address"
            .to_owned(),
        _ => String::new(),
    };
    format!("cannot serve on {place}: {error}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: ErrorKind, host: &str, port: u16) -> String {
        let config = Config {
            host: host.to_owned(),
            port,
            ..Config::default()
        };
        not_started(&io::Error::from(kind), &config)
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
    }
}
