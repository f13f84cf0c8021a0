//! Whatever the 32 bits of a word are, decoding them ends without a panic.

use std::hint::black_box;
use std::thread::{self, ScopedJoinHandle};

use elfuse_jit::table;

const WORDS: u64 = 1 << 32;

#[test]
fn all_words_are_decoded_without_a_panic() {
    let parts = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let defined: u64 = thread::scope(|scope| {
        let count = |part| {
            let words = (part..WORDS).step_by(parts as usize);
            let defined = |&word: &u64| black_box(table::decode(word as u32)).is_some();
            words.filter(defined).count() as u64
        };
        let running: Vec<_> = (0..parts)
            .map(|part| scope.spawn(move || count(part)))
            .collect();
        let counts = running.into_iter().map(ScopedJoinHandle::join);
        counts.map(|count| count.expect("no panic")).sum()
    });
    // A mistake in a pattern of many words would show.
    assert!((WORDS / 5..WORDS * 3 / 5).contains(&defined), "{defined}");
}
