use super::*;
use crate::ablate::techniques::tests::server;

fn counters(recv: f64, instructions: Option<f64>) -> Counters {
    Counters {
        system_calls: [("recv".to_owned(), recv)].into(),
        instructions,
        ..Counters::default()
    }
}

#[test]
fn what_moved_is_what_differs_by_more_than_a_hundredth() {
    let full = counters(1.0, Some(1600.0));
    assert!(!differ(&full, &counters(1.004, Some(1605.0))));
    assert!(differ(&full, &counters(2.0, Some(1600.0))));
    assert!(differ(&full, &counters(1.0, Some(1700.0))));
    // What was not counted has not moved.
    assert!(!differ(&full, &counters(1.0, None)));
    let other = Counters {
        system_calls: [("recv".to_owned(), 1.0), ("epoll_ctl".to_owned(), 1.0)].into(),
        ..full.clone()
    };
    assert!(differ(&full, &other));
}

#[test]
fn a_technique_of_json_is_asked_for_json() {
    let technique = |name: &str| Technique {
        name: name.to_owned(),
        is_default: true,
    };
    let plain = Workload::keep_alive();
    assert_eq!(fitting(&technique("slab"), plain.clone()), plain);
    assert_eq!(fitting(&technique(OF_JSON), plain).path, "/json");
}

#[test]
fn both_sides_of_every_row_are_counted_once() {
    let server = server();
    for scope in [Scope::Quick, Scope::Usual, Scope::Full] {
        let counts = scope.counts(&server);
        let times = |row: &Comparison, name: &str| {
            let same = |one: &&Count| one.subject.name == name && one.workload == row.workload;
            counts.iter().filter(same).count()
        };
        let mut rows = scope.left_out(&server);
        if scope != Scope::Quick {
            rows.extend(scope.alone(&server));
        }
        for row in rows {
            assert_eq!(times(&row, &row.subject.name), 1, "{}", row.name);
            assert_eq!(times(&row, &row.base.name), 1, "{}", row.name);
        }
    }
}

#[test]
fn names_of_rows_are_their_own() {
    let server = server();
    let rows = [
        Scope::Full.first_rows(&server),
        Scope::Full.left_out(&server),
        Scope::Full.alone(&server),
    ]
    .concat();
    let mut names: Vec<_> = rows.iter().map(|row| &row.name).collect();
    names.sort();
    names.dedup();
    // Control and naive, constants, and three techniques twice, on four workloads.
    assert_eq!((names.len(), rows.len()), (36, 36));
}

/// The flags cost something themselves: that must not look like the technique's.
#[test]
fn without_a_technique_is_compared_with_full_by_flags() {
    let server = server();
    for row in Scope::Usual.left_out(&server) {
        let expected = if row.about == CONSTANTS {
            "full"
        } else {
            "full, by flags"
        };
        assert_eq!(row.base.name, expected, "{}", row.name);
    }
}

#[test]
fn what_moved_most_comes_first_and_what_did_not_is_left_out() {
    let server = server();
    let mut results = Results::default();
    let mut add = |subject: &str, workload: &str, instructions| {
        results.counters.push(Counters {
            subject: subject.to_owned(),
            workload: workload.to_owned(),
            ..counters(1.0, Some(instructions))
        });
    };
    let json = "keep-alive-json";
    for workload in ["keep-alive", json] {
        add("full", workload, 1571.0);
        add("full, by flags", workload, 1620.0);
    }
    add("without slab", "keep-alive", 1847.0);
    add("with spin", "keep-alive", 1621.0);
    add("without json-in-place", json, 5000.0);
    let rows = Scope::Usual.left_out(&server);
    let counted = |row: &&Comparison| row.workload.name.starts_with("keep-alive");
    let rows: Vec<Comparison> = rows.iter().filter(counted).cloned().collect();
    let about = |rows: &[Comparison]| {
        let about = rows.iter().map(|row| row.about.clone());
        about.collect::<Vec<String>>()
    };
    let found = moved(&rows, &results);
    assert_eq!(about(&found), ["json-in-place", "slab", "constants"]);
    // What could not be counted may well have moved.
    assert_eq!(moved(&rows, &Results::default()).len(), rows.len());
}
