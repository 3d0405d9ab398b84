//! What is sent: a cycle of requests, laid out ahead so that a batch is one slice of bytes.
//!
//! The invariant: for every place of the cycle, the bytes of the next batch lie one behind the
//! other, and the length of its answers is a difference of two sums. So a mix of requests costs the
//! hot loop as little as a single one. Absent on purpose: choosing at random while sending; the
//! cycle is shuffled once, always in the same way, so that two runs ask the same.

use anyhow::{Context, Result, bail, ensure};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::answer::Expected;

/// The longest batch in bytes. Linux gives a fresh connection room for more, so that a send with
/// nothing under way is never short (tcp(7), `tcp_wmem`).
const BATCH_BYTES_MAX: usize = 20 * 1024;
/// The sum of all weights of a mix at most: the cycle has one place for each.
const WEIGHT_MAX: usize = 10_000;
/// Places of the cycle of a mix at least. With few, a number of connections that the cycle's length
/// divides would ask each connection for the same path for ever.
const MIX_PLACES: usize = 997;
/// Makes the order of a mix the same in all runs.
const SEED: u64 = 7;

/// A path and how often it is asked for, relative to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighted {
    /// Path with query: `/search?q=1`.
    pub path: String,
    /// At least 1.
    pub weight: usize,
}

impl std::str::FromStr for Weighted {
    type Err = anyhow::Error;

    /// Of `PATH` or `PATH=WEIGHT`. The `=` between name and value of a query is none of a weight:
    /// `/search?q=1` has the weight 1, `/search?q=1=3` has 3.
    fn from_str(text: &str) -> Result<Self> {
        ensure!(
            text.starts_with('/'),
            "a path begins with a slash, not {text:?}"
        );
        ensure!(
            text.bytes().all(|byte| byte.is_ascii_graphic()),
            "{text:?} is not a path: it needs percent-encoding"
        );
        let last_pair = text
            .split_once('?')
            .map(|(_, query)| query.rsplit('&').next());
        let own_signs = usize::from(last_pair.is_some());
        let signs = last_pair.flatten().unwrap_or(text).matches('=').count();
        let Some((path, weight)) = text.rsplit_once('=').filter(|_| signs > own_signs) else {
            return Ok(Self {
                path: text.to_owned(),
                weight: 1,
            });
        };
        let weight = weight
            .parse()
            .with_context(|| format!("{weight:?} is no weight"))?;
        ensure!(
            (1..=WEIGHT_MAX).contains(&weight),
            "a weight is 1 to {WEIGHT_MAX}, not {weight}"
        );
        Ok(Self {
            path: path.to_owned(),
            weight,
        })
    }
}

/// A mix from a file: a path with its weight a line; empty lines and those of `#` say nothing.
///
/// # Errors
///
/// If a line is neither, or there is none.
pub fn mix(text: &str) -> Result<Vec<Weighted>> {
    let lines = text.lines().map(str::trim);
    let paths = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::parse)
        .collect::<Result<Vec<_>>>()?;
    ensure!(!paths.is_empty(), "the mix names no path");
    Ok(paths)
}

/// The plainest request that asks for a path.
pub fn request_for(path: &str, host: &str, close: bool) -> Vec<u8> {
    request_with(path, host, close, "")
}

/// The same with more field lines, each with its line end.
pub fn request_with(path: &str, host: &str, close: bool, fields: &str) -> Vec<u8> {
    let connection = if close { "Connection: close\r\n" } else { "" };
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{connection}{fields}\r\n").into_bytes()
}

/// The plainest request that posts a body.
pub fn upload_for(path: &str, host: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Whether a request asks the server to close.
pub fn asks_to_close(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let lines = text.lines().skip(1).take_while(|line| !line.is_empty());
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    fields.any(|(name, value)| {
        name.eq_ignore_ascii_case("connection") && value.trim().eq_ignore_ascii_case("close")
    })
}

/// A slice of the cycle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch {
    from: usize,
    /// How many requests it has.
    pub requests: usize,
}

/// The cycle of requests with their answers.
#[derive(Clone, Debug)]
pub struct Script {
    /// Each different answer.
    expected: Vec<Expected>,
    /// Which of them belongs to each place; after `turn` places it begins again, for one batch.
    places: Vec<usize>,
    turn: usize,
    bytes: Vec<u8>,
    /// Where in `bytes` each place begins, and where the last one ends.
    request_sums: Vec<usize>,
    /// The same of the answers' bytes.
    answer_sums: Vec<usize>,
    /// The next place.
    next: usize,
}

impl Script {
    /// Lays out requests with their weights and learned answers, for batches of `pipeline`.
    ///
    /// # Errors
    ///
    /// If a batch is longer than a socket takes at once, or the weights are too many.
    pub fn new(
        requests: &[(Vec<u8>, usize)],
        expected: Vec<Expected>,
        pipeline: usize,
    ) -> Result<Self> {
        let longest = requests.iter().map(|(bytes, _)| bytes.len()).max();
        let longest = longest.context("there is nothing to ask for")?;
        if longest.saturating_mul(pipeline) > BATCH_BYTES_MAX {
            bail!("a batch is longer than {BATCH_BYTES_MAX} bytes");
        }
        let weights: Vec<usize> = requests.iter().map(|(_, weight)| *weight).collect();
        let mut places = shuffled(&weights)?;
        let turn = places.len();
        let begin_again: Vec<usize> = (0..pipeline).map(|place| places[place % turn]).collect();
        places.extend(begin_again);
        let request_sums = sums(places.iter().map(|&place| requests[place].0.len()));
        let answer_sums = sums(places.iter().map(|&place| expected[place].length()));
        let pieces = places.iter().flat_map(|&place| &requests[place].0);
        Ok(Self {
            bytes: pieces.copied().collect(),
            expected,
            places,
            turn,
            request_sums,
            answer_sums,
            next: 0,
        })
    }

