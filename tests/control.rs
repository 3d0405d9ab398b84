//! The control routes of a server with `--live`: what they change, what they say, and whom they
//! refuse.
#![cfg(feature = "routes")]

mod wire;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use barewire::config::Config;
use barewire::{Method, Response, Server, techniques};
use serde_json::Value;

use wire::{Answer, Live, PROBE, Wire, alone, eventually, full};

fn live() -> Live {
    let mut config = full(1);
    config.live = true;
    Live::routes(config)
}

/// A request with fields of its own.
fn ask(wire: &mut Wire, method: &str, target: &str, fields: &str, body: &str) -> Answer {
    let bytes = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}");
    wire.ask(format!("{head}Content-Length: {bytes}\r\n\r\n{body}"))
}

fn get(wire: &mut Wire, target: &str) -> Answer {
    ask(wire, "GET", target, "", "")
}

fn put(wire: &mut Wire, name: &str, value: &str) -> Answer {
    ask(wire, "PUT", &format!("/techniques/{name}"), "", value)
}

fn sentence(answer: &Answer) -> String {
    answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn row(list: &Value, name: &str) -> Value {
    let rows = list.as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap().clone()
}

/// Clients that ask for `/plaintext` until they are dropped.
struct Load {
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(live: &Live) -> Self {
        let ends = Arc::<AtomicBool>::default();
        let threads = (0..4).map(|_| {
            let (mut wire, ends) = (live.connect(), Arc::clone(&ends));
            thread::spawn(move || {
                while !ends.load(Relaxed) {
                    assert_eq!(wire.ask(PROBE).status, 200);
                }
            })
        });
        Self {
            threads: threads.collect(),
            ends,
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok());
        }
    }
}

#[test]
fn each_technique_is_listed_and_those_that_can_change_do() {
    let live = live();
    let mut wire = live.connect();
    let list = get(&mut wire, "/techniques").json();
    for technique in techniques::all() {
        let row = row(&list, technique.name);
        assert_eq!(row["claim"], technique.claim.as_str());
        assert_eq!(row["naive_form"], technique.naive_form.who());
        assert_eq!(row["beginner"], technique.naive_form.is_beginners());
        let Some(switch) = technique.switch() else {
            assert_eq!(
                (&row["state"], &row["live"]),
                (&"by the build".into(), &false.into())
            );
            continue;
        };
        assert_eq!(row["live"], switch.is_live());
        if !switch.is_live() {
            let refused = put(&mut wire, technique.name, "off");
            assert_eq!(refused.status, 409);
            assert!(sentence(&refused).contains(&format!("--without {}", technique.name)));
            continue;
        }
        // Off, on, and as it was.
        for (value, state) in [("off", "off"), ("on", "on"), (&switch.default_value(), "")] {
            let changed = put(&mut wire, technique.name, value);
            assert_eq!(
                changed.status, 200,
                "{} {value}: {changed:?}",
                technique.name
            );
            let row = self::row(&changed.json(), technique.name);
            if !state.is_empty() {
                assert_eq!(row["state"], state, "{}", technique.name);
            }
            assert_eq!(wire.ask(PROBE).status, 200);
        }
    }
    assert_eq!(get(&mut wire, "/techniques").json(), list);
}

#[test]
fn what_is_put_is_in_force() {
    let live = live();
    let mut wire = live.connect();
    let registrations = |wire: &mut Wire| {
        // What is put now is in force on top of the next turn.
        wire.ask(PROBE);
        let before = live.sum(|reactor| &reactor.registrations);
        for _ in 0..10 {
            wire.ask(PROBE);
        }
        live.sum(|reactor| &reactor.registrations) - before
    };
    assert_eq!(registrations(&mut wire), 0);
    put(&mut wire, "register-once", "off");
    assert!((9..=11).contains(&registrations(&mut wire)));
    assert_eq!(
        wire.get("/stats").json()["techniques_off"],
        serde_json::json!(["register-once"])
    );
    put(&mut wire, "register-once", "on");
    assert_eq!(registrations(&mut wire), 0);
    put(&mut wire, "event-batching", "16");
    let list = get(&mut wire, "/techniques").json();
    assert_eq!(row(&list, "event-batching")["value"], "16");
    // The handler's own part: each way of finding a route leads there.
    for value in ["map", "patterns", "match"] {
        assert_eq!(put(&mut wire, "static-routing", value).status, 200);
        assert_eq!(wire.get("/json").status, 200);
    }
}

