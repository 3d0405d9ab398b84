//! What nobody should have to vary: bounds of loops and queues, each with its reason.

use std::time::Duration;

/// Events taken from one poll. More than the sockets that are ready in one turn under any load
/// that two cores can make; the list is 1,024 x 12 bytes.
pub const EVENTS_PER_POLL: usize = 1024;
/// Connections accepted in one turn, so that a storm of them cannot starve those that are
/// there.
pub const ACCEPTS_PER_TURN: usize = 64;
/// Connections taken from the backlog before the listener is closed: all that the default one
/// can hold.
pub const ACCEPTS_AT_DRAIN: usize = 4096;
/// Rounds of fill, serve and flush in one `advance`; then the connection yields to the others.
pub const ROUNDS_PER_ADVANCE: usize = 8;
/// Time after which an `advance` yields, whatever its rounds: looked at after each round, and after
/// each answer that had to be computed. Enough for sixteen pipelined answers of 10 us each.
pub const ADVANCE_NS_MAX: u64 = 200_000;
/// Time that a turn gives to those who have yielded; then it polls again, and who is newly ready
/// goes first. One of them is advanced in each turn, however long that takes.
pub const RESUMED_NS_MAX: u64 = 1_000_000;
/// Due timers are looked at before each advance of a turn that is a multiple of this: 8 x 6 us is
/// short beside the 100 us promised.
pub const ADVANCES_PER_CLOCK: usize = 8;
/// A timer nearer than this has the clock read before each advance: sixty-four answers, one
/// after the other, take half a millisecond.
pub const TIMER_NEAR_NS: u64 = 1_000_000;
/// Due timers that are served before each advance, while other connections wait. Were it all of
/// them, requests would be read in bursts when no timer is due, and come due in bursts that
/// take longer to answer than to read; with two, both go on at one pace.
pub const TIMERS_PER_ADVANCE: usize = 2;
/// Due timers that are served in a turn in which nothing else happens.
pub const TIMERS_PER_TURN: usize = 64;
/// Slots for fields; httparse needs them before it parses.
pub const FIELDS_MAX: usize = 100;
/// Bytes of a Host that is remembered as valid: longer ones are names that nobody has.
pub const HOST_REMEMBERED: usize = 256;
/// Parameters in a route's pattern; they are found into an array of this size, without an
/// allocation.
pub const PARAMS_MAX: usize = 8;
/// Routes whose requests are counted apart: more than there are.
pub const ROUTES_MAX: usize = 32;
/// Bytes of the smallest buffer, for what has come of a request that is not whole: as much as most
/// heads have.
pub const REST_BYTES: usize = 1024;
/// Bytes of a body segment, and of the reactor's common output buffer.
pub const SEGMENT_BYTES: usize = 64 * 1024;
/// Bytes of the common output that are kept; an answer beyond makes it grow for once.
pub const OUTPUT_KEPT: usize = 2 * SEGMENT_BYTES;
/// Buffers kept for reuse, of each size; beyond, they go back to the allocator.
pub const IDLE_BUFFERS_KEPT: usize = 128;
/// Bytes a second below which a peer is taken for an attack ("slow body", "slow read").
pub const RATE_MIN: u64 = 500;
/// Bytes of answers that the kernel holds for a connection before it has sent them; it tells of
/// room when half of them have been (tcp(7), `TCP_NOTSENT_LOWAT`). A peer that takes [`RATE_MIN`]
/// has made that room within 17 s, before it is taken for one that takes nothing.
pub const UNSENT_KEPT: u32 = 16 * 1024;
/// Bytes, `SO_RCVBUF`, that the kernel keeps of what comes behind a request whose answer takes its
/// time; it doubles them for its own bookkeeping (socket(7)).
pub const RECEIVED_KEPT: usize = SEGMENT_BYTES;
/// After EMFILE nothing wakes the listener again: a timer tries it.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Connections that are looked at to find one that has to make room for others.
pub const VICTIMS_SAMPLED: usize = 16;
/// Nobody has to make room who was heard of, or has begun, so short a time ago.
pub const VICTIM_AFTER: Duration = Duration::from_secs(1);
/// Connections beyond `--connections-max`, or a tenth of that if it is more, while those who have
/// made room for them linger: the file limit leaves as much.
pub const PLACES_SPARE_MIN: usize = 16;
/// Timer entries beyond which stale ones are swept out.
pub const TIMER_ENTRIES_MIN: usize = 1024;

/// Loop steps of `/benchmark` when the query does not say: the article's.
pub const WORK_DEFAULT: u64 = 1000;
/// The most that `?work=` may ask for: about a millisecond of one thread.
pub const WORK_MAX: u64 = 1_000_000;
/// Beyond this many steps, some 10 us, the work goes to the job pool and holds no reactor up.
pub const WORK_INLINE_MAX: u64 = 10_000;
/// Microseconds that `/benchmark` waits when the query does not say: the article's.
pub const WAIT_US_DEFAULT: u64 = 100;
/// The most that `?wait_us=` may ask for: ten seconds, well inside a client's usual timeout.
pub const WAIT_US_MAX: u64 = 10_000_000;
/// Loop steps of `/profiled`: the article's.
pub const PROFILED_STEPS: u64 = 10_000;
/// Pairs of clock readings whose median is the cost of one measurement; some 5 us together.
pub const MEASUREMENT_PAIRS: usize = 101;

