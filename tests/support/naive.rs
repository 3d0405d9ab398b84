//! The tests once more, on a server without its techniques: `BAREWIRE_TEST_WITHOUT=all cargo test`,
//! or without those named: `BAREWIRE_TEST_WITHOUT=slab,cursors`.
//!
//! What a technique saves is no promise: tests that count calls, buffers or allocations put the
//! techniques back ([`full`]).

use barewire::config::Config;
use barewire::techniques;

/// Switches techniques off, if the variable is set.
pub(crate) fn if_wanted(config: &mut Config) {
    let wanted = std::env::var("BAREWIRE_TEST_WITHOUT").unwrap_or_default();
    for (technique, switch) in techniques::switches() {
        let is_wanted = wanted == "all" || wanted.split(',').any(|name| name == technique.name);
        if is_wanted && !switch.is_demonstration {
            assert!(switch.set(config, switch.off), "{}", technique.name);
        }
    }
}

/// All techniques, whatever the variable says.
pub(crate) fn full(config: &mut Config) {
    let default = Config::default();
    for (technique, switch) in techniques::switches() {
        let value = switch.get(&default);
        assert!(switch.set(config, &value), "{}", technique.name);
    }
}
