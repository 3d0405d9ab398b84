use super::*;

fn parsed(words: &str) -> Options {
    Line::try_parse_from(words.split(' ')).unwrap().options
}

fn begun_with(words: &str) -> Results {
    Results {
        command: words.split(' ').map(str::to_owned).collect(),
        ..Results::default()
    }
}

#[test]
fn options_are_those_of_the_beginning_but_for_time_and_threshold() {
    let results =
        begun_with("target/barewire-lab ablate --quick --techniques slab,spin --minutes 3");
    let found = options(&results, &parsed("ablate --resume x.json")).unwrap();
    assert!(found.quick);
    assert_eq!(found.techniques, ["slab", "spin"]);
    assert_eq!(found.minutes, Some(3.0));
    let now = parsed("ablate --resume x.json --minutes 9 --fail-if 1>2");
    let found = options(&results, &now).unwrap();
    assert_eq!(
        (found.minutes, found.fail_if.as_deref()),
        (Some(9.0), Some("1>2"))
    );
}

#[test]
fn the_plan_of_a_file_cannot_be_changed() {
    for other in [
        "--quick",
        "--full",
        "--techniques slab",
        "--block-seconds 1",
        "--output y.json",
    ] {
        let words = format!("ablate --resume x.json {other}");
        assert!(Line::try_parse_from(words.split(' ')).is_err(), "{other}");
    }
}

#[test]
fn a_file_of_another_command_is_refused() {
    for words in ["barewire-lab compare", "barewire-lab"] {
        let error = options(&begun_with(words), &parsed("ablate")).unwrap_err();
        assert!(error.to_string().contains("not of an ablation"), "{error}");
    }
}

#[test]
fn a_server_that_was_built_since_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let begun_at = |started_at: jiff::Timestamp| Results {
        environment: environment::read(),
        started_at: started_at.to_string(),
        ..Results::default()
    };
    let minute = jiff::SignedDuration::from_mins(1);
    let now = jiff::Timestamp::now();
    check(&begun_at(now + minute), file.path()).unwrap();
    let error = check(&begun_at(now - minute), file.path()).unwrap_err();
    assert!(error.to_string().contains("was built after"), "{error}");
}

#[test]
fn another_machine_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut results = Results {
        environment: environment::read(),
        started_at: jiff::Timestamp::now().to_string(),
        ..Results::default()
    };
    results.environment.cpu.push_str(" of another machine");
    let error = check(&results, file.path()).unwrap_err();
    assert!(error.to_string().contains("on the processor"), "{error}");
}