    /// This one, begun elsewhere by each of some threads, so that they do not ask in step.
    #[must_use]
    pub fn begun_at(mut self, thread: usize, threads: usize) -> Self {
        self.next = self.turn * thread / threads;
        self
    }

    /// The next so many requests of the cycle, at most those of a batch.
    pub fn batch(&mut self, requests: usize) -> Batch {
        let requests = requests.min(self.places.len() - self.turn);
        let from = self.next;
        self.next = (from + requests) % self.turn;
        Batch { from, requests }
    }

    /// What to send.
    pub fn bytes_of(&self, batch: Batch) -> &[u8] {
        let sums = &self.request_sums;
        &self.bytes[sums[batch.from]..sums[batch.from + batch.requests]]
    }

    /// How many bytes will answer.
    pub fn answer_bytes_of(&self, batch: Batch) -> usize {
        self.answer_sums[batch.from + batch.requests] - self.answer_sums[batch.from]
    }

    /// What the answer to one request of a batch must be, counted from its end: 1 is the last one.
    pub fn expected(&self, batch: Batch, from_the_end: usize) -> &Expected {
        &self.expected[self.places[batch.from + batch.requests - from_the_end]]
    }
}

/// Indices of the weights, each as often as it weighs; shuffled if there are several.
fn shuffled(weights: &[usize]) -> Result<Vec<usize>> {
    if weights.len() == 1 {
        return Ok(vec![0]);
    }
    let sum: usize = weights.iter().sum();
    ensure!(
        sum <= WEIGHT_MAX,
        "the weights make {sum}, more than {WEIGHT_MAX}"
    );
    let once = weights
        .iter()
        .enumerate()
        .flat_map(|(index, &weight)| std::iter::repeat_n(index, weight));
    let mut places: Vec<usize> = once.collect();
    places = places.repeat(MIX_PLACES.div_ceil(sum));
    places.shuffle(&mut SmallRng::seed_from_u64(SEED));
    Ok(places)
}

/// 0 and every partial sum.
fn sums(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut sum = 0;
    let following = lengths.map(|length| {
        sum += length;
        sum
    });
    std::iter::once(0).chain(following).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_told_from_the_value_of_a_query() {
        let of = |text: &str| {
            text.parse::<Weighted>()
                .map(|path| (path.path, path.weight))
                .map_err(|error| error.to_string())
        };
        assert_eq!(of("/json"), Ok(("/json".to_owned(), 1)));
        assert_eq!(of("/json=3"), Ok(("/json".to_owned(), 3)));
        assert_eq!(of("/search?q=1"), Ok(("/search?q=1".to_owned(), 1)));
        assert_eq!(of("/search?q=1=3"), Ok(("/search?q=1".to_owned(), 3)));
        assert_eq!(of("/s?a=1&b=2=5"), Ok(("/s?a=1&b=2".to_owned(), 5)));
        assert_eq!(of("/s?a=1&b=2"), Ok(("/s?a=1&b=2".to_owned(), 1)));
        for wrong in [
            "json",
            "/json=0",
            "/json=x",
            "/json=99999",
            "/a b",
            "/a\r\nb",
        ] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_mix_is_read_from_lines() {
        let read = mix("# a mix\n/plaintext=3\n\n  /json\n").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].weight, read[1].path.as_str()), (3, "/json"));
        assert!(mix("# nothing\n").is_err());
    }

    #[test]
    fn a_batch_is_the_requests_and_the_answers_of_its_places() {
        let requests = vec![(b"<short>".to_vec(), 3), (b"<much longer>".to_vec(), 1)];
        let expected = vec![Expected::of(100, b"a"), Expected::of(7, b"b")];
        let mut script = Script::new(&requests, expected, 5).unwrap();
        let mut counts = [0; 2];
        for round in 0..4000 {
            let batch = script.batch(1 + round % 5);
            let (mut bytes, mut answers) = (Vec::new(), 0);
            for from_the_end in (1..=batch.requests).rev() {
                let expected = script.expected(batch, from_the_end);
                let index = usize::from(expected.length() == 7);
                bytes.extend_from_slice(&requests[index].0);
                answers += expected.length();
                counts[index] += 1;
            }
            assert_eq!(script.bytes_of(batch), bytes);
            assert_eq!(script.answer_bytes_of(batch), answers);
        }
        assert_eq!(counts[0] + counts[1], 12_000);
        assert!((2900..3100).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn a_batch_that_no_socket_takes_at_once_is_refused() {
        let requests = vec![(vec![b'x'; 2000], 1)];
        let expected = vec![Expected::of(1, b"")];
        assert!(Script::new(&requests, expected, 11).is_err());
    }

    #[test]
    fn a_request_that_asks_to_close_is_known() {
        let host = "127.0.0.1:80";
        assert!(asks_to_close(&request_for("/", host, true)));
        assert!(!asks_to_close(&request_for("/", host, false)));
    }
}
