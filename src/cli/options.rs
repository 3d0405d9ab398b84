//! Every option, once.
//!
//! A row is an option's name, the form of its value with the range allowed, the field that it
//! fills, and what it does. Flags, `BAREWIRE_*` variables, keys of the file, the help, the banner
//! and `--print-config` are all made from these rows, so that they cannot disagree; a test holds
//! that every field of [`Config`] has one. Absent are the defaults: they stand in `config.rs`, with
//! their reasons.

use std::time::Duration;

use super::forms::{Choice, Directory, Host, Or, Size, Span, Switch, Whole};
use super::limits::{self, SPAN_MAX, SPAN_MIN};
use super::selection::{Names, Selection};
use super::setting::Setting;
use crate::config::{Config, KIB, LogLevel, MIB};

/// What the options fill.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    /// What the server is given.
    pub(super) config: Config,
    /// The operator knows what a long `--linger` does.
    pub(super) linger_may_block: bool,
    /// Every technique has its naive value, unless it is named elsewhere.
    pub(super) naive: bool,
    /// Techniques that are taken away.
    pub(super) without: Selection,
    /// Techniques that are put in, or given a value.
    pub(super) with: Selection,
}

/// Options that belong together.
pub(super) struct Section {
    /// Their heading.
    pub(super) title: &'static str,
    /// They themselves.
    pub(super) settings: Vec<Setting>,
}

/// All options, in the order of the help.
pub(super) fn table() -> Vec<Section> {
    let section = |title, settings| Section { title, settings };
    vec![
        section("Listening", listening()),
        section("Work", work()),
        section("Sockets", sockets()),
        section("Limits on a request's head", limits::heads()),
        section("Limits on a request's body", limits::bodies()),
        section("Limits on the server", limits::server()),
        section("Timeouts", limits::timeouts()),
        section("Closing a connection", limits::closing()),
        section("Leaving", leaving()),
        section("Observing", observing()),
        section("Techniques", techniques()),
    ]
}

fn listening() -> Vec<Setting> {
    vec![
        Setting::new(
            "host",
            Host,
            |values| &mut values.config.host,
            "Address or name to listen on",
            "127.0.0.1 and ::1 are reached from this machine only, 0.0.0.0 and :: from everywhere. \
             A name is looked up once, at start.",
        ),
        Setting::new(
            "port",
            Whole(0..=u16::MAX),
            |values| &mut values.config.port,
            "Port to listen on; 0 takes a free one",
            "Ports below 1024 need a privilege. The one taken is printed to stdout.",
        ),
        Setting::new(
            "share-port",
            Switch,
            |values| &mut values.config.share_port,
            "Do not look for another process on the port",
            "The reactors share their port by SO_REUSEPORT, and the kernel lets a second process \
             of the same user join them, without an error, and take a part of the connections. So \
             the port is probed at start; this leaves the probe out.",
        )
        .bare(),
        Setting::new(
            // "auto" rather than no value at all, so that --print-config can say it.
            "files-root",
            Or("auto", Directory),
            |values| &mut values.config.files_root,
            "Directory that /async-files may read",
            "Nothing outside of it is read, whatever `..` and symbolic links say. auto makes one \
             at start, with sample files in it. (A directory of that name is ./auto.)",
        ),
    ]
}

fn work() -> Vec<Setting> {
    vec![
        Setting::new(
            "workers",
            // No machine has more cores, and each reactor is a thread, a listener and its buffers.
            Whole(1..=1024),
            |values| &mut values.config.workers,
            "Reactors, each a thread of its own",
            "Each has its own listener, connections and buffers; the kernel deals new connections \
             out among them. The default is the number of cores.",
        ),
        Setting::new(
            "job-threads",
            // Jobs block on disks and CPUs, which serve fewer at once. Who waits does so in the
            // queue.
            Whole(1..=512),
            |values| &mut values.config.job_threads,
            "Threads for work that would hold a reactor up",
            "Files are read and long computations are made there. All reactors share them.",
        ),
    ]
}

