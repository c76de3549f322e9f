//! How much an input makes the code allocate.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Calls `run`, and fails when it held more than `most` bytes beyond what was held before.
///
/// One thread at a time: what others allocate meanwhile counts too.
pub(crate) fn bounded<T>(most: usize, run: impl FnOnce() -> T) -> T {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = run();
    let held = MEMORY.peak_usage().saturating_sub(before);
    assert!(held <= most, "{held} bytes were held, {most} are allowed");
    result
}
