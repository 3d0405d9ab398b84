//! Whose code runs: samples of the runtime's own sampler, in a run that nothing else is taken from.
//!
//! Node writes a profile of its main thread when it ends (`--cpu-prof`), in which each sample
//! belongs to the file of the innermost function. The JVM's Flight Recorder samples threads that
//! run Java. There a sample belongs to the innermost class that is not the JDK's, so that a map of
//! Tomcat's is Tomcat's. A call of the kernel is part of Node's picture, and not of the JVM's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::{Runtime, warmup};
use crate::command::output_of;
use crate::generator::lane::Lane;
use crate::machine;
use crate::process::{Running, Subject, Usage};
use crate::results::CodeShare;
use crate::statistics::count;
use crate::turns::Entrant;
use crate::window::span;
use crate::workload::Workload;

/// How long samples are taken.
const TIME: Duration = Duration::from_secs(20);
/// Node writes its profile when it leaves in order, and SIGTERM alone would end it without.
const LEAVES: &str = "data:text/javascript,process.on('SIGTERM',()=>process.exit())";
/// Share of its time that a server on Node must be at work.
const LEAST_BUSY: f64 = 0.9;
/// Shares that are less than this are added up.
const LEAST: f64 = 0.01;
/// Frames of a stack that are looked at: a handler of Spring stands above 50 others.
const DEPTH: &str = "128";
/// What the Flight Recorder writes.
const RECORDING: &str = "recording.jfr";
/// Between two looks of the Flight Recorder: most of them find threads that wait.
const PERIOD: &str = "1ms";
/// Packages of the JDK. Its server of HTTP is a program like others.
const JDK: [&str; 5] = ["java.", "javax.", "jdk.", "sun.", "com.sun."];
const JDK_SERVER: [&str; 2] = ["sun.net.httpserver.", "com.sun.net.httpserver."];
/// Where V8's words are not what they say: between two callbacks of the loop it counts as idle.
const IDLE: &str = "(reads, parses and polls: read, llhttp, epoll_wait)";
const NATIVE: &str = "(node's own code called from JavaScript: writev, ...)";

/// Shares of the code of a server that serves this workload.
///
/// # Errors
///
/// If it fails, or its sampler has written nothing that can be read.
pub(super) fn shares(
    runtime: Runtime,
    entrant: &Entrant,
    workload: &Workload,
) -> Result<Vec<CodeShare>> {
    let folder = TempDir::new()?;
    let warmup = warmup(entrant);
    let subject = sampled(runtime, &entrant.subject, folder.path(), warmup);
    let server = Running::start(&subject, 1, &machine::server_cores(1))?;
    let mut lane = Lane::open(server.address(), workload, false)?;
    lane.turn(span(warmup))?;
    let before = Usage::of(server.pid())?;
    let tally = lane.turn(span(TIME))?;
    let ended = Instant::now();
    let cpu = Usage::of(server.pid())?.cpu_since(&before);
    server.stop()?;
    let since = ended.elapsed();
    let samples = match runtime {
        Runtime::Node => {
            saturated(cpu, tally.wall)?;
            of_v8(&written(folder.path(), "cpuprofile")?, since)
        }
        Runtime::Jvm => {
            let file = folder.path().join(RECORDING);
            let mut jfr = Command::new("jfr");
            jfr.args(["print", "--stack-depth", DEPTH]);
            jfr.args(["--events", "jdk.ExecutionSample"]).arg(file);
            Some(of_the_jvm(&output_of(&mut jfr)?))
        }
    };
    let samples = samples.context("the profile has another form")?;
    Ok(shared(samples))
}

/// The same server under its sampler.
fn sampled(runtime: Runtime, subject: &Subject, folder: &Path, warmup: Duration) -> Subject {
    let folder = folder.display();
    let seconds = warmup.as_secs().max(1);
    let options = match runtime {
        Runtime::Node => vec![
            "--cpu-prof".to_owned(),
            format!("--cpu-prof-dir={folder}"),
            "--import".to_owned(),
            LEAVES.to_owned(),
        ],
        Runtime::Jvm => vec![format!(
            "-XX:StartFlightRecording:jdk.ExecutionSample#period={PERIOD},\
             settings=profile,delay={seconds}s,dumponexit=true,filename={folder}/{RECORDING}"
        )],
    };
    let mut subject = subject.clone();
    subject.arguments.splice(0..0, options);
    subject
}

fn written(folder: &Path, extension: &str) -> Result<String> {
    let files = fs::read_dir(folder)?.filter_map(Result::ok);
    let mut files = files.map(|file| file.path());
    let is_it = |file: &std::path::PathBuf| file.extension().is_some_and(|end| end == extension);
    let file = files.find(is_it);
    let file = file.with_context(|| format!("no .{extension} was written"))?;
    Ok(fs::read_to_string(file)?)
}

/// What a sampler saw.
#[derive(Debug, Default, PartialEq)]
struct Samples {
    /// How many.
    taken: usize,
    /// How much of them belongs to whom.
    of: BTreeMap<String, f64>,
}

