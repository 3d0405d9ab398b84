//! The files of this package, for tests that read the source: by path from the package's root, with
//! slashes, in order.
#![allow(dead_code)] // Each test crate uses a part of it.

use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files below these folders: path and text.
pub(crate) fn below(folders: &[&str]) -> Vec<(String, String)> {
    let paths = paths_below(folders).into_iter();
    paths
        .filter(|path| Path::new(path).extension() == Some("rs".as_ref()))
        .map(|path| {
            let text = read(&path);
            (path, text)
        })
        .collect()
}

/// All files below these folders, whatever they hold.
pub(crate) fn paths_below(folders: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root()).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Whether a file of the source has nothing in it but tests.
pub(crate) fn is_tests(path: &str) -> bool {
    let is_file = path.ends_with("/tests.rs") || path.ends_with("/testing.rs");
    is_file || path.contains("/tests/")
}

/// The text of a file of this package.
pub(crate) fn read(path: &str) -> String {
    let place = root().join(path);
    fs::read_to_string(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()))
}

/// Whether this package has the file. The picture of the front page is drawn from
/// `docs/results/front.json`: until that is measured, a document may name it.
pub(crate) fn exists(path: &str) -> bool {
    let is_there = |path: &str| root().join(path).exists();
    is_there(path) || path == "docs/front.svg" && !is_there("docs/results/front.json")
}

/// The package's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
