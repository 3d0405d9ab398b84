use super::*;

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
    assert_eq!(fitting(&technique("slab"), &plain), plain);
    assert_eq!(fitting(&technique("json-in-place"), &plain).path, "/json");
}

#[test]
fn only_positive_numbers_are_times() {
    assert_eq!(positive("1.5"), Ok(1.5));
    for wrong in ["0", "-1", "inf", "NaN", "two"] {
        assert!(positive(wrong).is_err(), "{wrong}");
    }
}
