//! An allocator that counts: the system's, with the bytes and calls of each thread kept apart.
//!
//! All four methods are forwarded. The default `realloc` would allocate, copy and free, where the
//! system's can grow in place or move pages; the default `alloc_zeroed` would clear memory that the
//! kernel has just cleared.
//!
//! A counter that all threads add to costs a contended cache line for each allocation. Here each
//! thread has a slot of its own in a static array, and adding is a load, an addition and a store.
//! Slots are given out once and never again: what a finished thread counted stays counted. Threads
//! beyond the slots share one more, with atomic additions; the thread-local that holds the slot
//! has no destructor, so it can be used at any time of a thread's life and allocates nothing
//! itself.
//!
//! A thread may say what it is at ([`own_place`]); what it allocates is then counted under that
//! number as well, in the same slot. Saying so is one store.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::config::bounds::ALLOCATOR_SLOTS;

/// The system's allocator, counting. A binary installs it with `#[global_allocator]`; the library
/// never does.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// What was counted until now.
///
/// A block that is resized counts as allocated by what it grows and as freed by what it shrinks, so
/// that `allocated_bytes - freed_bytes` is what is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapUsage {
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Bytes freed.
    pub freed_bytes: u64,
    /// Blocks allocated, zeroed ones included.
    pub allocations: u64,
    /// Blocks freed.
    pub deallocations: u64,
    /// Blocks resized.
    pub reallocations: u64,
    /// The most bytes in use that any call of [`totals`] has seen, this one included; 0 from
    /// [`thread_totals`]. The true peak lies higher: to know it, every allocation would have to
    /// look at all threads.
    pub peak_bytes: u64,
}

/// Numbers that a thread can give to what it is at: the stages of a request, and one to spare.
pub const PLACES: usize = 8;

/// What one thread allocated at each of its places, while it goes on: readable by all.
#[derive(Clone, Copy, Debug)]
pub struct Places(&'static Slot);

/// Where a thread without a slot says what it is at: nobody reads it.
pub static NOWHERE: AtomicU8 = AtomicU8::new(0);

/// Where the current thread says what it is at, by a number below [`PLACES`], 0 at first; `None` as
/// for [`own_places`].
pub fn own_place() -> Option<&'static AtomicU8> {
    own_places().map(|Places(slot)| &slot.at)
}

/// The places of the current thread; `None` if the allocator is not installed, or if this thread
/// came too late for a slot.
pub fn own_places() -> Option<Places> {
    // A thread that has allocated nothing yet has no slot.
    drop(std::hint::black_box(Box::new(0_u8)));
    SLOT.get().map(Places)
}

/// All threads together; `None` if the allocator is not installed in this program.
pub fn totals() -> Option<HeapUsage> {
    let given = NEXT.load(Relaxed);
    if given == 0 {
        return None;
    }
    let mut sum = HeapUsage::default();
    for slot in SLOTS.iter().take(given).chain([&SHARED]) {
        slot.add_to(&mut sum);
    }
    sum.peak_bytes = PEAK
        .fetch_max(sum.used_bytes(), Relaxed)
        .max(sum.used_bytes());
    Some(sum)
}

/// The current thread alone; `None` if the allocator is not installed, or if this thread came too
/// late for a slot.
///
/// The difference of two calls is what the code between them allocated, whatever other threads do.
pub fn thread_totals() -> Option<HeapUsage> {
    let slot = SLOT.get()?;
    let mut own = HeapUsage::default();
    slot.add_to(&mut own);
    Some(own)
}

impl Places {
    /// Blocks allocated or resized at this place, until now; 0 for one that does not exist.
    pub fn get(self, place: usize) -> u64 {
        self.0
            .places
            .get(place)
            .map_or(0, |count| count.load(Relaxed))
    }
}

impl HeapUsage {
    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        // The threads' counters are read one after the other: a block that moved between them can
        // be counted as freed and not yet as allocated.
        self.allocated_bytes.saturating_sub(self.freed_bytes)
    }
}