#[test]
fn what_cannot_be_is_refused_with_what_could() {
    let live = live();
    let mut wire = live.connect();
    for (name, value, status, says) in [
        ("no-such", "off", 404, "register-once"),
        ("register-once", "maybe", 400, "on|off"),
        ("event-batching", "0", 400, "1 to 1024"),
        ("sharded-cache", "3", 409, "16"),
        ("lto", "off", 409, "build"),
    ] {
        let refused = put(&mut wire, name, value);
        assert_eq!(refused.status, status, "{name}={value}");
        assert!(sentence(&refused).contains(says), "{}", sentence(&refused));
    }
    for (target, says) in [
        ("/duel?wihtout=slab", "known are without"),
        ("/duel?seconds=5&seconds=6", "twice"),
        ("/duel?seconds=5&%73econds=6", "twice"),
        ("/duel?%73econds=6%300", "'6%300'"),
        ("/duel?seconds=600", "60"),
        ("/duel?without=slab&with=spin", "give one of"),
        ("/duel?a=slab", "both"),
        ("/duel?route=/nothing", "/plaintext"),
    ] {
        let refused = ask(&mut wire, "POST", target, "", "");
        assert_eq!(refused.status, 400, "{target}");
        assert!(sentence(&refused).contains(says), "{}", sentence(&refused));
    }
    assert_eq!(
        ask(&mut wire, "POST", "/duel?without=nothing", "", "").status,
        404
    );
    assert_eq!(get(&mut wire, "/duel").status, 404);
    for method in ["GET", "DELETE"] {
        let refused = ask(&mut wire, method, "/duel?row=1", "", "");
        assert_eq!(refused.status, 400, "{method}");
        assert!(sentence(&refused).contains("known are rows"));
        // What takes no parameters looks at none.
        assert_eq!(get(&mut wire, "/techniques?row=1").status, 200);
    }
    let allowed = ask(&mut wire, "PUT", "/duel", "", "");
    assert_eq!(
        (allowed.status, allowed.field("Allow")),
        (405, Some("GET, HEAD, POST, DELETE, OPTIONS"))
    );
    let idle = ask(&mut wire, "POST", "/duel?without=slab&seconds=1", "", "");
    assert_eq!(idle.status, 409);
    let says = sentence(&idle);
    assert!(
        says.contains("too little load") && says.contains("wrk -t1"),
        "{says}"
    );
}

#[test]
fn a_page_from_elsewhere_changes_nothing() {
    for (is_live, has_admin) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut config = full(1);
        (config.live, config.allow_host) = (is_live, Some("bench.example".to_owned()));
        config.admin = has_admin.then(|| "127.0.0.1:0".to_owned());
        let live = Live::routes(config);
        let address = live.admin_address().unwrap_or(live.address);
        control_routes_are_for_own_pages(address, is_live);
    }
}

/// The whole rule, on every control route. Without `--live` what would change something is 409.
fn control_routes_are_for_own_pages(address: SocketAddr, is_live: bool) {
    let mut wire = Wire::to(address);
    let port = address.port();
    let mut status = |method: &str, host: &str, fields: &str| {
        let mut ask = |method: &str, target: &str| {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: 0\r\n\r\n"
            );
            wire.ask(request).status
        };
        let status = ask(method, "/techniques");
        let other = if is_live {
            [400, 400, 404, 404]
        } else {
            [409; 4]
        };
        let routes = [
            ("PUT", "/techniques/slab"),
            ("POST", "/duel?seconds=0"),
            ("GET", "/duel"),
            ("DELETE", "/duel"),
        ];
        for ((method, target), passed) in routes.into_iter().zip(other) {
            let expected = if status == 403 { 403 } else { passed };
            assert_eq!(
                ask(method, target),
                expected,
                "{method} {target}, {host} {fields}"
            );
        }
        status
    };
    for host in [
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        "localhost".to_owned(),
        format!("LocalHost:{port}"),
        "192.168.7.7".to_owned(),
        "bench.example".to_owned(),
    ] {
        assert_eq!(status("GET", &host, ""), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "bench.example.evil.example",
        "0x7f.1",
        "",
    ] {
        assert_eq!(status("GET", host, ""), 403, "{host}");
    }
    for (fields, expected) in [
        ("Sec-Fetch-Site: same-origin\r\n", 200),
        ("Sec-Fetch-Site: none\r\n", 200),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("Origin: http://localhost:1\r\n", 200),
        ("Origin: http://localhost:2\r\n", 403),
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: http://localhost\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin:\r\n", 403),
        ("Sec-Fetch-Site:\r\n", 403),
        // One of two is wrong, and it makes no difference which.
        (
            "Origin: http://localhost:1\r\nOrigin: http://evil.example\r\n",
            403,
        ),
        (
            "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n",
            403,
        ),
        ("Origin: null\r\nSec-Fetch-Site: same-origin\r\n", 403),
    ] {
        assert_eq!(status("GET", "localhost:1", fields), expected, "{fields}");
    }
    // Without Host nothing is equal to it.
    let old = "GET /techniques HTTP/1.0\r\nConnection: keep-alive\r\nOrigin: http://\r\n\r\n";
    assert_eq!(wire.ask(old).status, 403);
}