impl Samples {
    fn add(&mut self, name: String, weight: f64) {
        self.taken += 1;
        *self.of.entry(name).or_default() += weight;
    }
}

/// V8 counts sleep as idle, too, and time without a core as work: so its samples say something of a
/// server that had its core all the time, and never slept.
fn saturated(cpu: Duration, wall: Duration) -> Result<()> {
    let busy = cpu.as_secs_f64() / wall.as_secs_f64();
    ensure!(
        busy >= LEAST_BUSY,
        "it was at work for {:.0} % of the time only, and V8's samples count all of it",
        100.0 * busy
    );
    Ok(())
}

/// Time of each file or package in V8's profile, of the samples in [`TIME`] before the load ended;
/// `since`: how long that was before the end of the profile.
fn of_v8(text: &str, since: Duration) -> Option<Samples> {
    let profile: Value = serde_json::from_str(text).ok()?;
    let nodes = profile.get("nodes")?.as_array()?.iter();
    let names: BTreeMap<u64, String> = nodes
        .filter_map(|node| Some((node.get("id")?.as_u64()?, owner_in_node(node)?)))
        .collect();
    let micros = |time: Duration| time.as_micros().try_into().unwrap_or(i64::MAX);
    let until = profile.get("endTime")?.as_i64()? - micros(since);
    let from = until - micros(TIME);
    let mut now = profile.get("startTime")?.as_i64()?;
    let mut found = Samples::default();
    let deltas = profile.get("timeDeltas")?.as_array()?;
    for (sample, delta) in profile.get("samples")?.as_array()?.iter().zip(deltas) {
        now += delta.as_i64()?;
        if let Some(name) = names.get(&sample.as_u64()?)
            && (from..until).contains(&now)
        {
            found.add(name.clone(), delta.as_f64()?);
        }
    }
    Some(found)
}

/// The package of a function, or node's own file.
fn owner_in_node(node: &Value) -> Option<String> {
    let frame = node.get("callFrame")?;
    let (url, function) = (
        frame.get("url")?.as_str()?,
        frame.get("functionName")?.as_str()?,
    );
    let owner = match (url, function) {
        ("", "(idle)") => IDLE,
        ("", "(program)") => "(V8 itself)",
        ("", word) if word.starts_with('(') => word,
        ("", _) => NATIVE,
        _ => match url.rsplit_once("node_modules/") {
            Some((_, within)) => within.split('/').next()?,
            None if url.starts_with("file:") => "(the program)",
            None => url,
        },
    };
    Some(owner.to_owned())
}

/// Samples of each package in what `jfr print` prints.
fn of_the_jvm(text: &str) -> Samples {
    let mut found = Samples::default();
    let mut stack: Option<Vec<&str>> = None;
    for line in text.lines().map(str::trim) {
        if line == "stackTrace = [" {
            stack = Some(Vec::new());
        } else if line == "]" {
            let owner = stack.take().and_then(|stack| owner_in_java(&stack));
            if let Some(owner) = owner {
                found.add(owner, 1.0);
            }
        } else if let (Some(stack), Some((method, _))) = (&mut stack, line.split_once('(')) {
            stack.push(method);
        }
    }
    found
}

/// The package of the innermost class that is not the JDK's; the JDK's own, if there is none.
fn owner_in_java(stack: &[&str]) -> Option<String> {
    let begins = |method: &str, with: &[&str]| with.iter().any(|one| method.starts_with(one));
    let is_own = |method: &&&str| !begins(method, &JDK) || begins(method, &JDK_SERVER);
    let method = stack.iter().find(is_own).or(stack.first())?;
    // Packages are in small letters, and classes are not.
    let package: Vec<&str> = method
        .split('.')
        .take_while(|part| !part.starts_with(|first: char| first.is_ascii_uppercase()))
        .take(3)
        .collect();
    Some(package.join("."))
}

