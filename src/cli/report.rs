//! What is said when the server starts and when it has left: values in, text out.

use std::fmt::{Display, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::settings::Settings;
use crate::Running;
use crate::accounts::{Accounts, Refusal, Snapshot};
use crate::config::Config;
use crate::techniques;

/// Options that the banner shows even when they have their defaults: those that a measurement
/// depends on.
const ALWAYS_SHOWN: &str =
    "workers, nodelay, linger, backlog, buffer-size, recv-buffer, send-buffer";

/// What the banner says of techniques if no switch was touched.
const ALL_BY_DEFAULT: &str = "all as by default";

/// The one line of stdout, for scripts.
pub(super) fn listening(address: SocketAddr) -> String {
    format!("listening on http://{address}\n")
}

/// Where it serves, with which options, and how to try it.
pub(super) fn banner(running: &Running, settings: &Settings) -> String {
    let (address, admin) = (running.address(), running.admin_address());
    let others = not_served(&settings.config.host, running.passed_over());
    banner_of(address, admin, &others, settings)
}

/// The other addresses of a name: the server serves one, and a client may try any.
fn not_served(host: &str, others: &[SocketAddr]) -> String {
    let others: Vec<_> = others.iter().map(|other| other.ip().to_string()).collect();
    if others.is_empty() {
        return String::new();
    }
    let others = others.join(", ");
    format!("Not on:   {others}, which {host} is too; --host :: is all addresses\n")
}

fn banner_of(
    address: SocketAddr,
    admin: Option<SocketAddr>,
    others: &str,
    settings: &Settings,
) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let reachable = SocketAddr::new(reachable(address.ip()), address.port());
    let options = options_in_force(settings);
    let admin = admin.map_or_else(String::new, |admin| {
        format!("Look:     curl http://{admin}/stats\n")
    });
    format!(
        "barewire {version} on http://{reachable}\n{others}\n\
         {options}\n\
         Try it:   wrk -t2 -c64 -d10s http://{reachable}/benchmark\n\
         {admin}Leave it: Ctrl-C or SIGTERM; a second one leaves at once\n"
    )
}

fn options_in_force(settings: &Settings) -> String {
    let mut text = String::new();
    for setting in &settings.list {
        let (name, value, origin) = (&setting.name, &setting.text, &setting.origin);
        let _ = match origin.as_str() {
            "default" if !ALWAYS_SHOWN.split(", ").any(|shown| shown == name) => Ok(()),
            "default" => writeln!(text, "  {name:<20} {value}"),
            origin => writeln!(text, "* {name:<20} {value:<12} {origin}"),
        };
    }
    let techniques = techniques_in_force(&settings.config);
    let is_default = techniques == ALL_BY_DEFAULT;
    let mark = if is_default { ' ' } else { '*' };
    let _ = writeln!(text, "{mark} {:<20} {techniques}", "techniques");
    text
}

/// Which techniques differ from their default: `without: slab; with: event-batching=16`.
fn techniques_in_force(config: &Config) -> String {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for (technique, switch, value) in techniques::changed(config) {
        let name = technique.name;
        match value {
            value if value == switch.off => without.push(name.to_owned()),
            value if value == switch.on => with.push(name.to_owned()),
            value => with.push(format!("{name}={value}")),
        }
    }
    let (without, with) = (without.join(", "), with.join(", "));
    match (without.as_str(), with.as_str()) {
        ("", "") => ALL_BY_DEFAULT.to_owned(),
        (_, "") => format!("without: {without}"),
        ("", _) => format!("with: {with}"),
        _ => format!("without: {without}; with: {with}"),
    }
}

/// The address to connect to: the unspecified one means "all" to a listener, and nothing to a
/// client.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// What was served, how fast, and what went wrong.
pub(super) fn summary(accounts: &Accounts) -> String {
    let requests = accounts.sum(|reactor| &reactor.requests);
    let seconds = accounts.process.uptime().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // Exact up to 2^53 requests.
    let rate = requests as f64 / seconds.max(f64::MIN_POSITIVE);
    let times = accounts
        .reactors
        .iter()
        .map(|reactor| reactor.response_time.snapshot())
        .fold(Snapshot::empty(), |sum, one| sum.merge(&one));
    let answers = |class: usize| accounts.sum(move |reactor| &reactor.status_classes[class]);
    let refused = |kind: usize| accounts.sum(move |reactor| &reactor.refusals[kind]);
    let panics = accounts.sum(|reactor| &reactor.panics);
    let pauses = accounts.sum(|reactor| &reactor.accept_pauses);
    let stuck = accounts.stuck.load(Relaxed);
    let dropped = accounts.lines_dropped.load(Relaxed);
    format!(
        "\nbarewire has left after {seconds:.1} s\n\
         requests       {requests}, {rate:.1} a second over that time\n\
         response time  {}\n\
         answers        {}\n\
         refused        {}\n\
         reset by peers {}\n\
         faults         {}\n",
        percentiles(&times),
        listed(&[2, 3, 4, 5].map(|class| (format!("{class}xx"), answers(class - 1)))),
        listed(&Refusal::ALL.map(|(kind, name)| (name, refused(kind as usize)))),
        // No fault: most load generators leave that way.
        accounts.sum(|reactor| &reactor.resets),
        listed(&[
            ("panics", panics),
            ("accept pauses", pauses),
            ("stuck threads", stuck),
            ("dropped lines", dropped),
        ]),
    )
}

