use super::*;
use crate::ablate::techniques::tests::server;
use crate::results::{Block, Counters};

fn results_of(costs: &[(&str, f64)]) -> Results {
    let counters = costs.iter().map(|(subject, cost)| Counters {
        subject: (*subject).to_owned(),
        workload: "keep-alive".to_owned(),
        instructions: Some(*cost),
        ..Counters::default()
    });
    Results {
        counters: counters.collect(),
        ..Results::default()
    }
}

#[test]
fn each_order_has_all_techniques_that_are_on() {
    let server = server();
    let orders = orders(&server);
    assert_eq!(orders.len(), 4);
    for order in &orders {
        let mut names: Vec<_> = order.techniques.iter().map(|one| &one.name).collect();
        names.sort();
        assert_eq!(names, ["json-in-place", "slab"], "{}", order.name);
        assert_eq!(order.rungs(&server).len(), 3);
    }
    assert_eq!(
        orders[0].techniques[0].name, "slab",
        "the server's own order"
    );
}

#[test]
fn a_ladder_has_the_costs_of_its_rungs() {
    let server = server();
    let fixed = &orders(&server)[0];
    let rungs = [
        ("naive", 9000.0),
        ("fixed, 1 techniques", 5000.0),
        ("fixed, 2 techniques", 1600.0),
    ];
    let workload = Workload::keep_alive();
    let ladder = fixed
        .counted(&server, &results_of(&rungs), &workload)
        .unwrap();
    assert_eq!(ladder.naive.to_bits(), 9000.0_f64.to_bits());
    let steps: Vec<_> = ladder
        .steps
        .iter()
        .map(|step| (step.technique.as_str(), step.cost))
        .collect();
    assert_eq!(steps, [("slab", 5000.0), ("json-in-place", 1600.0)]);
    let lacking = results_of(&rungs[..2]);
    assert!(fixed.counted(&server, &lacking, &workload).is_none());
}

#[test]
fn timed_rungs_are_medians_of_blocks_that_count() {
    let server = server();
    let fixed = &orders(&server)[0];
    let workload = Workload::keep_alive();
    let mut results = Results::default();
    for rung in fixed.rungs(&server) {
        for round in 0..7 {
            results.blocks.push(Block {
                subject: rung.name.clone(),
                comparison: fixed.comparison(&workload),
                round,
                server_cpu_ns_per_request: Some(100.0 + f64::from(round)),
                // The dearest, which would move the median.
                dropped: (round == 6).then(|| "steal".to_owned()),
                ..Block::default()
            });
        }
    }
    let ladder = fixed.timed(&server, &results, &workload).unwrap();
    assert_eq!(ladder.naive.to_bits(), 102.5_f64.to_bits());
    assert_eq!(ladder.steps[1].interval, Some((100.0, 105.0)));
    results.blocks.retain(|block| block.round < 3);
    let few = fixed.timed(&server, &results, &workload).unwrap();
    assert_eq!(few.steps[1].interval, None, "three are too few for one");
}