/// Shares, the largest first.
fn shared(samples: Samples) -> Vec<CodeShare> {
    let Samples { taken, of } = samples;
    let all: f64 = of.values().sum();
    let share = |name: String, share: f64| CodeShare {
        name,
        share,
        error: 1.96 * (share * (1.0 - share) / count(taken)).sqrt(),
    };
    let shares = of
        .into_iter()
        .map(|(name, weight)| share(name, weight / all));
    let (mut large, small): (Vec<_>, Vec<_>) = shares.partition(|one| one.share >= LEAST);
    large.sort_by(|one, other| other.share.total_cmp(&one.share));
    if !small.is_empty() {
        let name = format!("({} others)", small.len());
        large.push(share(name, small.iter().map(|one| one.share).sum()));
    }
    large
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<const N: usize>(shares: [(&str, f64); N]) -> BTreeMap<String, f64> {
        shares.map(|(name, share)| (name.to_owned(), share)).into()
    }

    /// As node 20 writes it.
    #[test]
    fn v8s_samples_belong_to_packages_and_files() {
        let frame = |id: u32, function: &str, url: &str| {
            format!(
                r#"{{"id":{id},"callFrame":{{"functionName":"{function}","scriptId":"0",
                "url":"{url}","lineNumber":-1,"columnNumber":-1}},"hitCount":0,"children":[]}}"#
            )
        };
        let nodes = [
            frame(1, "(root)", ""),
            frame(2, "(garbage collector)", ""),
            frame(3, "writev", ""),
            frame(
                4,
                "send",
                "file:///srv/node_modules/express/lib/response.js",
            ),
            frame(
                5,
                "respond",
                "file:///srv/node_modules/a/node_modules/finalhandler/index.js",
            ),
            frame(6, "_storeHeader", "node:_http_outgoing"),
            frame(7, "work", "file:///srv/server.js"),
            frame(8, "(idle)", ""),
        ];
        let text = format!(
            r#"{{"nodes":[{}],"startTime":1000000,"endTime":32000000,
            "samples":[7,4,5,6,6,7,2,3,8,4],
            "timeDeltas":[500000,14500000,100,200,300,400,500,600,700,15500000]}}"#,
            nodes.join(",")
        );
        // The load ended at 31 s: what is before 11 s and behind 31 s is left out.
        let found = of_v8(&text, Duration::from_secs(1)).unwrap();
        let expected = map([
            ("express", 14_500_000.0),
            ("finalhandler", 100.0),
            ("node:_http_outgoing", 500.0),
            ("(the program)", 400.0),
            ("(garbage collector)", 500.0),
            (NATIVE, 600.0),
            (IDLE, 700.0),
        ]);
        assert_eq!((found.of, found.taken), (expected, 8));
        assert_eq!(of_v8("{}", Duration::ZERO), None);
    }

    /// As jfr of OpenJDK 17 prints it.
    #[test]
    fn the_jvms_samples_belong_to_who_called_the_jdk() {
        let sample = |frames: &str| {
            format!(
                "jdk.ExecutionSample {{\n  startTime = 07:13:26.614\n  sampledThread = \
                 \"http-nio-127.0.0.1-28742-exec-8\" (javaThreadId = 25)\n  state = \
                 \"STATE_RUNNABLE\"\n  stackTrace = [\n{frames}  ]\n}}\n\n"
            )
        };
        let text = [
            "    java.util.HashMap.get(Object) line: 553\n    org.apache.tomcat.util.net.\
             NioEndpoint$SocketProcessor.doRun() line: 2202\n    java.lang.Thread.run() \
             line: 840\n",
            "    org.springframework.http.HttpHeaders.set(String, String) line: 1834\n",
            "    org.springframework.http.server.Adapter.set(Object) line: 42\n    ...\n",
            "    sun.nio.ch.IOUtil.write(FileDescriptor) line: 51\n    sun.net.httpserver.\
             Request$WriteStream.write(byte[]) line: 9\n",
            "    java.util.concurrent.locks.LockSupport.park(Object) line: 211\n",
        ]
        .map(sample)
        .concat();
        let expected = map([
            ("org.apache.tomcat", 1.0),
            ("org.springframework.http", 2.0),
            ("sun.net.httpserver", 1.0),
            ("java.util.concurrent", 1.0),
        ]);
        let found = of_the_jvm(&text);
        assert_eq!((found.of, found.taken), (expected, 5));
    }

    #[test]
    fn v8s_samples_need_a_server_that_never_sleeps() {
        let wall = Duration::from_secs(20);
        assert!(saturated(Duration::from_millis(18_100), wall).is_ok());
        let told = saturated(Duration::from_millis(9_200), wall).unwrap_err();
        assert!(told.to_string().contains("for 46 % of the time"), "{told}");
    }

    #[test]
    fn small_shares_are_added_up() {
        let of = map([("a", 60.0), ("b", 139.0), ("c", 0.5), ("d", 0.5)]);
        let found = shared(Samples { taken: 200, of });
        let shares: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.share))
            .collect();
        assert_eq!(shares, [("b", 0.695), ("a", 0.3), ("(2 others)", 0.005)]);
        assert!((found[1].error - 1.96 * (0.3_f64 * 0.7 / 200.0).sqrt()).abs() < 1e-9);
        assert!(shared(Samples::default()).is_empty());
    }

    #[test]
    fn a_sampler_is_an_option_of_the_runtime() {
        let subject = Subject {
            program: "java".into(),
            arguments: vec!["-jar".into(), "server.jar".into()],
            ..Subject::default()
        };
        let seconds = Duration::from_secs(20);
        let found = sampled(Runtime::Jvm, &subject, Path::new("/tmp/x"), seconds);
        assert_eq!(found.arguments.len(), 3);
        assert!(
            found.arguments[0].contains("period=1ms,settings=profile,delay=20s,"),
            "{found:?}"
        );
        assert!(found.arguments[0].ends_with(",filename=/tmp/x/recording.jfr"));
        assert_eq!(found.arguments[2], "server.jar");
    }
}