#[test]
fn a_server_that_is_not_live_says_how_it_could_be() {
    let live = Live::routes(full(1));
    let mut wire = live.connect();
    let list = get(&mut wire, "/techniques").json();
    assert_eq!(row(&list, "slab")["state"], "on");
    assert_eq!(row(&list, "slab")["live"], false);
    for (method, target) in [
        ("PUT", "/techniques/slab"),
        ("POST", "/duel?without=slab"),
        ("DELETE", "/duel"),
    ] {
        let refused = ask(&mut wire, method, target, "", "");
        assert_eq!(refused.status, 409, "{method} {target}");
        assert!(sentence(&refused).contains("--live"));
    }
}

/// Asks for a duel until its outcome is as it must be: how much a second or two say is the luck of
/// the machine, and so is whether its load is enough.
fn duel(wire: &mut Wire, query: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let target = format!("/duel?{query}");
    let mut last = Value::Null;
    for _ in 0..10 {
        let answer = ask(wire, "POST", &target, "Accept: application/json\r\n", "");
        last = answer.json();
        if answer.status == 200 && is_right(&last) {
            return last;
        }
    }
    panic!("{query}: {last}");
}

/// The accounts only count; the cause is named when a duel has measured it.
#[test]
fn findings_name_a_technique_after_a_duel_of_it() {
    let live = live();
    let mut wire = live.connect();
    assert_eq!(put(&mut wire, "register-once", "off").status, 200);
    let _load = Load::on(&live);
    eventually("there are enough requests", || {
        live.sum(|reactor| &reactor.requests) > 1000
    });
    let calls = |found: &Value| {
        let findings = found["findings"].as_array().unwrap();
        let is_it = |row: &&Value| row["finding"].as_str().unwrap().contains("epoll_ctl");
        findings.iter().find(is_it).expect("epoll_ctl").clone()
    };
    let before = get(&mut wire, "/findings").json();
    assert!(calls(&before)["causes"].as_array().unwrap().is_empty());
    let next = before["next"].as_str().expect("a next step");
    assert!(next.contains("/duel?with=register-once'"), "{next}");
    let found = duel(&mut wire, "with=register-once&seconds=2", |found| {
        found["ratio"].is_object()
    });
    let after = get(&mut wire, "/findings").json();
    let cause = &calls(&after)["causes"][0];
    assert_eq!(cause["technique"], "register-once");
    assert_eq!(cause["said"], found["sentence"]);
    assert!(cause["low"].as_f64() <= cause["ratio"].as_f64());
    assert!(after["next"].is_null(), "all is known: {after}");
}

/// What it compares is planted, and so dear that no other work on the machine can hide it.
#[test]
fn a_duel_finds_what_was_planted() {
    let live = live();
    let _load = Load::on(&live);
    let mut wire = live.connect();
    let found = duel(&mut wire, "cost=20000&seconds=3&rows=1", |found| {
        found["verdict"] == "slower" && found["ratio"]["low"].as_f64() > Some(1.1)
    });
    assert_eq!(found["state"], "is over");
    assert!(found["rows"].as_array().unwrap().len() >= 6);
    let last = get(&mut wire, "/duel");
    let text = last.text();
    assert!(
        text.starts_with("With 20000 steps more a request costs"),
        "{text}"
    );
    let tests = duel(&mut wire, "seconds=3", |_| true);
    let tests = tests["controls"].as_array().unwrap().clone();
    assert_eq!(tests.len(), 3);
    assert_eq!(tests[0]["arms"][0]["name"], tests[0]["arms"][1]["name"]);
    assert_eq!(tests[2]["arms"][1]["name"], "with 300 steps more");
}