fn percentiles(times: &Snapshot) -> String {
    let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
    let mut parts: Vec<_> = shares
        .iter()
        .filter_map(|(name, share)| Some((*name, times.percentile(*share)?)))
        .map(|(name, nanos)| format!("{name} {:.1?}", Duration::from_nanos(nanos)))
        .collect();
    if parts.is_empty() {
        return "not sampled".to_owned();
    }
    parts.push(format!("max {:.1?}", Duration::from_nanos(times.max)));
    format!("{} ({} sampled)", parts.join(", "), times.count)
}

/// `2xx 17, 4xx 1`: what there was none of is left out.
fn listed<N: Display>(counts: &[(N, u64)]) -> String {
    let parts: Vec<_> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::settings;

    fn banner_with(flags: &[&str]) -> String {
        let words = [&["barewire"], flags].concat();
        let matches = settings::options().get_matches_from(words);
        let settings = settings::choose(&matches, None).unwrap();
        banner_of("[::]:8123".parse().unwrap(), None, "", &settings)
    }

    #[test]
    fn the_banner_has_a_wrk_line_that_reaches_the_server() {
        let banner = banner_with(&[]);
        assert!(
            banner.contains("wrk -t2 -c64 -d10s http://[::1]:8123/benchmark\n"),
            "{banner}"
        );
    }

    #[test]
    fn addresses_of_the_name_that_are_not_served_are_named() {
        assert_eq!(not_served("localhost", &[]), "");
        let others = ["[::1]:80", "10.0.0.1:80"].map(|other| other.parse().unwrap());
        let line = not_served("localhost", &others);
        assert!(line.starts_with("Not on:   ::1, 10.0.0.1, which localhost is too"));
    }

    #[test]
    fn the_banner_marks_what_is_not_default() {
        let banner = banner_with(&["--linger=0", "--grace=9s"]);
        let line = |name: &str| {
            banner
                .lines()
                .find(|line| line.get(2..).is_some_and(|rest| rest.starts_with(name)))
        };
        assert_eq!(line("nodelay"), Some("  nodelay              on"));
        assert_eq!(
            line("linger"),
            Some("* linger               0s           flag --linger")
        );
        assert_eq!(
            line("grace"),
            Some("* grace                9s           flag --grace")
        );
    }

    #[test]
    fn the_banner_marks_an_option_that_naive_has_changed() {
        let banner = banner_with(&["--naive"]);
        let line = "* backlog              128          flag --naive\n";
        assert!(banner.contains(line), "{banner}");
    }

    #[test]
    fn the_banner_tells_which_techniques_differ() {
        for (flags, line) in [
            (&[][..], "  techniques           all as by default\n"),
            (
                &["--without=slab,nodelay"][..],
                "* techniques           without: slab, nodelay\n",
            ),
            (
                &["--without=slab", "--with=spin,event-batching=16"][..],
                "* techniques           without: slab; with: event-batching=16, spin\n",
            ),
        ] {
            let banner = banner_with(flags);
            assert!(banner.contains(line), "{line:?} is not in {banner}");
        }
    }

    #[test]
    fn the_line_for_scripts_has_brackets_for_version_six() {
        let address = "[::1]:80".parse().unwrap();
        assert_eq!(listening(address), "listening on http://[::1]:80\n");
    }

    #[test]
    fn the_summary_tells_what_the_accounts_hold() {
        let accounts = Accounts::new(2);
        for reactor in &accounts.reactors {
            reactor.requests.add(3);
            reactor.status_classes[1].add(2);
            reactor.status_classes[3].add(1);
            reactor.refusals[Refusal::HeadTimeout as usize].add(1);
            reactor.response_time.record(1_000_000);
        }
        accounts.reactors[1].panics.add(1);
        let summary = summary(&accounts);
        for line in [
            "requests       6, ",
            "response time  p50 1.0ms, p90 1.0ms, p99 1.0ms, p99.9 1.0ms, max 1.0ms (2 sampled)\n",
            "answers        2xx 4, 4xx 2\n",
            "refused        head_timeout 2\n",
            "faults         panics 1\n",
        ] {
            assert!(summary.contains(line), "{line:?} is not in {summary}");
        }
    }

    #[test]
    fn nothing_served_is_said_in_words() {
        let summary = summary(&Accounts::new(1));
        assert!(
            summary.contains("response time  not sampled\n"),
            "{summary}"
        );
        assert!(summary.contains("refused        none\n"), "{summary}");
    }
}
