//! The routes: what the server answers, each a request in and a value out.
//!
//! [`Routes`] is given to the server whole and shared by all reactors. A handler may wait on the
//! reactor's timer or have work done on the job pool; it says so in its reply and never does it
//! itself, so no handler blocks a reactor. What handlers keep, they keep for each reactor apart or
//! behind a lock that is held for a look-up.
//!
//! Absent on purpose: sockets, the event loop, buffer pools. A handler can be tested by its
//! rendered bytes.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::accounts::Accounts;
use crate::config::{Config, Techniques};

// The table, and what several routes need.
mod table;

mod query;

mod units;

mod accept;

// Answers at once, after a wait, and from what other requests left.
mod constant;

mod home;

mod benchmark;

mod cache;

mod zero_copy;

// What the server knows of itself.
mod groups;

mod stats;

mod accounts;

mod events;

mod findings;

mod metrics;

mod memory;

mod profiler;

// Work for the job pool.
mod held_up;

mod files_root;

mod files;

mod download;

mod gate;

mod efficiency;

mod io_benchmark;

// Techniques that change, and duels of them.
mod control;

// Slower ways to find a route, to compare with.
mod routing;

#[cfg(test)]
mod testing;

pub use control::{Admin, Controlled};
pub use table::{Route, TABLE, route_names};

/// All routes, with what they remember from one request to the next.
pub struct Routes {
    accounts: Arc<Accounts>,
    config: Config,
    /// The techniques that are in force now.
    techniques: Mutex<Techniques>,
    ids: benchmark::Ids,
    events: Arc<events::Events>,
    cache: cache::Cache,
    profiler: Arc<profiler::Profiler>,
    files: files::Files,
    downloads: download::Downloads,
    efficiency_gate: gate::Gate,
    io_gate: gate::Gate,
    /// Finds the route in place of the match, if that was asked for.
    finder: Option<routing::Finder>,
}

impl Routes {
    /// Routes for a server with this configuration, which show `accounts`.
    ///
    /// # Errors
    ///
    /// If `config.files_root` cannot be opened.
    pub fn new(config: &Config, accounts: Arc<Accounts>) -> io::Result<Self> {
        let reactors = accounts.reactors.len();
        let root = Arc::new(files_root::FilesRoot::new(config.files_root.as_deref())?);
        let files = files::Files::new(config, Arc::clone(&root), &accounts);
        Ok(Self {
            config: config.clone(),
            techniques: Mutex::new(config.techniques),
            ids: benchmark::Ids::new(reactors),
            events: Arc::new(events::Events::new()),
            cache: cache::Cache::new(&config.techniques),
            profiler: Arc::new(profiler::Profiler::new(reactors, config.sample)),
            downloads: download::Downloads::new(config, root, files.by_jobs()),
            files,
            efficiency_gate: gate::Gate::default(),
            io_gate: gate::Gate::default(),
            finder: routing::Finder::wanted(config),
            accounts,
        })
    }

    /// The configuration that is in force now.
    fn config(&self) -> Config {
        let techniques = self.techniques.lock();
        Config {
            techniques: *techniques.unwrap_or_else(PoisonError::into_inner),
            ..self.config.clone()
        }
    }
}
