//! Every option, once.
//!
//! A field is an option: its name is that of the flag, the variable and the key, its comment the
//! help, and its kind says which values are allowed. A test holds that every field of
//! [`Config`](crate::config::Config) has one. Absent are the defaults: they stand in `config.rs`,
//! with their reasons. Ranges admit whatever somebody may want to try; values that contradict each
//! other are found in [`checks`](super::checks).

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::argument::Argument as _;
use crate::config::{KIB, Kind, MIB, bounds};
use crate::handlers::route_names;

/// One gibibyte, in bytes.
const GIB: usize = 1024 * MIB;
/// The shortest time that a timeout may have. Shorter ones than a thread's time slice say more
/// about the scheduler than about the peer.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest. Who is silent for an hour is gone, and its descriptor is needed.
const LONGEST: Duration = Duration::from_hours(1);
/// The longest linger. A thread that stands still for a minute shows all that there is to be seen.
const LINGER_LONGEST: Duration = Duration::from_mins(1);

/// The options. An option without a heading stands below the one of the option before.
///
/// What clap would put into the fields is not used: all values are looked up by name (`settings`).
#[derive(Args)]
#[group(skip)]
pub(super) struct Options {
    /// Address or name to listen on
    ///
    /// 127.0.0.1 and ::1 are reached from this machine only, 0.0.0.0 and :: from everywhere. Of a
    /// name the first address that can be had is served; the banner names the others.
    #[arg(help_heading = "Listening", kind = Kind::Host)]
    host: String,

    /// Port to listen on; 0 takes a free one
    ///
    /// Ports below 1024 need a privilege. The one taken is printed to stdout.
    #[arg(kind = Kind::Whole(0..=65_535))]
    port: String,

    /// Do not look for another process on the port
    ///
    /// The reactors share their port by SO_REUSEPORT, and the kernel lets a second process of the
    /// same user join them, without an error, and take a part of the connections. So the port is
    /// probed at start; this leaves the probe out.
    #[arg(kind = Kind::OnOff, bare())]
    share_port: String,

    /// Directory of /files and /async-files
    ///
    /// Nothing outside of it is read, whatever `..` and symbolic links say. auto has three sample
    /// files, which are kept in memory. (A directory of that name is ./auto.)
    // "auto" rather than no value at all, so that --print-config can say it.
    #[arg(kind = Kind::Directory.or("auto"))]
    files_root: String,

    /// Let clients use a file again without asking, for so long (Cache-Control: max-age)
    #[arg(kind = Kind::Time(Duration::ZERO..=LONGEST).or("off"))]
    files_max_age: String,

    /// Reactors, each a thread of its own
    ///
    /// Each has its own listener, connections and buffers; the kernel deals new connections out
    /// among them. The default is the number of cores.
    // No machine has more cores, and each reactor is a thread, a listener and its buffers.
    #[arg(help_heading = "Work", kind = Kind::Whole(1..=1024))]
    workers: String,

    /// Threads for work that would hold a reactor up
    ///
    /// Files are read and long computations are made there. All reactors share them.
    // Jobs block on disks and CPUs, which serve fewer at once. Who waits does so in the queue.
    #[arg(kind = Kind::Whole(1..=512))]
    job_threads: String,

    /// Send every answer at once (TCP_NODELAY)
    ///
    /// on turns Nagle's algorithm off, as the article's enable_nodelay does. Answers leave whole,
    /// with one send, so there is nothing for it to gather; with off, a second answer waits for the
    /// acknowledgement of the first, which the peer may delay by 40 ms.
    #[arg(help_heading = "Sockets", kind = Kind::OnOff)]
    nodelay: String,

    /// Connections that may wait to be accepted
    ///
    /// For each reactor's listener. The kernel lowers it to net.core.somaxconn without a word. A
    /// client beyond it is not told; it tries again after a second.
    // Sixteen bits are what older kernels kept of it.
    #[arg(kind = Kind::Whole(1..=65_535))]
    backlog: String,

    /// The most that one recv takes
    ///
    /// The article's http_buffer_size. Each reactor has one such buffer, and all its connections
    /// share it: it costs no memory for each of them, and does not limit requests (see below). More
    /// takes bodies and pipelined requests in fewer calls.
    // Below, a browser's head takes several calls; above, the buffer falls out of the core's cache.
    #[arg(kind = Kind::Size(KIB..=MIB))]
    buffer_size: String,