fn sockets() -> Vec<Setting> {
    // A path of 10 Gbit/s and 50 ms there and back has 60 MiB on its way; no buffer need hold more.
    let kernel_buffer = || Or("auto", Size(KIB..=64 * MIB));
    vec![
        Setting::new(
            "nodelay",
            Switch,
            |values| &mut values.config.socket.nodelay,
            "Send every answer at once (TCP_NODELAY)",
            "on turns Nagle's algorithm off, as the article's enable_nodelay does. Answers leave \
             whole, with one send, so there is nothing for it to gather; with off, a second answer \
             waits for the acknowledgement of the first, which the peer may delay by 40 ms.",
        ),
        Setting::new(
            "backlog",
            // Sixteen bits are what older kernels kept of it.
            Whole(1..=65_535),
            |values| &mut values.config.socket.backlog,
            "Connections that may wait to be accepted",
            "For each reactor's listener. The kernel lowers it to net.core.somaxconn without a \
             word. A client beyond it is not told; it tries again after a second.",
        ),
        Setting::new(
            "buffer-size",
            // Below, a browser's head takes several calls; above, the buffer falls out of the
            // core's cache.
            Size(KIB..=MIB),
            |values| &mut values.config.socket.buffer_size,
            "The most that one recv takes",
            "The article's http_buffer_size. Each reactor has one such buffer, and all its \
             connections share it: it costs no memory for each of them, and does not limit \
             requests (see below). More takes bodies and pipelined requests in fewer calls.",
        ),
        Setting::new(
            "recv-buffer",
            kernel_buffer(),
            |values| &mut values.config.socket.recv_buffer,
            "The kernel's receive buffer of a connection (SO_RCVBUF)",
            "auto leaves the kernel's tuning alone, which lets the buffer grow with the \
             connection's speed (tcp(7)). A size switches that tuning off; the kernel doubles it, \
             for its own records, after lowering it to net.core.rmem_max (socket(7)).",
        ),
        Setting::new(
            "send-buffer",
            kernel_buffer(),
            |values| &mut values.config.socket.send_buffer,
            "The kernel's send buffer of a connection (SO_SNDBUF)",
            "As --recv-buffer, for what the peer has not yet acknowledged; lowered to \
             net.core.wmem_max.",
        ),
    ]
}

fn leaving() -> Vec<Setting> {
    // A supervisor's patience ends earlier: systemd kills after 90 s, Kubernetes after 30 s.
    let longest = SPAN_MAX;
    vec![
        Setting::new(
            "grace",
            Span(Duration::ZERO..=longest),
            |values| &mut values.config.drain.grace,
            "Leave this long after SIGTERM or Ctrl-C, whoever is still there",
            "The server leaves earlier if no connection is left, and at once at a second signal.",
        ),
        Setting::new(
            "drain-delay",
            Span(Duration::ZERO..=longest),
            |values| &mut values.config.drain.delay,
            "Go on accepting this long, while /healthz says 503",
            "Behind a balancer: two of its check intervals, so that it sends nobody here any more.",
        ),
        Setting::new(
            "drain-idle",
            Span(SPAN_MIN..=longest),
            |values| &mut values.config.drain.idle,
            "Silence after which a draining connection is closed",
            "Every open connection gets one more request answered, if it comes before that.",
        ),
    ]
}

fn observing() -> Vec<Setting> {
    const LEVELS: &[(&str, LogLevel)] = &[
        ("off", LogLevel::Off),
        ("errors", LogLevel::Errors),
        ("access", LogLevel::Access),
    ];
    vec![
        Setting::new(
            "log",
            Choice(LEVELS),
            |values| &mut values.config.log,
            "What goes to stderr while serving",
            "errors: each refusal with its peer and reason, faults and panics. access: these, and \
             a line for each request, which costs a system call more. The reactors write them \
             themselves: a pipe that nobody empties holds them up.",
        ),
        Setting::new(
            "sample",
            // Beyond a million a busy reactor would time less than one request in five seconds.
            Whole(0..=1_000_000),
            |values| &mut values.config.sample,
            "Time one request in so many, for /stats and /profiler-stats",
            "0 times none. Answers that take a wait or a job are always timed.",
        ),
        Setting::new(
            "server-timing",
            Switch,
            |values| &mut values.config.server_timing,
            "Time every request, and say in its answer what its stages took",
            "In a Server-Timing field, in milliseconds, which browsers show beside the request; \
             --sample is then 1. Of requests that came together the first has it; an answer that \
             took a wait or a job has none.",
        ),
    ]
}

