//! `/cache/{key}`: a value that is costly once and cheap for a while.
//!
//! The cost is a wait, as that for a database. It belongs to the entry, not to whoever asked first:
//! the entry is made at the first miss and knows when its value will be ready. Whoever asks before
//! that waits for the rest of the time on their own reactor's timer; nobody waits for a thread, and
//! nobody's leaving changes anything.
//!
//! Bounded in entries, bytes and time to live. The cache is cut into parts by the key's hash, each
//! with its lock, its own counts and its share of the bounds; a lock is held for one look-up.
//! Expired entries go when they are asked for or when they are the least recently used: there is no
//! sweeper, the bounds hold without one.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lru::LruCache;
use serde::Serialize;

use super::query::Parameters;
use super::units::{float, nanoseconds, ratio};
use crate::config::Techniques;
use crate::config::bounds::{
    CACHE_BYTES, CACHE_COST_MS_DEFAULT, CACHE_COST_MS_MAX, CACHE_ENTRIES, CACHE_ENTRY_OVERHEAD,
    CACHE_KEY_BYTES, CACHE_TTL,
};
use crate::http::request::percent_decode;
use crate::http::{Later, Reply, Request, Response, Status};

/// The cache of all reactors.
pub(super) struct Cache {
    hasher: RandomState,
    /// In as many parts as the technique says, and in one. Their entries do not know of each other:
    /// nothing moves when the technique changes.
    layouts: [Box<[Mutex<Shard>]>; 2],
    /// The second one is in use.
    is_whole: AtomicBool,
}

/// The part of the cache whose keys' hashes agree.
struct Shard {
    entries: LruCache<Arc<str>, Entry>,
    counts: Counts,
    entries_max: usize,
    bytes_max: usize,
}

struct Entry {
    value: Arc<Value>,
    ready_at: Instant,
}

/// What is served. `computed_at` is the end of the computation; known from its beginning, as its
/// cost is.
#[derive(Serialize)]
struct Value {
    key: Arc<str>,
    data: String,
    computed_at: Timestamp,
    computation_cost: String,
}

/// What happened in a shard; added up by `/cache-stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    hits: u64,
    misses: u64,
    shared_waits: u64,
    evictions: u64,
    expirations: u64,
    access_ns: u64,
    bytes: usize,
}

/// What a look-up finds: a value, or one that is being computed (perhaps since this very look-up)
/// and the time until it is ready.
enum Outcome {
    Hit(Arc<Value>),
    Miss(Arc<Value>, Duration),
}

/// The article's fields, and what bounds the cache. `average_access_time_ns` is the time from
/// before the lock until the entry was found or known to be missing: waiting for the shard counts,
/// keeping these counts does not. A miss that shared another's computation is a miss, and a shared
/// wait too.
#[derive(Serialize)]
struct Stats {
    cache_hits: u64,
    cache_misses: u64,
    hit_rate_percent: f64,
    average_access_time_ns: f64,
    total_operations: u64,
    entries: usize,
    bytes: usize,
    evictions: u64,
    expirations: u64,
    shared_waits: u64,
}

/// `GET /cache/{key}?cost_ms=N`. The cost is that of a computation begun now; one that is under way
/// or done keeps its own.
///
/// # Errors
///
/// 400 for a key that is empty, too long or no UTF-8, a cost out of its range, or another
/// parameter.
pub(super) fn reply(cache: &Cache, request: &Request<'_>) -> Result<Reply, Response> {
    let raw_key = request.path.rsplit('/').next().unwrap_or_default();
    let decoded = percent_decode(raw_key);
    let key = judged(&decoded)?;
    let parameters = Parameters::of(request, ["cost_ms"])?;
    let cost_ms = parameters.number("cost_ms", 0..=CACHE_COST_MS_MAX, CACHE_COST_MS_DEFAULT)?;
    let (cost, asked_at) = (Duration::from_millis(cost_ms), Instant::now());
    let outcome = cache.shard(key).get_or_begin(key, cost, asked_at);
    Ok(match outcome {
        Outcome::Hit(value) => show(value, "HIT").into(),
        Outcome::Miss(value, Duration::ZERO) => show(value, "MISS").into(),
        Outcome::Miss(value, wait) => {
            Later::After(wait, Box::new(|_| show(value, "MISS").into())).into()
        }
    })
}

/// `GET /cache-stats`.
pub(super) fn stats(cache: &Cache) -> Response {
    let shards = cache.layouts.iter().flatten().map(lock);
    let shards: Vec<_> = shards.map(|it| (it.counts, it.entries.len())).collect();
    let sum = |of: fn(&Counts) -> u64| shards.iter().map(|(counts, _)| of(counts)).sum::<u64>();
    let (cache_hits, cache_misses) = (sum(|it| it.hits), sum(|it| it.misses));
    let total_operations = cache_hits + cache_misses;
    let of_all = |part| ratio(float(part), float(total_operations));
    Response::json(Stats {
        cache_hits,
        cache_misses,
        hit_rate_percent: of_all(cache_hits) * 100.0,
        average_access_time_ns: of_all(sum(|it| it.access_ns)),
        total_operations,
        entries: shards.iter().map(|(_, entries)| entries).sum(),
        bytes: shards.iter().map(|(counts, _)| counts.bytes).sum(),
        evictions: sum(|it| it.evictions),
        expirations: sum(|it| it.expirations),
        shared_waits: sum(|it| it.shared_waits),
    })
}