    /// The kernel's receive buffer of a connection (SO_RCVBUF)
    ///
    /// auto leaves the kernel's tuning alone, which lets the buffer grow with the connection's
    /// speed (tcp(7)). A size switches that tuning off; the kernel doubles it, for its own records,
    /// after lowering it to net.core.rmem_max (socket(7)).
    #[arg(kind = Kind::Size(KIB..=64 * MIB).or("auto"))]
    recv_buffer: String,

    /// The kernel's send buffer of a connection (SO_SNDBUF)
    ///
    /// As --recv-buffer, for what the peer has not yet acknowledged; lowered to net.core.wmem_max.
    #[arg(kind = Kind::Size(KIB..=64 * MIB).or("auto"))]
    send_buffer: String,

    /// Bytes of a request line; beyond: 414
    ///
    /// RFC 9112 section 3 asks for at least 8000.
    #[arg(help_heading = "Limits on a request's head", kind = Kind::Size(16..=MIB))]
    request_line_max: String,

    /// Bytes of a header section; beyond: 431
    ///
    /// Without the request line.
    #[arg(kind = Kind::Size(16..=MIB))]
    header_section_max: String,

    /// Fields of a header section; beyond: 431
    // The slots that a head is parsed into are an array.
    #[arg(kind = Kind::Whole(1..=bounds::FIELDS_MAX))]
    header_fields_max: String,

    /// Bytes of a body; beyond: 413
    ///
    /// Known from Content-Length before the body is read, or found while its chunks arrive. Not
    /// more than --buffers-max holds beside a request head.
    // A body is held in memory as a whole. 0 admits empty ones only.
    #[arg(help_heading = "Limits on a request's body", kind = Kind::Size(0..=GIB))]
    body_max: String,

    /// Bytes of all chunk extensions of a body, which are dropped; beyond: 400
    // They mean nothing to this server. 0 refuses them.
    #[arg(kind = Kind::Size(0..=MIB))]
    chunk_extensions_max: String,

    /// Bytes of a trailer section, which is dropped; beyond: 431
    #[arg(kind = Kind::Size(0..=MIB))]
    trailer_section_max: String,

    /// Fields of a trailer section; beyond: 431
    #[arg(kind = Kind::Whole(0..=bounds::FIELDS_MAX))]
    trailer_fields_max: String,

    /// Open connections; beyond, new ones wait in the backlog
    ///
    /// Of the whole process, shared out among the reactors. auto takes 90 % of the file limit,
    /// which is raised to the hard one at start.
    // The most descriptors that Linux gives a process, unless told otherwise (fs.nr_open).
    #[arg(help_heading = "Limits on the server", kind = Kind::Whole(1..=1_048_576).or("auto"))]
    connections_max: String,

    /// Bytes of answers gathered for a connection; beyond, they are sent
    ///
    /// If the peer does not take them, it is neither read nor served until it has. Not more than
    /// --buffers-max.
    // From one small answer; more than 64 MiB for one connection is a download, not an answer.
    #[arg(kind = Kind::Size(KIB..=64 * MIB))]
    owed_max: String,

    /// Bytes that a reactor's connections may hold; beyond: 503
    ///
    /// With Retry-After. Requests, answers, and what its jobs hold; an idle connection holds none.
    // From one segment of a body, to what a 32-bit size can tell.
    #[arg(kind = Kind::Size(bounds::SEGMENT_BYTES..=2 * GIB))]
    buffers_max: String,

    /// Jobs that wait for a thread; beyond: 503
    ///
    /// With Retry-After. A request has at most two places for each of --job-threads.
    // Each that waits holds a connection; so many at once are a fault, not a peak.
    #[arg(kind = Kind::Whole(1..=65_536))]
    jobs_max: String,

    /// No byte since accept or since the last answer: close
    ///
    /// Without an answer, which browsers, connecting ahead, would misread. Behind a balancer set it
    /// above the balancer's (AWS ALB: 60 s), or a request can meet the close.
    #[arg(help_heading = "Timeouts", kind = Kind::Time(SHORTEST..=LONGEST))]
    idle_timeout: String,

