//! The tests once more, on a server without its techniques: `BAREWIRE_TEST_NAIVE=1 cargo test`.
//!
//! What a technique saves is no promise: tests that count calls, buffers or allocations put the
//! techniques back ([`full`]).

use barewire::config::Config;
use barewire::techniques;

/// Switches all techniques off, if the variable is set.
pub fn if_wanted(config: &mut Config) {
    if std::env::var_os("BAREWIRE_TEST_NAIVE").is_none() {
        return;
    }
    for (technique, switch) in techniques::switches() {
        if !switch.is_demonstration {
            assert!(switch.set(config, switch.off), "{}", technique.name);
        }
    }
}

/// All techniques, whatever the variable says.
pub fn full(config: &mut Config) {
    let default = Config::default();
    for (technique, switch) in techniques::switches() {
        let value = switch.get(&default);
        assert!(switch.set(config, &value), "{}", technique.name);
    }
}