impl Cache {
    /// An empty cache, in as many parts as `techniques` say, at least one.
    pub(super) fn new(techniques: &Techniques) -> Self {
        let parts = |number: usize| (0..number).map(move |_| Mutex::new(Shard::one_of(number)));
        Self {
            hasher: RandomState::new(),
            layouts: [techniques.cache_shards.max(1), 1].map(|number| parts(number).collect()),
            is_whole: AtomicBool::new(false),
        }
    }

    /// Other techniques are in force: as many parts as at the start, or one.
    pub(super) fn change(&self, techniques: &Techniques) {
        self.is_whole.store(techniques.cache_shards == 1, Relaxed);
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let hash = u128::from(self.hasher.hash_one(key));
        // The hash as a fraction of all: below their number, for any number, without a division.
        #[allow(clippy::cast_possible_truncation)]
        let at = |parts: usize| ((hash * parts as u128) >> u64::BITS) as usize;
        let shards = &self.layouts[usize::from(self.is_whole.load(Relaxed))];
        lock(&shards[at(shards.len())])
    }
}

impl Shard {
    /// One of so many, with its share of the bounds.
    fn one_of(shards: usize) -> Self {
        Self {
            // The bounds are kept by `make_room`, which also knows the bytes.
            entries: LruCache::unbounded(),
            counts: Counts::default(),
            entries_max: CACHE_ENTRIES / shards,
            bytes_max: CACHE_BYTES / shards,
        }
    }

    fn get_or_begin(&mut self, key: &str, cost: Duration, asked_at: Instant) -> Outcome {
        let present = self.entries.get(key);
        self.counts.access_ns += nanoseconds(asked_at.elapsed());
        match present {
            Some(entry) if asked_at < entry.ready_at => {
                self.counts.misses += 1;
                self.counts.shared_waits += 1;
                Outcome::Miss(Arc::clone(&entry.value), entry.ready_at - asked_at)
            }
            Some(entry) if asked_at < entry.ready_at + CACHE_TTL => {
                self.counts.hits += 1;
                Outcome::Hit(Arc::clone(&entry.value))
            }
            stale => {
                self.counts.expirations += u64::from(stale.is_some());
                self.counts.misses += 1;
                Outcome::Miss(self.begin(key, cost, asked_at), cost)
            }
        }
    }

    /// Begins a computation, in place of an expired entry if there is one.
    fn begin(&mut self, key: &str, cost: Duration, asked_at: Instant) -> Arc<Value> {
        let value = Arc::new(Value::new(key, cost));
        let entry = Entry {
            value: Arc::clone(&value),
            ready_at: asked_at + cost,
        };
        self.counts.bytes += value.bytes();
        if let Some(expired) = self.entries.put(Arc::clone(&value.key), entry) {
            self.counts.bytes -= expired.value.bytes();
        }
        self.make_room();
        value
    }

    /// Drops the least recently used entries until the bounds hold.
    fn make_room(&mut self) {
        while self.entries.len() > self.entries_max || self.counts.bytes > self.bytes_max {
            let Some((_, evicted)) = self.entries.pop_lru() else {
                return;
            };
            self.counts.bytes -= evicted.value.bytes();
            self.counts.evictions += 1;
        }
    }
}

impl Value {
    fn new(key: &str, cost: Duration) -> Self {
        let cost_signed = SignedDuration::try_from(cost).unwrap_or_default();
        let now = Timestamp::now();
        Self {
            key: key.into(),
            data: format!("Expensive data for {key}"),
            computed_at: now.saturating_add(cost_signed).unwrap_or(now),
            computation_cost: format!("{}ms", cost.as_millis()),
        }
    }

    fn bytes(&self) -> usize {
        let texts = self.key.len() + self.data.len() + self.computation_cost.len();
        texts + size_of::<Self>() + CACHE_ENTRY_OVERHEAD
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn show(value: Arc<Value>, x_cache: &'static str) -> Response {
    Response::json(value).field("X-Cache", x_cache)
}

/// The key, if it can be one.
fn judged(decoded: &[u8]) -> Result<&str, Response> {
    let bytes = decoded.len();
    let sentence = if (1..=CACHE_KEY_BYTES).contains(&bytes) {
        match std::str::from_utf8(decoded) {
            Ok(key) => return Ok(key),
            Err(_) => "is not UTF-8 after percent-decoding; it must be, to be shown in JSON".into(),
        }
    } else {
        format!("has {bytes} bytes after percent-decoding; it must have 1 to {CACHE_KEY_BYTES}")
    };
    Err(Response::error(
        Status::BAD_REQUEST,
        format!("the key {sentence}"),
    ))
}

#[cfg(test)]
mod tests;