/// One thread's counters, in cache lines that no other thread writes (two: the prefetcher fetches
/// pairs).
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    allocated_bytes: AtomicU64,
    freed_bytes: AtomicU64,
    allocations: AtomicU64,
    deallocations: AtomicU64,
    reallocations: AtomicU64,
    /// Allocations and reallocations, by what the thread was at.
    places: [AtomicU64; PLACES],
    /// What the thread is at.
    at: AtomicU8,
}

/// The slots of the first threads.
static SLOTS: [Slot; ALLOCATOR_SLOTS] = [const { Slot::new() }; ALLOCATOR_SLOTS];
/// The slot of all later threads.
static SHARED: Slot = Slot::new();
/// The next slot to be given out; grows no further when there are none left.
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// The most bytes in use that were seen.
static PEAK: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The thread's own slot, once it has one.
    static SLOT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

// SAFETY: every method hands its arguments unchanged to the system's allocator and returns what
// that returned; the counting touches atomics and a thread-local without destructor, so it neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is the one that the system's allocator asks
        // for.
        let block = unsafe { System.alloc(layout) };
        counted(block, layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let block = unsafe { System.alloc_zeroed(layout) };
        counted(block, layout)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: every block of ours is the system's, made with this layout.
        unsafe { System.dealloc(block, layout) };
        count(|slot, add| {
            add(&slot.deallocations, 1);
            add(&slot.freed_bytes, layout.size());
        });
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; the caller's promise about `new_size` is the one that is asked
        // for.
        let moved = unsafe { System.realloc(block, layout, new_size) };
        if !moved.is_null() {
            count(|slot, add| {
                add(&slot.reallocations, 1);
                add(slot.place(), 1);
                match new_size.checked_sub(layout.size()) {
                    Some(grown) => add(&slot.allocated_bytes, grown),
                    None => add(&slot.freed_bytes, layout.size() - new_size),
                }
            });
        }
        moved
    }
}

/// Counts an allocation, unless it failed, and passes its block on.
#[inline]
fn counted(block: *mut u8, layout: Layout) -> *mut u8 {
    if !block.is_null() {
        count(|slot, add| {
            add(&slot.allocations, 1);
            add(slot.place(), 1);
            add(&slot.allocated_bytes, layout.size());
        });
    }
    block
}

/// Adds to a counter.
type Add = fn(&AtomicU64, usize);

/// Lets `event` add to the counters of the thread's own slot, or to those of all later threads.
#[inline]
fn count(event: impl Fn(&Slot, Add)) {
    match SLOT.get().or_else(take_slot) {
        Some(slot) => event(slot, |counter, by| {
            counter.store(counter.load(Relaxed).wrapping_add(by as u64), Relaxed);
        }),
        None => event(&SHARED, |counter, by| {
            counter.fetch_add(by as u64, Relaxed);
        }),
    }
}

/// Gives the thread a slot, at its first allocation; `None` once they are all gone.
#[cold]
fn take_slot() -> Option<&'static Slot> {
    let next = NEXT
        .fetch_update(Relaxed, Relaxed, |next| {
            (next < ALLOCATOR_SLOTS).then_some(next + 1)
        })
        .ok()?;
    SLOT.set(Some(&SLOTS[next]));
    SLOT.get()
}

impl Slot {
    const fn new() -> Self {
        Self {
            allocated_bytes: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
            allocations: AtomicU64::new(0),
            deallocations: AtomicU64::new(0),
            reallocations: AtomicU64::new(0),
            places: [const { AtomicU64::new(0) }; PLACES],
            at: AtomicU8::new(0),
        }
    }

    /// The counter of what this thread is at.
    #[inline]
    fn place(&self) -> &AtomicU64 {
        &self.places[usize::from(self.at.load(Relaxed)) % PLACES]
    }