/// Parts of the cache, each with its lock: more than reactors, so that two seldom want the same
/// one.
pub const CACHE_SHARDS: usize = 16;
/// Entries of the cache. Keys come from the network, so their number has to end somewhere.
pub const CACHE_ENTRIES: usize = 10_000;
/// Bytes of the cache. Entries with keys of 40 bytes reach the other bound first, those with
/// the longest keys this one.
pub const CACHE_BYTES: usize = 4 * super::MIB;
/// Bytes that an entry takes beside its texts: its node in the list, its slot in the table, its
/// counters.
pub const CACHE_ENTRY_OVERHEAD: usize = 128;
/// Time to live of a cached value, from the end of its computation.
pub const CACHE_TTL: Duration = Duration::from_mins(1);
/// Bytes of a key after percent-decoding.
pub const CACHE_KEY_BYTES: usize = 256;
/// What a miss costs when the query does not say: the article's.
pub const CACHE_COST_MS_DEFAULT: u64 = 50;
/// The most that `?cost_ms=` may ask for.
pub const CACHE_COST_MS_MAX: u64 = 10_000;

/// Places in the job queue that one request has at most, for each thread of the pool: one that a
/// thread takes, and the next. Its other tasks wait in the request, so that a thousand files do not
/// stand in the way of everybody else's jobs.
pub const PLACES_PER_THREAD: usize = 2;

/// Files of one `/async-files` request: 413 beyond.
pub const FILES_MAX: usize = 1000;
/// Bytes of a path there: 400 beyond. PATH_MAX of limits.h; openat2(2) takes none that is longer.
pub const PATH_BYTES_MAX: usize = 4096;
/// Bytes that each of these files holds beside its path until the answer: its place in the list and
/// its outcome, or its part of the answer with the longest sentence.
pub const FILE_HELD_BYTES: usize = 128;
/// Bytes of a body there that are read out on the reactor: some 50 us. A longer one is a job.
pub const READ_OUT_BYTES_MAX: usize = 16 * super::KIB;
/// Bytes of a file that `/async-files` reads; a larger one is an error of its own.
pub const FILE_BYTES_MAX: u64 = 64 * super::MIB as u64;
/// Bytes of a file that are held at once: large enough that the system call is a small part of
/// the read.
pub const FILE_CHUNK_BYTES: usize = 64 * super::KIB;
/// Bytes of a file that `/files` sends at a time, before others have their turn: some 50 us.
pub const FILE_PART_BYTES: usize = 256 * super::KIB;
/// How long a file that `/files` has opened counts as it is: asked for more often, it is opened
/// once in that time, and a change is seen that much later. Also the time within which a second
/// change might not show in a file's time, so that its validators are weak (RFC 9110 section
/// 8.8.2.2).
pub const FILE_KEPT: Duration = Duration::from_secs(1);
/// Files that are kept open, each a descriptor.
pub const FILES_KEPT: usize = 256;
/// Bytes of a file that is kept whole. Above, a copy costs as much as the second system call that
/// it saves. With the number above, 4 MiB.
pub const SMALL_FILE_BYTES: u64 = 16 * super::KIB as u64;
/// How long a source waits that wanted a job and found the queue full.
pub const QUEUE_FULL_WAIT: Duration = Duration::from_millis(1);
/// A reactor that was never held up for longer counts as not blocked: "a few milliseconds" is
/// what the other connections are promised.
pub const HELD_UP_MAX: Duration = Duration::from_millis(5);

/// Sizes of `/memory-efficiency-test` in bytes: the article's.
pub const EFFICIENCY_SIZES: [usize; 5] = [1024, 4096, 16_384, 65_536, 262_144];
/// Repetitions of each size: the article's.
pub const EFFICIENCY_ITERATIONS: u32 = 1000;
/// The two ways take turns in this many blocks, so that a disturbance meets both.
pub const EFFICIENCY_BLOCKS: u32 = 10;
/// Scenarios of `/io-benchmark`: name, files, bytes of each. The article's.
pub const IO_SCENARIOS: [(&str, usize, usize); 3] = [
    ("small_files", 100, 1024),
    ("medium_files", 50, 10_240),
    ("large_files", 10, 102_400),
];
/// Memory, position and length of a read past the page cache are multiples of this: the largest
/// logical block of the disks in use (open(2), `O_DIRECT`).
pub const DIRECT_ALIGNMENT: usize = 4096;
/// Retry-After in seconds of a route that serves one request at a time; either takes less than
/// that.
pub const ONE_AT_A_TIME_RETRY: u32 = 1;

/// Texts that wait to be written to stderr or stdout: the lines of some 40 ms of a busy server with
/// `--log access`, which is longer than a thread waits for a core. With the next bound, 64 MiB.
pub const PRINTER_QUEUE: usize = 4096;
/// Bytes of one of them: a panic with its backtrace. A peer can make a path as long as a request
/// line may be.
pub const PRINTER_TEXT_MAX: usize = 16 * super::KIB;
/// Bytes that are written at once, if there are more: what a pipe holds (pipe(7)).
pub const PRINTED_AT_ONCE: usize = 64 * super::KIB;
/// How long the end of the process waits for a reader of stderr: a pipe that is read has room
/// again within milliseconds.
pub const PRINTED_WITHIN: Duration = Duration::from_millis(250);
/// A thread that is told to leave and has not done so after this long is stuck. Longer than a job's
/// files take to be removed.
pub const LEFT_WITHIN: Duration = Duration::from_millis(1500);
/// A process that is there so long after a second signal is stuck as a whole.
pub const STUCK_AFTER: Duration = Duration::from_secs(2);

/// Verdicts of duels that are kept, one for each pair of arms: twice as many as there are
/// techniques.
pub const VERDICTS_KEPT: usize = 64;
/// Threads that count allocations in a cache line of their own; later ones share one. 128 x 128
/// bytes.
pub const ALLOCATOR_SLOTS: usize = 128;
