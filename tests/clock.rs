//! The wall clock is set while the server serves: dates follow within a second, and nobody's
//! timeout changes.

use std::time::Duration;

use support::scripted::WALL_START;
use support::{HELLO, Rig};

mod support;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
/// An hour before the time that the wall clock shows at first.
const EARLIER: Duration = Duration::from_secs(WALL_START.as_secs() - HOUR.as_secs());

/// The Date of an answer that is asked for now.
fn date(rig: &mut Rig) -> String {
    let peer = rig.connect();
    peer.send(HELLO);
    rig.run();
    peer.take_answer().field("Date").unwrap().to_owned()
}

#[test]
fn the_date_follows_a_clock_that_is_set() {
    let mut rig = Rig::new();
    assert_eq!(date(&mut rig), "Sun, 06 Nov 1994 08:49:37 GMT");
    rig.set_wall_clock(EARLIER);
    rig.advance(SECOND);
    assert_eq!(date(&mut rig), "Sun, 06 Nov 1994 07:49:38 GMT");
    rig.set_wall_clock(WALL_START + 24 * HOUR);
    rig.advance(SECOND);
    assert_eq!(date(&mut rig), "Mon, 07 Nov 1994 08:49:39 GMT");
}

#[test]
fn timeouts_do_not_look_at_it() {
    let mut rig = Rig::new();
    let peer = rig.connect();
    for start in [WALL_START + HOUR, EARLIER, Duration::ZERO] {
        rig.set_wall_clock(start);
        rig.advance(9 * SECOND);
        assert!(peer.is_open(), "it is silent for 27 s at the most");
    }
    rig.advance(3 * SECOND);
    assert!(peer.saw_fin(), "30 s of silence are over");
}