#[test]
fn there_is_one_duel_and_it_can_be_ended() {
    let live = live();
    let _load = Load::on(&live);
    let (mut wire, mut other) = (live.connect(), live.connect());
    let target = "/duel?without=slab&seconds=60&slice_ms=100";
    wire.send(format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    eventually("it goes on", || {
        get(&mut other, "/duel").text().contains("pairs of slices")
    });
    for refused in [
        ask(&mut other, "POST", "/duel?without=slab", "", ""),
        put(&mut other, "slab", "off"),
    ] {
        assert_eq!(refused.status, 409);
        assert!(sentence(&refused).contains("a duel goes on"));
    }
    assert_eq!(ask(&mut other, "DELETE", "/duel", "", "").status, 200);
    assert_eq!(wire.answer().status, 200);
    assert_eq!(put(&mut other, "slab", "off").status, 200);
}

/// The duel belongs to whoever waits for it.
#[test]
fn a_draining_server_ends_its_duel() {
    let live = live();
    let load = Load::on(&live);
    let mut wire = live.connect();
    let mut other = live.connect();
    wire.send("POST /duel?without=slab&seconds=60 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    eventually("it goes on", || {
        get(&mut other, "/duel").text().contains("pairs of slices")
    });
    drop(load);
    live.drain();
    let last = wire.answer();
    assert_eq!(
        (last.status, last.field("Connection")),
        (200, Some("close"))
    );
    live.join();
}

static FANCY: AtomicBool = AtomicBool::new(false);
static WAY: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_handlers_own_switches_are_switches_like_any_other() {
    let server = Server::new()
        .config(alone())
        .live(true)
        .switch("fancy", &FANCY)
        .choice("way", &WAY, &["short", "long", "winding"])
        .route(Method::Get, "/plaintext", |_| {
            let fancy = if FANCY.load(Relaxed) {
                "fancy"
            } else {
                "plain"
            };
            Response::text(format!("{fancy} {}", WAY.load(Relaxed)))
        });
    let live = Live::start(server);
    let mut wire = live.connect();
    assert_eq!(wire.get("/plaintext").text(), "plain 0");
    assert_eq!(put(&mut wire, "fancy", "on").status, 200);
    assert_eq!(put(&mut wire, "way", "winding").status, 200);
    eventually("both are in force", || {
        wire.get("/plaintext").text() == "fancy 2"
    });
    let list = get(&mut wire, "/techniques").json();
    assert_eq!(row(&list, "way")["value"], "winding");
    assert_eq!(row(&list, "fancy")["state"], "on");
    assert!(sentence(&put(&mut wire, "way", "far")).contains("short|long|winding"));
    let _load = Load::on(&live);
    let found = duel(
        &mut wire,
        "a=way=short&b=way=long,fancy=off&seconds=1",
        |_| true,
    );
    assert_eq!(found["arms"][1]["name"], "with way=long,fancy=off");
    eventually("what stood stands again", || {
        wire.get("/plaintext").text() == "fancy 2"
    });
}

#[test]
fn a_live_server_listens_on_this_machine_alone() {
    let mut config = alone();
    (config.live, config.host) = (true, "0.0.0.0".to_owned());
    let refused = Server::new().config(config).start().err().unwrap();
    assert!(refused.to_string().contains("127.0.0.1"), "{refused}");
}

/// A server with an address of its own for the control routes and its figures.
fn with_admin(change: impl FnOnce(&mut Config)) -> (Live, SocketAddr) {
    let mut config = full(1);
    config.admin = Some("127.0.0.1:0".to_owned());
    change(&mut config);
    let live = Live::routes(config);
    let admin = live.admin_address().expect("one was asked for");
    (live, admin)
}

