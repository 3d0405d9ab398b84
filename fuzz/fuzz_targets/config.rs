//! Configuration files: any text is a configuration, or a sentence says what is wrong with it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(sentence) = barewire::cli::configuration(text, "barewire.toml") {
        assert!(sentence.len() > 20, "{sentence:?}");
    }
});