    /// From the first byte of a request head to its last: 408
    #[arg(kind = Kind::Time(SHORTEST..=LONGEST))]
    head_timeout: String,

    /// Between two reads of a body: 408
    #[arg(kind = Kind::Time(SHORTEST..=LONGEST))]
    body_timeout: String,

    /// Over each span of this length a body must come at 500 bytes a second: 408
    ///
    /// Else a peer could keep a body going for hours, a byte at a time.
    #[arg(kind = Kind::Time(SHORTEST..=LONGEST))]
    body_rate_span: String,

    /// The peer takes nothing of an answer: close
    ///
    /// Or, after this long, less than 500 bytes a second. It is the TCP_USER_TIMEOUT of one that is
    /// left, which bounds what the kernel goes on delivering after close().
    #[arg(kind = Kind::Time(SHORTEST..=LONGEST))]
    write_timeout: String,

    /// What close() does with bytes not yet delivered (SO_LINGER)
    ///
    /// off is the kernel's default, and the article's disable_linger: close() returns at once, and
    /// the kernel delivers in the background. 0 resets the connection and throws the bytes away, so
    /// answers get lost. More makes close() wait for the peer, and needs --linger-may-block.
    #[arg(help_heading = "Closing a connection")]
    #[arg(kind = Kind::Time(Duration::ZERO..=LINGER_LONGEST).or("off"))]
    linger: String,

    /// Allow a --linger above 0
    ///
    /// close() then blocks the thread until the peer has taken all bytes or the time is over, even
    /// though the socket is non-blocking (socket(7)). One slow peer holds up every connection of
    /// its reactor for that long.
    #[arg(kind = Kind::OnOff, bare())]
    linger_may_block: String,

    /// Silence that ends a lingering close
    ///
    /// Before the server closes it reads and drops what the peer still sends: closed at once, the
    /// kernel would answer that with a reset, and the peer would lose the answer that it has not
    /// yet read (RFC 9112 section 9.6). Not to be confused with --linger.
    #[arg(kind = Kind::Time(SHORTEST..=LONGEST))]
    lingering_silence: String,

    /// The longest lingering close
    ///
    /// However much the peer still sends.
    #[arg(kind = Kind::Time(SHORTEST..=LONGEST))]
    lingering_timeout: String,

    /// Leave this long after a signal to stop, whoever is still there
    ///
    /// SIGTERM, SIGINT (Ctrl-C), SIGQUIT or SIGHUP. The server leaves earlier if no connection is
    /// left, and at once at a second signal.
    #[arg(help_heading = "Leaving", kind = Kind::Time(Duration::ZERO..=LONGEST))]
    grace: String,

    /// Go on accepting this long, while /healthz says 503
    ///
    /// Behind a balancer: two of its check intervals, so that it sends nobody here any more.
    #[arg(kind = Kind::Time(Duration::ZERO..=LONGEST))]
    drain_delay: String,

    /// Silence after which a draining connection is closed
    ///
    /// Every open connection gets one more request answered, if it comes before that.
    #[arg(kind = Kind::Time(SHORTEST..=LONGEST))]
    drain_idle: String,

    /// What goes to stderr while serving
    ///
    /// errors: refusals with peer and reason, and faults. access: a line for each request, too. No
    /// reactor waits for it: beyond 4096 unread lines they are dropped, and /stats counts them.
    #[arg(help_heading = "Observing", kind = Kind::Words(&["off", "errors", "access"]))]
    log: String,

    /// Time one request in so many, for /stats and /profiler-stats
    ///
    /// 0 times none. Answers that take a wait or a job are always timed.
    // Beyond a million a busy reactor would time less than one request in five seconds.
    #[arg(kind = Kind::Whole(0..=1_000_000))]
    sample: String,

    /// Time every request, and say in its answer what its stages took
    ///
    /// In a Server-Timing field, in milliseconds, which browsers show beside the request; --sample
    /// is then 1. Of requests that came together the first has it; an answer that took a wait or a
    /// job has none.
    #[arg(kind = Kind::OnOff)]
    server_timing: String,

    /// Techniques to take away, by name
    ///
    /// What much real code does is done instead, and the same bytes are sent. Can be given several
    /// times; in the file it may be a list of texts.
    #[arg(help_heading = "Techniques", names = false)]
    without: String,