    fn add_to(&self, sum: &mut HeapUsage) {
        sum.allocated_bytes += self.allocated_bytes.load(Relaxed);
        sum.freed_bytes += self.freed_bytes.load(Relaxed);
        sum.allocations += self.allocations.load(Relaxed);
        sum.deallocations += self.deallocations.load(Relaxed);
        sum.reallocations += self.reallocations.load(Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a call counts, on a thread of its own so that it has its first allocation here.
    fn counted(calls: impl FnOnce() + Send + 'static) -> HeapUsage {
        std::thread::spawn(|| {
            calls();
            thread_totals().expect("a slot")
        })
        .join()
        .expect("no panic")
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).expect("a layout")
    }

    #[test]
    fn each_method_is_counted_and_its_memory_is_the_systems() {
        let totals = counted(|| {
            // SAFETY: each block is used within its size, resized and freed with the layout it has.
            unsafe {
                let zeroed = CountingAllocator.alloc_zeroed(layout(1000));
                assert!(
                    std::slice::from_raw_parts(zeroed, 1000)
                        .iter()
                        .all(|&byte| byte == 0)
                );
                zeroed.write_bytes(7, 1000);
                let grown = CountingAllocator.realloc(zeroed, layout(1000), 5000);
                assert!(
                    std::slice::from_raw_parts(grown, 1000)
                        .iter()
                        .all(|&byte| byte == 7)
                );
                let shrunk = CountingAllocator.realloc(grown, layout(5000), 100);
                assert!(
                    std::slice::from_raw_parts(shrunk, 100)
                        .iter()
                        .all(|&byte| byte == 7)
                );
                CountingAllocator.dealloc(shrunk, layout(100));
                let kept = CountingAllocator.alloc(layout(64));
                CountingAllocator.dealloc(kept, layout(64));
            }
        });
        let expected = HeapUsage {
            allocated_bytes: 5064,
            freed_bytes: 5064,
            allocations: 2,
            deallocations: 2,
            reallocations: 2,
            peak_bytes: 0,
        };
        assert_eq!(totals, expected);
    }

    #[test]
    fn a_finished_threads_counts_stay_and_the_peak_does_not_fall() {
        let before = totals().unwrap_or_default();
        let block = std::thread::spawn(|| {
            // SAFETY: the layout has a size.
            unsafe { CountingAllocator.alloc(layout(1 << 20)) as usize }
        })
        .join()
        .expect("no panic");
        let during = totals().expect("counted");
        assert!(during.allocated_bytes >= before.allocated_bytes + (1 << 20));
        assert!(during.peak_bytes >= 1 << 20);
        // SAFETY: allocated above with the same layout, by a thread that has ended.
        unsafe { CountingAllocator.dealloc(block as *mut u8, layout(1 << 20)) };
        let after = totals().expect("counted");
        assert!(after.freed_bytes >= before.freed_bytes + (1 << 20));
        assert!(after.peak_bytes >= during.peak_bytes);
    }

    #[test]
    fn a_failed_allocation_is_not_counted() {
        let totals = counted(|| {
            // SAFETY: a valid layout, which no machine can satisfy.
            let block = unsafe { CountingAllocator.alloc(layout(1 << 62)) };
            assert!(block.is_null());
            // SAFETY: the layouts have a size.
            unsafe { CountingAllocator.dealloc(CountingAllocator.alloc(layout(8)), layout(8)) };
        });
        assert_eq!((totals.allocations, totals.allocated_bytes), (1, 8));
    }

    #[test]
    fn what_a_thread_is_at_is_counted_apart() {
        let place = |place| own_place().expect("a slot").store(place, Relaxed);
        let (at_two, at_three) = std::thread::spawn(move || {
            // SAFETY: each block is resized and freed with the layout it has.
            unsafe {
                // A thread has a slot once it has allocated.
                CountingAllocator.dealloc(CountingAllocator.alloc(layout(8)), layout(8));
                place(2);
                let block = CountingAllocator.alloc(layout(8));
                place(3);
                let block = CountingAllocator.realloc(block, layout(8), 16);
                CountingAllocator.dealloc(block, layout(16));
                CountingAllocator.dealloc(CountingAllocator.alloc_zeroed(layout(8)), layout(8));
            }
            place(0);
            let places = own_places().expect("a slot");
            assert_eq!(places.get(PLACES), 0);
            (places.get(2), places.get(3))
        })
        .join()
        .expect("no panic");
        assert_eq!((at_two, at_three), (1, 2));
    }
}