fn techniques() -> Vec<Setting> {
    vec![
        Setting::new(
            "without",
            Names::OFF,
            |values| &mut values.without,
            "Techniques to take away, by name",
            "What much real code does is done instead, and the same bytes are sent. Can be given \
             several times; in the file it may be a list of texts.",
        )
        .repeated(),
        Setting::new(
            "with",
            Names::ON,
            |values| &mut values.with,
            "Techniques to put in, by name; name=value for a number or a word",
            "spin=50, static-routing=patterns. A technique that is named here and in --without is \
             refused. nodelay, backlog and linger are the same value as the option of that name: \
             two that contradict each other are refused.",
        )
        .repeated(),
        Setting::new(
            "naive",
            Switch,
            |values| &mut values.naive,
            "Take every technique away that is a switch",
            "But for linger, which loses answers: it is a demonstration, and wants its name in \
             --without. --with puts single ones back; so does --nodelay or --backlog, unless it \
             comes from a weaker place, such as the file when this is a flag.",
        )
        .bare(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::bounds;
    use crate::techniques;

    fn settings() -> Vec<Setting> {
        table()
            .into_iter()
            .flat_map(|section| section.settings)
            .collect()
    }

    /// Sets the option to a value that is not its default.
    fn change(setting: &Setting, values: &mut Values) {
        let default = setting.show(&Values::default());
        let changed = [
            "2", "7", "on", "off", "3KiB", "70KiB", "7s", "errors", "::1", "/tmp", "slab",
        ]
        .iter()
        .any(|text| setting.read(text, values) && setting.show(values) != default);
        assert!(changed, "no other value for {}", setting.name);
    }

    #[test]
    fn names_are_unique_and_leave_the_other_flags_alone() {
        let mut names = HashSet::from(["config", "print-config", "help", "version"]);
        for setting in settings() {
            assert!(names.insert(setting.name), "{} stands twice", setting.name);
        }
    }

    #[test]
    fn every_default_is_allowed() {
        for setting in settings() {
            let mut values = Values::default();
            let default = setting.show(&values);
            assert!(
                setting.read(&default, &mut values),
                "{}: {default}",
                setting.name
            );
            assert_eq!(values, Values::default(), "{}", setting.name);
        }
    }

    #[test]
    fn each_row_has_a_field_of_its_own() {
        let settings = settings();
        for changed in &settings {
            let mut values = Values::default();
            change(changed, &mut values);
            for other in settings.iter().filter(|other| other.name != changed.name) {
                let default = other.show(&Values::default());
                assert_eq!(
                    other.show(&values),
                    default,
                    "{} and {}",
                    changed.name,
                    other.name
                );
            }
        }
    }

    #[test]
    fn every_field_of_the_configuration_has_a_row() {
        let mut values = Values::default();
        for setting in settings() {
            change(&setting, &mut values);
        }
        for (_, switch) in techniques::switches() {
            let default = switch.get(&Config::default());
            let other = [switch.on, switch.off]
                .into_iter()
                .find(|text| *text != default);
            assert!(switch.set(&mut values.config, other.expect("two values")));
        }
        let (changed, default) = (format!("{values:?}"), format!("{:?}", Values::default()));
        for (changed, default) in changed.split(", ").zip(default.split(", ")) {
            assert_ne!(changed, default, "no option and no technique sets it");
        }
    }

    #[test]
    fn the_help_has_the_rate_that_is_enforced() {
        let rate = format!("{} bytes a second", bounds::RATE_MIN);
        for name in ["body-rate-after", "write-timeout"] {
            let settings = settings();
            let row = settings.iter().find(|setting| setting.name == name);
            let row = row.expect("the option exists");
            assert!(
                row.help.contains(&rate) || row.detail.contains(&rate),
                "{name}"
            );
        }
    }

    #[test]
    fn a_wrong_value_changes_nothing() {
        for setting in settings() {
            let mut values = Values::default();
            assert!(!setting.read("", &mut values), "{}", setting.name);
            assert_eq!(values, Values::default(), "{}", setting.name);
        }
    }
}