    /// Techniques to put in, by name; name=value for a number or a word
    ///
    /// spin=50, static-routing=patterns. A technique that is named here and in --without is
    /// refused. nodelay, backlog and linger are the same value as the option of that name: two that
    /// contradict each other are refused.
    #[arg(names = true)]
    with: String,

    /// Take every technique away that a well-known program does without
    ///
    /// Not linger, which loses answers, nor uninit-reads, which only a beginner does without.
    /// --with puts single ones back; so does --nodelay or --backlog, unless it comes from a weaker
    /// place, such as the file when this is a flag.
    #[arg(kind = Kind::OnOff, bare())]
    naive: String,

    /// Let techniques change while the server runs, and compare them
    ///
    /// By GET /techniques, PUT /techniques/NAME and POST /duel (docs/live.md).
    #[arg(kind = Kind::OnOff, bare())]
    live: String,

    /// Where to serve the control routes and the server's own figures
    ///
    /// Those are /stats, /metrics and the like, listed in docs/live.md. /healthz stays.
    #[arg(help_heading = "Serving", kind = Kind::Address.or("none"))]
    admin: String,

    /// Which routes to serve
    ///
    /// lean leaves out those that work hard for one request; index is the list at /.
    #[arg(kind = Kind::List(route_names()))]
    routes: String,

    /// Another name under which the control routes may be asked for
    ///
    /// A web page must not reach them by a name of its own that leads here.
    #[arg(kind = Kind::Host.or("none"))]
    allow_host: String,

    /// Read options from this TOML file
    ///
    /// Its keys are the flags without their dashes in front; one that is no option is an error. As
    /// a variable: BAREWIRE_CONFIG.
    #[arg(long, help_heading = "Configuration", value_name = "FILE")]
    #[arg(env = "BAREWIRE_CONFIG", hide_env = true)]
    config: Option<PathBuf>,

    /// Print every option and where its value came from, and exit
    ///
    /// The output is a file for --config.
    #[arg(long)]
    print_config: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::cli::{argument, settings};
    use crate::config::{Config, bounds};
    use crate::techniques;

    /// A field that no option sets, and an option that sets no field, are found here.
    #[test]
    fn every_field_of_the_configuration_has_an_option() {
        let fields: BTreeSet<_> = settings::DEFAULTS.keys().cloned().collect();
        let matches = settings::options().get_matches_from(["barewire"]);
        let settings = settings::choose(&matches, None).unwrap();
        let switches = techniques::switches().map(|(technique, _)| technique.name.to_owned());
        let options = settings.list.iter().map(|setting| setting.name.clone());
        assert_eq!(fields, options.chain(switches).collect());
    }

    #[test]
    fn every_default_is_allowed_and_changes_nothing() {
        let matches = settings::options().get_matches_from(["barewire"]);
        let settings = settings::choose(&matches, None).unwrap();
        assert_eq!(settings.config, Config::default());
        assert_eq!(settings.values, *settings::DEFAULTS);
    }

    #[test]
    fn every_option_takes_another_value_than_its_default() {
        let defaults = &settings::DEFAULTS;
        for option in settings::options().get_arguments() {
            let Some(name) = option
                .get_long()
                .filter(|name| defaults.contains_key(*name))
            else {
                continue;
            };
            let given = [
                "2", "3", "on", "off", "3KiB", "70KiB", "7s", "errors", "::1", "/tmp", "slab",
                "::1:7", "lean",
            ];
            let changed = given.iter().any(|text| {
                let words = ["barewire".to_owned(), format!("--{name}={text}")];
                let matches = settings::options().get_matches_from(words);
                let id = name.replace('-', "_");
                let judged: &argument::Judged = matches.get_one(&id).unwrap();
                judged
                    .value
                    .as_ref()
                    .is_ok_and(|value| *value != defaults[name])
            });
            assert!(changed, "no other value for {name}");
        }
    }

    #[test]
    fn the_help_has_the_rate_that_is_enforced() {
        let rate = format!("{} bytes a second", bounds::RATE_MIN);
        let help = settings::options()
            .term_width(10_000)
            .render_long_help()
            .to_string();
        assert_eq!(help.matches(&rate).count(), 2, "{help}");
    }
}