#[test]
fn what_the_server_says_of_itself_moves_to_the_admin_address() {
    for is_live in [false, true] {
        let (live, admin) = with_admin(|config| config.live = is_live);
        let (mut public, mut own) = (live.connect(), Wire::to(admin));
        for path in [
            "/stats",
            "/accounts",
            "/findings",
            "/metrics",
            "/memory-stats",
        ] {
            assert_eq!(public.get(path).status, 404, "{path}");
            assert_eq!(own.get(path).status, 200, "{path}");
        }
        assert_eq!(public.get("/techniques").status, 404);
        assert_eq!(get(&mut own, "/techniques").status, 200);
        assert_eq!(
            put(&mut own, "slab", "off").status,
            if is_live { 200 } else { 409 }
        );
        assert_eq!(
            (public.get("/healthz").status, public.get("/json").status),
            (200, 200)
        );
        assert_eq!(own.get("/json").status, 404);
        assert!(!public.get("/").text().contains("/stats"));
        // What is asked there counts nowhere.
        let before = live.sum(|reactor| &reactor.requests);
        own.get("/stats");
        assert_eq!(live.sum(|reactor| &reactor.requests), before);
    }
}

#[test]
fn a_duel_is_asked_for_at_the_admin_address() {
    let (live, admin) = with_admin(|config| {
        config.live = true;
        // Reached from elsewhere, too: the control routes are not.
        config.host = "0.0.0.0".to_owned();
    });
    let port = live.address.port();
    let live = live.at(([127, 0, 0, 1], port).into());
    let _load = Load::on(&live);
    let found = duel(&mut Wire::to(admin), "cost=20000&seconds=2", |found| {
        found["verdict"] == "slower"
    });
    assert_eq!(found["arms"][1]["name"], "with 20000 steps more");
}

#[test]
fn routes_can_be_left_away() {
    for (routes, served, left_away) in [
        ("all", &["/", "/io-benchmark"][..], &[][..]),
        (
            "lean",
            &["/", "/plaintext", "/cache/a", "/stats"],
            &["/io-benchmark", "/async-files"],
        ),
        (
            "plaintext,healthz",
            &["/plaintext", "/healthz"],
            &["/", "/json", "/stats", "/cache/a"],
        ),
    ] {
        let mut config = full(1);
        config.routes = routes.to_owned();
        let live = Live::routes(config);
        let mut wire = live.connect();
        for path in served {
            assert_eq!(wire.get(path).status, 200, "{routes}: {path}");
        }
        for path in left_away {
            assert_eq!(wire.get(path).status, 404, "{routes}: {path}");
            assert_eq!(wire.post(path, "{}").status, 404, "{routes}: {path}");
        }
    }
}

#[test]
fn what_works_hard_works_for_no_page_of_somebody_else() {
    let live = Live::routes(full(1));
    let mut wire = live.connect();
    for (method, target, body) in [
        ("GET", "/io-benchmark", ""),
        ("GET", "/memory-efficiency-test", ""),
        ("POST", "/async-files", r#"{"files":[]}"#),
        // As much work as makes it a job.
        ("GET", "/benchmark?work=10001&wait_us=0", ""),
    ] {
        for fields in [
            "Origin: http://evil.example\r\n",
            "Origin: http://localhost:81\r\n",
            "Origin: null\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Site: same-site\r\n",
            "Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example\r\n",
            "Origin: http://localhost\r\nOrigin: http://evil.example\r\n",
        ] {
            let refused = ask(&mut wire, method, target, fields, body);
            assert_eq!(refused.status, 403, "{target} {fields}");
        }
        let own = ask(
            &mut wire,
            method,
            target,
            "Sec-Fetch-Site: same-origin\r\n",
            body,
        );
        assert_eq!(own.status, 200, "{target}");
    }
    for target in ["/json", "/benchmark?work=10000&wait_us=0"] {
        let fields = "Sec-Fetch-Site: cross-site\r\n";
        assert_eq!(ask(&mut wire, "GET", target, fields, "").status, 200);
    }
}

#[test]
fn a_live_server_takes_no_listener_that_is_reached_from_elsewhere() {
    let mut config = alone();
    config.live = true;
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let server = Server::new().config(config).listeners(vec![listener]);
    let refused = server.start().err().unwrap();
    assert!(refused.to_string().contains("--admin"), "{refused}");
}

#[test]
fn a_choice_is_off_by_its_first_value() {
    static HOW: AtomicUsize = AtomicUsize::new(1);
    let server = Server::new()
        .config(alone())
        .live(true)
        .choice("how", &HOW, &["short", "long"]);
    let live = Live::start(server);
    let mut wire = live.connect();
    let list = put(&mut wire, "how", "off").json();
    assert_eq!(row(&list, "how")["value"], "short");
}
