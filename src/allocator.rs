//! A counting allocator.
