//! The same work on many items, on as many threads as the machine has cores. The results come in the order of the items, so
//! whoever asks cannot tell how many threads there were.
//!
//! For pure work of many microseconds an item: decoding files, compiling rules, digests. A few items are worked on right here.

use std::num::NonZero;
use std::thread;

/// A thread for fewer items costs more than it saves.
const WORTHWHILE: usize = 16;
/// More threads than this only wait for memory.
const MOST: usize = 8;
/// As much as the main thread has: what nests deeply must not fare worse here than there.
pub(crate) const STACK: usize = 8 << 20;

/// `work` on each of `items`, in their order.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    on_threads(cores.min(MOST).min(items.len() / WORTHWHILE), items, &work)
}

fn on_threads<T: Sync, R: Send>(threads: usize, items: &[T], work: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    let here = |part: &[T]| part.iter().map(work).collect::<Vec<R>>();
    if threads.min(items.len()) < 2 {
        return here(items);
    }
    let (first, rest) = items.split_at(items.len().div_ceil(threads));
    thread::scope(|scope| {
        let spawn = |part| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || here(part));
        let parts: Vec<_> = rest.chunks(first.len()).map(|part| (part, spawn(part).ok())).collect();
        let mut results = here(first);
        for (part, thread) in parts {
            results.extend(match thread.map(thread::ScopedJoinHandle::join) {
                Some(Ok(done)) => done,
                // What would have stopped this thread stops it, with the same words.
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                // The system gives no more threads.
                None => here(part),
            });
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whatever_the_number_of_threads() {
        for count in [0, 1, 2, 15, 100] {
            let items: Vec<usize> = (0..count).collect();
            let expected: Vec<usize> = items.iter().map(|item| item * 3).collect();
            for threads in [0, 1, 2, 3, 8] {
                assert_eq!(on_threads(threads, &items, &|item| item * 3), expected, "{count} on {threads}");
            }
            assert_eq!(map(&items, |item| item * 3), expected);
        }
    }
}
