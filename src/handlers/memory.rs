//! `/memory-stats`: bytes allocated and freed, as the counting allocator saw them.
//!
//! The binary installs that allocator; in a program that does not, its values are `null`. What the
//! kernel counts is there in any case.

use serde::Serialize;

use super::units::{float, ratio};
use crate::accounts::{Accounts, memory_row};
use crate::allocator::{self, HeapUsage};
use crate::http::Response;

/// `allocation_efficiency` has the article's name and arithmetic, freed bytes in percent of
/// allocated ones. It is no efficiency: a program that leaks nothing and holds nothing has 100, one
/// that holds a large cache has less, and both may allocate far too often. How often,
/// `allocations_per_request` says.
///
/// `peak_usage_bytes` is the most that any request to this route has seen; `resident_peak_bytes`,
/// the kernel's, misses nothing but counts pages.
#[derive(Serialize)]
struct MemoryStats {
    total_allocated_bytes: Option<u64>,
    total_deallocated_bytes: Option<u64>,
    current_usage_bytes: Option<u64>,
    current_usage_mb: Option<f64>,
    allocation_efficiency: Option<f64>,
    allocations: Option<u64>,
    deallocations: Option<u64>,
    reallocations: Option<u64>,
    peak_usage_bytes: Option<u64>,
    allocations_per_request: Option<f64>,
    resident_bytes: Option<u64>,
    resident_peak_bytes: Option<u64>,
}

/// `GET /memory-stats`.
pub(super) fn reply(accounts: &Accounts) -> Response {
    let requests = accounts.sum(|reactor| &reactor.requests);
    Response::json(MemoryStats::of(allocator::totals(), requests))
}

impl MemoryStats {
    fn of(totals: Option<HeapUsage>, requests: u64) -> Self {
        let percent_freed = |totals: HeapUsage| {
            ratio(float(totals.freed_bytes), float(totals.allocated_bytes)) * 100.0
        };
        let per_request =
            |totals: HeapUsage| (requests > 0).then(|| float(totals.allocations) / float(requests));
        Self {
            total_allocated_bytes: totals.map(|totals| totals.allocated_bytes),
            total_deallocated_bytes: totals.map(|totals| totals.freed_bytes),
            current_usage_bytes: totals.map(|totals| totals.used_bytes()),
            current_usage_mb: totals.map(|totals| float(totals.used_bytes()) / 1024.0 / 1024.0),
            allocation_efficiency: totals.map(percent_freed),
            allocations: totals.map(|totals| totals.allocations),
            deallocations: totals.map(|totals| totals.deallocations),
            reallocations: totals.map(|totals| totals.reallocations),
            peak_usage_bytes: totals.map(|totals| totals.peak_bytes),
            allocations_per_request: totals.and_then(per_request),
            resident_bytes: memory_row("VmRSS"),
            resident_peak_bytes: memory_row("VmHWM"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::Exam;

    fn shown(totals: Option<HeapUsage>, requests: u64) -> serde_json::Value {
        serde_json::to_value(MemoryStats::of(totals, requests)).unwrap()
    }

    #[test]
    fn the_articles_arithmetic_on_what_was_counted() {
        let totals = HeapUsage {
            allocated_bytes: 4 << 20,
            freed_bytes: 1 << 20,
            allocations: 60,
            deallocations: 20,
            reallocations: 5,
            peak_bytes: 7 << 20,
        };
        let stats = shown(Some(totals), 30);
        assert_eq!(stats["total_allocated_bytes"], 4 << 20);
        assert_eq!(stats["total_deallocated_bytes"], 1 << 20);
        assert_eq!(stats["current_usage_bytes"], 3 << 20);
        assert_eq!(stats["current_usage_mb"], 3.0);
        assert_eq!(stats["allocation_efficiency"], 25.0);
        assert_eq!(stats["allocations_per_request"], 2.0);
        assert_eq!(stats["peak_usage_bytes"], 7 << 20);
        assert!(shown(Some(totals), 0)["allocations_per_request"].is_null());
    }

    #[test]
    fn without_the_allocator_only_the_kernel_tells() {
        let stats = shown(None, 30);
        for name in [
            "total_allocated_bytes",
            "current_usage_mb",
            "allocation_efficiency",
            "allocations_per_request",
            "peak_usage_bytes",
        ] {
            assert!(stats[name].is_null(), "{name}");
        }
        assert!(stats["resident_bytes"].as_u64() > Some(100_000));
        assert!(stats["resident_peak_bytes"].as_u64() > Some(100_000));
    }

    #[test]
    fn the_route_has_the_articles_fields() {
        let names = Exam::new().get("/memory-stats").names();
        for name in [
            "total_allocated_bytes",
            "total_deallocated_bytes",
            "current_usage_bytes",
            "current_usage_mb",
            "allocation_efficiency",
        ] {
            assert!(names.iter().any(|shown| shown == name), "{name}");
        }
    }
}
